/* dialtone: finds the command and runs it. */
#include "base/mem.h"
#include "cli/command.h"

#include <signal.h>

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    mem_keep_freed();
    if (argc < 2)
        return command_help(1, argv);
    struct str name = str_of(argv[1]);
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h")))
        return command_help(1, argv);
    if (str_eq(name, STR("--version")))
        return command_version(1, argv);
    const struct command *command = command_find(name);
    if (!command) {
        char *words[] = {argv[0], argv[1], NULL};
        return command_help(2, words);
    }
    for (int i = 2; i < argc && str_eq(str_of(argv[i]), STR("--")) == false; i++)
        if (str_eq(str_of(argv[i]), STR("--help"))) {
            char *words[] = {argv[0], argv[1], NULL};
            return command_help(2, words);
        }
    return command->run(argc - 1, argv + 1);
}
