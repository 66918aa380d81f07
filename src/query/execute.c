#include "query/execute.h"

#include "base/mem.h"

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
    uint64_t read = atomic_fetch_add(&run->share->rows_read, rows) + rows;
    if (read > rows_max(run))
        return query_fail(run->error, ERR_LIMIT, 0, "a shorter range or fewer metrics",
                          "more than %llu rows would be read", (unsigned long long)rows_max(run));
    uint32_t polls = atomic_fetch_add(&run->share->polls, 1) + 1;
    if (options->deadline_ns && sys_mono_ns(options->sys) > options->deadline_ns)
        return query_fail(run->error, ERR_TIMEOUT, 0, "a shorter range, a longer step or a narrower scope",
                          "the query took too long; %llu rows were read", (unsigned long long)read);
    if (options->gone && (polls & 7) == 0 && options->gone(options->gone_ctx))
        return query_fail(run->error, ERR_CANCELLED, 0, NULL, "the asker is gone");
    return ERR_OK;
}

void run_stop(struct run *run)
{
    atomic_store(&run->share->stop, true);
}

void run_is_crowded(struct run *run)
{
    atomic_store(&run->share->crowded, true);
    run_stop(run);
}

/* Tells the share what a worker holds now; returns what all hold. */
static size_t tell(_Atomic size_t *all, size_t *told, size_t now)
{
    size_t more = now - *told; /* wraps when it is less; so does the sum */
    *told = now;
    return atomic_fetch_add(all, more) + more;
}

void run_sketch(struct run *run)
{
    for (uint32_t i = 0; i < run->plan->feed_count; i++)
        cells_to_sketches(&run->plan->feeds[i].cells);
    arena_done(&run->values.arena);
    run->sketched = true;
}

static enum err check_distinct(struct run *run, struct cells *cells)
{
    if (!cells->needs.distinct || !value_store_is_full(&cells->distincts) || cells_compact(cells))
        return ERR_OK;
    if (run->share->company) {
        run_is_crowded(run);
        return ERR_OK;
    }
    return query_fail(run->error, ERR_LIMIT, 0, "a narrower scope or fewer steps",
                      "too many different values for `uniq`");
}

enum err run_check_memory(struct run *run)
{
    struct run_share *share = run->share;
    if (tell(&share->value_bytes, &run->value_bytes, run->values.arena.size) > run->values.bytes_max)
        atomic_store(&share->sketched, true);
    if (!run->sketched && atomic_load(&share->sketched))
        run_sketch(run);
    size_t sketches = 0, cell_bytes = 0;
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        struct cells *cells = &run->plan->feeds[i].cells;
        sketches += cells->sketch_bytes;
        cell_bytes += cells_bytes_each(cells->needs) * cells->groups * cells->stride;
        if (check_distinct(run, cells) != ERR_OK)
            return run->error->err;
    }
    bool full = tell(&share->sketch_bytes, &run->sketch_bytes, sketches) > SKETCH_BYTES_MAX;
    if (full && !share->company)
        return query_fail(run->error, ERR_LIMIT, 0, "fewer groups or a longer step",
                          "percentiles of so many groups do not fit in memory");
    full |= run->worker && tell(&share->helper_bytes, &run->cell_bytes, cell_bytes) > CELL_BYTES_MAX;
    if (run->groups.overflow && share->stop_early)
        run_stop(run);
    else if (share->company && (full || run->groups.overflow))
        run_is_crowded(run);
    return ERR_OK;
}

/* ---- the run ---- */

static enum err read_presence(struct run *run, struct feed *feed)
{
    feed->present = arena_array(&run->arena, grid_stride(&run->grid), sizeof(bool));
    return grid_presence(&run->grid, run->snapshot, scope_host(&feed->scope), feed->over_ms, feed->present,
                         run->error);
}

void run_init_cells(struct run *run)
{
    if (!run->plan->grouped && run->groups.keys.count == 0)
        groups_resolve(&run->groups, STR(""));
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        struct feed *feed = &run->plan->feeds[i];
        cells_init(&feed->cells, feed->needs, grid_stride(&run->grid), &run->values);
        cells_reserve(&feed->cells, groups_count(&run->groups));
    }
    if (run->foreseen)
        run_sketch(run);
}

static enum err read_levels(struct run *run)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < run->plan->feed_count; i++) {
        if (!run->plan->feeds[i].is_level || run_is_stopped(run))
            continue;
        err = level_execute(run, &run->plan->feeds[i]);
        if (err == ERR_OK)
            err = run->error->err; /* a source table that could not be read */
        if (err == ERR_OK)
            err = run_check_memory(run);
    }
    return err;
}

enum err run_execute(struct run *run, bool stop_early)
{
    struct run_share share = {.stop_early = stop_early, .rows_read = run->rows_read};
    uint64_t exact = run->options->exact_bytes_max;
    run->share = &share;
    run->values.bytes_max = exact ? exact : QUERY_EXACT_BYTES_MAX;
    run_init_cells(run);
    enum err err = run_foresee(run);
    if (err == ERR_OK)
        err = run_read_rows(run);
    share.company = false;
    if (err == ERR_OK)
        err = read_levels(run);
    run->share = NULL;
    if (err == ERR_OK && run->groups.overflow && stop_early)
        return err; /* how far it got is chance, and nothing of it is in the answer */
    run->rows_read = share.rows_read;
    if (err != ERR_OK)
        return err;
    for (uint32_t i = 0; err == ERR_OK && i < run->plan->feed_count; i++) {
        struct feed *feed = &run->plan->feeds[i];
        cells_reserve(&feed->cells, groups_count(&run->groups));
        if (run->grid.count && !feed->over_ms)
            cells_total(&feed->cells);
        err = read_presence(run, feed);
    }
    return err;
}

void run_done(struct run *run)
{
    for (uint32_t i = 0; i < run->plan->feed_count; i++)
        cells_done(&run->plan->feeds[i].cells);
    groups_done(&run->groups);
    arena_done(&run->values.arena);
    arena_done(&run->arena);
}
