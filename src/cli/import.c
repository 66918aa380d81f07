/* import: files of lines straight into a data folder, with the server's own parser, scheme and store. */
#include "base/buf.h"
#include "base/mem.h"
#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "server/message_feed.h"

#include <inttypes.h>
#include <stdio.h>

const char command_import_help[] =
    "usage: dialtone import [--data DIR] [--pack DIR] FILE...\n"
    "\n"
    "Loads files of metric lines into a data folder, with no server running on it. A line's own time (ts= or "
    "a\n"
    "leading stamp) is kept; without one it gets the time of the import. - is standard input.\n"
    "\n"
    "  --data DIR    the data folder (default ./dialtone-data); made when absent\n"
    "  --pack DIR    folder with scheme.yaml (default: DIR/pack, else the built-in dialer pack)\n"
    "\n"
    "Ends with an account: lines received = with measurements + without + refused, and every refusal by "
    "reason.\n"
    "Exit codes: 0 all lines taken, 4 something was refused, 1 failed.\n"
    "\n"
    "  dialtone demo --emit 1000000 --seed 1 --span 3h > lines.txt && dialtone import --data /tmp/d "
    "lines.txt\n"
    "  dialtone query --data /tmp/d 'dialer.contact.answered count' --from -3h\n";

static const struct option table[] = {{"data", true}, {"pack", true}, {NULL, false}};

enum { READ_BYTES = 1 << 20, BATCH_ROWS = 48 * 1024 };

struct importing {
    struct sys *sys;
    struct data_folder folder;
    struct lane *lane;
    struct ingest *ingest;
    struct intake intake;
    struct batch *batch;
    struct progress progress;
    uint64_t bytes_done;
    enum err err;
    struct why why;
};

static void batch_stored(void *ctx, struct batch *batch, enum err err)
{
    struct importing *importing = ctx;
    if (err)
        importing->err = why_set(&importing->why, err, "the store refused rows: %s", err_text(err));
}

static enum err store_batch(struct importing *importing)
{
    if (!importing->batch->row_count)
        return ERR_OK;
    importing->batch->done = batch_stored;
    importing->batch->ctx = importing;
    enum err err = lane_submit(importing->lane, importing->batch, &importing->why);
    if (err)
        return importing->err = err;
    lane_commit(importing->lane);
    store_tidy(importing->folder.store, false);
    batch_reset(importing->batch);
    return importing->err;
}

static enum err import_file(struct importing *importing, const char *name)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    if (!file)
        return importing->err = why_set(&importing->why, ERR_MISSING, "cannot open %s", name);
    struct buf buf = {0};
    struct message_feed feed = {0};
    bool at_end = false;
    while (!at_end && !importing->err) {
        buf.size = 0;
        size_t got = fread(buf_grow(&buf, READ_BYTES), 1, READ_BYTES, file);
        at_end = got < READ_BYTES;
        importing->bytes_done += got;
        ingest_begin(importing->ingest, importing->folder.scheme, sys_wall_ms(importing->sys),
                     store_oldest_ms(importing->folder.store));
        message_feed_take(&feed, importing->ingest, &importing->intake, str_make(buf.at, got), at_end);
        if (importing->batch->row_count >= BATCH_ROWS)
            store_batch(importing);
        progress_show(&importing->progress, importing->bytes_done, importing->intake.accepted);
    }
    if (ferror(file) && !importing->err)
        importing->err = why_set(&importing->why, ERR_IO, "cannot read %s", name);
    message_feed_done(&feed);
    buf_done(&buf);
    if (file != stdin)
        fclose(file);
    return importing->err;
}

static void print_account(const struct importing *importing)
{
    const struct intake *in = &importing->intake;
    double seconds = progress_seconds(&importing->progress);
    uint64_t with = in->lines - in->without - in->refused_lines;
    printf("lines        %12" PRIu64 " received = %" PRIu64 " with measurements + %" PRIu64
           " without + %" PRIu64 " refused\n",
           in->lines, with, in->without, in->refused_lines);
    printf("measurements %12" PRIu64 " found = %" PRIu64 " accepted + %" PRIu64 " refused + %" PRIu64
           " parked\n",
           in->accepted + in->refused + in->parked, in->accepted, in->refused, in->parked);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        if (in->reasons[r])
            printf("  %-22.*s %10" PRIu64 "  %.*s\n", STR_ARG(reason_name((enum reason)r)), in->reasons[r],
                   STR_ARG(reason_text((enum reason)r)));
    printf("took %.1f s, %.0f samples/s\n", seconds, seconds > 0 ? (double)in->accepted / seconds : 0);
}

static uint64_t size_of_files(struct sys *sys, char **names, int count)
{
    uint64_t total = 0;
    for (int i = 0; i < count; i++) {
        struct sys_file *file;
        uint64_t size = 0;
        if (strcmp(names[i], "-") == 0 || sys_open(sys, str_of(names[i]), SYS_READ, &file, NULL))
            return 0;
        if (sys_size(sys, file, &size, NULL))
            size = 0;
        total += size;
        sys_close(sys, file);
    }
    return total;
}

static int import_all(struct importing *importing, const struct options *options)
{
    struct ingest_options ingest = {.names = importing->folder.names};
    importing->ingest = ingest_new(&ingest);
    importing->batch = batch_new();
    importing->lane = store_lane(importing->folder.store, 0);
    intake_init(&importing->intake, importing->batch);
    progress_start(&importing->progress, importing->sys, "import",
                   size_of_files(importing->sys, options->rest, options->rest_count));
    for (int i = 0; i < options->rest_count && !importing->err; i++)
        import_file(importing, options->rest[i]);
    if (!importing->err)
        store_batch(importing);
    if (!importing->err)
        store_tidy(importing->folder.store, true);
    progress_end(&importing->progress);
    print_account(importing);
    if (importing->err)
        fprintf(stderr, "dialtone import: %s\n", importing->why.text);
    uint64_t refused = importing->intake.refused + importing->intake.refused_lines;
    intake_done(&importing->intake);
    ingest_free(importing->ingest);
    batch_free(importing->batch);
    return importing->err ? EXIT_FAILED : refused ? EXIT_DATA_REFUSED : EXIT_OK;
}

int command_import(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (!options.rest_count)
        return command_usage("import", "which files?");
    const char *dir = options_get(&options, table, "data");
    struct importing importing = {.sys = sys_real()};
    if (data_folder_open(&importing.folder, dir ? dir : "dialtone-data", options_get(&options, table, "pack"),
                         1))
        return EXIT_FAILED;
    code = import_all(&importing, &options);
    data_folder_close(&importing.folder);
    return code;
}
