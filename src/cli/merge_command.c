/* merge: everything into as few files as possible, by a running server or on a data folder without one. */
#include "base/buf.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/server_call.h"
#include "server/sizes_report.h"

#include <stdio.h>

const char command_merge_help[] =
    "usage: dialtone merge [--url URL | --data DIR]\n"
    "\n"
    "Seals all rows that are in memory and unites the files of every day into as few as their limits allow "
    "(16 M\n"
    "rows, 750,000 sources a file); then says how large they are, by section: values, keys (times, and\n"
    "places in the table of sources), sources, counts (rows by value of a field), cubes (sums per minute),\n"
    "sketches (distributions per minute), presence, footer. A server does the same by itself, more lazily:\n"
    "this is for after an import, or to get the bytes of deleted rows back.\n"
    "\n"
    "  --url URL     the server (DIALTONE_URL, default http://127.0.0.1:7411); it goes on serving\n"
    "  --data DIR    a data folder that no server runs on\n"
    "\n"
    "Exit codes: 0 ok, 1 failed (or a merge is under way already), 2 usage, 3 no server.\n";

static const struct option table[] = {{"url", true}, {"data", true}, {NULL, false}};

enum { ANSWER_MS = 24 * 3600 * 1000 };

static bool show(void *ctx, const struct merge_progress *merged)
{
    struct progress *progress = ctx;
    progress->total = merged->rows_all;
    progress_show(progress, merged->rows_done, merged->rows_done);
    return true;
}

static enum err print_sizes(struct store *store, struct why *why)
{
    struct sizes_report report;
    struct buf out = {0};
    enum err err = sizes_report_make(store, &report, why);
    if (err)
        return err;
    sizes_report_table(&report, &out);
    fwrite(out.at, 1, out.size, stdout);
    sizes_report_done(&report);
    buf_done(&out);
    return ERR_OK;
}

static int merge_folder(const char *dir)
{
    struct data_folder folder;
    struct progress progress;
    struct merge_options options = {show, &progress};
    struct why why = {0};
    if (data_folder_open(&folder, dir, NULL, 1))
        return EXIT_FAILED;
    progress_start(&progress, sys_real(), "merge", 0);
    enum err err = store_merge(folder.store, &options, &why);
    progress_end(&progress);
    if (!err)
        err = print_sizes(folder.store, &why);
    data_folder_close(&folder);
    if (err)
        fprintf(stderr, "dialtone merge: %s\n", why.text);
    return err ? EXIT_FAILED : EXIT_OK;
}

int command_merge(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("merge", "%s is one word too many", options.rest[0]);
    if (options_has(&options, table, "data"))
        return merge_folder(options_get(&options, table, "data"));
    struct buf body = {0};
    code = server_call_slow("merge", options_get(&options, table, "url"),
                            STR("/api/admin/merge?format=table"), STR(""), ANSWER_MS, &body);
    fwrite(body.at, 1, body.size, code ? stderr : stdout);
    if (body.size && body.at[body.size - 1] != '\n')
        fputc('\n', code ? stderr : stdout);
    buf_done(&body);
    return code;
}
