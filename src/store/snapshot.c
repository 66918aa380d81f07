#include "store/part.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/store_room.h"

static struct part *add_part(struct snapshot *snapshot)
{
    if (snapshot->part_count == snapshot->part_cap) {
        snapshot->part_cap = snapshot->part_cap ? snapshot->part_cap * 2 : 16;
        snapshot->parts = mem_resize(snapshot->parts, snapshot->part_cap, sizeof *snapshot->parts);
    }
    struct part *part = &snapshot->parts[snapshot->part_count++];
    *part = (struct part){.snapshot = snapshot};
    return part;
}

/* Under lane.lock: what the head holds now. Below these counts nothing changes any more. */
static void add_head(struct snapshot *snapshot, struct head *head)
{
    if (!head || head->rows == 0)
        return;
    struct part *part = add_part(snapshot);
    part->head = head_ref(head);
    part->column_count = head->metric_count;
    part->columns = mem_alloc(head->metric_count * sizeof *part->columns);
    for (uint32_t m = 0; m < head->metric_count; m++)
        part->columns[m] = head->sorted[m]->column;
    part->source_count = head->sources.count;
    part->host_count = head->hosts.count;
    part->presence_count = head->presence_count;
    part->rows = head->rows;
    part->from_ms = head->from_ms;
    part->to_ms = head->to_ms;
}

struct snapshot *store_snapshot(struct store *store)
{
    struct snapshot *snapshot = MEM_NEW(struct snapshot);
    snapshot->store = store;
    pthread_mutex_init(&snapshot->lock, NULL);
    pthread_mutex_lock(&store->lock);
    for (uint32_t l = 0; l < store->lane_count; l++) {
        struct lane *lane = &store->lanes[l];
        pthread_mutex_lock(&lane->lock);
        for (int c = 0; c < HEAD_CLASSES; c++) {
            add_head(snapshot, lane->sealing[c]);
            add_head(snapshot, lane->live[c]);
        }
        pthread_mutex_unlock(&lane->lock);
    }
    pthread_mutex_unlock(&store->lock);
    return snapshot;
}

static void part_done(struct part *part)
{
    head_unref(part->head);
    mem_free(part->columns);
    mem_free(part->source_rows);
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (uint32_t i = 0; i < snapshot->part_count; i++)
        part_done(&snapshot->parts[i]);
    mem_free(snapshot->parts);
    pthread_mutex_destroy(&snapshot->lock);
    mem_free(snapshot);
}

uint32_t snapshot_part_count(const struct snapshot *snapshot)
{
    return snapshot->part_count;
}

struct part *snapshot_part(const struct snapshot *snapshot, uint32_t index)
{
    CHECK(index < snapshot->part_count);
    return &snapshot->parts[index];
}

bool part_span(const struct part *part, int64_t *from_ms, int64_t *to_ms)
{
    if (part->rows == 0)
        return false;
    *from_ms = part->from_ms;
    *to_ms = part->to_ms;
    return true;
}

const struct head_column *part_column(const struct part *part, uint32_t metric)
{
    uint32_t low = 0, high = part->column_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (part->columns[middle].metric < metric)
            low = middle + 1;
        else
            high = middle;
    }
    return low < part->column_count && part->columns[low].metric == metric ? &part->columns[low] : NULL;
}

uint64_t part_metric_rows(const struct part *part, uint32_t metric)
{
    const struct head_column *column = part_column(part, metric);
    return column ? column->rows : 0;
}

bool snapshot_metric_span(const struct snapshot *snapshot, uint32_t metric, int64_t *from_ms, int64_t *to_ms,
                          uint64_t *rows)
{
    int64_t from = INT64_MAX, to = INT64_MIN;
    uint64_t count = 0;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        const struct head_column *column = part_column(&snapshot->parts[i], metric);
        if (!column || column->rows == 0)
            continue;
        from = column->from_ms < from ? column->from_ms : from;
        to = column->to_ms > to ? column->to_ms : to;
        count += column->rows;
    }
    if (count == 0)
        return false;
    *from_ms = from;
    *to_ms = to;
    *rows = count;
    return true;
}

/* ---- sources ---- */

enum err part_load_sources(struct snapshot *snapshot, struct part *part, uint32_t *count, struct why *why)
{
    *count = part->source_count;
    return ERR_OK;
}

struct str part_source(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    return intern_get(&part->head->sources, source);
}

uint64_t part_source_hash(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    return intern_hash(&part->head->sources, source);
}

/* A head keeps no counts per source: hardly anyone asks, and then one pass over the rows is quick. */
static uint32_t *count_source_rows(const struct part *part)
{
    uint32_t *rows = mem_zero(part->source_count, sizeof *rows);
    for (uint32_t m = 0; m < part->column_count; m++) {
        uint32_t left = part->columns[m].rows;
        for (const struct head_chunk *chunk = part->columns[m].first; left;) {
            uint32_t count = left < chunk->cap ? left : chunk->cap;
            for (uint32_t i = 0; i < count; i++)
                rows[chunk->source[i]]++;
            left -= count;
            if (left)
                chunk = chunk->next;
        }
    }
    return rows;
}

uint64_t part_source_rows(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    struct part *mutable = (struct part *)part;
    pthread_mutex_lock(&part->snapshot->lock);
    if (!part->source_rows)
        mutable->source_rows = count_source_rows(part);
    uint64_t rows = part->source_rows[source];
    pthread_mutex_unlock(&part->snapshot->lock);
    return rows;
}
