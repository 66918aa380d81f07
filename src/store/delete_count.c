/* Rows are read only where they must be: a metric whose whole span in a part is meant, of all sources, is
 * counted by what the part's directory says. */
#include "store/delete_count.h"

#include "base/mem.h"
#include "store/segment.h"
#include "store/store_room.h"

struct count_job {
    const struct delete_counting *how;
    struct part *part;
    struct delete_test_view tests[DELETE_TESTS_MAX];
    /* Of the part, for the tests that metrics with these bits leave to the sources. */
    bool known, all;
    uint64_t bound;
    struct source_ranges sources;
};

static enum err find_sources(struct count_job *job, uint64_t bound, struct why *why)
{
    const struct delete_request *request = job->how->request;
    if (job->known && job->bound == bound)
        return ERR_OK;
    enum err err =
        delete_find_sources(job->part, job->tests, request->test_count, bound, &job->all, &job->sources, why);
    job->known = err == ERR_OK;
    job->bound = bound;
    return err;
}

static bool in_ranges(const struct source_ranges *ranges, uint32_t source)
{
    uint32_t low = 0, high = ranges->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ranges->at[middle].end <= source)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && ranges->at[low].first <= source;
}

/* Rows [first, end) of one source. */
static uint64_t count_rows(const struct count_job *job, const struct block *block, uint32_t source,
                           uint32_t first, uint32_t end)
{
    const struct delete_request *request = job->how->request;
    uint64_t rows = 0;
    if (!job->all && !in_ranges(&job->sources, source))
        return 0;
    for (uint32_t i = first; i < end; i++)
        rows += block->time_ms[i] >= request->from_ms && block->time_ms[i] < request->to_ms;
    return rows;
}

static uint64_t count_block(const struct count_job *job, const struct block *block)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; !block->runs && i < block->count; i++)
        rows += count_rows(job, block, block->source[i], i, i + 1);
    for (uint32_t r = 0, first = 0; r < block->run_count; first = block->runs[r++].end)
        rows += count_rows(job, block, block->runs[r].source, first, block->runs[r].end);
    return rows;
}

static enum err scan_rows(struct count_job *job, uint32_t metric, uint64_t *rows, struct why *why)
{
    const struct delete_request *request = job->how->request;
    struct scan *scan = scan_open(job->how->snapshot, job->part, metric, request->from_ms, request->to_ms,
                                  job->all ? NULL : &job->sources);
    struct block block;
    int more;
    while ((more = scan_next(scan, &block, why)) > 0)
        *rows += count_block(job, &block);
    scan_close(scan);
    return more < 0 ? why->err : ERR_OK;
}

static enum err count_metric(struct count_job *job, const struct delete_metric *metric, uint64_t *rows,
                             struct why *why)
{
    const struct delete_request *request = job->how->request;
    int64_t from_ms, to_ms;
    uint64_t there = part_metric_span(job->part, metric->metric, &from_ms, &to_ms);
    *rows = 0;
    if (!there || from_ms >= request->to_ms || to_ms < request->from_ms)
        return ERR_OK;
    enum err err = find_sources(job, metric->bound, why);
    if (err || (!job->all && !job->sources.count))
        return err;
    if (job->all && from_ms >= request->from_ms && to_ms < request->to_ms) {
        *rows = there;
        return ERR_OK;
    }
    return scan_rows(job, metric->metric, rows, why);
}

static enum err count_part(struct count_job *job, struct why *why)
{
    const struct delete_counting *how = job->how;
    enum err err = ERR_OK;
    job->known = false;
    for (uint32_t m = 0; m < how->request->metric_count && !err; m++) {
        uint64_t rows;
        err = count_metric(job, &how->request->metrics[m], &rows, why);
        if (!err && rows)
            how->each(how->ctx, job->part, m, rows);
    }
    part_release_sources(how->snapshot, job->part);
    return err;
}

enum err delete_count(const struct delete_counting *counting, struct why *why)
{
    const struct delete_request *request = counting->request;
    struct count_job *job = MEM_NEW(struct count_job);
    enum err err = ERR_OK;
    job->how = counting;
    for (uint32_t i = 0; i < request->test_count; i++)
        job->tests[i] = (struct delete_test_view){
            names_find_field(counting->snapshot->store->names, request->tests[i].field),
            &request->tests[i].match};
    for (uint32_t p = 0; p < counting->snapshot->part_count && !err; p++) {
        job->part = &counting->snapshot->parts[p];
        if (counting->files_only && !job->part->segment)
            continue;
        if (job->part->rows && job->part->from_ms < request->to_ms && job->part->to_ms >= request->from_ms)
            err = count_part(job, why);
        if (!err && counting->between)
            counting->between(counting->ctx);
    }
    source_ranges_done(&job->sources);
    mem_free(job);
    return err;
}

/* ---- the report ---- */

void delete_report_begin(struct delete_report *report, const struct delete_request *request)
{
    *report = (struct delete_report){0};
    report->metric_rows = mem_zero(request->metric_count, sizeof *report->metric_rows);
}

void delete_report_done(struct delete_report *report)
{
    mem_free(report->metric_rows);
    *report = (struct delete_report){0};
}

void delete_report_add(struct delete_report *report, const struct part *part, uint32_t metric, uint64_t rows,
                       bool same_part)
{
    report->rows += rows;
    report->metric_rows[metric] += rows;
    if (!part->segment)
        return;
    report->files += !same_part;
    report->bytes += (uint64_t)((double)part->segment->bytes / (double)part->segment->rows * (double)rows);
}

struct counted {
    struct delete_report *report;
    const struct part *last;
};

static void add_counted(void *ctx, struct part *part, uint32_t metric, uint64_t rows)
{
    struct counted *counted = ctx;
    delete_report_add(counted->report, part, metric, rows, counted->last == part);
    counted->last = part;
}

enum err store_delete_count(struct snapshot *snapshot, const struct delete_request *request,
                            struct delete_report *out, struct why *why)
{
    struct counted counted = {out, NULL};
    struct delete_counting counting = {
        .snapshot = snapshot, .request = request, .each = add_counted, .ctx = &counted};
    delete_report_begin(out, request);
    enum err err = delete_count(&counting, why);
    if (err)
        delete_report_done(out);
    return err;
}
