/* parse_bench: how many lines a second one core parses, alone and with the look-up of metrics and sources.
 * Usage: parse_bench [LINES [ROUNDS]]
 *
 * The lines are made from a fixed seed: half with a leading stamp, a source of seven segments, one or two
 * measurements, about 120 bytes; a number of live call sessions takes turns at random, since what a look-up
 * costs is the memory it waits for. The lines lie behind one another in
 * memory, as a receive buffer holds them.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/sys.h"
#include "scheme/resolve.h"
#include "wire/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINES = 200000, ROUNDS = 9, HOSTS = 20 };

static const unsigned session_counts[] = {1000, 20000, 100000};

struct work {
    struct buf text;
    struct str *lines;
    size_t count;
};

static uint64_t next(uint64_t *seed)
{
    return hash_mix(*seed += 0x9e3779b97f4a7c15u);
}

static unsigned below(uint64_t *seed, unsigned n)
{
    return (unsigned)(next(seed) % n);
}

/* A session stays on its host; the lines of half of the hosts come with a stamp and a process. */
static void put_line(struct buf *out, uint64_t *seed, unsigned sessions)
{
    static const char *const types[] = {"predictive", "power", "preview"};
    static const char *const ends[] = {"answered", "busy", "error", "redirect"};
    uint64_t session = below(seed, sessions), mix = hash_mix(session);
    unsigned host = (unsigned)(mix % HOSTS);
    if (host % 2)
        buf_printf(out, "2026-11-23T12:%02u:%02u.%03uZ app[web.%u]: ", below(seed, 60), below(seed, 60),
                   below(seed, 1000), host);
    buf_printf(out, "source=web%02u.%u.%u.%u.%s.%s.%s", host, (unsigned)(mix >> 8) % 500,
               (unsigned)(mix >> 20) % 5000, 9000 + (unsigned)session, types[mix % 3],
               mix & 64 ? "webui" : "phone", mix & 128 ? "mobile" : "landline");
    if (below(seed, 2))
        buf_printf(out, " sample#dialer.contact.%s=%u.%ums count#dialer.requests.total=1",
                   ends[below(seed, 4)], below(seed, 30000), below(seed, 10));
    else
        buf_printf(out, " measure#dialer.transfer.%s=%ums", ends[below(seed, 4)], below(seed, 30000));
    buf_char(out, '\n');
}

static struct work make_work(size_t count, unsigned sessions)
{
    struct work work = {.count = count, .lines = mem_zero(count, sizeof(struct str))};
    uint64_t seed = 42;
    for (size_t i = 0; i < count; i++)
        put_line(&work.text, &seed, sessions);
    struct str rest = buf_view(&work.text);
    for (size_t i = 0; i < count; i++)
        rest = str_cut(rest, '\n', &work.lines[i]);
    return work;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench {
    struct work work;
    struct line line;
    struct names *names;
    struct scheme *scheme;
    struct resolver *resolver;
    struct intern reporters;
    struct remarks remarks;
    uint64_t measurements;
    double sum; /* so that nothing is optimised away */
};

static void parse_one(struct bench *bench, struct str text)
{
    enum reason refused;
    if (line_parse(&bench->line, text, NULL, &refused))
        bench->measurements += bench->line.measurement_count - bench->line.refused_count;
}

/* What ingest does with a line, up to the batch. */
static void resolve_one(struct bench *bench, struct str text)
{
    struct line *line = &bench->line;
    enum reason refused;
    if (!line_parse(line, text, NULL, &refused))
        return;
    struct reporter reporter = {.id = 1, .process = line->process};
    if (line->process.at)
        reporter.id = 2 + intern_resolve(&bench->reporters, line->process);
    uint32_t last_set = 0;
    const struct resolved_source *source = NULL;
    for (uint32_t i = 0; i < line->measurement_count; i++) {
        struct resolved_metric metric;
        if (resolve_metric(bench->resolver, &line->measurements[i], &bench->remarks, &metric) != REASON_NONE)
            continue;
        bench->sum += resolve_value(&line->measurements[i], &metric, &bench->remarks);
        if (!source || last_set != metric.template_set)
            source = resolve_source(bench->resolver, &metric, line, &reporter, &bench->remarks);
        last_set = metric.template_set;
        bench->sum += (double)(source->hash & 1);
        bench->measurements++;
    }
}

typedef void one_fn(struct bench *bench, struct str text);

/* CPU time, so that what else the machine does matters little. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double round_of(struct bench *bench, one_fn *one)
{
    double start = cpu_seconds();
    for (size_t i = 0; i < bench->work.count; i++)
        one(bench, bench->work.lines[i]);
    return cpu_seconds() - start;
}

static void print_rate(const char *what, const double *seconds, unsigned rounds, const struct work *work)
{
    double median = seconds[rounds / 2], count = (double)work->count;
    printf("%-24s %6.2f M lines/s  %6.1f ns/line (best %.1f)  %5.0f MB/s\n", what, count / median / 1e6,
           median * 1e9 / count, seconds[0] * 1e9 / count, (double)work->text.size / median / 1e6);
}

/* The median of the rounds, behind one that warms up. */
static void measure(struct bench *bench, const char *what, one_fn *one, unsigned rounds)
{
    double *seconds = mem_zero(rounds, sizeof *seconds);
    round_of(bench, one);
    for (unsigned i = 0; i < rounds; i++)
        seconds[i] = round_of(bench, one);
    qsort(seconds, rounds, sizeof *seconds, by_value);
    print_rate(what, seconds, rounds, &bench->work);
    mem_free(seconds);
}

static bool load_scheme(struct bench *bench)
{
    struct why why;
    struct scheme_report report = {0};
    bench->names = names_new();
    enum err err = scheme_load(sys_real(), STR_NONE, bench->names, &bench->scheme, &report, &why);
    scheme_report_done(&report);
    if (err) {
        fprintf(stderr, "the built-in scheme: %s\n", why.text);
        return false;
    }
    bench->resolver = resolver_new(bench->scheme, bench->names, UNDECLARED_ACCEPT);
    return true;
}

static void bench_done(struct bench *bench)
{
    resolver_free(bench->resolver);
    scheme_unref(bench->scheme);
    names_free(bench->names);
    intern_done(&bench->reporters);
    line_done(&bench->line);
    mem_free(bench->work.lines);
    buf_done(&bench->work.text);
}

static bool run(size_t count, unsigned rounds, unsigned sessions)
{
    struct bench bench = {.work = make_work(count, sessions)};
    line_init(&bench.line);
    if (!load_scheme(&bench))
        return false;
    round_of(&bench, parse_one);
    printf("%zu lines of %u live sources, %.1f bytes and %.2f measurements each; CPU time, median of %u "
           "rounds\n",
           count, sessions, (double)bench.work.text.size / (double)count,
           (double)bench.measurements / (double)count, rounds);
    measure(&bench, "parse", parse_one, rounds);
    measure(&bench, "parse + metric + source", resolve_one, rounds);
    bench_done(&bench);
    return true;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)atol(argv[1]) : LINES;
    unsigned rounds = argc > 2 ? (unsigned)atol(argv[2]) : ROUNDS;
    if (count < 1 || count > 10000000 || rounds < 1 || rounds > 1000) {
        fprintf(stderr, "usage: parse_bench [LINES [ROUNDS]]\n");
        return 2;
    }
    for (unsigned i = 0; i < sizeof session_counts / sizeof *session_counts; i++)
        if (!run(count, rounds, session_counts[i]))
            return 1;
    return 0;
}
