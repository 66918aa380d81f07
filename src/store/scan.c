#include "base/check.h"
#include "base/mem.h"
#include "store/part.h"
#include "store/segment_cursor.h"
#include "store/store_room.h"

struct scan {
    struct part *part;
    uint32_t metric;
    int64_t from_ms, to_ms;
    uint32_t share, share_count; /* count 0: all */
    /* Of a head. */
    const struct head_chunk *chunk;
    uint32_t left, rows;
    /* Of a file. */
    struct segment_index *index;
    uint32_t at, end; /* in the index's blocks */
    const struct source_ranges *sources;
    uint32_t range;            /* the ranges before it end before the block at hand */
    struct row_filter *filter; /* of deleted rows; mostly NULL */
    struct segment_cursor cursor;
};

struct scan *scan_open(struct snapshot *snapshot, struct part *part, uint32_t metric, int64_t from_ms,
                       int64_t to_ms, const struct source_ranges *sources)
{
    struct scan *scan = MEM_NEW(struct scan);
    *scan =
        (struct scan){.part = part, .metric = metric, .from_ms = from_ms, .to_ms = to_ms, .sources = sources};
    const struct head_column *column = part->head ? part_column(part, metric) : NULL;
    if (column && column->from_ms < to_ms && column->to_ms >= from_ms) {
        scan->chunk = column->first;
        scan->left = scan->rows = column->rows;
    }
    return scan;
}

void scan_share(struct scan *scan, uint32_t index, uint32_t count)
{
    CHECK(index < count);
    scan->share = index;
    scan->share_count = count;
}

/* Where a share of `all` begins; that of the next one is where it ends. */
static uint32_t share_at(const struct scan *scan, uint32_t share, uint32_t all)
{
    return (uint32_t)((uint64_t)all * share / scan->share_count);
}

/* A chunk belongs to the share that its first row lies in. */
static bool in_share(const struct scan *scan, uint32_t row)
{
    return !scan->share_count || (row >= share_at(scan, scan->share, scan->rows) &&
                                  row < share_at(scan, scan->share + 1, scan->rows));
}

/* The span of a chunk: known when it is full, counted when it may still grow. */
static void chunk_span(const struct head_chunk *chunk, uint32_t count, int64_t *from_ms, int64_t *to_ms)
{
    if (count == chunk->cap) {
        *from_ms = chunk->from_ms;
        *to_ms = chunk->to_ms;
        return;
    }
    *from_ms = INT64_MAX;
    *to_ms = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        *from_ms = chunk->time_ms[i] < *from_ms ? chunk->time_ms[i] : *from_ms;
        *to_ms = chunk->time_ms[i] > *to_ms ? chunk->time_ms[i] : *to_ms;
    }
}

static int next_of_head(struct scan *scan, struct block *block)
{
    while (scan->left) {
        const struct head_chunk *chunk = scan->chunk;
        uint32_t count = scan->left < chunk->cap ? scan->left : chunk->cap, row = scan->rows - scan->left;
        int64_t from_ms, to_ms;
        scan->left -= count;
        scan->chunk = scan->left ? chunk->next : NULL; /* next may be written while nothing is left */
        if (!in_share(scan, row))
            continue;
        chunk_span(chunk, count, &from_ms, &to_ms);
        if (from_ms >= scan->to_ms || to_ms < scan->from_ms)
            continue;
        *block = (struct block){
            scan->metric, count, chunk->source, chunk->time_ms, chunk->value, from_ms, to_ms, NULL, 0};
        return 1;
    }
    return 0;
}

/* 1: the index is there; 0: the file has nothing of it; -1. */
static int open_column(struct scan *scan, struct why *why)
{
    const struct segment_metric *metric = segment_find_metric(scan->part->segment, scan->metric);
    if (!metric || metric->from_ms >= scan->to_ms || metric->to_ms < scan->from_ms)
        return 0;
    if (part_load_index(scan->part, &scan->index, why))
        return -1;
    const struct segment_column *column = segment_find_column(scan->index, scan->metric);
    if (scan->part->touch_count &&
        part_filter(scan->part, scan->metric, scan->from_ms, scan->to_ms, &scan->filter, why))
        return -1;
    if (column) {
        scan->at = column->first;
        scan->end = segment_column_end(column);
        if (scan->share_count) {
            uint32_t blocks = scan->end - scan->at;
            scan->end = scan->at + share_at(scan, scan->share + 1, blocks);
            scan->at += share_at(scan, scan->share, blocks);
        }
        segment_cursor_set(&scan->cursor, scan->index, column);
    }
    return 1;
}

/* Any of the wished sources? Blocks come ascending, but the followers begin anew. */
static bool may_hold(struct scan *scan, const struct segment_block_entry *entry)
{
    const struct source_ranges *sources = scan->sources;
    if (!sources)
        return true;
    if (scan->range && sources->at[scan->range - 1].end > entry->first_source)
        scan->range = 0;
    while (scan->range < sources->count && sources->at[scan->range].end <= entry->first_source)
        scan->range++;
    return scan->range < sources->count && sources->at[scan->range].first <= entry->last_source;
}

static int next_of_file(struct scan *scan, struct block *block, struct why *why)
{
    if (!scan->index) {
        int open = open_column(scan, why);
        if (open <= 0)
            return open;
    }
    while (scan->at < scan->end) {
        uint32_t at = scan->at++;
        const struct segment_block_entry *entry = &scan->index->blocks[at];
        if (entry->from_ms >= scan->to_ms || entry->to_ms < scan->from_ms || !may_hold(scan, entry))
            continue;
        enum err err = segment_cursor_read(&scan->cursor, at, why);
        if (err) {
            if (err == ERR_CORRUPT)
                scan->part->segment->damaged = true;
            why_wrap(why, err, "segment %s", scan->part->segment->name);
            return -1;
        }
        struct block_rows *rows = scan->cursor.rows;
        uint32_t count = scan->filter ? row_filter_apply(scan->filter, rows) : entry->rows;
        if (!count)
            continue;
        *block = (struct block){scan->metric,   count,        NULL,      rows->time_ms,  rows->value,
                                entry->from_ms, entry->to_ms, rows->run, rows->run_count};
        return 1;
    }
    return 0;
}

int scan_next(struct scan *scan, struct block *block, struct why *why)
{
    return scan->part->head ? next_of_head(scan, block) : next_of_file(scan, block, why);
}

void scan_close(struct scan *scan)
{
    if (!scan)
        return;
    segment_cursor_done(&scan->cursor);
    row_filter_free(scan->filter);
    mem_free(scan);
}
