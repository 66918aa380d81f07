#include "query/grid.h"

#include "base/mem.h"

static const int64_t LADDER[] = {1000,   5000,   10000,   30000,    60000,
                                 300000, 900000, 3600000, 21600000, 86400000};

enum { POINTS_WANTED = 500 };

static int64_t floor_to(int64_t time, int64_t step)
{
    int64_t rest = time % step;
    return time - (rest < 0 ? rest + step : rest);
}

static uint64_t count_steps(int64_t from, int64_t to, int64_t step)
{
    return (uint64_t)((to - 1 - floor_to(from, step)) / step) + 1;
}

static int64_t default_step(int64_t from, int64_t to)
{
    size_t count = sizeof(LADDER) / sizeof(LADDER[0]);
    for (size_t i = 0; i < count; i++)
        if (count_steps(from, to, LADDER[i]) <= POINTS_WANTED)
            return LADDER[i];
    return LADDER[count - 1];
}

enum err grid_init(struct grid *grid, const struct query_options *options, int64_t step_ms, uint32_t column,
                   struct query_error *error)
{
    int64_t from = options->from_ms, to = options->to_ms;
    if (from < 0 || to > QUERY_TIME_MS_MAX)
        return query_fail(error, ERR_SYNTAX, 0, "times from 1970 to 9999", "the time range is not served");
    if (from >= to)
        return query_fail(error, ERR_SYNTAX, 0, "a `from` before `to`", "the time range is empty");
    if (step_ms <= 0)
        step_ms = default_step(from, to);
    uint64_t count = count_steps(from, to, step_ms);
    if (count > QUERY_POINTS_MAX)
        return query_fail(error, ERR_LIMIT, column, "a longer step or a shorter range",
                          "%llu points; an answer has at most %d", (unsigned long long)count,
                          QUERY_POINTS_MAX);
    *grid = (struct grid){.from_ms = from,
                          .to_ms = to,
                          .now_ms = options->now_ms,
                          .step_ms = step_ms,
                          .origin_ms = floor_to(from, step_ms),
                          .count = (uint32_t)count};
    return ERR_OK;
}

void grid_span(const struct grid *grid, uint32_t step, int64_t *from_ms, int64_t *to_ms)
{
    *from_ms = grid->from_ms;
    *to_ms = grid->to_ms;
    if (step >= grid->count)
        return;
    int64_t start = grid_start(grid, step), end = start + grid->step_ms;
    if (start > *from_ms)
        *from_ms = start;
    if (end < *to_ms)
        *to_ms = end;
}

int64_t grid_covered(const struct grid *grid, uint32_t step)
{
    int64_t from, to;
    grid_span(grid, step, &from, &to);
    if (grid->now_ms > from && grid->now_ms < to)
        to = grid->now_ms;
    return to - from;
}

struct grid grid_shifted(const struct grid *grid, int64_t back_ms)
{
    struct grid shifted = *grid;
    shifted.from_ms -= back_ms;
    shifted.to_ms -= back_ms;
    shifted.origin_ms -= back_ms;
    return shifted;
}

struct grid grid_whole(const struct grid *grid)
{
    struct grid whole = *grid;
    whole.count = 0;
    return whole;
}

static int64_t minute_of(int64_t time)
{
    return floor_to(time, 60000) / 60000;
}

enum { DAY_MS = 86400000 };

static bool any_minute(const uint8_t *bits, int64_t first, int64_t from_ms, int64_t to_ms)
{
    for (int64_t m = minute_of(from_ms) - first, last = minute_of(to_ms - 1) - first; m <= last;) {
        if ((m & 7) == 0 && m + 8 <= last && bits[m >> 3] == 0) {
            m += 8;
            continue;
        }
        if (bits[m >> 3] & (1u << (m & 7)))
            return true;
        m++;
    }
    return false;
}

enum err grid_presence(const struct grid *grid, struct snapshot *snapshot, struct str host, int64_t over_ms,
                       bool *present, struct query_error *error)
{
    int64_t first = minute_of(grid->from_ms - over_ms);
    uint32_t minutes = (uint32_t)(minute_of(grid->to_ms - 1) - first + 1);
    bool by_day = grid->count && !over_ms && grid->step_ms % DAY_MS == 0 && grid->origin_ms % DAY_MS == 0;
    uint8_t *bits = mem_zero(minutes / 8 + 1, 1);
    struct why why = {0};
    enum err err = snapshot_presence(snapshot, host, first, minutes, by_day, bits, &why);
    if (err != ERR_OK) {
        mem_free(bits);
        return query_fail(error, err, 0, NULL, "presence could not be read: %s", why.text);
    }
    for (uint32_t p = 0; p < grid_stride(grid); p++) {
        int64_t from, to;
        grid_span(grid, p, &from, &to);
        if (over_ms && p < grid->count)
            from = to - over_ms;
        present[p] = any_minute(bits, first, from, to);
    }
    mem_free(bits);
    return ERR_OK;
}
