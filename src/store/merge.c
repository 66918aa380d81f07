/* Small files of one day are united, so that a query opens few. Files count by size class, each four times
 * the one below: when a day has more than 16 files of a class, the 16 of them that lie first in time become
 * one, which belongs to a higher class. So a row is rewritten at most once per class (four times up to a
 * class of millions of rows), and a day keeps at most 16 files per class.
 *
 * Memory: the sources of all inputs (bounded: a merge that would have too many takes fewer files), a block of
 * each, and a block on the way out; never the rows. Files of any size are united when merge_all.c is asked
 * to. */
#include "store/merge.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/merge_input.h"
#include "store/part.h"
#include "store/retain.h"
#include "store/tombstone.h"

#include <stdlib.h>

enum {
    FAN_IN = 16,
    CLASS_ROWS = 65536, /* the first class ends here */
    CLASSES = 3,        /* files beyond the last, of a million rows, stay as they are */
    UNITED_ROWS_MAX = 4 << 20,
    RETRY_MS = 60000,
    DELETED_KEPT_MS = 3600 * 1000,
};

/* One file on its way into the merge. */
struct merge_input {
    struct segment *segment;
    struct segment_index *index;
    struct segment_sources *sources; /* while they are united */
    uint32_t source_count;
    uint32_t *rank;            /* by its source: number in the output; INTERN_NONE: no row of it is left */
    struct part *part;         /* of the job's snapshot, when deletes touch it */
    uint64_t rows;             /* that are left */
    struct row_filter *filter; /* of the metric at hand; mostly NULL */
};

struct merge_job {
    struct store *store;
    merge_watch_fn *watch; /* or NULL */
    void *watch_ctx;
    struct merge_input inputs[MERGE_INPUTS_MAX];
    uint32_t count;
    struct snapshot *snapshot; /* when any input is touched */
    struct intern united;
    struct str *sources; /* in the output's order */
    uint32_t source_count;
    struct segment_writer *writer;
    struct merge_rows *rows;
};

/* ---- inputs ---- */

/* Rows by source. */
static enum err count_rows(struct merge_input *input, uint32_t *rows, struct why *why)
{
    if (input->sources->count)
        memcpy(rows, input->sources->rows, input->sources->count * sizeof *rows);
    return input->part ? part_subtract_deleted(input->part, rows, why) : ERR_OK;
}

/* A source of which every row was deleted goes, too. */
static enum err take_sources(struct merge_job *job, struct merge_input *input, struct why *why)
{
    uint32_t *rows = mem_alloc(input->sources->count * sizeof *rows);
    enum err err = count_rows(input, rows, why);
    input->rank = mem_alloc(input->sources->count * sizeof *input->rank);
    for (uint32_t i = 0; i < input->sources->count && !err; i++) {
        input->rows += rows[i];
        input->rank[i] =
            rows[i] ? intern_resolve(&job->united, segment_source(input->sources, i)) : INTERN_NONE;
    }
    input->source_count = input->sources->count;
    mem_free(rows);
    return err;
}

/* The united sources have copies; nobody else is likely to want them of files that go soon. */
static void forget_sources(struct merge_input *input)
{
    segment_release(input->segment, &input->sources->entry);
    cache_forget(input->segment->origin->cache, &input->segment->sources);
    input->sources = NULL;
}

static void find_part(struct merge_job *job, struct merge_input *input)
{
    if (!store_is_touched(job->store, input->segment))
        return;
    if (!job->snapshot)
        job->snapshot = store_snapshot(job->store);
    input->part = snapshot_find_part(job->snapshot, input->segment);
    CHECK(input->part);
}

static enum err open_input(struct merge_job *job, struct segment *segment, struct why *why)
{
    struct merge_input *input = &job->inputs[job->count++];
    input->segment = segment;
    enum err err = segment_load_index(segment, &input->index, why);
    if (!err)
        err = segment_load_sources(segment, input->index, &input->sources, why);
    if (err)
        return err;
    find_part(job, input);
    err = take_sources(job, input, why);
    forget_sources(input);
    return err;
}

static void close_input(struct merge_input *input)
{
    mem_free(input->rank);
    segment_release(input->segment, input->index ? &input->index->entry : NULL);
}

/* The order of all sources; every input must come in it, since its rows do. */
static enum err order_sources(struct merge_job *job, struct why *why)
{
    uint32_t count = job->source_count = job->united.count;
    struct str *found = mem_alloc(count * sizeof *found);
    uint32_t *order = mem_alloc(count * sizeof *order), *rank = mem_alloc(count * sizeof *rank);
    bool ordered = true;
    job->sources = mem_alloc(count * sizeof *job->sources);
    for (uint32_t i = 0; i < count; i++)
        found[i] = intern_get(&job->united, i);
    segment_sort_sources(job->store->names, found, count, order);
    for (uint32_t i = 0; i < count; i++) {
        job->sources[i] = found[order[i]];
        rank[order[i]] = i;
    }
    for (uint32_t n = 0; n < job->count; n++) {
        struct merge_input *input = &job->inputs[n];
        uint32_t last = 0;
        for (uint32_t i = 0; i < input->source_count; i++) {
            if (input->rank[i] == INTERN_NONE)
                continue;
            input->rank[i] = rank[input->rank[i]];
            ordered &= last <= input->rank[i];
            last = input->rank[i];
        }
    }
    mem_free(found);
    mem_free(order);
    mem_free(rank);
    return ordered ? ERR_OK : why_set(why, ERR_CORRUPT, "the sources of a file are out of order");
}

/* ---- rows ---- */

/* A metric of the output, and whom its rows followed in the inputs. */
struct merge_metric {
    uint32_t metric;
    uint64_t rows;
    uint32_t lead; /* or NAME_NONE: of the input with most followers */
    uint64_t lead_rows;
};

static int by_number(const void *a, const void *b)
{
    const struct merge_metric *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static int by_rows(const void *a, const void *b)
{
    const struct merge_metric *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return by_number(a, b);
}

/* false: all its rows were deleted. */
static bool take_metric(const struct merge_input *input, const struct segment_metric *metric,
                        struct merge_metric *out)
{
    const struct segment_column *column = segment_find_column(input->index, metric->metric);
    uint64_t deleted = input->part ? part_deleted_rows(input->part, metric->metric) : 0;
    if (deleted >= metric->rows)
        return false;
    *out = (struct merge_metric){metric->metric, metric->rows - deleted, NAME_NONE, 0};
    if (column && column->followers) {
        out->lead = column->lead_metric;
        out->lead_rows = column->followers;
    }
    return true;
}

/* Equal ones become one; returns how many are left. */
static uint32_t unite_metrics(struct merge_metric *metrics, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t m = 0; m < count; m++) {
        if (m == 0 || metrics[m].metric != metrics[m - 1].metric) {
            metrics[kept++] = metrics[m];
            continue;
        }
        struct merge_metric *one = &metrics[kept - 1];
        one->rows += metrics[m].rows;
        if (metrics[m].lead_rows > one->lead_rows) {
            one->lead = metrics[m].lead;
            one->lead_rows = metrics[m].lead_rows;
        }
    }
    return kept;
}

static uint32_t index_of(const struct merge_metric *metrics, uint32_t count, uint32_t metric)
{
    for (uint32_t m = 0; m < count; m++)
        if (metrics[m].metric == metric)
            return m;
    return UINT32_MAX;
}

/* In the inputs either of two may have led the other: now the one that is written first does. */
static void turn_leads(struct merge_metric *metrics, uint32_t count)
{
    for (uint32_t m = 0; m < count; m++) {
        uint32_t lead = metrics[m].lead == NAME_NONE ? UINT32_MAX : index_of(metrics, count, metrics[m].lead);
        if (lead == UINT32_MAX || lead < m)
            continue;
        if (metrics[m].lead_rows > metrics[lead].lead_rows) {
            metrics[lead].lead = metrics[m].metric;
            metrics[lead].lead_rows = metrics[m].lead_rows;
        }
        metrics[m].lead = NAME_NONE;
    }
}

static enum err merge_metric(struct merge_job *job, const struct merge_metric *metric, struct why *why)
{
    enum err err = segment_writer_metric(job->writer, metric->metric, metric->lead, why);
    for (uint32_t n = 0; n < job->count && !err; n++) {
        struct merge_input *input = &job->inputs[n];
        if (input->part)
            err = part_filter(input->part, metric->metric, INT64_MIN, INT64_MAX, &input->filter, why);
        merge_rows_add(job->rows, input->segment, input->index,
                       segment_find_column(input->index, metric->metric), input->rank, input->filter);
    }
    if (!err)
        err = merge_rows_write(job->rows, job->writer, false, why);
    for (uint32_t n = 0; n < job->count; n++) {
        row_filter_free(job->inputs[n].filter);
        job->inputs[n].filter = NULL;
    }
    return err;
}

/* Between two metrics: whoever waits for the background thread waits for a part of the merge only. */
static enum err pause_a_little(struct merge_job *job, struct why *why)
{
    store_breathe(job->store);
    if (job->watch && !job->watch(job->watch_ctx, segment_writer_rows(job->writer)))
        return why_set(why, ERR_CANCELLED, "the merge was given up");
    return ERR_OK;
}

static enum err merge_metrics(struct merge_job *job, struct why *why)
{
    uint32_t count = 0, all = 0;
    for (uint32_t n = 0; n < job->count; n++)
        all += job->inputs[n].segment->metric_count;
    struct merge_metric *metrics = mem_alloc(all * sizeof *metrics);
    for (uint32_t n = 0; n < job->count; n++)
        for (uint32_t m = 0; m < job->inputs[n].segment->metric_count; m++)
            count += take_metric(&job->inputs[n], &job->inputs[n].segment->metrics[m], &metrics[count]);
    if (count)
        qsort(metrics, count, sizeof *metrics, by_number);
    count = unite_metrics(metrics, count);
    if (count)
        qsort(metrics, count, sizeof *metrics, by_rows);
    turn_leads(metrics, count);
    job->rows = MEM_NEW(struct merge_rows);
    enum err err = ERR_OK;
    for (uint32_t m = 0; m < count && !err; m++) {
        err = merge_metric(job, &metrics[m], why);
        if (!err)
            err = pause_a_little(job, why);
    }
    merge_rows_done(job->rows);
    mem_free(job->rows);
    mem_free(metrics);
    return err;
}

static void on_presence(void *ctx, struct str host, int64_t minute, uint64_t minutes)
{
    segment_writer_presence(((struct merge_job *)ctx)->writer, host, minute, minutes);
}

/* Also that of rows which were deleted. Where it is damaged, that of the rows is all there is. */
static void keep_presence(struct merge_job *job, const struct merge_input *input)
{
    enum err err = segment_each_presence(input->index, on_presence, job, NULL);
    (void)err;
}

static enum err write_output(struct merge_job *job, struct segment **out, struct why *why)
{
    struct store *store = job->store;
    int64_t day = job->inputs[0].segment->day;
    struct segment_writer_options options = {&store->origin,    day, job->sources, job->source_count,
                                             store->block_rows, true};
    enum err err = segment_writer_new(&options, &job->writer, why);
    if (err)
        return err;
    uint64_t rows = 0;
    for (uint32_t n = 0; n < job->count; n++) {
        const struct segment *segment = job->inputs[n].segment;
        rows += job->inputs[n].rows;
        keep_presence(job, &job->inputs[n]);
        segment_writer_replaces(job->writer, segment->name);
        for (uint32_t c = 0; c < segment->cover_count; c++)
            segment_writer_cover(job->writer, segment->covers[c]);
    }
    err = merge_metrics(job, why);
    if (!err)
        err = segment_writer_finish(job->writer, out, why);
    if (err) {
        store_writer_failed(store, job->writer, day);
        return err;
    }
    segment_writer_free(job->writer);
    uint64_t written = (*out)->rows;
    if (written == rows)
        return ERR_OK;
    store_stray_segment(store, *out); /* never lose a row by a merge: the inputs stay */
    segment_unref(*out);
    return why_set(why, ERR_CORRUPT, "a merge of %llu rows came to %llu", (unsigned long long)rows,
                   (unsigned long long)written);
}

enum err merge_files(struct store *store, struct segment **segments, uint32_t count, merge_watch_fn *watch,
                     void *ctx, struct why *why)
{
    CHECK(count <= MERGE_INPUTS_MAX);
    struct merge_job job = {.store = store, .watch = watch, .watch_ctx = ctx};
    struct segment *out = NULL;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && !err; i++)
        err = open_input(&job, segments[i], why);
    if (!err)
        err = order_sources(&job, why);
    if (!err)
        err = write_output(&job, &out, why);
    for (uint32_t n = 0; n < job.count; n++)
        close_input(&job.inputs[n]);
    if (!err) {
        err = replace_segments(store, segments, count, &out, 1, false, why);
        segment_unref(out);
    }
    snapshot_unref(job.snapshot);
    intern_done(&job.united);
    mem_free(job.sources);
    return err;
}

/* ---- what to merge ---- */

/* CLASSES: too large to be merged. first_rows shrinks along with the heads in tests. */
static uint32_t class_of(uint64_t rows, uint64_t first_rows)
{
    uint32_t class = 0;
    for (uint64_t limit = first_rows; class < CLASSES && rows > limit; limit *= 4)
        class ++;
    return class;
}

/* The first files of a class in a day, from the list's place first on. Returns how many there are to merge.
 */
static uint32_t collect(const struct store *store, uint32_t first, uint32_t class, uint64_t first_rows,
                        struct segment **out)
{
    const struct segment_list *list = store->segments;
    uint32_t count = 0, seen = 0;
    uint64_t sources = 0, rows = 0;
    for (uint32_t i = first; i < list->count && list->at[i]->day == list->at[first]->day; i++) {
        struct segment *segment = list->at[i];
        if (segment->damaged || class_of(segment->rows, first_rows) != class)
            continue;
        seen++;
        sources += segment->source_count;
        rows += segment->rows;
        if (count < FAN_IN && sources <= MERGE_SOURCES_MAX && rows <= UNITED_ROWS_MAX)
            out[count++] = segment;
    }
    return seen > FAN_IN && count > 1 ? count : 0;
}

/* After a failure none is tried for a while. */
static bool merge_now(struct store *store, struct segment **segments, uint32_t count)
{
    struct why why;
    if (merge_files(store, segments, count, NULL, NULL, &why) == ERR_OK)
        return true;
    disk_failed(store, &why);
    store->next_merge_ms = sys_mono_ms(store->sys) + RETRY_MS;
    return false;
}

bool merge_one(struct store *store)
{
    struct segment_list *list = segment_list_ref(store->segments); /* keeps the inputs alive */
    struct segment *inputs[FAN_IN];
    uint64_t first_rows =
        store->options.head_rows_max < CLASS_ROWS ? store->options.head_rows_max : CLASS_ROWS;
    bool merged = false;
    for (uint32_t i = 0; i < list->count && !merged; i++) {
        if (i > 0 && list->at[i]->day == list->at[i - 1]->day)
            continue;
        for (uint32_t class = 0; class < CLASSES && !merged; class ++) {
            uint32_t count = collect(store, i, class, first_rows, inputs);
            if (!count)
                continue;
            if (!merge_now(store, inputs, count)) {
                segment_list_unref(list);
                return false;
            }
            merged = true;
        }
    }
    segment_list_unref(list);
    return merged;
}

/* Some deletes are waited for, so that a file is written anew once for all of them. */
static bool is_overdue(const struct store *store, const struct segment *segment, int64_t now_ms)
{
    uint32_t count;
    const struct touch *touches = tombstone_set_find(store->tombstones, str_of(segment->name), &count);
    for (uint32_t t = 0; t < count; t++)
        if (touches[t].tombstone->at_ms + DELETED_KEPT_MS <= now_ms)
            return !segment->damaged;
    return false;
}

bool merge_touched(struct store *store)
{
    int64_t now_ms = sys_wall_ms(store->sys);
    bool merged = false, found = false;
    if (!store->tombstones || !store->tombstones->touch_count)
        return false;
    struct segment_list *list = segment_list_ref(store->segments);
    for (uint32_t i = 0; i < list->count && !found; i++)
        if ((found = is_overdue(store, list->at[i], now_ms)))
            merged = merge_now(store, &list->at[i], 1);
    segment_list_unref(list);
    return merged;
}
