#include "query/cells.h"
#include "query/cells_room.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

void cells_init(struct cells *cells, struct needs needs, uint32_t stride, struct value_store *store)
{
    *cells = (struct cells){.needs = needs, .stride = stride, .store = store};
    cells->needs.sum |= needs.spread;
    cells->distincts.bytes_max = QUERY_EXACT_BYTES_MAX;
}

void cells_done(struct cells *cells)
{
    if (cells->sketches)
        for (size_t i = 0; i < (size_t)cells->groups * cells->stride; i++)
            sketch_done(&cells->sketches[i]);
    mem_free(cells->count);
    mem_free(cells->sum);
    mem_free(cells->min);
    mem_free(cells->max);
    mem_free(cells->last);
    mem_free(cells->squares);
    mem_free(cells->values);
    mem_free(cells->sketches);
    mem_free(cells->distinct);
    arena_done(&cells->distincts.arena);
    *cells = (struct cells){0};
}

size_t cells_bytes_each(struct needs needs)
{
    size_t bytes = sizeof(uint64_t);
    bytes += needs.sum || needs.spread ? sizeof(struct exact_sum) : 0;
    bytes += needs.range ? 2 * sizeof(double) : 0;
    bytes += needs.last ? sizeof(struct last_value) : 0;
    bytes += needs.spread ? sizeof(struct exact_sum) : 0;
    bytes += needs.values ? sizeof(struct value_list) : 0;
    bytes += needs.distinct ? sizeof(struct value_list) : 0;
    return bytes;
}

static void *grow_zero(void *old, size_t had, size_t wanted, size_t size)
{
    char *more = mem_resize(old, wanted, size);
    memset(more + had * size, 0, (wanted - had) * size);
    return more;
}

void cells_reserve(struct cells *cells, uint32_t groups)
{
    if (groups <= cells->groups)
        return;
    uint32_t room = cells->groups ? cells->groups * 2 : 1;
    if (room < groups)
        room = groups;
    size_t had = (size_t)cells->groups * cells->stride, wanted = (size_t)room * cells->stride;
    CHECK(wanted < UINT32_MAX);
    cells->count = grow_zero(cells->count, had, wanted, sizeof(*cells->count));
    if (cells->needs.sum)
        cells->sum = grow_zero(cells->sum, had, wanted, sizeof(*cells->sum));
    if (cells->needs.range) {
        cells->min = grow_zero(cells->min, had, wanted, sizeof(double));
        cells->max = grow_zero(cells->max, had, wanted, sizeof(double));
        for (size_t i = had; i < wanted; i++) {
            cells->min[i] = INFINITY;
            cells->max[i] = -INFINITY;
        }
    }
    if (cells->needs.last) {
        cells->last = grow_zero(cells->last, had, wanted, sizeof(*cells->last));
        for (size_t i = had; i < wanted; i++)
            cells->last[i] = (struct last_value){INT64_MIN, -INFINITY};
    }
    if (cells->needs.spread)
        cells->squares = grow_zero(cells->squares, had, wanted, sizeof(*cells->squares));
    if (cells->needs.values && !cells->sketches)
        cells->values = grow_zero(cells->values, had, wanted, sizeof(*cells->values));
    if (cells->sketches)
        cells->sketches = grow_zero(cells->sketches, had, wanted, sizeof(*cells->sketches));
    if (cells->needs.distinct)
        cells->distinct = grow_zero(cells->distinct, had, wanted, sizeof(*cells->distinct));
    cells->groups = room;
}

/* ---- when memory is used up ---- */

struct sketching {
    struct cells *cells;
    uint32_t cell;
};

static void sketch_run(void *ctx, const double *values, uint32_t count)
{
    struct sketching *to = ctx;
    cells_sketch_run(to->cells, to->cell, values, count);
}

static void sketch_list(struct cells *cells, uint32_t cell, const struct value_list *list)
{
    struct sketching to = {cells, cell};
    value_each(list, sketch_run, &to);
}

void cells_to_sketches(struct cells *cells)
{
    if (!cells->needs.values || cells->sketches)
        return;
    uint32_t count = cells->groups * cells->stride;
    cells->sketches = mem_zero(count ? count : 1, sizeof(*cells->sketches));
    for (uint32_t i = 0; i < count; i++)
        sketch_list(cells, i, &cells->values[i]);
    mem_free(cells->values);
    cells->values = NULL;
}

bool cells_compact(struct cells *cells)
{
    struct value_store old = cells->distincts;
    cells->distincts = (struct value_store){.bytes_max = old.bytes_max};
    for (uint32_t i = 0; i < cells->groups * cells->stride; i++)
        if (cells->distinct[i].newest)
            value_compact(&cells->distinct[i], &cells->distincts);
    arena_done(&old.arena);
    return cells->distincts.arena.size <= cells->distincts.bytes_max / 2;
}

/* ---- merging ---- */

/* All but values and distinct ones. */
static void merge_cell(struct cells *to, uint32_t t, const struct cells *from, uint32_t f)
{
    to->count[t] += from->count[f];
    if (to->needs.sum)
        exact_merge(&to->sum[t], from->sum[f]);
    if (to->needs.spread)
        exact_merge(&to->squares[t], from->squares[f]);
    if (to->needs.range) {
        to->min[t] = fmin(to->min[t], from->min[f]);
        to->max[t] = fmax(to->max[t], from->max[f]);
    }
    if (to->needs.last)
        cells_last_take(&to->last[t], from->last[f].time_ms, from->last[f].value);
}

static void merge_values(struct cells *to, uint32_t t, struct cells *from, uint32_t f)
{
    if (from->sketches) {
        size_t before = sketch_bytes(&to->sketches[t]);
        sketch_merge(&to->sketches[t], &from->sketches[f]);
        to->sketch_bytes += sketch_bytes(&to->sketches[t]) - before;
    } else if (to->sketches) {
        sketch_list(to, t, &from->values[f]);
    } else {
        value_splice(&to->values[t], &from->values[f]);
    }
}

void cells_merge(struct cells *cells, struct cells *from, const uint32_t *group, uint32_t group_count)
{
    CHECK(cells->stride == from->stride);
    if (from->sketches)
        cells_to_sketches(cells);
    for (uint32_t g = 0; g < group_count; g++)
        for (uint32_t step = 0; group[g] != UINT32_MAX && step < cells->stride; step++) {
            uint32_t f = g * cells->stride + step, t = group[g] * cells->stride + step;
            if (from->count[f] == 0)
                continue;
            merge_cell(cells, t, from, f);
            if (cells->needs.values)
                merge_values(cells, t, from, f);
            if (cells->needs.distinct)
                value_splice(&cells->distinct[t], &from->distinct[f]);
        }
    if (cells->needs.values && !cells->sketches && cells->store != from->store)
        value_store_take(cells->store, from->store);
    value_store_take(&cells->distincts, &from->distincts);
}

void cells_total(struct cells *cells)
{
    for (uint32_t group = 0; group < cells->groups; group++) {
        uint32_t first = group * cells->stride, total = first + cells->stride - 1;
        for (uint32_t c = first; c < total; c++)
            if (cells->count[c])
                merge_cell(cells, total, cells, c);
    }
}

/* ---- reading ---- */

bool cells_seen(const struct cells *cells, uint32_t group)
{
    const uint64_t *count = cells->count + (size_t)group * cells->stride;
    for (uint32_t i = 0; i < cells->stride; i++)
        if (count[i])
            return true;
    return false;
}

double cells_deviation(const struct cells *cells, uint32_t cell)
{
    return exact_deviation(cells->sum[cell], cells->squares[cell], cells->count[cell]);
}

double cells_sum(const struct cells *cells, uint32_t cell)
{
    return cells->sum[cell].sum + cells->sum[cell].rest;
}

static void sketched_percentiles(const struct cells *cells, uint32_t first, uint32_t count,
                                 const struct stat_term *stats, uint32_t stat_count, double *out)
{
    struct sketch all = {0};
    for (uint32_t i = 0; i < count; i++)
        sketch_merge(&all, &cells->sketches[first + i]);
    for (uint32_t i = 0; i < stat_count; i++)
        if (stats[i].kind == STAT_PERCENTILE)
            out[i] = sketch_rank(&all, value_rank(stats[i].part, stats[i].whole, all.count));
    sketch_done(&all);
}

void cells_percentiles(const struct cells *cells, uint32_t cell, bool whole, const struct stat_term *stats,
                       uint32_t count, double *out)
{
    uint32_t first = whole ? cell - (cells->stride - 1) : cell, cell_count = whole ? cells->stride : 1;
    for (uint32_t i = 0; i < count; i++)
        out[i] = NAN;
    if (cells->sketches) {
        sketched_percentiles(cells, first, cell_count, stats, count, out);
        return;
    }
    uint64_t total = 0, ranks[16] = {0};
    uint32_t order[16] = {0}, wanted = 0;
    double found[16];
    for (uint32_t i = 0; i < cell_count; i++)
        total += value_count(&cells->values[first + i]);
    if (total == 0)
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (stats[i].kind != STAT_PERCENTILE)
            continue;
        uint64_t rank = value_rank(stats[i].part, stats[i].whole, total);
        uint32_t at = wanted++;
        for (; at > 0 && ranks[at - 1] > rank; at--) {
            ranks[at] = ranks[at - 1];
            order[at] = order[at - 1];
        }
        ranks[at] = rank;
        order[at] = i;
    }
    value_select(&cells->values[first], cell_count, ranks, wanted, found);
    for (uint32_t i = 0; i < wanted; i++)
        out[order[i]] = found[i];
}

uint64_t cells_distinct(const struct cells *cells, uint32_t cell, bool whole)
{
    uint32_t first = whole ? cell - (cells->stride - 1) : cell;
    return value_distinct(&cells->distinct[first], whole ? cells->stride : 1);
}
