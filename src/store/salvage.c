#include "store/salvage.h"

#include "base/mem.h"

struct salvage_job {
    struct store *store;
    struct segment *segment;
    struct segment_index *index;
    struct segment_sources *sources;
    struct block_coder coder;
    struct buf packed;
    struct block_rows rows;
    struct segment_writer *writer;
    uint64_t saved;
};

/* What cannot be read is left out. */
static enum err copy_column(struct salvage_job *job, const struct segment_column *column, struct why *why)
{
    enum err err = segment_writer_metric(job->writer, column->metric, why);
    for (uint32_t b = column->first; b < column->first + column->count && !err; b++) {
        enum err bad = segment_read_block(job->index, b, &job->coder, &job->packed, &job->rows, why);
        if (bad == ERR_CORRUPT)
            continue;
        if (bad)
            return bad; /* perhaps it can be read later */
        uint32_t count = job->index->blocks[b].rows;
        for (uint32_t i = 0; i < count && !err; i++)
            err = segment_writer_add(job->writer, job->rows.source[i], job->rows.time_ms[i],
                                     job->rows.value[i], why);
        job->saved += err ? 0 : count;
    }
    return err;
}

static enum err copy_all(struct salvage_job *job, struct segment **rest, struct why *why)
{
    uint32_t count = job->sources->count;
    struct str *sources = mem_alloc(count * sizeof *sources);
    for (uint32_t i = 0; i < count; i++)
        sources[i] = segment_source(job->sources, i);
    struct segment_writer_options options = {&job->store->origin, job->segment->day, sources, count,
                                             job->store->block_rows};
    enum err err = segment_writer_new(&options, &job->writer, why);
    for (uint32_t c = 0; c < job->segment->cover_count && !err; c++)
        segment_writer_cover(job->writer, job->segment->covers[c]);
    if (!err)
        segment_writer_replaces(job->writer, job->segment->name);
    for (uint32_t c = 0; c < job->index->column_count && !err; c++)
        err = copy_column(job, &job->index->columns[c], why);
    if (!err && job->saved)
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
    job.rows = (struct block_rows){mem_alloc(BLOCK_ROWS_MAX * sizeof(uint32_t)),
                                   mem_alloc(BLOCK_ROWS_MAX * sizeof(int64_t)),
                                   mem_alloc(BLOCK_ROWS_MAX * sizeof(double))};
    *rest = NULL;
    enum err bad = segment_load_index(segment, &job.index, why);
    if (!bad)
        bad = segment_load_sources(segment, job.index, &job.sources, why);
    if (!bad)
        err = copy_all(&job, rest, why);
    else if (bad != ERR_CORRUPT && bad != ERR_MISSING)
        err = bad; /* perhaps it can be read later */
    *lost = segment->rows - (*rest ? (*rest)->rows : 0);
    block_coder_done(&job.coder);
    buf_done(&job.packed);
    mem_free(job.rows.source);
    mem_free(job.rows.time_ms);
    mem_free(job.rows.value);
    segment_release(segment, job.sources ? &job.sources->entry : NULL);
    segment_release(segment, job.index ? &job.index->entry : NULL);
    return err;
}
