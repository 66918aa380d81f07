/* inspect: what lies in a data folder or a backup, verified, or with its catalog built anew. */
#include "base/sys.h"
#include "cli/command.h"
#include "cli/options.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char command_inspect_help[] =
    "usage: dialtone inspect [--data DIR] [--verify | --rebuild]\n"
    "\n"
    "Lists the files of a data folder or a backup: log files and segments with their rows, times and sizes.\n"
    "\n"
    "  --data DIR    the folder (default ./dialtone-data)\n"
    "  --verify      reads every byte, checks every checksum, compares the catalog with the files and the "
    "log,\n"
    "                and says of what is damaged which rows are lost: of which metrics, from when to when\n"
    "  --rebuild     sets the catalog aside and builds it anew from the segments; only without a server. A\n"
    "                start does that by itself when the catalog is lost or damaged\n"
    "\n"
    "But for --rebuild nothing is changed, and a server may be running on the folder (its catalog is then "
    "left\n"
    "out). What is damaged is set aside by the server that meets it, and the rest of it is kept.\n"
    "\n"
    "Exit codes: 0 all is well, 1 failed, or something is damaged, 2 usage.\n";

static const struct option table[] = {{"data", true}, {"verify", false}, {"rebuild", false}, {NULL, false}};

/* A folder for the copy of the catalog. */
static bool make_scratch(char *path, size_t size)
{
    const char *set = getenv("TMPDIR");
    int need = snprintf(path, size, "%s/dialtone-inspect-XXXXXX", set && *set ? set : "/tmp");
    return need > 0 && (size_t)need < size && mkdtemp(path);
}

static enum err inspect(const char *dir, bool verify, struct buf *out, struct why *why)
{
    char scratch[512];
    bool has_scratch = verify && make_scratch(scratch, sizeof scratch);
    struct store_inspect_options options = {sys_real(), str_of(dir), verify,
                                            has_scratch ? str_of(scratch) : STR_NONE};
    enum err err = store_inspect(&options, out, why);
    if (has_scratch)
        rmdir(scratch);
    else if (verify)
        fprintf(stderr, "dialtone inspect: no temporary folder can be made: the catalog was not checked\n");
    return err;
}

int command_inspect(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("inspect", "%s is one word too many", options.rest[0]);
    const char *dir = options_get(&options, table, "data");
    bool verify = options_has(&options, table, "verify"), rebuild = options_has(&options, table, "rebuild");
    if (verify && rebuild)
        return command_usage("inspect", "either --verify or --rebuild");
    struct buf out = {0};
    struct why why = {0};
    dir = dir ? dir : "dialtone-data";
    /* First a look that changes nothing: a misspelt name must not become a data folder. */
    enum err err = inspect(dir, verify, &out, &why);
    if (rebuild && (!err || err == ERR_CORRUPT)) {
        out.size = 0;
        err = store_rebuild(sys_real(), str_of(dir), &out, &why);
    }
    fwrite(out.at, 1, out.size, stdout);
    buf_done(&out);
    if (err)
        fprintf(stderr, "dialtone inspect: %s\n", why.text);
    return err ? EXIT_FAILED : EXIT_OK;
}
