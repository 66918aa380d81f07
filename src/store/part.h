/* part.h: a part as one snapshot sees it, and the snapshot itself. Of this room only. */
#ifndef STORE_PART_H
#define STORE_PART_H

#include "store/head.h"
#include "store/store.h"

#include <pthread.h>

struct segment;
struct segment_index;
struct segment_sources;
struct segment_table;
struct segment_list;
struct row_filter;
struct tombstone_set;
struct touch;

struct part {
    struct snapshot *snapshot;
    /* Of a head: how much of it there was. */
    struct head *head; /* NULL: a file */
    struct head_column *columns;
    uint32_t column_count, source_count, host_count, presence_count;
    uint64_t rows;
    int64_t from_ms, to_ms;
    uint32_t *source_rows; /* counted when first asked for; snapshot.lock */
    /* Of a file. */
    struct segment *segment;
    struct segment_index *index;     /* once loaded; snapshot.lock */
    struct segment_table *table;     /* once loaded; snapshot.lock */
    struct segment_sources *sources; /* once loaded; snapshot.lock */
    const struct touch *touches;     /* deletes that cover rows of it */
    uint32_t touch_count;
};

struct snapshot {
    struct store *store;
    pthread_mutex_t lock;
    struct segment_list *segments;
    struct tombstone_set *tombstones; /* NULL: none */
    uint32_t part_count, part_cap;
    struct part *parts;
};

/* The index of a file's part; it stays loaded until the snapshot goes or its sources are released. */
enum err part_load_index(struct part *part, struct segment_index **out, struct why *why) MUST_USE;
/* The stored table of sources of a file's part, for as long. */
enum err part_load_table(struct part *part, struct segment_index **index, struct segment_table **out,
                         struct why *why) MUST_USE;
/* The part of a file that was in service when the snapshot was made. */
struct part *snapshot_find_part(const struct snapshot *snapshot, const struct segment *segment);
/* Rows that are left of a metric, and the span of all it had; 0 when it is not there. */
uint64_t part_metric_span(const struct part *part, uint32_t metric, int64_t *from_ms, int64_t *to_ms);

/* ---- part_deletes.c ---- */
struct delete_test_view {
    uint32_t field; /* in names.h */
    const struct source_match *match;
};

/* The sources that pass the tests whose bit is not set in bound; *all: there is no such test. */
enum err delete_find_sources(struct part *part, const struct delete_test_view *tests, uint32_t count,
                             uint64_t bound, bool *all, struct source_ranges *out, struct why *why) MUST_USE;
uint64_t part_deleted_rows(const struct part *part, uint32_t metric);
/* All metrics' rows together. */
uint64_t part_all_deleted_rows(const struct part *part);
/* What to leave out of a metric's rows in a span; *out is NULL when nothing was deleted. */
enum err part_filter(struct part *part, uint32_t metric, int64_t from_ms, int64_t to_ms,
                     struct row_filter **out, struct why *why) MUST_USE;
/* Moves the rows that stay to the front, with their runs; returns how many. One thread a filter. */
struct block_rows;
uint32_t row_filter_apply(struct row_filter *filter, struct block_rows *rows);
void row_filter_free(struct row_filter *filter); /* NULL is fine */
/* Takes the deleted rows off the counts of rows by source; reads the rows of the metrics concerned. */
enum err part_subtract_deleted(struct part *part, uint32_t *rows, struct why *why) MUST_USE;

/* The metric's column in a head's part, or NULL. */
const struct head_column *part_column(const struct part *part, uint32_t metric);

#endif
