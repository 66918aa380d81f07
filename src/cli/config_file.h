/* config_file.h: a YAML file with a command's options by their long names. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "base/arena.h"
#include "cli/options.h"

/* Sets what the command line did not. 0, or EXIT_USAGE after FILE:LINE:COLUMN was said. Values live in the
 * arena. */
int config_file_read(const char *file, const struct option *table, struct options *options,
                     struct arena *arena);

#endif
