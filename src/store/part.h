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
};

struct snapshot {
    struct store *store;
    pthread_mutex_t lock;
    struct segment_list *segments;
    uint32_t part_count, part_cap;
    struct part *parts;
};

/* The index of a file's part; it stays loaded until the snapshot goes or its sources are released. */
enum err part_load_index(struct part *part, struct segment_index **out, struct why *why) MUST_USE;
/* The stored table of sources of a file's part, for as long. */
enum err part_load_table(struct part *part, struct segment_index **index, struct segment_table **out,
                         struct why *why) MUST_USE;
/* The metric's column in a head's part, or NULL. */
const struct head_column *part_column(const struct part *part, uint32_t metric);

#endif
