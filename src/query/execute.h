/* execute.h: reads the rows of a plan's feeds from one snapshot and fills their cells.
 *
 * On the caller's thread and idle ones of the options' crew (run_workers.c), each with a run of its own; the
 * answer does not depend on who read what. Bounded, over all of them: cells by CELL_BYTES_MAX (and as much
 * again for the helpers'), raw values by QUERY_EXACT_BYTES_MAX, rows, deadline and cancellation by the
 * options. A group that does not fit sets groups.overflow and the caller decides.
 */
#ifndef QUERY_EXECUTE_H
#define QUERY_EXECUTE_H

#include "query/groups.h"
#include "query/plan.h"

#include <stdatomic.h>

enum {
    CELL_BYTES_MAX = 64 << 20,
    SKETCH_BYTES_MAX = 128 << 20,
    GROUPS_RANKED_MAX = 1 << 20, /* beyond: groups seen later are left out of the ranking */
};

/* What all workers of a run have in common. */
struct run_share {
    bool stop_early; /* an overflow of groups ends the reading */
    bool company;    /* there are helpers, or may be */
    _Atomic uint64_t rows_read;
    _Atomic uint32_t polls;
    _Atomic size_t value_bytes, sketch_bytes, helper_bytes;
    _Atomic bool sketched; /* the values do not fit */
    _Atomic bool stop;     /* nobody reads on */
    _Atomic bool crowded;  /* needs more memory than there is for several: to be read by one */
};

struct run {
    const struct query_options *options;
    struct snapshot *snapshot;
    struct plan *plan;
    struct grid grid;
    struct groups groups;
    struct value_store values; /* of all feeds */
    struct arena arena;        /* of the run */
    bool sketched;             /* the values did not fit: percentiles are within SKETCH_ALPHA */
    bool foreseen;             /* that was known beforehand, and sketches of the store serve */
    uint64_t rows_read;        /* before and, in the end, after */
    struct query_error *error;
    /* Of a worker: */
    struct run_share *share;
    uint32_t worker;                              /* 0: the caller */
    size_t value_bytes, sketch_bytes, cell_bytes; /* as the share knows them */
};

/* How many groups a run over this grid may hold. */
uint32_t run_groups_max(const struct plan *plan, const struct grid *grid, uint32_t wanted);
/* groups may be open (zero but for max) or closed. The run takes them over. stop_early: an overflow of groups
 * ends the reading at once. */
enum err run_execute(struct run *run, bool stop_early) MUST_USE;
void run_done(struct run *run);

/* ---- between execute.c, run_workers.c, row_feed.c, feed_source.c and level.c ---- */

/* Called now and then: deadline, cancellation, rows. */
enum err run_poll(struct run *run, uint64_t rows) MUST_USE;
/* Called between batches: turns values into sketches when there are too many. */
enum err run_check_memory(struct run *run) MUST_USE;
/* No more rows are wanted. */
static inline bool run_is_stopped(const struct run *run)
{
    return atomic_load_explicit(&run->share->stop, memory_order_relaxed);
}
void run_stop(struct run *run);
/* This one cannot go on beside others: all stop, and the run begins anew without them. */
void run_is_crowded(struct run *run);
void run_sketch(struct run *run); /* values are sketches from here on */
void run_init_cells(struct run *run);
/* Fills the cells of all feeds that are read row by row. */
enum err run_read_rows(struct run *run) MUST_USE;

/* Maps the sources of one part to groups, for one feed: see feed_source.c. */
struct source_map {
    struct run *run;
    struct feed *feed;
    const struct metric_ref *metric;
    struct part *part;
    uint64_t scope_bound; /* bit i: match i of the scope is decided by the metric's name */
    uint64_t by_bound;
    bool has_source_scope, has_source_by, has_metric_by, has_source_distinct;
    bool metric_out;      /* the name alone puts the metric out of scope */
    uint32_t fixed_group; /* when no source need be looked at */
    struct source_test *tests;
    struct source_ranges ranges; /* with has_source_scope: the sources of the part in scope */
    bool *chunk_known;           /* by FIELD_CHUNK sources: are their keys known? NULL: no key is needed */
    uint32_t *key_of_source;
    uint64_t *distinct_of_source;
    uint32_t source_count, source_cap;
    struct field_chunk *values; /* one a `by` field */
    struct key_memo *memo;
    struct intern keys; /* of what sources say about the `by` fields */
    uint32_t *group_of_key;
    uint32_t key_cap;
    uint64_t fixed_distinct;
    struct buf scratch;
};

void source_map_init(struct source_map *map, struct run *run, struct feed *feed);
void source_map_done(struct source_map *map);
/* Before the rows of a metric in a part. false: nothing of it is in scope. */
bool source_map_enter(struct source_map *map, struct part *part, const struct metric_ref *metric);
uint32_t source_map_resolve(struct source_map *map, uint32_t source);  /* group or GROUP_DROPPED; slow path */
uint64_t source_map_distinct(struct source_map *map, uint32_t source); /* 0: the field is unset */
/* For scan_open: which sources of the part are wanted; NULL: all. */
const struct source_ranges *source_map_ranges(const struct source_map *map);

enum { KEY_OUT = 0xfffffffe };

static inline uint32_t source_map_group(struct source_map *map, uint32_t source)
{
    if (!map->chunk_known)
        return map->fixed_group;
    if (source >= map->source_count)
        return GROUP_DROPPED;
    if (map->chunk_known[source / FIELD_CHUNK]) {
        uint32_t key = map->key_of_source[source];
        if (key == KEY_OUT)
            return GROUP_DROPPED;
        if (key < map->key_cap && map->group_of_key[key] != GROUP_UNKNOWN)
            return map->group_of_key[key];
    }
    return source_map_resolve(map, source);
}

/* The group of a metric's rows whose sources say only this of the `by` fields (where any field of them is not
 * said by the name); or GROUP_DROPPED. */
uint32_t source_map_value_group(struct source_map *map, struct source_value value);

/* ---- partial_feed.c ---- */

struct time_span {
    int64_t from_ms, to_ms;
};

/* Adds what the store keeps of a metric per minute, in place of its rows. 1: done, but for the rows of the
 * *edge_count spans, which begin or end within a minute; 0: the rows are needed; -1: the run failed. */
int partial_feed(struct source_map *map, struct part *part, struct time_span span, struct time_span edges[2],
                 uint32_t *edge_count);
/* At least so many rows of the part are in scope and in span, as far as that is known without reading rows;
 * -1: the run failed. */
int64_t partial_feed_rows(struct source_map *map, struct part *part, struct time_span span);

/* ---- foresee.c ---- */

/* Will there be more values than fit? Then they are sketches from the beginning. */
enum err run_foresee(struct run *run) MUST_USE;

enum err level_execute(struct run *run, struct feed *feed) MUST_USE;

#endif
