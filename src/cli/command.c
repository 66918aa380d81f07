#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>

static const struct command commands[] = {
#define X(name, summary) {#name, summary, command_##name, command_##name##_help},
    COMMAND_LIST(X)
#undef X
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

const struct command *command_at(unsigned index)
{
    return index < COMMAND_COUNT ? &commands[index] : NULL;
}

const struct command *command_find(struct str name)
{
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        if (str_eq(str_of(commands[i].name), name))
            return &commands[i];
    return NULL;
}

int command_usage(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "dialtone %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nTry `dialtone help %s`.\n", command);
    va_end(args);
    return EXIT_USAGE;
}
