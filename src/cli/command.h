/* command.h: the commands of the program, one file each, and what they share.
 *
 * A command gets its own words (argv[0] is the command's name) and returns an exit code.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/str.h"

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_SERVER = 3,
    EXIT_DATA_REFUSED = 4,
};

#define COMMAND_LIST(X)                                                                        \
    X(serve, "run the server")                                                                 \
    X(demo, "run the server with a simulated dialer fleet; or print the fleet's lines")        \
    X(send, "ship lines from standard input or a file to a server, spooling while it is away") \
    X(import, "load files of lines straight into a data folder")                               \
    X(query, "ask a server, or a data folder")                                                 \
    X(check, "check a scheme, or lines against it")                                            \
    X(inspect, "show and verify the files of a data folder")                                   \
    X(backup, "copy all data of a running server, or of a data folder, to a new folder")       \
    X(restore, "put a backup into an empty data folder")                                       \
    X(delete, "delete rows by metric, scope and time")                                         \
    X(merge, "unite all files, and say how large they are")                                    \
    X(version, "print the version")                                                            \
    X(help, "explain a command")

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
    const char *help; /* what `dialtone help NAME` prints: usage, options, examples, exit codes */
};

#define X(name, summary)                       \
    int command_##name(int argc, char **argv); \
    extern const char command_##name##_help[];
COMMAND_LIST(X)
#undef X

const struct command *command_find(struct str name); /* or NULL */
const struct command *command_at(unsigned index);    /* or NULL beyond the last */

/* Prints what is wrong with the command's words, and where to read more; returns EXIT_USAGE. */
int command_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
