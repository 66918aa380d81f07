/* value_list.h: the raw values of a cell, kept for exact percentiles and distinct counts.
 *
 * Lists share one store, whose memory the caller bounds: when value_store_is_full, it turns to sketches. One
 * thread.
 */
#ifndef QUERY_VALUE_LIST_H
#define QUERY_VALUE_LIST_H

#include "base/arena.h"

struct value_chunk;

struct value_store {
    struct arena arena;
    size_t bytes_max;
};

struct value_list {
    struct value_chunk *chunks; /* the newest first */
    uint64_t count;
};

void value_add(struct value_store *store, struct value_list *list, double value);
void value_add_run(struct value_store *store, struct value_list *list, const double *values, uint32_t count);
/* Beyond its limit? Asked between batches: the limit may be passed by one batch. */
bool value_store_is_full(const struct value_store *store);
/* Calls each per run of values. */
void value_each(const struct value_list *list, void (*each)(void *ctx, const double *values, uint32_t count),
                void *ctx);

/* The values of ranks (ascending, 1 is the least) among all values of the lists together; out[i] belongs to
 * ranks[i]. Selection, no sort; beyond a quarter million values by a histogram of their top 16 bits, so that
 * only one bucket is copied. */
void value_select(const struct value_list *lists, uint32_t list_count, const uint64_t *ranks,
                  uint32_t rank_count, double *out);

/* Different bit patterns among all values of the lists together. */
uint64_t value_distinct(const struct value_list *lists, uint32_t list_count);
/* Keeps one of each bit pattern, copied into another store. */
void value_compact(struct value_list *list, struct value_store *into);

/* ceil(part / whole * count), at least 1: the rank of a percentile (nearest rank). */
uint64_t value_rank(uint64_t part, uint64_t whole, uint64_t count);

#endif
