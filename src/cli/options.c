#include "cli/options.h"

#include "base/check.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "wire/unit.h"

static int find_option(const struct option *table, struct str name)
{
    for (int i = 0; table[i].name; i++)
        if (str_eq(str_of(table[i].name), name))
            return i;
    return -1;
}

static int unknown_option(const struct option *table, const char *command, struct str name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (int i = 0; table[i].name; i++)
        nearest_feed(&nearest, str_of(table[i].name));
    if (nearest.best.at)
        return command_usage(command, "there is no option --%.*s; did you mean --%.*s?", STR_ARG(name),
                             STR_ARG(nearest.best));
    return command_usage(command, "there is no option --%.*s", STR_ARG(name));
}

/* One option at argv[*at]; moves *at to its last word. */
static int take_option(struct options *options, const struct option *table, int argc, char **argv, int *at)
{
    struct str name, value = str_cut(str_of(argv[*at] + (argv[*at][1] == '-' ? 2 : 1)), '=', &name);
    int index = find_option(table, name);
    if (index < 0)
        return unknown_option(table, argv[0], name);
    CHECK(index < OPTIONS_MAX);
    if (!table[index].takes_value) {
        if (value.at)
            return command_usage(argv[0], "--%s takes no value", table[index].name);
        options->values[index] = "";
    } else if (value.at) {
        options->values[index] = value.at;
    } else if (*at + 1 < argc) {
        options->values[index] = argv[++*at];
    } else {
        return command_usage(argv[0], "--%s needs a value", table[index].name);
    }
    return EXIT_OK;
}

int options_parse(struct options *options, const struct option *table, int argc, char **argv)
{
    *options = (struct options){.rest = argv + 1};
    bool ended = false;
    for (int i = 1; i < argc; i++) {
        if (ended || argv[i][0] != '-' || !argv[i][1]) {
            options->rest[options->rest_count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            ended = true;
        } else {
            int code = take_option(options, table, argc, argv, &i);
            if (code)
                return code;
        }
    }
    return EXIT_OK;
}

const char *options_get(const struct options *options, const struct option *table, const char *name)
{
    int index = find_option(table, str_of(name));
    CHECK(index >= 0);
    return options->values[index];
}

bool options_has(const struct options *options, const struct option *table, const char *name)
{
    return options_get(options, table, name) != NULL;
}

bool options_u64(const char *text, uint64_t *out)
{
    return str_u64(str_of(text), out);
}

bool options_bytes(const char *text, uint64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    enum unit unit = unit_parse(str_of(text + digits));
    uint64_t count;
    double bytes;
    if (!str_u64(str_make(text, digits), &count))
        return false;
    if (unit == UNIT_NONE) {
        *out = count;
        return true;
    }
    if (!unit_convert((double)count, unit, UNIT_B, &bytes) || bytes > 9e18)
        return false;
    *out = (uint64_t)bytes;
    return true;
}
