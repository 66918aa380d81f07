#include "base/sys.h"
#include "cli/command.h"
#include "cli/options.h"
#include "store/store.h"

#include <stdio.h>

const char command_inspect_help[] =
    "usage: dialtone inspect [--data DIR] [--verify]\n"
    "\n"
    "Lists the files of a data folder: log files and segments with their rows, times and sizes.\n"
    "\n"
    "  --data DIR    the data folder (default ./dialtone-data)\n"
    "  --verify      reads every byte and checks every checksum; exit code 4 when something is damaged\n"
    "\n"
    "Nothing is changed; a server may be running on the folder.\n";

static const struct option table[] = {{"data", true}, {"verify", false}, {NULL, false}};

int command_inspect(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("inspect", "%s is one word too many", options.rest[0]);
    const char *dir = options_get(&options, table, "data");
    struct buf out = {0};
    struct why why = {0};
    enum err err = store_inspect(sys_real(), str_of(dir ? dir : "dialtone-data"),
                                 options_has(&options, table, "verify"), &out, &why);
    fwrite(out.at, 1, out.size, stdout);
    buf_done(&out);
    if (err)
        fprintf(stderr, "dialtone inspect: %s\n", why.text);
    return err == ERR_CORRUPT ? EXIT_DATA_REFUSED : err ? EXIT_FAILED : EXIT_OK;
}
