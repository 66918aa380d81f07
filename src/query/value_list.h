/* value_list.h: the raw values of a cell, kept for exact percentiles and distinct counts.
 *
 * Lists share one store, whose memory the caller bounds: when value_store_is_full, it turns to sketches. One
 * thread. A list lives in the store that its values were added from, or in one that has taken that over.
 */
#ifndef QUERY_VALUE_LIST_H
#define QUERY_VALUE_LIST_H

#include "base/arena.h"

struct value_chunk {
    struct value_chunk *older;
    uint64_t before; /* values in all older ones */
    uint32_t count;  /* once it is not the newest any more */
    uint32_t cap;
    double values[];
};

struct value_store {
    struct arena arena;
    size_t bytes_max;
};

struct value_list {
    struct value_chunk *newest;
    uint32_t count, cap; /* of the newest */
};

static inline uint64_t value_count(const struct value_list *list)
{
    return list->newest ? list->newest->before + list->count : 0;
}

void value_grow(struct value_store *store, struct value_list *list); /* room for one more at least */
void value_add_run(struct value_store *store, struct value_list *list, const double *values, uint32_t count);

static inline void value_add(struct value_store *store, struct value_list *list, double value)
{
    if (__builtin_expect(list->count == list->cap, 0))
        value_grow(store, list);
    list->newest->values[list->count++] = value;
}

/* Moves the values of `from` behind those of list, without a copy; from is empty then. */
void value_splice(struct value_list *list, struct value_list *from);
/* Takes over the memory of another store, which is empty then. */
void value_store_take(struct value_store *store, struct value_store *from);
/* Beyond its limit? Asked between batches: the limit may be passed by one batch. */
bool value_store_is_full(const struct value_store *store);
/* Calls each per run of values. */
void value_each(const struct value_list *list, void (*each)(void *ctx, const double *values, uint32_t count),
                void *ctx);

/* The values of ranks (ascending, 1 is the least) among all values of the lists together; out[i] belongs to
 * ranks[i]. Selection, no sort: about 1.5 passes over the values for all ranks together, and of high ranks
 * only the values near and above them are copied. Low ranks among more than a quarter million values: by a
 * histogram of their top 16 bits, so that only the ranks' buckets are copied. */
void value_select(const struct value_list *lists, uint32_t list_count, const uint64_t *ranks,
                  uint32_t rank_count, double *out);

/* Different bit patterns among all values of the lists together. */
uint64_t value_distinct(const struct value_list *lists, uint32_t list_count);
/* Keeps one of each bit pattern, copied into another store. */
void value_compact(struct value_list *list, struct value_store *into);

/* ceil(part / whole * count), at least 1: the rank of a percentile (nearest rank). */
uint64_t value_rank(uint64_t part, uint64_t whole, uint64_t count);

#endif
