#include "base/check.h"
#include "base/mem.h"
#include "store/part.h"
#include "store/store_room.h"

struct scan {
    struct part *part;
    uint32_t metric;
    int64_t from_ms, to_ms;
    /* Of a head. */
    const struct head_chunk *chunk;
    uint32_t left;
};

struct scan *scan_open(struct snapshot *snapshot, struct part *part, uint32_t metric, int64_t from_ms,
                       int64_t to_ms)
{
    struct scan *scan = MEM_NEW(struct scan);
    *scan = (struct scan){.part = part, .metric = metric, .from_ms = from_ms, .to_ms = to_ms};
    const struct head_column *column = part->head ? part_column(part, metric) : NULL;
    if (column && column->from_ms < to_ms && column->to_ms >= from_ms) {
        scan->chunk = column->first;
        scan->left = column->rows;
    }
    return scan;
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
        uint32_t count = scan->left < chunk->cap ? scan->left : chunk->cap;
        int64_t from_ms, to_ms;
        chunk_span(chunk, count, &from_ms, &to_ms);
        scan->left -= count;
        scan->chunk = scan->left ? chunk->next : NULL; /* next may be written while nothing is left */
        if (from_ms >= scan->to_ms || to_ms < scan->from_ms)
            continue;
        *block =
            (struct block){scan->metric, count, chunk->source, chunk->time_ms, chunk->value, from_ms, to_ms};
        return 1;
    }
    return 0;
}

int scan_next(struct scan *scan, struct block *block, struct why *why)
{
    return next_of_head(scan, block);
}

void scan_close(struct scan *scan)
{
    mem_free(scan);
}
