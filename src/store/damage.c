#include "store/damage.h"

#include "store/segment_cursor.h"

#include <inttypes.h>

enum { NAMED_MAX = 5 };

static void add_metric(struct damage *damage, const struct names *names, uint32_t metric)
{
    if (damage->metrics++ < NAMED_MAX) {
        buf_str(&damage->names, damage->metrics > 1 ? STR(", ") : STR(""));
        buf_str(&damage->names, names_metric(names, metric));
    } else if (damage->metrics == NAMED_MAX + 1) {
        buf_str(&damage->names, STR(", ..."));
    }
}

static void add_rows(struct damage *damage, uint64_t rows, int64_t from_ms, int64_t to_ms)
{
    if (damage->rows == 0 || from_ms < damage->from_ms)
        damage->from_ms = from_ms;
    if (damage->rows == 0 || to_ms > damage->to_ms)
        damage->to_ms = to_ms;
    damage->rows += rows;
}

void damage_whole(const struct segment *segment, struct damage *damage)
{
    for (uint32_t m = 0; m < segment->metric_count; m++)
        add_metric(damage, segment->origin->names, segment->metrics[m].metric);
    add_rows(damage, segment->rows, segment->from_ms, segment->to_ms);
}

/* Blocks are lost one by one; a metric is named once. */
static void read_column(struct segment_cursor *cursor, const struct segment *segment,
                        const struct segment_index *index, const struct segment_column *column,
                        struct damage *damage)
{
    bool named = false;
    segment_cursor_set(cursor, index, column);
    for (uint32_t b = column->first; b < segment_column_end(column); b++) {
        const struct segment_block_entry *block = &index->blocks[b];
        if (segment_cursor_read(cursor, b, NULL) == ERR_OK)
            continue;
        if (!named)
            add_metric(damage, segment->origin->names, column->metric);
        named = true;
        add_rows(damage, block->rows, block->from_ms, block->to_ms);
    }
}

void damage_of(struct segment *segment, struct damage *damage)
{
    struct segment_index *index = NULL;
    struct segment_sources *sources = NULL;
    struct segment_cursor cursor = {0};
    if (segment_load_index(segment, &index, NULL) || segment_load_sources(segment, index, &sources, NULL)) {
        damage_whole(segment, damage); /* rows without sources are no rows */
    } else {
        for (uint32_t c = 0; c < index->column_count; c++)
            read_column(&cursor, segment, index, &index->columns[c], damage);
    }
    segment_cursor_done(&cursor);
    segment_release(segment, sources ? &sources->entry : NULL);
    segment_release(segment, index ? &index->entry : NULL);
}

void damage_say(const struct damage *damage, struct buf *out)
{
    if (damage->rows == 0) {
        buf_str(out, STR("lost: no rows, only in which minutes which hosts were there"));
        return;
    }
    buf_printf(out, "lost: %" PRIu64 " rows of %u metric%s (", damage->rows, damage->metrics,
               damage->metrics == 1 ? "" : "s");
    buf_str(out, buf_view(&damage->names));
    buf_str(out, STR("), "));
    buf_time(out, damage->from_ms);
    buf_str(out, STR(" to "));
    buf_time(out, damage->to_ms);
}

void damage_done(struct damage *damage)
{
    buf_done(&damage->names);
    *damage = (struct damage){0};
}
