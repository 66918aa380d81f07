/* delete: takes rows out of a running server's store, or of a data folder without one. */
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/server_call.h"
#include "server/deletion.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char command_delete_help[] =
    "usage: dialtone delete 'GLOB' ['@FIELD:VALUE' ...] [--from T] [--to T] [--dry-run] [--now] [--yes] "
    "[--url URL | "
    "--data DIR]\n"
    "       dialtone delete --list [--url URL | --data DIR]\n"
    "\n"
    "Deletes what is stored of these metrics, of sources in this scope, in this time; all of it where none "
    "is "
    "given.\n"
    "Asks before it does. What was stored before the command is gone at once for every query and list; what "
    "comes "
    "later\n"
    "stays, be it of the same time. Presence (in which minutes anything was sent) is not touched. Cannot be "
    "undone.\n"
    "\n"
    "  --from T, --to T   epoch seconds or ms, RFC 3339, now, -3h; [from, to); default: without end\n"
    "  --dry-run          only counts the rows, by metric, and about how many bytes they take\n"
    "  --now              writes the files concerned anew at once; else the bytes go with their next merge, "
    "or "
    "in\n"
    "                     an hour or so\n"
    "  --yes              does not ask\n"
    "  --list             who deleted what and when, and whether the bytes are gone\n"
    "  --url URL          the server (DIALTONE_URL, default http://127.0.0.1:7411)\n"
    "  --data DIR         a data folder that no server runs on\n"
    "  --pack DIR         with --data: folder with scheme.yaml\n"
    "\n"
    "  dialtone delete 'dialer.**' '@account_id:42' --dry-run\n"
    "  dialtone delete 'debug.**' --to -30d --yes --now\n"
    "\n"
    "Exit codes: 0 ok (also when there was nothing to delete), 1 failed or not confirmed, 2 usage, 3 no "
    "server.\n";

static const struct option table[] = {{"from", true}, {"to", true},    {"dry-run", false}, {"now", false},
                                      {"yes", false}, {"list", false}, {"url", true},      {"data", true},
                                      {"pack", true}, {NULL, false}};

enum { ANSWER_MS = 24 * 3600 * 1000 };

struct deleting {
    const struct options *options;
    struct buf q;
    struct data_folder folder; /* with --data */
    bool has_folder;
};

static const char *get(const struct deleting *deleting, const char *name)
{
    return options_get(deleting->options, table, name);
}

static bool has(const struct deleting *deleting, const char *name)
{
    return options_has(deleting->options, table, name);
}

static struct str user(void)
{
    const char *name = getenv("USER");
    return str_of(name && *name ? name : "somebody");
}

/* ---- by a server ---- */

static void put_param(struct buf *path, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(path, "&%s=", name);
    server_call_escape(path, str_of(value));
}

static int call_server(const struct deleting *deleting, bool dry_run, struct buf *answer)
{
    struct buf path = {0};
    bool list = has(deleting, "list");
    buf_str(&path, STR("/api/admin/delete?format=table"));
    if (!list) {
        buf_str(&path, STR("&q="));
        server_call_escape(&path, buf_view(&deleting->q));
        put_param(&path, "from", get(deleting, "from"));
        put_param(&path, "to", get(deleting, "to"));
        buf_str(&path, STR("&by="));
        server_call_escape(&path, user());
        put_param(&path, "dry_run", dry_run ? "1" : NULL);
        put_param(&path, "now", has(deleting, "now") ? "1" : NULL);
    }
    int code = server_call_slow("delete", get(deleting, "url"), buf_view(&path), list ? STR_NONE : STR(""),
                                ANSWER_MS, answer);
    buf_done(&path);
    return code;
}

/* ---- on a folder ---- */

static bool show(void *ctx, const struct merge_progress *merged)
{
    struct progress *progress = ctx;
    progress->total = merged->rows_all;
    progress_show(progress, merged->rows_done, merged->rows_done);
    return true;
}

static int run_on_folder(struct deleting *deleting, bool dry_run, struct buf *answer)
{
    struct data_folder *folder = &deleting->folder;
    struct progress progress;
    struct deletion_ask ask = {.q = buf_view(&deleting->q),
                               .from = str_of(get(deleting, "from")),
                               .to = str_of(get(deleting, "to")),
                               .who = user(),
                               .dry_run = dry_run,
                               .now = has(deleting, "now"),
                               .progress = show,
                               .ctx = &progress};
    struct deletion deletion;
    struct query_error error;
    if (has(deleting, "list")) {
        deletion_list_text(folder->store, answer);
        return EXIT_OK;
    }
    progress_start(&progress, sys_real(), "merge", 0);
    enum err err =
        deletion_run(&ask, folder->store, folder->scheme, folder->names, sys_real(), &deletion, &error);
    progress_end(&progress);
    if (err)
        query_error_text(&error, ask.q, answer);
    else
        deletion_text(&deletion, folder->names, answer);
    deletion_done(&deletion);
    return err ? EXIT_FAILED : EXIT_OK;
}

/* ---- the command ---- */

static int run_once(struct deleting *deleting, bool dry_run, bool *nothing)
{
    struct buf answer = {0};
    int code = deleting->has_folder ? run_on_folder(deleting, dry_run, &answer)
                                    : call_server(deleting, dry_run, &answer);
    fwrite(answer.at, 1, answer.size, code ? stderr : stdout);
    if (answer.size && answer.at[answer.size - 1] != '\n')
        fputc('\n', code ? stderr : stdout);
    if (nothing)
        *nothing = str_starts(buf_view(&answer), STR("There are no"));
    buf_done(&answer);
    return code;
}

static bool confirmed(void)
{
    char line[16];
    printf("Delete them for good? [y/N] ");
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int run(struct deleting *deleting)
{
    bool nothing = false;
    if (has(deleting, "list") || has(deleting, "dry-run") || has(deleting, "yes"))
        return run_once(deleting, has(deleting, "dry-run"), NULL);
    int code = run_once(deleting, true, &nothing);
    if (code || nothing)
        return code;
    if (!confirmed()) {
        puts("Nothing was deleted.");
        return EXIT_FAILED;
    }
    return run_once(deleting, false, NULL);
}

static int check_words(const struct options *options)
{
    bool list = options_has(options, table, "list");
    if (!list && !options->rest_count)
        return command_usage("delete", "which metrics?");
    if (list && options->rest_count)
        return command_usage("delete", "--list takes no metrics");
    if (!list && !options_has(options, table, "yes") && !options_has(options, table, "dry-run") && !isatty(0))
        return command_usage("delete",
                             "standard input is no terminal, so nobody can be asked: --yes or --dry-run");
    for (int i = 1; i < options->rest_count; i++)
        if (options->rest[i][0] != '@')
            return command_usage("delete", "%s is no @FIELD:VALUE; a delete takes one glob and a scope",
                                 options->rest[i]);
    return EXIT_OK;
}

int command_delete(int argc, char **argv)
{
    struct options options;
    struct deleting deleting = {.options = &options};
    int code = options_parse(&options, table, argc, argv);
    if (!code)
        code = check_words(&options);
    if (code)
        return code;
    for (int i = 0; i < options.rest_count; i++)
        buf_printf(&deleting.q, "%s%s", i ? " " : "", options.rest[i]);
    deleting.has_folder = options_has(&options, table, "data");
    if (deleting.has_folder &&
        data_folder_open(&deleting.folder, get(&deleting, "data"), get(&deleting, "pack"), 1)) {
        buf_done(&deleting.q);
        return EXIT_FAILED;
    }
    code = run(&deleting);
    if (deleting.has_folder)
        data_folder_close(&deleting.folder);
    buf_done(&deleting.q);
    return code;
}
