/* From a head to files: one per UTC day that it has rows of. The head stays visible until the catalog has the
 * files; one instant under the store's lock swaps one for the other. A failure leaves the head where it is
 * and the log as it is: it is tried again. */
#include "store/seal.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/day.h"
#include "store/row_sort.h"

#include <stdlib.h>

struct seal_job {
    struct store *store;
    struct head *head;
    const struct head_column **columns; /* those with most rows first */
    int64_t *days;
    uint32_t day_count, day_cap;
    struct segment **segments; /* one per day */
    uint32_t segment_count;
    /* Of one day. */
    int64_t day;
    uint32_t *rank; /* by the head's source: place in the file's order, or INTERN_NONE */
    uint32_t *used; /* sources of the day, in the file's order */
    uint32_t used_count;
    struct str *sources; /* of them */
    struct sort_row *rows;
    size_t row_count, row_cap;
    struct sort_row *spare;
};

static int by_day(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_day(struct seal_job *job, int64_t day)
{
    for (uint32_t i = job->day_count; i > 0; i--)
        if (job->days[i - 1] == day)
            return;
    if (job->day_count == job->day_cap) {
        job->day_cap = job->day_cap ? job->day_cap * 2 : 8;
        job->days = mem_resize(job->days, job->day_cap, sizeof *job->days);
    }
    job->days[job->day_count++] = day;
}

/* Calls each per chunk that may hold rows of the day. */
typedef void chunk_fn(struct seal_job *job, const struct head_chunk *chunk, uint32_t count);

static void each_chunk(struct seal_job *job, const struct head_column *column, int64_t from_ms, int64_t to_ms,
                       chunk_fn *each)
{
    uint32_t left = column->rows;
    for (const struct head_chunk *chunk = column->first; left; chunk = chunk->next) {
        uint32_t count = left < chunk->cap ? left : chunk->cap;
        if (chunk->from_ms < to_ms && chunk->to_ms >= from_ms)
            each(job, chunk, count);
        left -= count;
    }
}

static void find_days(struct seal_job *job, const struct head_chunk *chunk, uint32_t count)
{
    int64_t first = day_of(chunk->from_ms), last = day_of(chunk->to_ms), before = first;
    add_day(job, first);
    for (uint32_t i = 0; first != last && i < count; i++) {
        int64_t day = day_of(chunk->time_ms[i]);
        if (day != before)
            add_day(job, before = day);
    }
}

static void find_sources(struct seal_job *job, const struct head_chunk *chunk, uint32_t count)
{
    int64_t from_ms = job->day * DAY_MS;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t source = chunk->source[i];
        if (job->rank[source] == INTERN_NONE && chunk->time_ms[i] >= from_ms &&
            chunk->time_ms[i] - from_ms < DAY_MS) {
            job->rank[source] = job->used_count;
            job->used[job->used_count++] = source;
        }
    }
}

static void take_rows(struct seal_job *job, const struct head_chunk *chunk, uint32_t count)
{
    int64_t from_ms = job->day * DAY_MS;
    if (job->row_count + count > job->row_cap) {
        job->row_cap = (job->row_count + count) * 2;
        job->rows = mem_resize(job->rows, job->row_cap, sizeof *job->rows);
        job->spare = mem_resize(job->spare, job->row_cap, sizeof *job->spare);
    }
    for (uint32_t i = 0; i < count; i++)
        if (chunk->time_ms[i] >= from_ms && chunk->time_ms[i] - from_ms < DAY_MS)
            job->rows[job->row_count++] = (struct sort_row){
                sort_key(job->rank[chunk->source[i]], chunk->time_ms[i] - from_ms), chunk->value[i]};
}

/* The day's sources in the file's order. */
static void order_sources(struct seal_job *job)
{
    struct head *head = job->head;
    job->used_count = 0;
    memset(job->rank, 0xff, head->sources.count * sizeof *job->rank);
    for (uint32_t m = 0; m < head->metric_count; m++)
        each_chunk(job, &head->sorted[m]->column, job->day * DAY_MS, (job->day + 1) * DAY_MS, find_sources);
    struct str *found = mem_alloc(job->used_count * sizeof *found);
    uint32_t *order = mem_alloc(job->used_count * sizeof *order);
    for (uint32_t i = 0; i < job->used_count; i++)
        found[i] = intern_get(&head->sources, job->used[i]);
    segment_sort_sources(job->store->names, found, job->used_count, order);
    for (uint32_t i = 0; i < job->used_count; i++) {
        job->sources[i] = found[order[i]];
        job->rank[job->used[order[i]]] = i;
    }
    mem_free(found);
    mem_free(order);
}

/* A sample of the rows tells which metric they mostly come with. */
static uint32_t find_lead(const struct seal_job *job, const struct segment_writer *writer,
                          const struct sort_row *sorted)
{
    enum { FEW = 16, SAMPLE = 64 };
    uint64_t keys[SAMPLE];
    uint32_t count = job->row_count < SAMPLE ? (uint32_t)job->row_count : SAMPLE;
    if (count < FEW)
        return NAME_NONE;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = sorted[job->row_count * i / count].key;
    return segment_writer_find_lead(writer, keys, count, job->row_count);
}

static enum err write_metric(struct seal_job *job, struct segment_writer *writer,
                             const struct head_column *column, struct why *why)
{
    int64_t from_ms = job->day * DAY_MS;
    job->row_count = 0;
    each_chunk(job, column, from_ms, from_ms + DAY_MS, take_rows);
    if (job->row_count == 0)
        return ERR_OK;
    const struct sort_row *sorted = sort_rows(job->rows, job->spare, job->row_count);
    enum err err = segment_writer_metric(writer, column->metric, find_lead(job, writer, sorted), why);
    for (size_t i = 0; i < job->row_count && !err; i++)
        err = segment_writer_add(writer, sort_source(sorted[i].key), from_ms + sort_time(sorted[i].key),
                                 sorted[i].value, why);
    return err;
}

static enum err write_day(struct seal_job *job, struct why *why)
{
    struct store *store = job->store;
    struct head *head = job->head;
    order_sources(job);
    struct segment_writer_options options = {&store->origin,  job->day,          job->sources,
                                             job->used_count, store->block_rows, false};
    struct segment_writer *writer;
    enum err err = segment_writer_new(&options, &writer, why);
    if (err)
        return err;
    segment_writer_cover(writer, (struct segment_cover){head->lane, head->class, head->last_lsn});
    for (uint32_t m = 0; m < head->metric_count && !err; m++)
        err = write_metric(job, writer, job->columns[m], why);
    if (!err)
        err = segment_writer_finish(writer, &job->segments[job->segment_count], why);
    if (err) {
        store_writer_failed(store, writer, job->day);
        return err;
    }
    job->segment_count++;
    segment_writer_free(writer);
    return ERR_OK;
}

static int by_rows(const void *a, const void *b)
{
    const struct head_column *x = *(const struct head_column *const *)a;
    const struct head_column *y = *(const struct head_column *const *)b;
    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

/* The most rows first, so that others may follow them. */
static void sort_columns(struct seal_job *job)
{
    const struct head *head = job->head;
    job->columns = mem_alloc(head->metric_count * sizeof *job->columns);
    for (uint32_t m = 0; m < head->metric_count; m++)
        job->columns[m] = &head->sorted[m]->column;
    if (head->metric_count)
        qsort(job->columns, head->metric_count, sizeof *job->columns, by_rows);
}

static enum err write_files(struct seal_job *job, struct why *why)
{
    struct head *head = job->head;
    for (uint32_t m = 0; m < head->metric_count; m++)
        each_chunk(job, &head->sorted[m]->column, INT64_MIN, INT64_MAX, find_days);
    if (job->day_count)
        qsort(job->days, job->day_count, sizeof *job->days, by_day);
    sort_columns(job);
    job->segments = mem_zero(job->day_count, sizeof(struct segment *));
    job->rank = mem_alloc(head->sources.count * sizeof *job->rank);
    job->used = mem_alloc(head->sources.count * sizeof *job->used);
    job->sources = mem_alloc(head->sources.count * sizeof *job->sources);
    enum err err = ERR_OK;
    for (uint32_t d = 0; d < job->day_count && !err; d++) {
        job->day = job->days[d];
        err = write_day(job, why);
    }
    return err;
}

static void job_done(struct seal_job *job)
{
    for (uint32_t i = 0; i < job->segment_count; i++)
        segment_unref(job->segments[i]);
    mem_free(job->segments);
    mem_free(job->days);
    mem_free(job->columns);
    mem_free(job->rank);
    mem_free(job->used);
    mem_free(job->sources);
    mem_free(job->rows);
    mem_free(job->spare);
}

/* ---- one transaction ---- */

static void copy_key(void *ctx, struct str key, int64_t time_ms)
{
    struct buf *out = ctx;
    buf_sized_str(out, key);
    buf_u64(out, (uint64_t)time_ms);
}

/* Up to where a lane is sealed once the transaction is done. */
struct marks {
    uint64_t applied;
    uint64_t sealed[HEAD_CLASSES];
};

/* Everything of the class up to here is sealed: no row of it waits in memory. */
static uint64_t below_first(const struct lane *lane, enum head_class class, uint64_t applied)
{
    const struct head *oldest = lane->sealing[class] ? lane->sealing[class] : lane->live[class];
    return oldest->rows ? oldest->first_lsn - 1 : applied;
}

/* head: what is being sealed. */
static void take_marks(struct lane *lane, const struct head *head, struct marks *marks)
{
    pthread_mutex_lock(&lane->lock);
    marks->applied = lane->applied_lsn;
    for (int c = 0; c < HEAD_CLASSES; c++) {
        if (lane->sealing[c] && lane->sealing[c] == head)
            marks->sealed[c] = head->last_lsn;
        else
            marks->sealed[c] = below_first(lane, c, marks->applied);
    }
    pthread_mutex_unlock(&lane->lock);
}

/* Every key that was kept goes along, so that the log is not needed for keys. Returns a mark, see keys.h. */
static uint64_t add_keys(struct store *store)
{
    struct buf keys = {0};
    uint64_t mark = keys_unsaved(&store->keys, copy_key, &keys);
    struct bytes in = bytes_of(buf_view(&keys));
    while (bytes_left(&in)) {
        struct str key = bytes_sized_str(&in);
        catalog_add_key(store->catalog, key, (int64_t)bytes_u64(&in));
    }
    buf_done(&keys);
    return mark;
}

static void set_marks(struct store *store, const struct marks *marks)
{
    for (uint32_t l = 0; l < store->lane_count; l++) {
        struct lane *lane = &store->lanes[l];
        pthread_mutex_lock(&lane->lock);
        lane->keys_lsn = marks[l].applied;
        memcpy(lane->sealed_lsn, marks[l].sealed, sizeof lane->sealed_lsn);
        pthread_mutex_unlock(&lane->lock);
    }
}

/* head NULL: only keys. */
static enum err commit(struct store *store, const struct head *head, struct segment **segments,
                       uint32_t count, struct why *why)
{
    struct catalog *catalog = store->catalog;
    struct marks *marks = mem_zero(store->lane_count, sizeof *marks);
    struct buf directory = {0};
    for (uint32_t l = 0; l < store->lane_count; l++)
        take_marks(&store->lanes[l], head, &marks[l]); /* before the keys are taken */
    catalog_begin(catalog);
    uint64_t mark = add_keys(store);
    for (uint32_t i = 0; i < count; i++) {
        directory.size = 0;
        segment_encode_directory(segments[i], &directory);
        catalog_add(catalog, str_of(segments[i]->name), buf_view(&directory));
    }
    for (uint32_t l = 0; l < store->lane_count; l++)
        catalog_set_lane(catalog, store->lanes[l].id, marks[l].sealed, marks[l].applied);
    catalog_drop_keys(catalog, sys_wall_ms(store->sys) - KEYS_AGE_MS, KEYS_MAX);
    store_commit_gone(store);
    enum err err = catalog_commit(catalog, why);
    if (!err) {
        set_marks(store, marks);
        keys_mark_saved(&store->keys, mark);
        store_committed(store);
    }
    buf_done(&directory);
    mem_free(marks);
    return err;
}

static void publish(struct store *store, struct lane *lane, struct seal_job *job)
{
    struct head *head = job->head;
    pthread_mutex_lock(&store->lock);
    struct segment_list *before = store->segments;
    store->segments = segment_list_change(before, NULL, 0, job->segments, job->segment_count);
    pthread_mutex_lock(&lane->lock);
    lane->sealing[head->class] = NULL;
    pthread_mutex_unlock(&lane->lock);
    pthread_mutex_unlock(&store->lock);
    segment_list_unref(before);
    store->head_bytes -= head_bytes(head);
    head_unref(head);
}

/* Takes the live head out of the lane's hands, or goes on with one whose sealing failed before. */
static struct head *take_head(struct store *store, struct lane *lane, enum head_class class)
{
    struct head *fresh = head_new(lane->id, class, store->names, store->host_field);
    pthread_mutex_lock(&lane->lock);
    struct head *head = lane->sealing[class];
    if (!head && lane->live[class]->rows) {
        head = lane->sealing[class] = lane->live[class];
        head->last_lsn = lane->applied_lsn;
        lane->live[class] = fresh;
        fresh = NULL;
    }
    pthread_mutex_unlock(&lane->lock);
    head_unref(fresh);
    return head;
}

enum err seal_head(struct store *store, struct lane *lane, enum head_class class, struct why *why)
{
    struct head *head = take_head(store, lane, class);
    if (!head)
        return ERR_OK;
    struct seal_job job = {.store = store, .head = head};
    enum err err = write_files(&job, why);
    if (err) {
        for (uint32_t i = 0; i < job.segment_count; i++)
            store_stray_segment(store, job.segments[i]); /* nobody knows it yet */
    } else {
        err = commit(store, head, job.segments, job.segment_count, why);
        if (err)
            store_doubt(store, job.segments, job.segment_count);
        else
            publish(store, lane, &job);
    }
    job_done(&job);
    if (!err)
        seal_release_log(store, lane);
    return err;
}

enum err seal_keys(struct store *store, struct why *why)
{
    enum err err = commit(store, NULL, NULL, 0, why);
    for (uint32_t l = 0; !err && l < store->lane_count; l++)
        seal_release_log(store, &store->lanes[l]);
    return err;
}

void seal_release_log(struct store *store, struct lane *lane)
{
    uint32_t quarantined = log_release(&lane->log, lane_needed_lsn(lane));
    if (quarantined) {
        pthread_mutex_lock(&store->stats_lock);
        store->stats.quarantined_files += quarantined;
        pthread_mutex_unlock(&store->stats_lock);
    }
}
