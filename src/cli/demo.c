/* demo: a server with a simulated fleet, or only the fleet's lines. */
#include "base/sys.h"
#include "cli/command.h"
#include "cli/demo_emit.h"
#include "cli/demo_live.h"
#include "cli/options.h"
#include "query/query.h"

#include <stdlib.h>

const char command_demo_help[] =
    "usage: dialtone demo [OPTIONS]\n"
    "       dialtone demo --emit N [--seed S] [--span D] [--start T]\n"
    "\n"
    "Runs a server with a simulated dialer: 20 hosts, hundreds of accounts, callers, calls, workers, an "
    "autoscaler,\n"
    "and now and then an incident worth finding. It fills in some hours first, then sends real lines over "
    "real\n"
    "sockets, and prints the URL to open. Ctrl-C ends both. Started again, it goes on where it was.\n"
    "\n"
    "  --data DIR        data folder (default ./dialtone-demo)\n"
    "  --http ADDR:PORT  pages and API (default 127.0.0.1:7411)\n"
    "  --line ADDR:PORT  lines (default 127.0.0.1:7412)\n"
    "  --pack DIR        folder with scheme.yaml (default: the built-in dialer pack)\n"
    "  --rate N          samples per second, averaged over a day (default 200)\n"
    "  --backfill D      history to fill in (default 6h; 0s: none)\n"
    "  --seed S          another fleet (default 1)\n"
    "\n"
    "With --emit no server is run: N samples (not lines: a line has several) are printed in the order of "
    "time, each\n"
    "line with its own time stamp. Same options, same bytes, on every machine.\n"
    "\n"
    "  --emit N          samples to print\n"
    "  --span D          time they cover (default 3h): with N this sets how busy the fleet is\n"
    "  --start T         time of the first: RFC 3339 or epoch (default: such that they end now)\n"
    "\n"
    "  dialtone demo\n"
    "  dialtone demo --emit 1000000 --seed 1 --span 3h --start 2026-01-05T08:00:00Z > lines.txt\n";

static const struct option table[] = {{"data", true}, {"http", true},  {"line", true},     {"pack", true},
                                      {"rate", true}, {"seed", true},  {"backfill", true}, {"emit", true},
                                      {"span", true}, {"start", true}, {NULL, false}};

static int bad_value(const char *name, const char *value, const char *expected)
{
    return command_usage("demo", "--%s %s: expected %s", name, value, expected);
}

static int read_count(const struct options *options, const char *name, uint64_t *out)
{
    const char *value = options_get(options, table, name);
    return value && !options_u64(value, out) ? bad_value(name, value, "a whole number") : EXIT_OK;
}

static int read_duration(const struct options *options, const char *name, int64_t *out)
{
    const char *value = options_get(options, table, name);
    if (value && !query_duration(str_of(value), out))
        return bad_value(name, value, "a time such as 30m, 3h, 2d");
    return EXIT_OK;
}

static int emit(const struct options *options)
{
    struct demo_emit what = {.seed = 1, .span_ms = 3 * 3600 * 1000};
    int code = read_count(options, "emit", &what.samples);
    code = code ? code : read_count(options, "seed", &what.seed);
    code = code ? code : read_duration(options, "span", &what.span_ms);
    if (code)
        return code;
    if (!what.samples || what.samples > 100000000000u || what.span_ms < 60000)
        return command_usage("demo", "--emit takes 1 to 100,000,000,000 samples, --span at least 1m");
    int64_t now_ms = sys_wall_ms(sys_real());
    const char *start = options_get(options, table, "start");
    what.start_ms = now_ms - what.span_ms;
    if (start && !query_time(str_of(start), now_ms, &what.start_ms))
        return bad_value("start", start, "RFC 3339 or epoch seconds");
    return demo_emit(&what);
}

static const char *word_or(const struct options *options, const char *name, const char *otherwise)
{
    const char *value = options_get(options, table, name);
    return value ? value : otherwise;
}

static int live(const struct options *options)
{
    struct demo_live what = {.program = "/proc/self/exe", .seed = 1, .backfill_ms = 6 * 3600 * 1000};
    uint64_t rate = 200;
    what.data = word_or(options, "data", "dialtone-demo");
    what.http = word_or(options, "http", "127.0.0.1:7411");
    what.line = word_or(options, "line", "127.0.0.1:7412");
    what.pack = options_get(options, table, "pack");
    int code = read_count(options, "seed", &what.seed);
    code = code ? code : read_count(options, "rate", &rate);
    code = code ? code : read_duration(options, "backfill", &what.backfill_ms);
    if (code)
        return code;
    if (rate < 1 || rate > 100000)
        return command_usage("demo", "--rate takes 1 to 100000 samples per second");
    what.samples_per_s = (double)rate;
    return demo_live(&what);
}

int command_demo(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("demo", "%s is one word too many", options.rest[0]);
    return options_has(&options, table, "emit") ? emit(&options) : live(&options);
}
