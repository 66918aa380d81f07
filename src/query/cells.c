#include "query/cells.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

void cells_init(struct cells *cells, struct needs needs, uint32_t stride, struct value_store *store)
{
    *cells = (struct cells){.needs = needs, .stride = stride, .store = store};
    cells->distincts.bytes_max = QUERY_EXACT_BYTES_MAX;
}

void cells_done(struct cells *cells)
{
    if (cells->sketches)
        for (size_t i = 0; i < (size_t)cells->groups * cells->stride; i++)
            sketch_done(&cells->sketches[i]);
    mem_free(cells->seen);
    mem_free(cells->count);
    mem_free(cells->sum);
    mem_free(cells->min);
    mem_free(cells->max);
    mem_free(cells->last);
    mem_free(cells->spread);
    mem_free(cells->values);
    mem_free(cells->sketches);
    mem_free(cells->distinct);
    arena_done(&cells->distincts.arena);
    *cells = (struct cells){0};
}

size_t cells_bytes_each(struct needs needs)
{
    size_t bytes = sizeof(uint64_t);
    bytes += needs.sum ? sizeof(struct exact_sum) : 0;
    bytes += needs.range ? 2 * sizeof(double) : 0;
    bytes += needs.last ? sizeof(struct last_value) : 0;
    bytes += needs.spread ? sizeof(struct spread) : 0;
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
    cells->seen = grow_zero(cells->seen, cells->groups, room, sizeof(*cells->seen));
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
    if (cells->needs.last)
        cells->last = grow_zero(cells->last, had, wanted, sizeof(*cells->last));
    if (cells->needs.spread)
        cells->spread = grow_zero(cells->spread, had, wanted, sizeof(*cells->spread));
    if (cells->needs.values && !cells->sketches)
        cells->values = grow_zero(cells->values, had, wanted, sizeof(*cells->values));
    if (cells->sketches)
        cells->sketches = grow_zero(cells->sketches, had, wanted, sizeof(*cells->sketches));
    if (cells->needs.distinct)
        cells->distinct = grow_zero(cells->distinct, had, wanted, sizeof(*cells->distinct));
    cells->groups = room;
}

/* ---- adding ---- */

static void sum_add(struct exact_sum *sum, double v)
{
    double t = sum->sum + v;
    sum->rest += fabs(sum->sum) >= fabs(v) ? (sum->sum - t) + v : (v - t) + sum->sum;
    sum->sum = t;
}

/* Neighbouring rows mostly fall into one cell: it stays in registers until another one comes. */
static void add_sums(struct cells *cells, const uint32_t *cell, const double *value, uint32_t n)
{
    for (uint32_t i = 0; i < n;) {
        uint32_t c = cell[i];
        struct exact_sum sum = cells->sum[c];
        for (; i < n && cell[i] == c; i++)
            sum_add(&sum, value[i]);
        cells->sum[c] = sum;
    }
}

static void add_ranges(struct cells *cells, const uint32_t *cell, const double *value, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = cell[i];
        cells->min[c] = value[i] < cells->min[c] ? value[i] : cells->min[c];
        cells->max[c] = value[i] > cells->max[c] ? value[i] : cells->max[c];
    }
}

/* The greatest time wins; of two rows with one time the greater value, so that no order of parts matters. */
static void last_take(struct last_value *last, bool first, int64_t time_ms, double value)
{
    if (first || time_ms > last->time_ms || (time_ms == last->time_ms && value > last->value))
        *last = (struct last_value){time_ms, value};
}

static void add_spreads(struct cells *cells, uint32_t c, double value)
{
    struct spread *spread = &cells->spread[c];
    double delta = value - spread->mean;
    spread->mean += delta / (double)(cells->count[c] + 1);
    spread->square += delta * (value - spread->mean);
}

static void add_sketched(struct cells *cells, uint32_t c, double value)
{
    struct sketch *sketch = &cells->sketches[c];
    size_t before = sketch_bytes(sketch);
    sketch_add(sketch, value);
    cells->sketch_bytes += sketch_bytes(sketch) - before;
}

static void mark_seen(struct cells *cells, const uint32_t *cell, uint32_t n)
{
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++)
        if (cell[i] != last) {
            last = cell[i];
            cells->seen[last / cells->stride] = true;
        }
}

void cells_add(struct cells *cells, const uint32_t *cell, const double *value, const int64_t *time_ms,
               uint32_t n)
{
    mark_seen(cells, cell, n);
    if (cells->needs.sum)
        add_sums(cells, cell, value, n);
    if (cells->needs.range)
        add_ranges(cells, cell, value, n);
    if (cells->needs.values && !cells->sketches)
        for (uint32_t i = 0; i < n; i++)
            value_add(cells->store, &cells->values[cell[i]], value[i]);
    if (cells->sketches)
        for (uint32_t i = 0; i < n; i++)
            add_sketched(cells, cell[i], value[i]);
    if (!cells->needs.last && !cells->needs.spread) {
        for (uint32_t i = 0; i < n; i++)
            cells->count[cell[i]]++;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = cell[i];
        if (cells->needs.last)
            last_take(&cells->last[c], cells->count[c] == 0, time_ms[i], value[i]);
        if (cells->needs.spread)
            add_spreads(cells, c, value[i]);
        cells->count[c]++;
    }
}

static void add_range_run(struct cells *cells, uint32_t c, const double *value, uint32_t n)
{
    double min = cells->min[c], max = cells->max[c];
    for (uint32_t i = 0; i < n; i++) {
        min = value[i] < min ? value[i] : min;
        max = value[i] > max ? value[i] : max;
    }
    cells->min[c] = min;
    cells->max[c] = max;
}

void cells_add_run(struct cells *cells, uint32_t c, const double *value, const int64_t *time_ms, uint32_t n)
{
    cells->seen[c / cells->stride] |= n > 0;
    if (cells->needs.sum) {
        struct exact_sum sum = cells->sum[c];
        for (uint32_t i = 0; i < n; i++)
            sum_add(&sum, value[i]);
        cells->sum[c] = sum;
    }
    if (cells->needs.range)
        add_range_run(cells, c, value, n);
    if (cells->needs.values && !cells->sketches)
        value_add_run(cells->store, &cells->values[c], value, n);
    for (uint32_t i = 0; cells->sketches && i < n; i++)
        add_sketched(cells, c, value[i]);
    if (!cells->needs.last && !cells->needs.spread) {
        cells->count[c] += n;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (cells->needs.last)
            last_take(&cells->last[c], cells->count[c] == 0, time_ms[i], value[i]);
        if (cells->needs.spread)
            add_spreads(cells, c, value[i]);
        cells->count[c]++;
    }
}

void cells_add_partial(struct cells *cells, uint32_t cell, uint64_t count, double sum, double min, double max)
{
    cells->seen[cell / cells->stride] |= count > 0;
    if (cells->needs.sum)
        sum_add(&cells->sum[cell], sum);
    if (cells->needs.range) {
        bool first = cells->count[cell] == 0;
        cells->min[cell] = first || min < cells->min[cell] ? min : cells->min[cell];
        cells->max[cell] = first || max > cells->max[cell] ? max : cells->max[cell];
    }
    cells->count[cell] += count;
}

void cells_add_distinct(struct cells *cells, const uint32_t *cell, const uint64_t *hash, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        double bits;
        memcpy(&bits, &hash[i], sizeof(bits));
        value_add(&cells->distincts, &cells->distinct[cell[i]], bits);
    }
}

/* ---- when memory is used up ---- */

struct sketching {
    struct cells *cells;
    uint32_t cell;
};

static void sketch_run(void *ctx, const double *values, uint32_t count)
{
    struct sketching *to = ctx;
    for (uint32_t i = 0; i < count; i++)
        add_sketched(to->cells, to->cell, values[i]);
}

void cells_to_sketches(struct cells *cells)
{
    if (!cells->needs.values || cells->sketches)
        return;
    uint32_t count = cells->groups * cells->stride;
    cells->sketches = mem_zero(count ? count : 1, sizeof(*cells->sketches));
    for (uint32_t i = 0; i < count; i++) {
        struct sketching to = {cells, i};
        value_each(&cells->values[i], sketch_run, &to);
    }
    mem_free(cells->values);
    cells->values = NULL;
}

bool cells_compact(struct cells *cells)
{
    struct value_store old = cells->distincts;
    cells->distincts = (struct value_store){.bytes_max = old.bytes_max};
    for (uint32_t i = 0; i < cells->groups * cells->stride; i++)
        if (cells->distinct[i].count)
            value_compact(&cells->distinct[i], &cells->distincts);
    arena_done(&old.arena);
    return cells->distincts.arena.size <= cells->distincts.bytes_max / 2;
}

/* ---- the whole range ---- */

static void total_spread(struct cells *cells, uint32_t total, uint32_t from)
{
    struct spread *to = &cells->spread[total];
    double had = (double)cells->count[total], more = (double)cells->count[from], all = had + more;
    double delta = cells->spread[from].mean - to->mean;
    to->mean += delta * more / all;
    to->square += cells->spread[from].square + delta * delta * had * more / all;
}

static void total_of_group(struct cells *cells, uint32_t group)
{
    uint32_t first = group * cells->stride, total = first + cells->stride - 1;
    for (uint32_t c = first; c < total; c++) {
        if (cells->count[c] == 0)
            continue;
        if (cells->needs.sum) {
            sum_add(&cells->sum[total], cells->sum[c].sum);
            sum_add(&cells->sum[total], cells->sum[c].rest);
        }
        if (cells->needs.range) {
            cells->min[total] = fmin(cells->min[total], cells->min[c]);
            cells->max[total] = fmax(cells->max[total], cells->max[c]);
        }
        if (cells->needs.last)
            last_take(&cells->last[total], cells->count[total] == 0, cells->last[c].time_ms,
                      cells->last[c].value);
        if (cells->needs.spread)
            total_spread(cells, total, c);
        cells->count[total] += cells->count[c];
    }
}

void cells_total(struct cells *cells)
{
    for (uint32_t group = 0; group < cells->groups; group++)
        if (cells->seen[group])
            total_of_group(cells, group);
}

/* ---- reading ---- */

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
        total += cells->values[first + i].count;
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
