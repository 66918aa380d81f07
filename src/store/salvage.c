#include "store/salvage.h"

#include "base/mem.h"
#include "store/merge_input.h"
#include "store/part.h"

#include <stdlib.h>

struct salvage_job {
    struct store *store;
    struct segment *segment;
    struct segment_index *index;
    struct segment_sources *sources;
    struct merge_rows *rows;
    struct segment_writer *writer;
    struct snapshot *snapshot;
    struct part *part; /* when deletes touch it: their rows do not come back */
};

/* What cannot be read is left out. */
static enum err copy_column(struct salvage_job *job, const struct segment_column *column, struct why *why)
{
    struct row_filter *filter = NULL;
    enum err err = segment_writer_metric(job->writer, column->metric, column->lead_metric, why);
    if (!err && job->part)
        err = part_filter(job->part, column->metric, INT64_MIN, INT64_MAX, &filter, why);
    merge_rows_add(job->rows, job->segment, job->index, column, NULL, filter);
    if (!err)
        err = merge_rows_write(job->rows, job->writer, true, why);
    row_filter_free(filter);
    return err;
}

/* In the file's order, so that a lead comes before those who follow it. */
static int by_place(const void *a, const void *b)
{
    const struct segment_column *x = *(const struct segment_column *const *)a;
    const struct segment_column *y = *(const struct segment_column *const *)b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static enum err copy_columns(struct salvage_job *job, struct why *why)
{
    uint32_t count = job->index->column_count;
    const struct segment_column **columns = mem_alloc(count * sizeof *columns);
    enum err err = ERR_OK;
    for (uint32_t c = 0; c < count; c++)
        columns[c] = &job->index->columns[c];
    if (count)
        qsort(columns, count, sizeof *columns, by_place);
    for (uint32_t c = 0; c < count && !err; c++)
        err = copy_column(job, columns[c], why);
    mem_free(columns);
    return err;
}

static enum err copy_all(struct salvage_job *job, struct segment **rest, struct why *why)
{
    uint32_t count = job->sources->count;
    struct str *sources = mem_alloc(count * sizeof *sources);
    for (uint32_t i = 0; i < count; i++)
        sources[i] = segment_source(job->sources, i);
    struct segment_writer_options options = {
        &job->store->origin, job->segment->day, sources, count, job->store->block_rows, true};
    enum err err = segment_writer_new(&options, &job->writer, why);
    for (uint32_t c = 0; c < job->segment->cover_count && !err; c++)
        segment_writer_cover(job->writer, job->segment->covers[c]);
    if (!err)
        segment_writer_replaces(job->writer, job->segment->name);
    if (!err)
        err = copy_columns(job, why);
    if (!err && segment_writer_rows(job->writer))
        err = segment_writer_finish(job->writer, rest, why);
    if (err && job->writer)
        store_writer_failed(job->store, job->writer, job->segment->day);
    else
        segment_writer_free(job->writer);
    mem_free(sources);
    return err;
}

enum err salvage(struct store *store, struct segment *segment, struct segment **rest, uint64_t *lost,
                 struct why *why)
{
    struct salvage_job job = {.store = store, .segment = segment};
    enum err err = ERR_OK;
    job.rows = MEM_NEW(struct merge_rows);
    if (store_is_touched(store, segment)) {
        job.snapshot = store_snapshot(store);
        job.part = snapshot_find_part(job.snapshot, segment);
    }
    *rest = NULL;
    enum err bad = segment_load_index(segment, &job.index, why);
    if (!bad)
        bad = segment_load_sources(segment, job.index, &job.sources, why);
    if (!bad)
        err = copy_all(&job, rest, why);
    else if (bad != ERR_CORRUPT && bad != ERR_MISSING)
        err = bad; /* perhaps it can be read later */
    uint64_t rows = segment->rows - (job.part ? part_all_deleted_rows(job.part) : 0);
    *lost = rows - (*rest ? (*rest)->rows : 0);
    snapshot_unref(job.snapshot);
    merge_rows_done(job.rows);
    mem_free(job.rows);
    segment_release(segment, job.sources ? &job.sources->entry : NULL);
    segment_release(segment, job.index ? &job.index->entry : NULL);
    return err;
}
