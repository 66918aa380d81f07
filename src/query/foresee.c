/* foresee.c: whether the raw values of a run will fit, known from counts before any row is read. If not, the
 * run ends in sketches anyway: then those that the store keeps serve as well as the rows, and cost in
 * proportion to minutes. The counts are what is surely there; what they do not know shows while rows are
 * read.
 */
#include "query/execute.h"

#include "base/mem.h"

static bool has_values(const struct feed *feed)
{
    return feed->needs.values && !feed->is_level && !feed->over_ms;
}

static bool overlaps(const struct part *part, struct time_span span)
{
    int64_t from_ms, to_ms;
    return part_span(part, &from_ms, &to_ms) && to_ms >= span.from_ms && from_ms < span.to_ms;
}

/* Costs nothing: mostly all of them fit. */
static uint64_t rows_at_most(const struct run *run, struct time_span span)
{
    uint64_t rows = 0;
    for (uint32_t p = 0; p < snapshot_part_count(run->snapshot); p++) {
        const struct part *part = snapshot_part(run->snapshot, p);
        for (uint32_t f = 0; f < run->plan->feed_count && overlaps(part, span); f++) {
            const struct feed *feed = &run->plan->feeds[f];
            for (uint32_t m = 0; m < feed->metric_count && has_values(feed); m++)
                if (feed->metrics[m]->id != NAME_NONE)
                    rows += part_metric_rows(part, feed->metrics[m]->id);
        }
    }
    return rows;
}

/* Adds to *rows. */
static enum err count_feed(struct source_map *map, struct part *part, struct time_span span, uint64_t *rows)
{
    const struct feed *feed = map->feed;
    for (uint32_t m = 0; m < feed->metric_count; m++) {
        if (feed->metrics[m]->id == NAME_NONE || !part_metric_rows(part, feed->metrics[m]->id))
            continue;
        int64_t more = 0;
        if (source_map_enter(map, part, feed->metrics[m]))
            more = partial_feed_rows(map, part, span);
        if (map->run->error->err != ERR_OK)
            return map->run->error->err;
        *rows += (uint64_t)more;
    }
    return ERR_OK;
}

static enum err count_parts(struct run *run, struct source_map *maps, struct time_span span, uint64_t enough)
{
    uint64_t rows = 0;
    for (uint32_t p = 0; p < snapshot_part_count(run->snapshot) && rows <= enough; p++) {
        struct part *part = snapshot_part(run->snapshot, p);
        if (!overlaps(part, span))
            continue;
        enum err err = ERR_OK;
        for (uint32_t f = 0; f < run->plan->feed_count && !err; f++)
            if (has_values(&run->plan->feeds[f]))
                err = count_feed(&maps[f], part, span, &rows);
        part_release_sources(run->snapshot, part);
        if (err)
            return err;
    }
    run->foreseen = rows > enough;
    return ERR_OK;
}

enum err run_foresee(struct run *run)
{
    struct time_span span = {run->grid.from_ms, run->grid.to_ms};
    uint64_t enough = run->values.bytes_max / sizeof(double);
    uint32_t feeds = run->plan->feed_count;
    run->foreseen = false;
    if (run->options->rows_only || rows_at_most(run, span) <= enough)
        return ERR_OK;
    struct source_map *maps = mem_zero(feeds + 1, sizeof(*maps));
    for (uint32_t f = 0; f < feeds; f++)
        source_map_init(&maps[f], run, &run->plan->feeds[f]);
    enum err err = count_parts(run, maps, span, enough);
    for (uint32_t f = 0; f < feeds; f++)
        source_map_done(&maps[f]);
    mem_free(maps);
    if (err == ERR_OK && run->foreseen)
        run_sketch(run);
    return err;
}
