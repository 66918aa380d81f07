/* level.c: levels on their grid.
 *
 * The grid has a point at every multiple of min(step, 1 min), and one at the end of the range. A source's
 * value at a point T is its last sample before T that is not older than the metric's `lasts`. At each point
 * the values of a group's sources are combined (across); the combined values then fall into the step that
 * holds T - 1 ms, as if they were samples: their mean is the step's value, min, max and last are theirs too.
 *
 * Memory is bounded by working through the range in windows of points: a window whose rows or sums do not fit
 * is halved and read again, with the samples of `lasts` before it.
 */
#include "query/execute.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>

enum { WINDOW_BYTES_MAX = 32 << 20 };

struct level_row {
    uint32_t series;
    int64_t time_ms;
    double value;
};

struct level_point {
    double sum, max;
    uint32_t count;
};

/* One source of one metric. */
struct level_series {
    uint64_t hash;
    uint32_t group;
    int64_t lasts_ms;
    uint32_t rows; /* in the window */
};

struct level_feed {
    struct run *run;
    struct feed *feed;
    struct source_map map;
    int64_t grid_ms;
    int64_t lasts_max_ms;
    int64_t point_ms;     /* the first point of the window */
    uint32_t point_count; /* in the window; the last one may be the end of the range */
    struct level_row *rows;
    uint32_t row_count, row_cap;
    struct level_series *series;
    uint32_t series_count, series_cap;
    uint32_t *slots; /* series by hash: index + 1 */
    uint32_t slot_count;
    struct level_point *points; /* group * point_count + point */
    bool full;
};

static int64_t lasts_of(const struct metric_ref *metric)
{
    return metric->def && metric->def->lasts_ms > 0 ? metric->def->lasts_ms : 300000;
}

/* Points are the multiples of the grid, and the end of the range. */
static int64_t point_at(const struct level_feed *level, uint32_t index)
{
    int64_t at = level->point_ms + (int64_t)index * level->grid_ms;
    return at < level->run->grid.to_ms ? at : level->run->grid.to_ms;
}

/* ---- series of the window ---- */

static void grow_slots(struct level_feed *level)
{
    level->slot_count = level->slot_count ? level->slot_count * 2 : 256;
    mem_free(level->slots);
    level->slots = mem_zero(level->slot_count, sizeof(*level->slots));
    for (uint32_t i = 0; i < level->series_count; i++) {
        uint32_t at = (uint32_t)level->series[i].hash & (level->slot_count - 1);
        while (level->slots[at])
            at = (at + 1) & (level->slot_count - 1);
        level->slots[at] = i + 1;
    }
}

/* Sources of different parts are one by the hash of their canonical bytes. */
static uint32_t series_of(struct level_feed *level, uint64_t hash, uint32_t group, int64_t lasts_ms)
{
    if (level->series_count * 2 >= level->slot_count)
        grow_slots(level);
    uint32_t at = (uint32_t)hash & (level->slot_count - 1);
    for (; level->slots[at]; at = (at + 1) & (level->slot_count - 1))
        if (level->series[level->slots[at] - 1].hash == hash)
            return level->slots[at] - 1;
    if (level->series_count == level->series_cap) {
        level->series_cap = level->series_cap ? level->series_cap * 2 : 256;
        level->series = mem_resize(level->series, level->series_cap, sizeof(*level->series));
    }
    level->series[level->series_count] = (struct level_series){hash, group, lasts_ms, 0};
    level->slots[at] = level->series_count + 1;
    return level->series_count++;
}

static void window_clear(struct level_feed *level)
{
    level->row_count = 0;
    level->series_count = 0;
    level->full = false;
    if (level->slot_count)
        memset(level->slots, 0, level->slot_count * sizeof(*level->slots));
}

/* ---- reading ---- */

static void add_level_row(struct level_feed *level, uint32_t series, int64_t time_ms, double value)
{
    if (level->row_count == level->row_cap) {
        size_t cap = level->row_cap ? (size_t)level->row_cap * 2 : 4096;
        if (cap * sizeof(*level->rows) > WINDOW_BYTES_MAX) {
            level->full = true;
            return;
        }
        level->row_cap = (uint32_t)cap;
        level->rows = mem_resize(level->rows, cap, sizeof(*level->rows));
    }
    level->rows[level->row_count++] = (struct level_row){series, time_ms, value};
    level->series[series].rows++;
}

/* What a scan of one metric in one part knows of the source at hand. */
struct level_scan {
    const struct metric_ref *metric;
    int64_t from_ms, to_ms;
    struct source_reader *reader;
    bool known;
    uint32_t source, group, series;
};

static bool in_time(const struct level_scan *at, int64_t time_ms)
{
    return time_ms >= at->from_ms && time_ms < at->to_ms;
}

static enum err meet_source(struct level_feed *level, struct level_scan *at, uint32_t source, struct why *why)
{
    struct str bytes = STR_NONE;
    enum err err = ERR_OK;
    if (at->known && at->source == source)
        return ERR_OK;
    at->known = true;
    at->source = source;
    at->group = source_map_group(&level->map, source);
    if (at->group == GROUP_DROPPED)
        return ERR_OK;
    err = source_reader_get(at->reader, source, &bytes, why);
    if (!err)
        at->series = series_of(level, hash_mix(hash_bytes(bytes) ^ hash_mix(at->metric->id + 1)), at->group,
                               lasts_of(at->metric));
    return err;
}

/* Rows [first, end) of one source. */
static enum err add_level_rows(struct level_feed *level, struct level_scan *at, const struct block *block,
                               uint32_t source, uint32_t first, uint32_t end, struct why *why)
{
    while (first < end && !in_time(at, block->time_ms[first]))
        first++;
    if (first == end)
        return ERR_OK;
    enum err err = meet_source(level, at, source, why);
    if (err || at->group == GROUP_DROPPED)
        return err;
    for (uint32_t i = first; i < end && !level->full; i++)
        if (in_time(at, block->time_ms[i]))
            add_level_row(level, at->series, block->time_ms[i], block->value[i]);
    return ERR_OK;
}

static enum err add_level_block(struct level_feed *level, struct level_scan *at, const struct block *block,
                                struct why *why)
{
    enum err err = ERR_OK;
    if (!block->runs)
        for (uint32_t i = 0; i < block->count && !err; i++)
            err = add_level_rows(level, at, block, block->source[i], i, i + 1, why);
    for (uint32_t r = 0, first = 0; r < block->run_count && !err; first = block->runs[r++].end)
        err = add_level_rows(level, at, block, block->runs[r].source, first, block->runs[r].end, why);
    return err;
}

static enum err scan_level(struct level_feed *level, struct part *part, const struct metric_ref *metric,
                           int64_t from_ms, int64_t to_ms)
{
    struct run *run = level->run;
    if (!source_map_enter(&level->map, part, metric))
        return run->error->err;
    struct why why = {0};
    struct level_scan at = {.metric = metric, .from_ms = from_ms, .to_ms = to_ms};
    struct scan *scan =
        scan_open(run->snapshot, part, metric->id, from_ms, to_ms, source_map_ranges(&level->map));
    struct block block;
    enum err err = ERR_OK;
    int more = 0;
    at.reader = source_reader_new(run->snapshot, part);
    while (err == ERR_OK && !level->full && !why.err && (more = scan_next(scan, &block, &why)) > 0)
        if (add_level_block(level, &at, &block, &why) == ERR_OK)
            err = run_poll(run, block.count);
    scan_close(scan);
    source_reader_free(at.reader);
    if (err == ERR_OK && !level->full && why.err)
        err = query_fail(run->error, why.err, 0, NULL, "rows could not be read: %s", why.text);
    return err;
}

static enum err read_window(struct level_feed *level)
{
    struct run *run = level->run;
    window_clear(level);
    int64_t from = point_at(level, 0) - level->lasts_max_ms, to = point_at(level, level->point_count - 1);
    uint32_t parts = snapshot_part_count(run->snapshot);
    enum err err = ERR_OK;
    for (uint32_t p = 0; err == ERR_OK && p < parts; p++) {
        struct part *part = snapshot_part(run->snapshot, p);
        int64_t first, last;
        if (!part_span(part, &first, &last) || last < from || first >= to)
            continue;
        for (uint32_t m = 0; err == ERR_OK && !level->full && m < level->feed->metric_count; m++) {
            const struct metric_ref *metric = level->feed->metrics[m];
            if (metric->id != NAME_NONE && part_metric_rows(part, metric->id))
                err = scan_level(level, part, metric, from, to);
        }
        part_release_sources(run->snapshot, part);
    }
    size_t sums = (size_t)groups_count(&run->groups) * level->point_count * sizeof(struct level_point);
    level->full |= sums > WINDOW_BYTES_MAX;
    return err;
}

/* ---- from samples to points ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct level_row *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* By series, then by time: a counting sort, since rows of one source mostly come in order. */
static void sort_rows(struct level_feed *level)
{
    uint32_t *starts = mem_zero(level->series_count + 1, sizeof(*starts));
    struct level_row *sorted = mem_resize(NULL, level->row_count + 1, sizeof(*sorted));
    for (uint32_t i = 0; i < level->series_count; i++)
        starts[i + 1] = starts[i] + level->series[i].rows;
    for (uint32_t i = 0; i < level->row_count; i++)
        sorted[starts[level->rows[i].series]++] = level->rows[i];
    uint32_t start = 0;
    for (uint32_t i = 0; i < level->series_count; i++) {
        uint32_t end = starts[i];
        bool ordered = true;
        for (uint32_t j = start + 1; ordered && j < end; j++)
            ordered = compare_rows(&sorted[j - 1], &sorted[j]) <= 0;
        if (!ordered)
            qsort(sorted + start, end - start, sizeof(*sorted), compare_rows);
        start = end;
    }
    mem_free(starts);
    mem_free(level->rows);
    level->rows = sorted;
    level->row_cap = level->row_count + 1;
}

static void add_point(struct level_feed *level, uint32_t group, uint32_t index, double value)
{
    struct level_point *point = &level->points[(size_t)group * level->point_count + index];
    point->sum += value;
    point->max = point->count == 0 || value > point->max ? value : point->max;
    point->count++;
}

/* A sample rules the points behind its time up to its successor's time and its own age. */
static void spread_rows(struct level_feed *level)
{
    uint32_t last_index = level->point_count - 1;
    int64_t last_point = point_at(level, last_index);
    for (uint32_t i = 0; i < level->row_count; i++) {
        const struct level_row *row = &level->rows[i];
        const struct level_series *series = &level->series[row->series];
        int64_t until = row->time_ms + series->lasts_ms;
        bool followed = i + 1 < level->row_count && level->rows[i + 1].series == row->series;
        if (followed && level->rows[i + 1].time_ms < until)
            until = level->rows[i + 1].time_ms;
        int64_t behind = row->time_ms - level->point_ms;
        uint32_t index = behind < 0 ? 0 : (uint32_t)(behind / level->grid_ms) + 1;
        for (; index < last_index && point_at(level, index) <= until; index++)
            add_point(level, series->group, index, row->value);
        if (index <= last_index && last_point > row->time_ms && last_point <= until)
            add_point(level, series->group, last_index, row->value);
    }
}

static double combine(const struct level_point *point, enum across across)
{
    switch (across) {
    case ACROSS_AVG:
        return point->sum / point->count;
    case ACROSS_MAX:
        return point->max;
    case ACROSS_SUM:
        break;
    }
    return point->sum;
}

static void put_point(struct level_feed *level, uint32_t group, int64_t point_ms, double value)
{
    const struct grid *grid = &level->run->grid;
    int64_t time = point_ms - 1;
    uint32_t first = group * grid_stride(grid), cell = first;
    if (!level->feed->over_ms || grid->count == 0) {
        if (time < grid->from_ms)
            return;
        if (grid->count)
            cell = first + (uint32_t)((time - grid->origin_ms) / grid->step_ms);
        cells_add(&level->feed->cells, &cell, &value, &time, 1);
        return;
    }
    uint32_t step = time > grid->from_ms ? (uint32_t)((time - grid->origin_ms) / grid->step_ms) : 0;
    for (; step < grid->count; step++) {
        int64_t from, to;
        grid_span(grid, step, &from, &to);
        if (to - level->feed->over_ms > time)
            break;
        cell = first + step;
        cells_add(&level->feed->cells, &cell, &value, &time, 1);
    }
    cell = first + grid->count;
    if (time >= grid->from_ms)
        cells_add(&level->feed->cells, &cell, &value, &time, 1);
}

static enum err fold_points(struct level_feed *level)
{
    struct run *run = level->run;
    uint32_t groups = groups_count(&run->groups);
    cells_reserve(&level->feed->cells, groups);
    for (uint32_t group = 0; group < groups; group++) {
        if (run_poll(run, 0) != ERR_OK)
            return run->error->err;
        for (uint32_t i = 0; i < level->point_count; i++) {
            const struct level_point *point = &level->points[(size_t)group * level->point_count + i];
            /* What has not begun yet is not known. */
            bool ahead = point_at(level, i) - level->grid_ms >= run->grid.now_ms;
            if (point->count && !ahead)
                put_point(level, group, point_at(level, i), combine(point, level->feed->across));
        }
    }
    return ERR_OK;
}

static enum err level_window(struct level_feed *level)
{
    for (;;) {
        enum err err = read_window(level);
        if (err != ERR_OK)
            return err;
        if (!level->full)
            break;
        if (level->point_count <= 1)
            return query_fail(level->run->error, ERR_LIMIT, 0, "a narrower scope",
                              "too many sources of a level at once");
        level->point_count /= 2;
    }
    if (level->row_count == 0)
        return run_poll(level->run, 0);
    sort_rows(level);
    level->points =
        mem_zero((size_t)groups_count(&level->run->groups) * level->point_count + 1, sizeof(*level->points));
    spread_rows(level);
    enum err err = fold_points(level);
    mem_free(level->points);
    level->points = NULL;
    return err;
}

enum err level_execute(struct run *run, struct feed *feed)
{
    const struct grid *grid = &run->grid;
    struct level_feed level = {.run = run, .feed = feed};
    level.grid_ms = grid->step_ms < 60000 ? grid->step_ms : 60000;
    for (uint32_t m = 0; m < feed->metric_count; m++)
        if (lasts_of(feed->metrics[m]) > level.lasts_max_ms)
            level.lasts_max_ms = lasts_of(feed->metrics[m]);
    source_map_init(&level.map, run, feed);
    int64_t low = grid->from_ms;
    if (feed->over_ms && grid->count) {
        int64_t from, to;
        grid_span(grid, 0, &from, &to);
        low = to - feed->over_ms < low ? to - feed->over_ms : low;
    }
    int64_t at =
        (low >= 0 ? low / level.grid_ms : -1) * level.grid_ms + level.grid_ms; /* no sample is before 1970 */
    int64_t most = 100000; /* shrinks as windows turn out too big */
    enum err err = ERR_OK;
    while (err == ERR_OK && feed->metric_count && at < grid->to_ms + level.grid_ms) {
        int64_t left = (grid->to_ms - at + level.grid_ms - 1) / level.grid_ms + 1;
        level.point_ms = at;
        level.point_count = (uint32_t)(left > most ? most : left);
        err = level_window(&level);
        most = left > most || level.point_count < left ? level.point_count : most;
        at += (int64_t)level.point_count * level.grid_ms;
    }
    source_map_done(&level.map);
    mem_free(level.rows);
    mem_free(level.series);
    mem_free(level.slots);
    mem_free(level.points);
    return err;
}
