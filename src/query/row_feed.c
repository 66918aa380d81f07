/* row_feed.c: from blocks of rows to cells, by way of batches of (cell, value). */
#include "query/row_feed.h"

#include "base/mem.h"

enum { BATCH = 1024 };

/* Division by a step as a multiplication (Granlund and Montgomery, 1994): exact below 2^31. */
struct divisor {
    int64_t by;
    uint64_t factor;
    uint32_t shift;
};

static struct divisor divisor_of(int64_t by)
{
    struct divisor divisor = {.by = by};
    if (by < 1 || by > INT32_MAX)
        return divisor;
    uint32_t bits = 0;
    while (INT64_C(1) << bits < by)
        bits++;
    divisor.shift = 31 + bits;
    divisor.factor = (uint64_t)(((unsigned __int128)1 << divisor.shift) / (uint64_t)by) + 1;
    return divisor;
}

static inline uint32_t divide_small(const struct divisor *divisor, uint32_t number)
{
    return (uint32_t)(number * divisor->factor >> divisor->shift);
}

struct row_feed {
    struct run *run;
    struct feed *feed;
    struct source_map map;
    int64_t low_ms, high_ms; /* rows wanted now: [low, high) */
    struct divisor step;
    bool small;             /* no time lies 2^31 ms or more behind the origin */
    uint32_t stride, total; /* total: the step of the whole range */
    uint32_t *cells;        /* of a block's rows */
    uint32_t cells_cap;
    uint32_t n;
    uint32_t cell[BATCH];
    double value[BATCH];
    int64_t time_ms[BATCH];
    uint64_t distinct[BATCH];
};

static void flush(struct row_feed *rows)
{
    struct cells *cells = &rows->feed->cells;
    cells_add(cells, rows->cell, rows->value, rows->time_ms, rows->n);
    if (cells->needs.distinct) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < rows->n; i++)
            if (rows->distinct[i]) {
                rows->cell[kept] = rows->cell[i];
                rows->distinct[kept++] = rows->distinct[i];
            }
        cells_add_distinct(cells, rows->cell, rows->distinct, kept);
    }
    rows->n = 0;
}

static inline void put(struct row_feed *rows, uint32_t cell, int64_t time_ms, double value, uint64_t distinct)
{
    if (rows->n == BATCH)
        flush(rows);
    uint32_t i = rows->n++;
    rows->cell[i] = cell;
    rows->value[i] = value;
    rows->time_ms[i] = time_ms;
    rows->distinct[i] = distinct;
}

static inline uint32_t step_of(const struct row_feed *rows, int64_t time_ms)
{
    int64_t since = time_ms - rows->run->grid.origin_ms;
    return rows->small ? divide_small(&rows->step, (uint32_t)since) : (uint32_t)(since / rows->step.by);
}

/* `over`: a row counts in every step whose window [end - over, end) holds it. */
static void put_in_windows(struct row_feed *rows, uint32_t first, int64_t time_ms, double value,
                           uint64_t distinct)
{
    const struct grid *grid = &rows->run->grid;
    uint32_t step = time_ms > grid->from_ms ? step_of(rows, time_ms) : 0;
    for (; step < grid->count; step++) {
        int64_t from, to;
        grid_span(grid, step, &from, &to);
        if (to - rows->feed->over_ms > time_ms)
            break;
        put(rows, first + step, time_ms, value, distinct);
    }
    if (time_ms >= grid->from_ms)
        put(rows, first + rows->total, time_ms, value, distinct);
}

static inline uint64_t distinct_of(struct row_feed *rows, uint32_t source, double value)
{
    if (!rows->feed->needs.distinct)
        return 0;
    if (rows->feed->distinct.at)
        return source_map_distinct(&rows->map, source);
    uint64_t bits;
    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof(bits));
    return bits ^ UINT64_C(0x8000000000000000); /* +0 is a value, not "unset" */
}

static inline bool in_time(const struct row_feed *rows, int64_t time_ms)
{
    return time_ms >= rows->low_ms && time_ms < rows->high_ms;
}

/* Rows [first, end) of one source. */
static inline void add_rows(struct row_feed *rows, const struct block *block, uint32_t source, uint32_t first,
                            uint32_t end)
{
    while (first < end && !in_time(rows, block->time_ms[first]))
        first++;
    uint32_t group = first < end ? source_map_group(&rows->map, source) : GROUP_DROPPED;
    if (group == GROUP_DROPPED)
        return;
    const bool steps = rows->run->grid.count != 0, windows = rows->feed->over_ms && steps;
    uint32_t cell = group * rows->stride;
    for (uint32_t i = first; i < end; i++) {
        int64_t time = block->time_ms[i];
        if (!in_time(rows, time))
            continue;
        uint64_t distinct = distinct_of(rows, source, block->value[i]);
        if (windows)
            put_in_windows(rows, cell, time, block->value[i], distinct);
        else
            put(rows, cell + (steps ? step_of(rows, time) : 0), time, block->value[i], distinct);
    }
}

/* Adds the group of every row's source to its cell. false: a row has none. */
static bool add_groups(struct row_feed *rows, const struct block *block)
{
    if (!block->runs) {
        for (uint32_t i = 0; i < block->count; i++) {
            uint32_t group = source_map_group(&rows->map, block->source[i]);
            if (group == GROUP_DROPPED)
                return false;
            rows->cells[i] += group * rows->stride;
        }
        return true;
    }
    for (uint32_t r = 0, i = 0; r < block->run_count; r++) {
        uint32_t group = source_map_group(&rows->map, block->runs[r].source);
        if (group == GROUP_DROPPED)
            return false;
        for (; i < block->runs[r].end; i++)
            rows->cells[i] += group * rows->stride;
    }
    return true;
}

/* All rows of a block that lies within the time, straight from its columns. false: a row is dropped, and
 * nothing was added. */
static bool add_whole(struct row_feed *rows, const struct block *block)
{
    const bool steps = rows->run->grid.count != 0;
    uint32_t first = rows->map.chunk_known ? 0 : rows->map.fixed_group * rows->stride;
    /* Blocks that are shorter than a step: then the cell is known without looking at a row. */
    if (!rows->map.chunk_known && (!steps || step_of(rows, block->from_ms) == step_of(rows, block->to_ms))) {
        cells_add_run(&rows->feed->cells, first + (steps ? step_of(rows, block->from_ms) : 0), block->value,
                      block->time_ms, block->count);
        return true;
    }
    if (rows->cells_cap < block->count) {
        rows->cells_cap = block->count;
        rows->cells = mem_resize(rows->cells, rows->cells_cap, sizeof(*rows->cells));
    }
    uint32_t *cells = rows->cells;
    const int64_t *time_ms = block->time_ms, origin_ms = rows->run->grid.origin_ms;
    const struct divisor step = rows->step;
    if (steps && rows->small)
        for (uint32_t i = 0; i < block->count; i++)
            cells[i] = first + divide_small(&step, (uint32_t)(time_ms[i] - origin_ms));
    else
        for (uint32_t i = 0; i < block->count; i++)
            cells[i] = first + (steps ? step_of(rows, time_ms[i]) : 0);
    if (rows->map.chunk_known && !add_groups(rows, block))
        return false;
    cells_add(&rows->feed->cells, cells, block->value, time_ms, block->count);
    return true;
}

static void add_block(struct row_feed *rows, const struct block *block)
{
    const bool windows = rows->feed->over_ms && rows->run->grid.count;
    const bool inside = block->from_ms >= rows->low_ms && block->to_ms < rows->high_ms;
    const bool all = !rows->map.has_source_scope && !rows->run->groups.closed;
    if (inside && all && !windows && !rows->feed->needs.distinct && add_whole(rows, block))
        return;
    if (!block->runs) {
        for (uint32_t i = 0; i < block->count; i++)
            add_rows(rows, block, block->source[i], i, i + 1);
        return;
    }
    for (uint32_t r = 0, first = 0; r < block->run_count; first = block->runs[r++].end)
        add_rows(rows, block, block->runs[r].source, first, block->runs[r].end);
}

struct time_span row_feed_span(const struct run *run, const struct feed *feed)
{
    struct time_span span = {run->grid.from_ms, run->grid.to_ms};
    if (feed->over_ms && run->grid.count) {
        int64_t from, to;
        grid_span(&run->grid, 0, &from, &to);
        if (to - feed->over_ms < span.from_ms)
            span.from_ms = to - feed->over_ms;
    }
    return span;
}

struct row_feed *row_feed_new(struct run *run, struct feed *feed)
{
    struct row_feed *rows = MEM_NEW(struct row_feed);
    rows->run = run;
    rows->feed = feed;
    rows->stride = grid_stride(&run->grid);
    rows->total = run->grid.count;
    rows->step = divisor_of(run->grid.step_ms);
    rows->small = rows->step.factor && run->grid.to_ms - run->grid.origin_ms <= INT32_MAX;
    source_map_init(&rows->map, run, feed);
    return rows;
}

void row_feed_free(struct row_feed *rows)
{
    if (!rows)
        return;
    source_map_done(&rows->map);
    mem_free(rows->cells);
    mem_free(rows);
}

enum err row_feed_enter(struct row_feed *rows, struct part *part, const struct metric_ref *metric,
                        struct time_span left[2], uint32_t *left_count)
{
    *left_count = 0;
    if (!source_map_enter(&rows->map, part, metric))
        return rows->run->error->err;
    struct time_span span = row_feed_span(rows->run, rows->feed);
    int found = partial_feed(&rows->map, part, span, left, left_count);
    if (found == 0)
        left[(*left_count)++] = span;
    return found < 0 ? rows->run->error->err : run_check_memory(rows->run);
}

enum err row_feed_read(struct row_feed *rows, struct part *part, const struct metric_ref *metric,
                       struct time_span span, uint32_t share, uint32_t share_count)
{
    struct run *run = rows->run;
    if (!source_map_enter(&rows->map, part, metric))
        return run->error->err;
    rows->low_ms = span.from_ms;
    rows->high_ms = span.to_ms;
    struct scan *scan =
        scan_open(run->snapshot, part, metric->id, span.from_ms, span.to_ms, source_map_ranges(&rows->map));
    if (share_count > 1)
        scan_share(scan, share, share_count);
    struct block block;
    struct why why = {0};
    enum err err = ERR_OK;
    int more = 0;
    while (err == ERR_OK && !run_is_stopped(run) && (more = scan_next(scan, &block, &why)) > 0) {
        add_block(rows, &block);
        flush(rows);
        err = run_poll(run, block.count);
        if (err == ERR_OK)
            err = run_check_memory(run);
    }
    scan_close(scan);
    if (err == ERR_OK && more < 0)
        err = query_fail(run->error, why.err ? why.err : ERR_IO, 0, NULL, "rows could not be read: %s",
                         why.text);
    return err == ERR_OK ? run->error->err : err; /* a source table that could not be read */
}
