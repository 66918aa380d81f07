#include "query/evaluate.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static enum err table_new(struct run *run, uint32_t line_count, struct table *out)
{
    *out = (struct table){.stride = grid_stride(&run->grid), .line_count = line_count};
    out->group_count = groups_count(&run->groups);
    size_t rows = (size_t)out->group_count * line_count;
    if (rows * out->stride * 9 > (size_t)CELL_BYTES_MAX * 2)
        return query_fail(run->error, ERR_LIMIT, 0, "fewer groups or a longer step",
                          "the answer would be too large");
    out->info = arena_array(&run->arena, line_count + 1, sizeof(*out->info));
    out->values = arena_array(&run->arena, rows * out->stride + 1, sizeof(double));
    out->marks = arena_array(&run->arena, rows * out->stride + 1, 1);
    out->present = arena_array(&run->arena, rows + 1, sizeof(bool));
    return ERR_OK;
}

/* ---- cells into lines ---- */

static bool is_zero_by_silence(const struct feed *feed, const struct stat_term *stat)
{
    if (feed->is_level)
        return false;
    if (stat->kind == STAT_COUNT || stat->kind == STAT_UNIQ)
        return true;
    if (stat->kind != STAT_SUM)
        return false;
    for (uint32_t i = 0; i < feed->metric_count; i++)
        if (feed->metrics[i]->kind == KIND_COUNT)
            return true;
    return feed->metric_count == 0 && feed->kind == KIND_COUNT;
}

static double cell_value(const struct feed *feed, const struct stat_term *stat, uint32_t cell, bool whole)
{
    const struct cells *cells = &feed->cells;
    double count = (double)cells->count[cell];
    switch (stat->kind) {
    case STAT_COUNT:
        return count;
    case STAT_SUM:
        /* A level's points were combined across sources already: over time it is their mean. */
        return feed->is_level ? cells_sum(cells, cell) / count : cells_sum(cells, cell);
    case STAT_AVG:
        return cells_sum(cells, cell) / count;
    case STAT_MIN:
        return cells->min[cell];
    case STAT_MAX:
        return cells->max[cell];
    case STAT_LAST:
        return cells->last[cell].value;
    case STAT_STDDEV:
        return cells_deviation(cells, cell);
    case STAT_UNIQ:
        return (double)cells_distinct(cells, cell, whole);
    default:
        return NAN;
    }
}

struct feed_lines {
    struct run *run;
    const struct feed *feed;
    struct table *table;
    uint32_t first_line;
    bool whole;
    bool only_seen; /* without rows it has no line */
};

static void put_cell(const struct feed_lines *to, uint32_t group, uint32_t point, const double *percentiles)
{
    const struct feed *feed = to->feed;
    uint32_t cell = group * to->table->stride + point;
    bool total = point == to->run->grid.count, pooled = total && !feed->over_ms && to->run->grid.count;
    for (uint32_t s = 0; s < feed->stat_count; s++) {
        const struct stat_term *stat = &feed->stats[s];
        size_t at = table_row(to->table, group, to->first_line + s) * to->table->stride + point;
        double value = NAN;
        char mark = MARK_GAP;
        if (feed->cells.count[cell]) {
            value = stat->kind == STAT_PERCENTILE ? percentiles[s] : cell_value(feed, stat, cell, pooled);
            mark = MARK_KNOWN;
        } else if (is_zero_by_silence(feed, stat) && feed->present[point]) {
            value = 0;
            mark = MARK_ZERO;
        }
        if (feed->rate_ms) {
            bool window = feed->over_ms && !total;
            double covered = (double)(window ? feed->over_ms : grid_covered(&to->run->grid, point));
            value = value * (double)feed->rate_ms / covered;
        }
        if (!isfinite(value)) {
            value = NAN;
            mark = MARK_GAP;
        }
        to->table->values[at] = value;
        to->table->marks[at] = mark;
    }
}

/* One point of one group. The whole range of a grid of one step is that step. */
static void put_point(const struct feed_lines *to, uint32_t group, uint32_t point)
{
    const struct feed *feed = to->feed;
    const struct grid *grid = &to->run->grid;
    double percentiles[16];
    uint32_t cell = group * to->table->stride + point;
    bool total = point == grid->count, pooled = total && grid->count && !feed->over_ms;
    if (pooled && grid->count == 1 && feed->needs.values)
        return;
    for (uint32_t s = 0; s < feed->stat_count; s++)
        percentiles[s] = NAN;
    if (feed->needs.values && feed->cells.count[cell] && (to->whole || !pooled))
        cells_percentiles(&feed->cells, cell, pooled, feed->stats, feed->stat_count, percentiles);
    put_cell(to, group, point, percentiles);
    if (grid->count == 1 && !feed->over_ms && feed->needs.values)
        put_cell(to, group, point + 1, percentiles);
}

enum { POINTS_AT_ONCE = 16 };

struct points {
    const struct feed_lines *to;
    _Atomic uint32_t next;
};

static void put_points(void *ctx, uint32_t worker)
{
    struct points *points = ctx;
    uint32_t stride = points->to->table->stride, all = points->to->table->group_count * stride;
    for (;;) {
        uint32_t at = atomic_fetch_add(&points->next, POINTS_AT_ONCE), end = at + POINTS_AT_ONCE;
        if (at >= all)
            break;
        for (; at < all && at < end; at++)
            put_point(points->to, at / stride, at % stride);
    }
}

/* Selecting among many values is shared out. */
static bool is_much(const struct feed_lines *to)
{
    const struct feed *feed = to->feed;
    uint32_t least = to->run->options->share_rows ? to->run->options->share_rows : QUERY_SHARE_ROWS;
    return (feed->needs.values || feed->needs.distinct) && to->run->rows_read >= least;
}

static void put_feed(const struct feed_lines *to)
{
    const struct feed *feed = to->feed;
    struct points points = {.to = to};
    for (uint32_t group = 0; group < to->table->group_count; group++) {
        bool present = cells_seen(&feed->cells, group) || (!to->run->plan->grouped && !to->only_seen);
        for (uint32_t s = 0; s < feed->stat_count; s++)
            to->table->present[table_row(to->table, group, to->first_line + s)] = present;
    }
    crew_run(to->run->options->crew, is_much(to) ? UINT32_MAX : 0, put_points, &points);
}

/* ---- what the numbers are in ---- */

static struct str rate_unit(struct arena *arena, struct str unit, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *text;
    } units[] = {{604800000, "w"}, {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (ms % units[i].ms)
            continue;
        if (ms == units[i].ms)
            return arena_printf(arena, "%.*s/%s", STR_ARG(unit), units[i].text);
        return arena_printf(arena, "%.*s/%lld%s", STR_ARG(unit), (long long)(ms / units[i].ms),
                            units[i].text);
    }
    return unit;
}

/* Empty when the metrics differ: then the series of one metric says its own (ask.c). */
static struct str feed_unit(const struct feed *feed, const struct stat_term *stat, struct arena *arena)
{
    struct str unit = feed->metric_count ? feed->metrics[0]->unit : STR("");
    for (uint32_t i = 1; i < feed->metric_count; i++)
        if (!str_eq(unit, feed->metrics[i]->unit))
            unit = STR("");
    if (stat->kind == STAT_COUNT || stat->kind == STAT_UNIQ)
        unit = STR("");
    return feed->rate_ms ? rate_unit(arena, unit, feed->rate_ms) : unit;
}

static enum err evaluate_selector(struct run *run, const struct node *node, bool whole, struct table *out)
{
    const struct selector_plan *plan = node->plan;
    if (table_new(run, plan->stat_count, out) != ERR_OK)
        return run->error->err;
    out->metric = node->selector.text;
    uint32_t line = 0;
    /* Of a pattern's kinds, those show that have rows, unless none has. */
    bool any_seen = false;
    for (uint32_t i = 0; !run->plan->grouped && i < plan->feed_count; i++)
        any_seen |= cells_seen(&run->plan->feeds[plan->first_feed + i].cells, 0);
    bool only_seen = any_seen && !node->selector.is_exact;
    for (uint32_t i = 0; i < plan->feed_count; i++) {
        const struct feed *feed = &run->plan->feeds[plan->first_feed + i];
        struct feed_lines to = {run, feed, out, line, whole, only_seen};
        for (uint32_t s = 0; s < feed->stat_count; s++)
            out->info[line + s] =
                (struct line_info){feed->stats[s].text, feed_unit(feed, &feed->stats[s], &run->arena)};
        put_feed(&to);
        line += feed->stat_count;
    }
    return ERR_OK;
}

/* ---- expressions ---- */

static enum err evaluate_number(struct run *run, double number, struct table *out)
{
    if (table_new(run, 1, out) != ERR_OK)
        return run->error->err;
    size_t count = (size_t)out->group_count * out->stride;
    for (size_t i = 0; i < count; i++) {
        out->values[i] = number;
        out->marks[i] = MARK_ZERO; /* says nothing by itself: what it is combined with decides */
    }
    for (uint32_t group = 0; group < out->group_count; group++)
        out->present[group] = !run->plan->grouped;
    out->info[0] = (struct line_info){STR(""), STR("")};
    out->metric = STR("");
    return ERR_OK;
}

static void keep_top(const struct run *run, const struct table *table, const struct outward *outward)
{
    uint32_t *groups = mem_zero(table->group_count + 1, sizeof(*groups));
    uint32_t count = table_rank(table, &run->groups, outward->kind == OUTWARD_BOTTOM, groups);
    for (uint32_t i = outward->count; i < count; i++)
        for (uint32_t line = 0; line < table->line_count; line++)
            table->present[table_row(table, groups[i], line)] = false;
    mem_free(groups);
}

static enum err evaluate_query(struct run *run, const struct node *node, bool whole, struct table *out)
{
    const struct clauses *clauses = &node->clauses;
    for (uint32_t i = 0; i < clauses->outward_count; i++)
        whole |= clauses->outward[i].kind == OUTWARD_TOP || clauses->outward[i].kind == OUTWARD_BOTTOM;
    if (evaluate(run, node->kids[0], whole, out) != ERR_OK)
        return run->error->err;
    for (uint32_t i = 0; i < clauses->outward_count; i++) {
        const struct outward *outward = &clauses->outward[i];
        if (outward->kind == OUTWARD_FILL)
            table_fill(out, outward->fill);
        if (outward->kind == OUTWARD_SMOOTH)
            table_smooth(out, outward->ms, run->grid.step_ms);
        if (outward->kind == OUTWARD_AS)
            out->metric = outward->word;
        if ((outward->kind == OUTWARD_TOP || outward->kind == OUTWARD_BOTTOM) && node != run->plan->root)
            keep_top(run, out, outward);
    }
    return ERR_OK;
}

enum err evaluate(struct run *run, const struct node *node, bool whole, struct table *out)
{
    struct table *kids;
    uint32_t lines = 1;
    switch (node->kind) {
    case NODE_NUMBER:
        return evaluate_number(run, node->number, out);
    case NODE_SELECTOR:
        return evaluate_selector(run, node, whole, out);
    case NODE_QUERY:
        return evaluate_query(run, node, whole, out);
    case NODE_BINARY:
    case NODE_CALL:
        break;
    }
    kids = arena_array(&run->arena, node->kid_count, sizeof(*kids));
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (evaluate(run, node->kids[i], whole, &kids[i]) != ERR_OK)
            return run->error->err;
        lines = kids[i].line_count > lines ? kids[i].line_count : lines;
    }
    if (table_new(run, lines, out) != ERR_OK)
        return run->error->err;
    out->metric = node->text;
    if (node->kind == NODE_CALL)
        table_call(node->func, kids, node->kid_count, out);
    else
        table_binary(node->op, &kids[0], &kids[1], out);
    return ERR_OK;
}

/* ---- ranking ---- */

struct ranked {
    double value;
    struct str key; /* empty: of the pooled rest */
    uint32_t group;
};

static int compare_ranked(const struct ranked *x, const struct ranked *y, bool bottom)
{
    if (isnan(x->value) != isnan(y->value))
        return isnan(x->value) ? 1 : -1;
    if (x->value != y->value && !isnan(x->value))
        return (x->value < y->value) == bottom ? -1 : 1;
    int order = key_compare(x->key, y->key);
    return order ? order : (x->group > y->group) - (x->group < y->group);
}

static int compare_top(const void *a, const void *b)
{
    return compare_ranked(a, b, false);
}

static int compare_bottom(const void *a, const void *b)
{
    return compare_ranked(a, b, true);
}

uint32_t table_rank(const struct table *table, const struct groups *groups, bool bottom, uint32_t *ranked)
{
    struct ranked *all = mem_zero(table->group_count + 1, sizeof(*all));
    uint32_t count = 0;
    for (uint32_t group = 0; group < table->group_count; group++)
        for (uint32_t line = 0; line < table->line_count; line++) {
            size_t row = table_row(table, group, line);
            if (!table->present[row])
                continue;
            struct str key = group < groups->keys.count ? intern_get(&groups->keys, group) : STR_NONE;
            all[count++] =
                (struct ranked){table->values[row * table->stride + table->stride - 1], key, group};
            break;
        }
    qsort(all, count, sizeof(*all), bottom ? compare_bottom : compare_top);
    for (uint32_t i = 0; i < count; i++)
        ranked[i] = all[i].group;
    mem_free(all);
    return count;
}
