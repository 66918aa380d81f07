#include "store/part.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/segment.h"
#include "store/store_room.h"
#include "store/tombstone.h"

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
    part->host_count = head->presence.hosts.count;
    part->presence_count = head->presence.count;
    part->rows = head->rows;
    part->from_ms = head->from_ms;
    part->to_ms = head->to_ms;
}

static void add_segment(struct snapshot *snapshot, struct segment *segment)
{
    struct part *part = add_part(snapshot);
    part->segment = segment; /* the list holds it */
    part->rows = segment->rows;
    part->from_ms = segment->from_ms;
    part->to_ms = segment->to_ms;
    part->source_count = segment->source_count;
    if (snapshot->tombstones)
        part->touches = tombstone_set_find(snapshot->tombstones, str_of(segment->name), &part->touch_count);
}

struct snapshot *store_snapshot(struct store *store)
{
    struct snapshot *snapshot = MEM_NEW(struct snapshot);
    snapshot->store = store;
    pthread_mutex_init(&snapshot->lock, NULL);
    pthread_mutex_lock(&store->lock);
    snapshot->segments = segment_list_ref(store->segments);
    if (store->tombstones && store->tombstones->touch_count)
        snapshot->tombstones = tombstone_set_ref(store->tombstones);
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
    for (uint32_t i = 0; i < snapshot->segments->count; i++)
        add_segment(snapshot, snapshot->segments->at[i]);
    return snapshot;
}

static void part_done(struct part *part)
{
    if (part->segment) {
        segment_release(part->segment, part->sources ? &part->sources->entry : NULL);
        segment_release(part->segment, part->table ? &part->table->entry : NULL);
        segment_release(part->segment, part->index ? &part->index->entry : NULL);
    }
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
    segment_list_unref(snapshot->segments);
    tombstone_set_unref(snapshot->tombstones);
    pthread_mutex_destroy(&snapshot->lock);
    mem_free(snapshot);
}

/* Names of files and numbers of log groups never come again. */
static uint64_t part_version(const struct part *part)
{
    if (part->head) {
        uint64_t which = hash_mix(part->head->first_lsn) + part->head->lane * 2 + (uint64_t)part->head->class;
        return hash_mix(which) ^ hash_mix(part->rows);
    }
    uint64_t version = hash_bytes(str_of(part->segment->name));
    for (uint32_t t = 0; t < part->touch_count; t++)
        version = hash_mix(version ^ part->touches[t].tombstone->id);
    return version;
}

uint64_t snapshot_version(const struct snapshot *snapshot, int64_t to_ms)
{
    uint64_t version = 0;
    for (uint32_t p = 0; p < snapshot->part_count; p++)
        if (snapshot->parts[p].rows && snapshot->parts[p].from_ms < to_ms)
            version += hash_mix(part_version(&snapshot->parts[p])); /* in whatever order */
    return version;
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

struct part *snapshot_find_part(const struct snapshot *snapshot, const struct segment *segment)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++)
        if (snapshot->parts[i].segment == segment)
            return &snapshot->parts[i];
    return NULL;
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

uint64_t part_metric_span(const struct part *part, uint32_t metric, int64_t *from_ms, int64_t *to_ms)
{
    if (part->segment) {
        const struct segment_metric *found = segment_find_metric(part->segment, metric);
        if (!found)
            return 0;
        *from_ms = found->from_ms;
        *to_ms = found->to_ms;
        return found->rows - part_deleted_rows(part, metric);
    }
    const struct head_column *column = part_column(part, metric);
    if (!column)
        return 0;
    *from_ms = column->from_ms;
    *to_ms = column->to_ms;
    return column->rows;
}

uint64_t part_metric_rows(const struct part *part, uint32_t metric)
{
    int64_t from_ms, to_ms;
    return part_metric_span(part, metric, &from_ms, &to_ms);
}

bool snapshot_metric_span(const struct snapshot *snapshot, uint32_t metric, int64_t *from_ms, int64_t *to_ms,
                          uint64_t *rows)
{
    int64_t from = INT64_MAX, to = INT64_MIN;
    uint64_t count = 0;
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        int64_t part_from, part_to;
        uint64_t part_rows = part_metric_span(&snapshot->parts[i], metric, &part_from, &part_to);
        if (part_rows == 0)
            continue;
        from = part_from < from ? part_from : from;
        to = part_to > to ? part_to : to;
        count += part_rows;
    }
    if (count == 0)
        return false;
    *from_ms = from;
    *to_ms = to;
    *rows = count;
    return true;
}

/* ---- sources ---- */

enum err part_load_index(struct part *part, struct segment_index **out, struct why *why)
{
    struct snapshot *snapshot = part->snapshot;
    pthread_mutex_lock(&snapshot->lock);
    struct segment_index *index = part->index;
    pthread_mutex_unlock(&snapshot->lock);
    if (!index) {
        enum err err = segment_load_index(part->segment, &index, why);
        if (err)
            return err;
        pthread_mutex_lock(&snapshot->lock);
        struct segment_index *other = part->index;
        if (!other)
            part->index = index;
        pthread_mutex_unlock(&snapshot->lock);
        if (other) {
            segment_release(part->segment, &index->entry);
            index = other;
        }
    }
    *out = index;
    return ERR_OK;
}

enum err part_load_table(struct part *part, struct segment_index **index, struct segment_table **out,
                         struct why *why)
{
    struct snapshot *snapshot = part->snapshot;
    struct segment_table *table;
    enum err err = part_load_index(part, index, why);
    pthread_mutex_lock(&snapshot->lock);
    *out = part->table;
    pthread_mutex_unlock(&snapshot->lock);
    if (!err && !*out)
        err = segment_load_table(part->segment, *index, &table, why);
    if (err || *out)
        return err;
    pthread_mutex_lock(&snapshot->lock);
    struct segment_table *extra = part->table ? table : NULL;
    if (!extra)
        part->table = table;
    *out = part->table;
    pthread_mutex_unlock(&snapshot->lock);
    segment_release(part->segment, extra ? &extra->entry : NULL);
    return ERR_OK;
}

uint32_t part_source_count(const struct part *part)
{
    return part->source_count;
}

enum err part_load_sources(struct snapshot *snapshot, struct part *part, uint32_t *count, struct why *why)
{
    struct segment_index *index;
    struct segment_sources *sources = NULL;
    enum err err = ERR_OK;
    if (part->segment) {
        err = part_load_index(part, &index, why);
        if (!err)
            err = segment_load_sources(part->segment, index, &sources, why);
        if (err)
            return err;
        pthread_mutex_lock(&snapshot->lock);
        struct segment_sources *extra = part->sources ? sources : NULL;
        if (!extra)
            part->sources = sources;
        pthread_mutex_unlock(&snapshot->lock);
        segment_release(part->segment, extra ? &extra->entry : NULL);
    }
    *count = part->source_count;
    return ERR_OK;
}

void part_release_sources(struct snapshot *snapshot, struct part *part)
{
    pthread_mutex_lock(&snapshot->lock);
    struct segment_sources *sources = part->sources;
    struct segment_table *table = part->table;
    struct segment_index *index = part->index;
    part->sources = NULL;
    part->table = NULL;
    part->index = NULL;
    pthread_mutex_unlock(&snapshot->lock);
    if (part->segment) {
        segment_release(part->segment, sources ? &sources->entry : NULL);
        segment_release(part->segment, table ? &table->entry : NULL);
        segment_release(part->segment, index ? &index->entry : NULL);
    }
}

struct str part_source(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    return part->segment ? segment_source(part->sources, source) : intern_get(&part->head->sources, source);
}

uint64_t part_source_hash(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    return part->segment ? hash_bytes(segment_source(part->sources, source))
                         : intern_hash(&part->head->sources, source);
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

/* Of a file that deletes touch. When its rows cannot be read they are counted as they were. */
static uint32_t *count_rows_left(struct part *part)
{
    struct why why;
    uint32_t *rows = mem_alloc(part->source_count * sizeof *rows);
    if (part->source_count)
        memcpy(rows, part->sources->rows, part->source_count * sizeof *rows);
    if (part_subtract_deleted(part, rows, &why))
        memcpy(rows, part->sources->rows, part->source_count * sizeof *rows);
    return rows;
}

uint64_t part_source_rows(const struct part *part, uint32_t source)
{
    CHECK(source < part->source_count);
    if (part->segment && !part->touch_count)
        return part->sources->rows[source];
    struct part *mutable = (struct part *)part;
    struct snapshot *snapshot = part->snapshot;
    uint32_t *counted = NULL;
    pthread_mutex_lock(&snapshot->lock);
    bool known = part->source_rows != NULL;
    pthread_mutex_unlock(&snapshot->lock);
    if (!known)
        counted = part->segment ? count_rows_left(mutable) : count_source_rows(part);
    pthread_mutex_lock(&snapshot->lock);
    if (!part->source_rows) {
        mutable->source_rows = counted;
        counted = NULL;
    }
    uint64_t rows = part->source_rows[source];
    pthread_mutex_unlock(&snapshot->lock);
    mem_free(counted);
    return rows;
}
