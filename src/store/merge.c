/* Small files of one day are united, so that a query opens few. Files count by size class, each four times
 * the one below: when a day has more than 16 files of a class, the 16 of them that lie first in time become
 * one, which belongs to a higher class. So a row is rewritten at most once per class (four times up to a
 * class of millions of rows), and a day keeps at most 16 files per class.
 *
 * Memory: the sources of all inputs (bounded: a merge that would have too many takes fewer files), a block of
 * each, and a block on the way out; never the rows. */
#include "store/merge.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/retain.h"

#include <stdlib.h>

enum {
    FAN_IN = 16,
    CLASS_ROWS = 65536, /* the first class ends here */
    CLASSES = 3,        /* files beyond the last, of a million rows, stay as they are */
    MERGE_ROWS_MAX = 4 << 20,
    MERGE_SOURCES_MAX = 2000000, /* of all inputs together; some 80 bytes each while it runs */
};

/* One file on its way into the merge: a cursor over the rows of one metric. */
struct merge_input {
    struct segment *segment;
    struct segment_index *index;
    struct segment_sources *sources;
    uint32_t *rank; /* by its source: number in the output */
    struct block_coder coder;
    struct buf packed;
    struct block_rows rows;
    uint32_t block, block_end; /* of the metric */
    uint32_t at, count;        /* in rows */
};

struct merge_job {
    struct store *store;
    struct merge_input inputs[FAN_IN];
    uint32_t count;
    struct intern united;
    struct str *sources; /* in the output's order */
    uint32_t source_count;
    struct segment_writer *writer;
};

/* ---- inputs ---- */

static enum err open_input(struct merge_job *job, struct segment *segment, struct why *why)
{
    struct merge_input *input = &job->inputs[job->count++];
    input->segment = segment;
    enum err err = segment_load_index(segment, &input->index, why);
    if (!err)
        err = segment_load_sources(segment, input->index, &input->sources, why);
    if (err)
        return err;
    input->rank = mem_alloc(input->sources->count * sizeof *input->rank);
    for (uint32_t i = 0; i < input->sources->count; i++)
        input->rank[i] = intern_resolve(&job->united, segment_source(input->sources, i));
    input->rows = (struct block_rows){mem_alloc(BLOCK_ROWS_MAX * sizeof(uint32_t)),
                                      mem_alloc(BLOCK_ROWS_MAX * sizeof(int64_t)),
                                      mem_alloc(BLOCK_ROWS_MAX * sizeof(double))};
    return ERR_OK;
}

static void close_input(struct merge_input *input)
{
    block_coder_done(&input->coder);
    buf_done(&input->packed);
    mem_free(input->rows.source);
    mem_free(input->rows.time_ms);
    mem_free(input->rows.value);
    mem_free(input->rank);
    segment_release(input->segment, input->sources ? &input->sources->entry : NULL);
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
        for (uint32_t i = 0; i < input->sources->count; i++) {
            input->rank[i] = rank[input->rank[i]];
            ordered &= i == 0 || input->rank[i - 1] <= input->rank[i];
        }
    }
    mem_free(found);
    mem_free(order);
    mem_free(rank);
    return ordered ? ERR_OK : why_set(why, ERR_CORRUPT, "the sources of a file are out of order");
}

/* ---- rows ---- */

/* Loads the next block of the metric when the one at hand is used up. */
static enum err refill(struct merge_input *input, struct why *why)
{
    if (input->at < input->count || input->block == input->block_end)
        return ERR_OK;
    enum err err =
        segment_read_block(input->index, input->block, &input->coder, &input->packed, &input->rows, why);
    if (err) {
        input->segment->damaged |= err == ERR_CORRUPT;
        return err;
    }
    input->count = input->index->blocks[input->block++].rows;
    input->at = 0;
    return ERR_OK;
}

static bool comes_before(const struct merge_input *a, const struct merge_input *b)
{
    uint32_t x = a->rank[a->rows.source[a->at]], y = b->rank[b->rows.source[b->at]];
    return x != y ? x < y : a->rows.time_ms[a->at] < b->rows.time_ms[b->at];
}

static struct merge_input *first_of(struct merge_job *job)
{
    struct merge_input *first = NULL;
    for (uint32_t n = 0; n < job->count; n++) {
        struct merge_input *input = &job->inputs[n];
        if (input->at < input->count && (!first || comes_before(input, first)))
            first = input;
    }
    return first;
}

static enum err merge_metric(struct merge_job *job, uint32_t metric, struct why *why)
{
    enum err err = segment_writer_metric(job->writer, metric, why);
    for (uint32_t n = 0; n < job->count && !err; n++) {
        struct merge_input *input = &job->inputs[n];
        const struct segment_column *column = segment_find_column(input->index, metric);
        input->block = column ? column->first : 0;
        input->block_end = column ? column->first + column->count : 0;
        input->at = input->count = 0;
        err = refill(input, why);
    }
    for (struct merge_input *input; !err && (input = first_of(job));) {
        uint32_t at = input->at++;
        err = segment_writer_add(job->writer, input->rank[input->rows.source[at]], input->rows.time_ms[at],
                                 input->rows.value[at], why);
        if (!err)
            err = refill(input, why);
    }
    return err;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static enum err merge_metrics(struct merge_job *job, struct why *why)
{
    uint32_t count = 0, all = 0;
    for (uint32_t n = 0; n < job->count; n++)
        all += job->inputs[n].segment->metric_count;
    uint32_t *metrics = mem_alloc(all * sizeof *metrics);
    for (uint32_t n = 0; n < job->count; n++)
        for (uint32_t m = 0; m < job->inputs[n].segment->metric_count; m++)
            metrics[count++] = job->inputs[n].segment->metrics[m].metric;
    if (count)
        qsort(metrics, count, sizeof *metrics, by_number);
    enum err err = ERR_OK;
    for (uint32_t m = 0; m < count && !err; m++)
        if (m == 0 || metrics[m] != metrics[m - 1])
            err = merge_metric(job, metrics[m], why);
    mem_free(metrics);
    return err;
}

static enum err write_output(struct merge_job *job, struct segment **out, struct why *why)
{
    struct store *store = job->store;
    int64_t day = job->inputs[0].segment->day;
    struct segment_writer_options options = {&store->origin, day, job->sources, job->source_count,
                                             store->block_rows};
    enum err err = segment_writer_new(&options, &job->writer, why);
    if (err)
        return err;
    uint64_t rows = 0;
    for (uint32_t n = 0; n < job->count; n++) {
        const struct segment *segment = job->inputs[n].segment;
        rows += segment->rows;
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

static enum err merge(struct store *store, struct segment **segments, uint32_t count, struct why *why)
{
    struct merge_job job = {.store = store};
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
        if (count < FAN_IN && sources <= MERGE_SOURCES_MAX && rows <= MERGE_ROWS_MAX)
            out[count++] = segment;
    }
    return seen > FAN_IN && count > 1 ? count : 0;
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
            struct why why;
            if (!count)
                continue;
            if (merge(store, inputs, count, &why)) {
                disk_failed(store, &why);
                store->next_merge_ms = sys_mono_ms(store->sys) + 60000;
                segment_list_unref(list);
                return false;
            }
            merged = true;
        }
    }
    segment_list_unref(list);
    return merged;
}
