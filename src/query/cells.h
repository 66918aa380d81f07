/* cells.h: mergeable partial results, one per (group, step): what every statistic is made of.
 *
 * A cell holds a count and, as the statistics need, the sum and the sum of squares (both exact: exact_sum.h),
 * min and max, the last value, the raw values and the distinct ones. The cell behind a group's steps is the
 * whole range. Values share one bounded store; when it is used up, all values of the query turn into
 * sketches. Nothing depends on the order in which rows or partial results come. One thread a table.
 */
#ifndef QUERY_CELLS_H
#define QUERY_CELLS_H

#include "query/ast.h"
#include "query/exact_sum.h"
#include "query/grid.h"
#include "query/sketch.h"
#include "query/value_list.h"

struct needs {
    bool sum, range, last, spread, values, distinct; /* spread comes with sum */
};

struct last_value {
    int64_t time_ms;
    double value;
};

struct cells {
    struct needs needs;
    uint32_t stride;
    uint32_t groups; /* with room */
    uint64_t *count;
    struct exact_sum *sum, *squares;
    double *min, *max;
    struct last_value *last;
    struct value_list *values;
    struct sketch *sketches; /* instead of values, once the store was full */
    struct value_list *distinct;
    struct value_store *store;    /* of values, shared */
    struct value_store distincts; /* its own, so that it can be compacted */
    size_t sketch_bytes;
};

void cells_init(struct cells *cells, struct needs needs, uint32_t stride, struct value_store *store);
void cells_done(struct cells *cells);
size_t cells_bytes_each(struct needs needs);
void cells_reserve(struct cells *cells, uint32_t groups);

/* n rows; cell[i] = group * stride + step, inside what is reserved. */
void cells_add(struct cells *cells, const uint32_t *cell, const double *value, const int64_t *time_ms,
               uint32_t n);
/* n rows of one cell. */
void cells_add_run(struct cells *cells, uint32_t cell, const double *value, const int64_t *time_ms,
                   uint32_t n);
/* What count rows of one cell come to; for needs of no more than sum, range and values (cells_add_bins). */
void cells_add_partial(struct cells *cells, uint32_t cell, uint64_t count, double sum, double min,
                       double max);
/* How the values of some rows of one cell are distributed; of cells whose values are sketches. */
void cells_add_bins(struct cells *cells, uint32_t cell, const struct log_bin *bins, uint32_t count,
                    double min, double max);
void cells_add_distinct(struct cells *cells, const uint32_t *cell, const uint64_t *hash, uint32_t n);
/* Values become sketches from here on; the caller empties the store. */
void cells_to_sketches(struct cells *cells);
/* Drops repeated distinct values when their store is full. false: it stays more than half full. */
bool cells_compact(struct cells *cells);
/* Adds another table of the same needs and stride: its group i to group[i] (UINT32_MAX: dropped), inside what
 * is reserved. Raw values move with their store's memory (a store that only `from` uses), the rest is added;
 * `from` can only be done then. */
void cells_merge(struct cells *cells, struct cells *from, const uint32_t *group, uint32_t group_count);
/* Fills the cell of the whole range from the steps (all but values and distinct ones, see below). */
void cells_total(struct cells *cells);

bool cells_seen(const struct cells *cells, uint32_t group); /* did any row fall into it? */
double cells_sum(const struct cells *cells, uint32_t cell);
/* Of one cell; whole: of all steps of its group together. NAN when there is none. */
void cells_percentiles(const struct cells *cells, uint32_t cell, bool whole, const struct stat_term *stats,
                       uint32_t count, double *out);
double cells_deviation(const struct cells *cells, uint32_t cell);
uint64_t cells_distinct(const struct cells *cells, uint32_t cell, bool whole);

#endif
