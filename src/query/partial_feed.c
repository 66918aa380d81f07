/* partial_feed.c: whole minutes from the store's partials, and whole parts from their totals. They serve when
 * the statistics are made of counts, sums, least and greatest values (and percentiles, when they are made of
 * sketches anyhow), when every step begins with a minute, and when at most one field of the sources is looked
 * at, by the scope or by `by`. */
#include "query/execute.h"

enum { MINUTE_MS = 60000 };

/* The one field of sources that scope and `by` look at; NAME_NONE: none. false: there are several, or one
 * that no source has. */
static bool one_field(const struct source_map *map, uint32_t *field)
{
    const struct plan *plan = map->run->plan;
    bool one = true;
    *field = NAME_NONE;
    for (uint32_t i = 0; i < map->feed->scope.count + plan->by_count && one; i++) {
        bool is_match = i < map->feed->scope.count;
        uint32_t at = is_match ? i : i - map->feed->scope.count;
        if ((is_match ? map->scope_bound : map->by_bound) & UINT64_C(1) << at)
            continue;
        uint32_t looked_at = is_match ? map->feed->scope.items[at].field : plan->by[at].field;
        one = looked_at != NAME_NONE && (*field == NAME_NONE || *field == looked_at);
        *field = looked_at;
    }
    return one;
}

static bool fits(const struct source_map *map)
{
    const struct needs *needs = &map->feed->needs;
    return !map->run->options->rows_only && !map->feed->over_ms && !needs->last && !needs->spread &&
           !needs->distinct && (!needs->values || map->run->foreseen);
}

static bool is_aligned(const struct grid *grid)
{
    return !grid->count || (grid->step_ms % MINUTE_MS == 0 && grid->origin_ms % MINUTE_MS == 0);
}

static uint32_t step_of(const struct grid *grid, int64_t time_ms)
{
    return grid->count ? (uint32_t)((time_ms - grid->origin_ms) / grid->step_ms) : 0;
}

/* A part all of whose rows of the metric fall into one step: as a day's file in a chart of a year. */
static bool add_total(struct source_map *map, struct part *part, struct time_span span)
{
    const struct grid *grid = &map->run->grid;
    struct part_total total;
    if (map->feed->needs.values || !part_total(part, map->metric->id, &total) ||
        total.from_ms < span.from_ms || total.to_ms >= span.to_ms ||
        step_of(grid, total.from_ms) != step_of(grid, total.to_ms))
        return false;
    uint32_t group = source_map_value_group(map, (struct source_value){.type = SOURCE_UNSET});
    if (group != GROUP_DROPPED)
        cells_add_partial(&map->feed->cells, group * grid_stride(grid) + step_of(grid, total.from_ms),
                          total.count, total.sum, total.min, total.max);
    return true;
}

static bool in_scope(const struct source_map *map, struct source_value value)
{
    for (uint32_t i = 0; i < map->feed->scope.count; i++)
        if (!(map->scope_bound & UINT64_C(1) << i) && !scope_match_value(&map->feed->scope.items[i], value))
            return false;
    return true;
}

static uint32_t group_of(struct source_map *map, struct source_value value)
{
    return in_scope(map, value) ? source_map_value_group(map, value) : GROUP_DROPPED;
}

static void add_one(const struct source_map *map, uint32_t group, const struct partial *partial)
{
    const struct grid *grid = &map->run->grid;
    struct cells *cells = &map->feed->cells;
    uint32_t cell = group * grid_stride(grid) + step_of(grid, partial->minute_ms);
    cells_add_partial(cells, cell, partial->count, partial->sum, partial->min, partial->max);
    if (cells->needs.values)
        cells_add_bins(cells, cell, partial->bins, partial->bin_count, partial->min, partial->max);
}

/* Partials come by value: scope and group are asked once each. Returns how many rows they stand for. */
static uint64_t take(struct source_map *map, const struct partials *partials, struct time_span whole,
                     bool only_count)
{
    uint64_t rows = 0;
    uint32_t group = GROUP_UNKNOWN;
    for (uint32_t i = 0; i < partials->count; i++) {
        const struct partial *partial = &partials->at[i];
        if (i == 0 || !source_value_eq(partial->value, partials->at[i - 1].value))
            group = GROUP_UNKNOWN;
        if (group == GROUP_DROPPED || partial->minute_ms < whole.from_ms || partial->minute_ms >= whole.to_ms)
            continue;
        if (group == GROUP_UNKNOWN)
            group = group_of(map, partial->value);
        if (group == GROUP_DROPPED)
            continue;
        rows += partial->count;
        if (!only_count)
            add_one(map, group, partial);
    }
    return rows;
}

static int64_t minute_down(int64_t ms)
{
    return ms - (ms % MINUTE_MS + MINUTE_MS) % MINUTE_MS;
}

/* As part_partials; makes the span one of whole minutes. */
static int find(struct source_map *map, struct part *part, uint32_t field, struct time_span *span,
                struct partials *out)
{
    struct partials_wanted wanted = {map->metric->id, field, map->feed->needs.values && map->run->foreseen};
    struct why why = {0};
    *span = (struct time_span){minute_down(span->from_ms + MINUTE_MS - 1), minute_down(span->to_ms)};
    if (span->from_ms >= span->to_ms)
        return 0;
    int found = part_partials(map->run->snapshot, part, &wanted, out, &why);
    if (found < 0)
        query_fail(map->run->error, why.err ? why.err : ERR_IO, 0, NULL, "rows could not be read: %s",
                   why.text);
    return found;
}

int partial_feed(struct source_map *map, struct part *part, struct time_span span, struct time_span edges[2],
                 uint32_t *edge_count)
{
    struct partials partials = {0};
    struct time_span whole = span;
    uint32_t field;
    int64_t from_ms, to_ms;
    *edge_count = 0;
    if (!fits(map) || !one_field(map, &field) || !part_span(part, &from_ms, &to_ms))
        return 0;
    if (field == NAME_NONE && add_total(map, part, span))
        return run_poll(map->run, 1) == ERR_OK ? 1 : -1;
    if (!is_aligned(&map->run->grid))
        return 0;
    int found = find(map, part, field, &whole, &partials);
    if (found > 0) {
        take(map, &partials, whole, false);
        if (span.from_ms < whole.from_ms && from_ms < whole.from_ms)
            edges[(*edge_count)++] = (struct time_span){span.from_ms, whole.from_ms};
        if (span.to_ms > whole.to_ms && to_ms >= whole.to_ms)
            edges[(*edge_count)++] = (struct time_span){whole.to_ms, span.to_ms};
        if (run_poll(map->run, partials.count) != ERR_OK)
            found = -1;
    }
    partials_done(&partials);
    return found;
}

int64_t partial_feed_rows(struct source_map *map, struct part *part, struct time_span span)
{
    const struct groups *groups = &map->run->groups;
    bool all_groups = !map->run->plan->grouped || !groups->closed || groups->other != GROUP_DROPPED;
    int64_t from_ms, to_ms;
    if (!part_span(part, &from_ms, &to_ms))
        return 0;
    if (!map->has_source_scope && all_groups && from_ms >= span.from_ms && to_ms < span.to_ms &&
        !part_is_touched(part, map->metric->id, INT64_MIN, INT64_MAX))
        return (int64_t)part_metric_rows(part, map->metric->id);
    struct partials partials = {0};
    uint32_t field;
    int found = one_field(map, &field) ? find(map, part, field, &span, &partials) : 0;
    int64_t rows = found > 0 ? (int64_t)take(map, &partials, span, true) : found;
    partials_done(&partials);
    return found >= 0 && run_poll(map->run, 0) != ERR_OK ? -1 : rows;
}
