/* parse_bench: how many lines a second one core parses. Usage: parse_bench [LINES [ROUNDS]]
 *
 * The lines are made from a fixed seed: half with a leading stamp, a source of seven segments, one or two
 * measurements, about 120 bytes. They lie behind one another in memory, as a receive buffer holds them.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"
#include "wire/line.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINES = 200000, ROUNDS = 9, SESSIONS = 20000 };

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

static void put_line(struct buf *out, uint64_t *seed)
{
    static const char *const types[] = {"predictive", "power", "preview"};
    static const char *const ends[] = {"answered", "busy", "error", "redirect"};
    uint64_t session = below(seed, SESSIONS), mix = hash_mix(session);
    if (below(seed, 2))
        buf_printf(out, "2026-11-23T12:%02u:%02u.%03uZ app[web.%u]: ", below(seed, 60), below(seed, 60),
                   below(seed, 1000), below(seed, 20) + 1);
    buf_printf(out, "source=web%02u.%u.%u.%u.%s.%s.%s", (unsigned)(mix % 20), (unsigned)(mix >> 8) % 500,
               (unsigned)(mix >> 20) % 5000, 9000 + (unsigned)session, types[mix % 3],
               mix & 64 ? "webui" : "phone", mix & 128 ? "mobile" : "landline");
    if (below(seed, 2))
        buf_printf(out, " sample#dialer.contact.%s=%u.%ums count#dialer.requests.total=1",
                   ends[below(seed, 4)], below(seed, 30000), below(seed, 10));
    else
        buf_printf(out, " measure#dialer.transfer.%s=%ums", ends[below(seed, 4)], below(seed, 30000));
    buf_char(out, '\n');
}

static struct work make_work(size_t count)
{
    struct work work = {.count = count, .lines = mem_zero(count, sizeof(struct str))};
    uint64_t seed = 42;
    for (size_t i = 0; i < count; i++)
        put_line(&work.text, &seed);
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

/* Seconds of one round. */
static double parse_round(struct line *line, const struct work *work, uint64_t *measurements)
{
    struct line_options options = {0};
    uint64_t start = sys_mono_ns(sys_real());
    for (size_t i = 0; i < work->count; i++) {
        enum reason refused;
        if (line_parse(line, work->lines[i], &options, &refused))
            *measurements += line->measurement_count - line->refused_count;
    }
    return (double)(sys_mono_ns(sys_real()) - start) / 1e9;
}

static void print_rate(const char *what, double seconds, const struct work *work)
{
    printf("%-28s %6.2f M lines/s  %6.1f ns/line  %7.0f MB/s\n", what, (double)work->count / seconds / 1e6,
           seconds * 1e9 / (double)work->count, (double)work->text.size / seconds / 1e6);
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? (size_t)atol(argv[1]) : LINES;
    unsigned rounds = argc > 2 ? (unsigned)atol(argv[2]) : ROUNDS;
    if (count < 1 || count > 10000000 || rounds < 1 || rounds > 1000) {
        fprintf(stderr, "usage: parse_bench [LINES [ROUNDS]]\n");
        return 2;
    }
    struct work work = make_work(count);
    double *seconds = mem_zero(rounds, sizeof *seconds);
    struct line line;
    line_init(&line);
    uint64_t measurements = 0;
    for (unsigned i = 0; i < rounds; i++)
        seconds[i] = parse_round(&line, &work, &measurements);
    qsort(seconds, rounds, sizeof *seconds, by_value);
    printf("%zu lines, %.1f bytes each, %.2f measurements each; median of %u rounds\n", count,
           (double)work.text.size / (double)count, (double)measurements / (double)count / rounds, rounds);
    print_rate("line_parse", seconds[rounds / 2], &work);
    print_rate("line_parse, best round", seconds[0], &work);
    line_done(&line);
    mem_free(seconds);
    mem_free(work.lines);
    buf_done(&work.text);
    return 0;
}
