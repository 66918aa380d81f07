#include "base/nearest.h"
#include "cli/command.h"

#include <stdio.h>

const char command_help_help[] = "usage: dialtone help [COMMAND]\n"
                                 "\n"
                                 "Explains a command, or lists them all.\n";

const char command_version_help[] = "usage: dialtone version\n"
                                    "\n"
                                    "Prints the version of this program.\n";

int command_version(int argc, char **argv)
{
    puts("dialtone " DIALTONE_VERSION);
    return EXIT_OK;
}

static void list_commands(void)
{
    puts("dialtone: application metrics with every sample's full source, and any zoom in milliseconds\n"
         "\n"
         "usage: dialtone COMMAND [OPTIONS]\n");
    const struct command *command;
    for (unsigned i = 0; (command = command_at(i)); i++)
        printf("  %-9s %s\n", command->name, command->summary);
    puts("\n"
         "Start here:\n"
         "  dialtone demo                       a server with a simulated fleet; open the URL it prints\n"
         "  dialtone serve                      a server for your own lines: HTTP on 127.0.0.1:7411,\n"
         "                                      lines over TCP and UDP on 127.0.0.1:7412\n"
         "  echo 'source=web01 sample#page.time=81ms' | curl --data-binary @- http://127.0.0.1:7411/lines\n"
         "  dialtone query 'page.time p95'\n"
         "\n"
         "Exit codes: 0 ok, 1 failed, 2 usage, 3 no server, 4 data refused.\n"
         "DIALTONE_URL (http://HOST:PORT) and DIALTONE_TOKEN say which server query and send talk to.\n"
         "`dialtone help COMMAND` explains one.");
}

int command_help(int argc, char **argv)
{
    if (argc < 2) {
        list_commands();
        return EXIT_OK;
    }
    const struct command *command = command_find(str_of(argv[1]));
    if (!command) {
        struct nearest nearest;
        nearest_init(&nearest, str_of(argv[1]));
        for (unsigned i = 0; (command = command_at(i)); i++)
            nearest_feed(&nearest, str_of(command->name));
        if (nearest.best.at)
            fprintf(stderr, "dialtone: there is no command %s; did you mean %.*s?\n", argv[1],
                    STR_ARG(nearest.best));
        else
            fprintf(stderr, "dialtone: there is no command %s; `dialtone help` lists them\n", argv[1]);
        return EXIT_USAGE;
    }
    fputs(command->help, stdout);
    return EXIT_OK;
}
