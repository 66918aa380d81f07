/* options.h: the words behind a command: `--name VALUE`, `--name=VALUE`, `--switch`, and the rest in order.
 *
 * A table says what there is; a misspelt option is answered with the nearest one.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/str.h"

enum { OPTIONS_MAX = 40 };

struct option {
    const char *name; /* long name without dashes */
    bool takes_value;
};

struct options {
    const char
        *values[OPTIONS_MAX]; /* by the table's order; NULL when not given; "" for a switch that was given */
    int rest_count;
    char **rest; /* words that are no options; points into argv, which is reordered */
};

/* table ends with a NULL name. 0, or EXIT_USAGE after it was said what is wrong. `--` ends the options; `-f`
 * is taken for an option named "f". "-" alone is a word. */
int options_parse(struct options *options, const struct option *table, int argc, char **argv);
const char *options_get(const struct options *options, const struct option *table, const char *name);
bool options_has(const struct options *options, const struct option *table, const char *name);

/* Whole numbers with an optional kB, MB, GB, KiB, MiB, GiB; false when it is none. */
bool options_bytes(const char *text, uint64_t *out);
bool options_u64(const char *text, uint64_t *out);

#endif
