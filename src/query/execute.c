#include "query/execute.h"

#include "base/mem.h"

#include <stdlib.h>

enum { BATCH = 1024 };

/* ---- limits ---- */

uint32_t run_groups_max(const struct plan *plan, const struct grid *grid, uint32_t wanted)
{
    size_t each = 1;
    for (uint32_t i = 0; i < plan->feed_count; i++)
        each += cells_bytes_each(plan->feeds[i].needs) * grid_stride(grid);
    size_t fit = CELL_BYTES_MAX / each;
    if (fit < 1)
        fit = 1;
    return fit < wanted ? (uint32_t)fit : wanted;
}

static uint64_t rows_max(const struct run *run)
{
    return run->options->rows_max ? run->options->rows_max : QUERY_ROWS_MAX;
}

enum err run_poll(struct run *run, uint64_t rows)
{
    const struct query_options *options = run->options;
    run->rows_read += rows;
    if (run->rows_read > rows_max(run))
        return query_fail(run->error, ERR_LIMIT, 0, "a shorter range or fewer metrics",
                          "more than %llu rows would be read", (unsigned long long)rows_max(run));
    run->polls++;
    if (options->deadline_ns && sys_mono_ns(options->sys) > options->deadline_ns)
        return query_fail(run->error, ERR_TIMEOUT, 0, "a shorter range, a longer step or a narrower scope",
                          "the query took too long; %llu rows were read", (unsigned long long)run->rows_read);
    if (options->gone && (run->polls & 63) == 0 && options->gone(options->gone_ctx))
        return query_fail(run->error, ERR_CANCELLED, 0, NULL, "the asker is gone");
    return ERR_OK;
}

static enum err check_memory(struct run *run)
{
    if (value_store_is_full(&run->values)) {
        for (uint32_t i = 0; i < run->plan->feed_count; i++)
            cells_to_sketches(&run->plan->feeds[i].cells);
        arena_done(&run->values.arena);
        run->sketched = true;
    }
    size_t sketches = 0;
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        struct cells *cells = &run->plan->feeds[i].cells;
        sketches += cells->sketch_bytes;
        if (cells->needs.distinct && value_store_is_full(&cells->distincts) && !cells_compact(cells))
            return query_fail(run->error, ERR_LIMIT, 0, "a narrower scope or fewer steps",
                              "too many different values for `uniq`");
    }
    if (sketches > SKETCH_BYTES_MAX)
        return query_fail(run->error, ERR_LIMIT, 0, "fewer groups or a longer step",
                          "percentiles of so many groups do not fit in memory");
    return ERR_OK;
}

/* ---- rows ---- */

struct row_feed {
    struct run *run;
    struct feed *feed;
    struct source_map map;
    struct time_span span;   /* what the feed reads of every part */
    int64_t low_ms, high_ms; /* rows wanted now: [low, high) */
    double per_step;         /* 1 / step */
    uint32_t stride, total;  /* total: the step of the whole range */
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

/* A multiplication instead of a division a row; the estimate is off by one at most. */
static inline uint32_t step_of(const struct row_feed *rows, int64_t time_ms)
{
    int64_t since = time_ms - rows->run->grid.origin_ms, step_ms = rows->run->grid.step_ms;
    int64_t step = (int64_t)((double)since * rows->per_step);
    if (step * step_ms > since)
        step--;
    else if ((step + 1) * step_ms <= since)
        step++;
    return (uint32_t)step;
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

static void add_block(struct row_feed *rows, const struct block *block)
{
    const bool windows = rows->feed->over_ms && rows->run->grid.count;
    const bool steps = rows->run->grid.count != 0;
    const bool inside = block->from_ms >= rows->low_ms && block->to_ms < rows->high_ms;
    /* Blocks are mostly shorter than steps: then the cell is known without looking at a row. */
    if (inside && !windows && !rows->map.chunk_known && !rows->feed->needs.distinct &&
        (!steps || step_of(rows, block->from_ms) == step_of(rows, block->to_ms))) {
        uint32_t cell = rows->map.fixed_group * rows->stride + (steps ? step_of(rows, block->from_ms) : 0);
        cells_add_run(&rows->feed->cells, cell, block->value, block->time_ms, block->count);
        return;
    }
    if (!block->runs) {
        for (uint32_t i = 0; i < block->count; i++)
            add_rows(rows, block, block->source[i], i, i + 1);
        return;
    }
    for (uint32_t r = 0, first = 0; r < block->run_count; first = block->runs[r++].end)
        add_rows(rows, block, block->runs[r].source, first, block->runs[r].end);
}

static enum err scan_rows(struct row_feed *rows, struct part *part, struct time_span span, bool stop_early)
{
    struct run *run = rows->run;
    rows->low_ms = span.from_ms;
    rows->high_ms = span.to_ms;
    struct scan *scan = scan_open(run->snapshot, part, rows->map.metric->id, span.from_ms, span.to_ms,
                                  source_map_ranges(&rows->map));
    struct block block;
    struct why why = {0};
    enum err err = ERR_OK;
    int more;
    while (err == ERR_OK && (more = scan_next(scan, &block, &why)) > 0) {
        add_block(rows, &block);
        flush(rows);
        err = run_poll(run, block.count);
        if (err == ERR_OK)
            err = check_memory(run);
        if (run->groups.overflow && stop_early)
            break;
    }
    scan_close(scan);
    if (err == ERR_OK && more < 0)
        err = query_fail(run->error, why.err ? why.err : ERR_IO, 0, NULL, "rows could not be read: %s",
                         why.text);
    return err;
}

/* From the partials where they serve, and from the rows of what is left. */
static enum err scan_metric(struct row_feed *rows, struct part *part, const struct metric_ref *metric,
                            bool stop_early)
{
    struct time_span span = rows->span, edges[2];
    uint32_t count;
    if (!source_map_enter(&rows->map, part, metric))
        return rows->run->error->err;
    int found = partial_feed(&rows->map, part, span, edges, &count);
    if (found <= 0)
        return found < 0 ? rows->run->error->err : scan_rows(rows, part, span, stop_early);
    enum err err = ERR_OK;
    for (uint32_t e = 0; e < count && err == ERR_OK; e++)
        err = scan_rows(rows, part, edges[e], stop_early);
    return err;
}

static enum err execute_rows(struct run *run, struct feed *feed, bool stop_early)
{
    struct row_feed *rows = MEM_NEW(struct row_feed);
    rows->run = run;
    rows->feed = feed;
    rows->stride = grid_stride(&run->grid);
    rows->total = run->grid.count;
    rows->span = (struct time_span){run->grid.from_ms, run->grid.to_ms};
    rows->per_step = 1.0 / (double)run->grid.step_ms;
    if (feed->over_ms && run->grid.count) {
        int64_t from, to;
        grid_span(&run->grid, 0, &from, &to);
        if (to - feed->over_ms < rows->span.from_ms)
            rows->span.from_ms = to - feed->over_ms;
    }
    source_map_init(&rows->map, run, feed);
    enum err err = ERR_OK;
    uint32_t parts = snapshot_part_count(run->snapshot);
    for (uint32_t p = 0; err == ERR_OK && p < parts; p++) {
        struct part *part = snapshot_part(run->snapshot, p);
        int64_t from, to;
        if (!part_span(part, &from, &to) || to < rows->span.from_ms || from >= rows->span.to_ms)
            continue;
        for (uint32_t m = 0; err == ERR_OK && m < feed->metric_count; m++) {
            const struct metric_ref *metric = feed->metrics[m];
            if (metric->id != NAME_NONE && part_metric_rows(part, metric->id))
                err = scan_metric(rows, part, metric, stop_early);
            if (run->groups.overflow && stop_early)
                break;
        }
        part_release_sources(run->snapshot, part);
    }
    source_map_done(&rows->map);
    mem_free(rows);
    return err;
}

/* ---- the run ---- */

static enum err read_presence(struct run *run, struct feed *feed)
{
    feed->present = arena_array(&run->arena, grid_stride(&run->grid), sizeof(bool));
    return grid_presence(&run->grid, run->snapshot, scope_host(&feed->scope), feed->over_ms, feed->present,
                         run->error);
}

static enum err execute_feed(struct run *run, struct feed *feed, bool stop_early)
{
    enum err err = feed->is_level ? level_execute(run, feed) : execute_rows(run, feed, stop_early);
    if (err == ERR_OK)
        err = run->error->err; /* a source table that could not be read */
    if (err == ERR_OK)
        err = read_presence(run, feed);
    return err;
}

enum err run_execute(struct run *run, bool stop_early)
{
    uint32_t stride = grid_stride(&run->grid);
    uint64_t exact = run->options->exact_bytes_max;
    run->values.bytes_max = exact ? exact : QUERY_EXACT_BYTES_MAX;
    if (!run->plan->grouped && run->groups.keys.count == 0)
        groups_resolve(&run->groups, STR(""));
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        struct feed *feed = &run->plan->feeds[i];
        cells_init(&feed->cells, feed->needs, stride, &run->values);
        cells_reserve(&feed->cells, groups_count(&run->groups));
    }
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < run->plan->feed_count; i++) {
        if (!(run->groups.overflow && stop_early))
            err = execute_feed(run, &run->plan->feeds[i], stop_early);
    }
    if (err != ERR_OK || (run->groups.overflow && stop_early))
        return err;
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        struct feed *feed = &run->plan->feeds[i];
        cells_reserve(&feed->cells, groups_count(&run->groups));
        if (run->grid.count && !feed->over_ms)
            cells_total(&feed->cells);
    }
    return ERR_OK;
}

void run_done(struct run *run)
{
    for (uint32_t i = 0; i < run->plan->feed_count; i++)
        cells_done(&run->plan->feeds[i].cells);
    groups_done(&run->groups);
    arena_done(&run->values.arena);
    arena_done(&run->arena);
}
