/* run_workers.c: who reads what of a run.
 *
 * The work is units, a metric of a feed in a part, in the order of parts. Whoever begins a unit puts up
 * shares of the rows that are left to read, and shares go before further units. Every worker adds to cells of
 * its own, which are united in the end; sums, ranks and counts are exact, so it does not show who read what.
 * One worker alone goes through the same steps. When several need more memory than there is, the run begins
 * anew with one.
 */
#include "query/row_feed.h"

#include "base/mem.h"

#include <pthread.h>

enum { SHARES_MAX = 256, HELPERS_MAX = 63 };

/* Part `number / reading_count`, reading `number % reading_count`. */
struct reading {
    uint32_t feed;
    const struct metric_ref *metric;
    struct time_span span;
};

struct split {
    uint64_t unit;
    struct time_span left[2];
    uint32_t left_count, share_count, given, done;
    struct split *next;
};

struct worker {
    bool began;
    struct run *run;
    struct run own; /* of a helper; the caller has the run itself */
    struct plan plan;
    struct query_error error;
    struct row_feed **rows; /* by feed; made when first needed */
    uint64_t last;          /* the unit it was at */
};

struct part_use {
    uint32_t open; /* units under way */
    bool used;
};

struct supply {
    struct run *run;
    struct worker *workers;
    uint32_t worker_count;
    struct reading *readings;
    uint64_t reading_count, unit_count;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t change;
    uint64_t next;      /* unit */
    uint32_t beginning; /* units whose shares are not known yet */
    struct split *splits;
    struct part_use *parts;
    uint64_t failed; /* the first unit that failed, or UINT64_MAX */
    struct query_error error;
};

static uint64_t share_rows(const struct run *run)
{
    return run->options->share_rows ? run->options->share_rows : QUERY_SHARE_ROWS;
}

/* ---- what there is to do; under the lock ---- */

static const struct reading *reading_of(const struct supply *supply, uint64_t unit)
{
    return &supply->readings[unit % supply->reading_count];
}

static struct part *part_of(const struct supply *supply, uint64_t unit)
{
    return snapshot_part(supply->run->snapshot, (uint32_t)(unit / supply->reading_count));
}

static uint64_t unit_rows(const struct supply *supply, uint64_t unit)
{
    const struct reading *reading = reading_of(supply, unit);
    const struct part *part = part_of(supply, unit);
    int64_t from, to;
    if (!part_span(part, &from, &to) || to < reading->span.from_ms || from >= reading->span.to_ms)
        return 0;
    return part_metric_rows(part, reading->metric->id);
}

/* Gives the memory of a part's sources back once no unit of it is left. */
static void settle_part(struct supply *supply, uint64_t part)
{
    struct part_use *use = &supply->parts[part];
    if (!use->used || use->open || supply->next < (part + 1) * supply->reading_count)
        return;
    use->used = false;
    part_release_sources(supply->run->snapshot, snapshot_part(supply->run->snapshot, (uint32_t)part));
}

static bool take_unit(struct supply *supply, uint64_t *unit)
{
    while (supply->next < supply->unit_count && supply->next < supply->failed &&
           !run_is_stopped(supply->run)) {
        uint64_t at = supply->next++, part = at / supply->reading_count;
        if (unit_rows(supply, at)) {
            supply->parts[part].open++;
            supply->parts[part].used = true;
            *unit = at;
            return true;
        }
        settle_part(supply, part);
    }
    return false;
}

/* Of the unit that the worker was at before, whose sources it knows, or else of the first. */
static struct split *find_split(const struct supply *supply, uint64_t last)
{
    struct split *found = NULL;
    for (struct split *split = supply->splits; split && !run_is_stopped(supply->run); split = split->next)
        if (split->given < split->share_count && split->unit <= supply->failed &&
            (!found || split->unit == last || (found->unit != last && split->unit < found->unit)))
            found = split;
    return found;
}

static void end_unit(struct supply *supply, uint64_t unit)
{
    uint64_t part = unit / supply->reading_count;
    supply->parts[part].open--;
    settle_part(supply, part);
}

static void end_share(struct supply *supply, struct split *split)
{
    if (++split->done < split->share_count)
        return;
    struct split **at = &supply->splits;
    while (*at != split)
        at = &(*at)->next;
    *at = split->next;
    end_unit(supply, split->unit);
    mem_free(split);
}

/* The first failing unit decides, whoever is first to fail. */
static void put_error(struct supply *supply, uint64_t unit, const struct query_error *error)
{
    if (error->err == ERR_OK || unit >= supply->failed)
        return;
    supply->failed = unit;
    supply->error = *error;
    if (error->err == ERR_CANCELLED || error->err == ERR_TIMEOUT)
        run_stop(supply->run);
}

/* ---- working ---- */

static struct row_feed *rows_of(struct worker *worker, uint32_t feed)
{
    if (!worker->rows[feed])
        worker->rows[feed] = row_feed_new(worker->run, &worker->run->plan->feeds[feed]);
    return worker->rows[feed];
}

/* NULL: nothing is left to read. */
static struct split *begin_unit(struct supply *supply, struct worker *worker, uint64_t unit)
{
    const struct reading *reading = reading_of(supply, unit);
    struct split split = {.unit = unit};
    enum err err = row_feed_enter(rows_of(worker, reading->feed), part_of(supply, unit), reading->metric,
                                  split.left, &split.left_count);
    if (err != ERR_OK || !split.left_count)
        return NULL;
    uint64_t shares = supply->worker_count > 1 ? unit_rows(supply, unit) / share_rows(supply->run) + 1 : 1;
    split.share_count = shares < SHARES_MAX ? (uint32_t)shares : SHARES_MAX;
    struct split *copy = MEM_NEW(struct split);
    *copy = split;
    return copy;
}

static void read_share(struct supply *supply, struct worker *worker, const struct split *split,
                       uint32_t share)
{
    const struct reading *reading = reading_of(supply, split->unit);
    struct row_feed *rows = rows_of(worker, reading->feed);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < split->left_count && err == ERR_OK; i++)
        err = row_feed_read(rows, part_of(supply, split->unit), reading->metric, split->left[i], share,
                            split->share_count);
}

/* Under the lock, but not while it works. */
static bool work_once(struct supply *supply, struct worker *worker)
{
    struct split *split = find_split(supply, worker->last);
    if (split) {
        uint32_t share = split->given++;
        worker->last = split->unit;
        pthread_mutex_unlock(&supply->lock);
        read_share(supply, worker, split, share);
        pthread_mutex_lock(&supply->lock);
        put_error(supply, worker->last, worker->run->error);
        end_share(supply, split);
        return true;
    }
    if (!take_unit(supply, &worker->last))
        return false;
    supply->beginning++;
    pthread_mutex_unlock(&supply->lock);
    split = begin_unit(supply, worker, worker->last);
    pthread_mutex_lock(&supply->lock);
    supply->beginning--;
    put_error(supply, worker->last, worker->run->error);
    if (split) {
        split->next = supply->splits;
        supply->splits = split;
    } else {
        end_unit(supply, worker->last);
    }
    pthread_cond_broadcast(&supply->change);
    return true;
}

static void work(void *ctx, uint32_t index)
{
    struct supply *supply = ctx;
    struct worker *worker = &supply->workers[index];
    uint32_t feeds = supply->run->plan->feed_count;
    worker->began = true;
    worker->last = UINT64_MAX;
    worker->rows = mem_zero(feeds + 1, sizeof(*worker->rows));
    if (index)
        run_init_cells(worker->run);
    pthread_mutex_lock(&supply->lock);
    for (;;) {
        if (worker->run->error->err != ERR_OK)
            break; /* others read what comes before */
        if (work_once(supply, worker))
            continue;
        if (!supply->beginning)
            break;
        pthread_cond_wait(&supply->change, &supply->lock);
    }
    pthread_mutex_unlock(&supply->lock);
    for (uint32_t f = 0; f < feeds; f++)
        row_feed_free(worker->rows[f]);
    mem_free(worker->rows);
}

/* ---- uniting ---- */

static void unite_worker(struct run *run, struct run *from)
{
    uint32_t count = groups_count(&from->groups), *group = mem_zero(count + 1, sizeof(*group));
    for (uint32_t g = 0; g < count; g++) {
        group[g] = g;
        if (!from->groups.closed) {
            uint32_t found = groups_resolve(&run->groups, intern_get(&from->groups.keys, g));
            group[g] = found == GROUP_DROPPED ? UINT32_MAX : found;
        }
    }
    for (uint32_t f = 0; f < run->plan->feed_count; f++) {
        struct cells *cells = &run->plan->feeds[f].cells;
        cells_reserve(cells, groups_count(&run->groups));
        cells_reserve(&from->plan->feeds[f].cells, count);
        cells_merge(cells, &from->plan->feeds[f].cells, group, count);
    }
    mem_free(group);
}

static void unite(struct supply *supply)
{
    struct run *run = supply->run;
    bool sketched = atomic_load(&run->share->sketched);
    if (sketched)
        run_sketch(run);
    for (uint32_t w = 1; w < supply->worker_count; w++)
        run->groups.overflow |= supply->workers[w].own.groups.overflow;
    if (run_is_stopped(run))
        return; /* nobody wants what was read */
    for (uint32_t w = 1; w < supply->worker_count; w++) {
        struct worker *worker = &supply->workers[w];
        if (!worker->began)
            continue;
        if (sketched)
            run_sketch(worker->run);
        unite_worker(run, worker->run);
    }
    /* What the helpers held is the caller's now. */
    run->share->value_bytes = run->share->sketch_bytes = 0;
    run->value_bytes = run->sketch_bytes = 0;
    if (run->groups.overflow && !run->share->stop_early && run->share->company)
        run_is_crowded(run);
}

/* ---- one go ---- */

static void list_readings(struct supply *supply)
{
    struct run *run = supply->run;
    uint64_t count = 0;
    for (uint32_t f = 0; f < run->plan->feed_count; f++)
        count += run->plan->feeds[f].metric_count;
    supply->readings = mem_zero(count + 1, sizeof(*supply->readings));
    for (uint32_t f = 0; f < run->plan->feed_count; f++) {
        const struct feed *feed = &run->plan->feeds[f];
        struct time_span span = row_feed_span(run, feed);
        for (uint32_t m = 0; m < feed->metric_count && !feed->is_level; m++)
            if (feed->metrics[m]->id != NAME_NONE)
                supply->readings[supply->reading_count++] = (struct reading){f, feed->metrics[m], span};
    }
    supply->unit_count = supply->reading_count * snapshot_part_count(run->snapshot);
}

/* How many may help: nobody where the rows are few, and not more than have room for cells. */
static uint32_t helper_count(const struct supply *supply)
{
    const struct run *run = supply->run;
    uint32_t helpers = crew_helpers(run->options->crew);
    helpers = helpers < HELPERS_MAX ? helpers : HELPERS_MAX;
    if (!helpers || !run->share->company)
        return 0;
    size_t bytes = 1;
    for (uint32_t i = 0; i < run->plan->feed_count; i++) {
        const struct cells *cells = &run->plan->feeds[i].cells;
        bytes += cells_bytes_each(cells->needs) * cells->groups * cells->stride;
    }
    if (helpers > CELL_BYTES_MAX / bytes)
        helpers = (uint32_t)(CELL_BYTES_MAX / bytes);
    uint64_t rows = 0;
    for (uint64_t unit = 0; unit < supply->unit_count && rows < share_rows(run); unit++)
        rows += unit_rows(supply, unit);
    return rows < share_rows(run) ? 0 : helpers;
}

static void make_helper(struct worker *worker, const struct run *run, uint32_t index)
{
    worker->plan = *run->plan;
    worker->plan.feeds = mem_alloc((run->plan->feed_count + 1) * sizeof(*worker->plan.feeds));
    memcpy(worker->plan.feeds, run->plan->feeds, run->plan->feed_count * sizeof(*worker->plan.feeds));
    for (uint32_t f = 0; f < run->plan->feed_count; f++)
        worker->plan.feeds[f].cells = (struct cells){0};
    worker->own =
        (struct run){.options = run->options,
                     .snapshot = run->snapshot,
                     .plan = &worker->plan,
                     .grid = run->grid,
                     /* Closed ones do not change: all look at the same. */
                     .groups = run->groups.closed ? run->groups : (struct groups){.max = run->groups.max},
                     .values = {.bytes_max = run->values.bytes_max},
                     .foreseen = run->foreseen,
                     .error = &worker->error,
                     .share = run->share,
                     .worker = index};
    worker->run = &worker->own;
}

static void helper_done(struct worker *worker)
{
    if (worker->own.groups.closed)
        worker->own.groups = (struct groups){0};
    run_done(&worker->own);
    mem_free(worker->plan.feeds);
}

static enum err read_once(struct run *run)
{
    struct supply supply = {.run = run, .failed = UINT64_MAX};
    list_readings(&supply);
    uint32_t helpers = helper_count(&supply);
    run->share->company = helpers > 0;
    supply.worker_count = helpers + 1;
    supply.workers = mem_zero(supply.worker_count, sizeof(*supply.workers));
    supply.parts = mem_zero(snapshot_part_count(run->snapshot) + 1, sizeof(*supply.parts));
    supply.workers[0].run = run;
    for (uint32_t w = 1; w < supply.worker_count; w++)
        make_helper(&supply.workers[w], run, w);
    pthread_mutex_init(&supply.lock, NULL);
    pthread_cond_init(&supply.change, NULL);
    crew_run(run->options->crew, helpers, work, &supply);
    if (supply.failed == UINT64_MAX)
        unite(&supply);
    else
        *run->error = supply.error;
    for (uint32_t w = 1; w < supply.worker_count; w++)
        helper_done(&supply.workers[w]);
    for (struct split *split = supply.splits, *next; split; split = next) {
        next = split->next;
        mem_free(split);
    }
    pthread_mutex_destroy(&supply.lock);
    pthread_cond_destroy(&supply.change);
    mem_free(supply.workers);
    mem_free(supply.parts);
    mem_free(supply.readings);
    return run->error->err;
}

/* As it was before anything was read. */
static void forget(struct run *run)
{
    struct run_share *share = run->share;
    *share = (struct run_share){.stop_early = share->stop_early, .rows_read = run->rows_read};
    for (uint32_t f = 0; f < run->plan->feed_count; f++)
        cells_done(&run->plan->feeds[f].cells);
    if (!run->groups.closed) {
        uint32_t max = run->groups.max;
        groups_done(&run->groups);
        run->groups.max = max;
    }
    arena_done(&run->values.arena);
    run->sketched = false;
    run->value_bytes = run->sketch_bytes = run->cell_bytes = 0;
    run_init_cells(run);
}

enum err run_read_rows(struct run *run)
{
    run->share->company = true;
    enum err err = read_once(run);
    if (err == ERR_OK && run->share->crowded) {
        forget(run);
        err = read_once(run);
    }
    run->share->company = false;
    return err == ERR_OK ? run_check_memory(run) : err;
}
