/* sketch.h: quantiles with a bounded relative error: counts of values by the bins of log_bin.h.
 *
 * Any quantile comes back within SKETCH_ALPHA of the exact one. Bins add, so sketches merge exactly and in
 * any order. Zero-initialised is ready; memory is about 16 bytes a bin in use.
 */
#ifndef QUERY_SKETCH_H
#define QUERY_SKETCH_H

#include "base/log_bin.h"

#include <stddef.h>

#define SKETCH_ALPHA LOG_BIN_ALPHA

struct sketch {
    struct log_bin *bins; /* open addressing; count 0: free */
    uint32_t cap;         /* a power of two, or 0 */
    uint32_t used;
    uint64_t count;
    double min, max;
};

void sketch_add(struct sketch *sketch, double value);
/* Bins of some values, of which min is the least and max the greatest. */
void sketch_add_bins(struct sketch *sketch, const struct log_bin *bins, uint32_t count, double min,
                     double max);
void sketch_merge(struct sketch *sketch, const struct sketch *other);
/* The value of a rank from 1 (the least, exact) to count (the greatest, exact); NAN when empty. */
double sketch_rank(const struct sketch *sketch, uint64_t rank);
size_t sketch_bytes(const struct sketch *sketch);
void sketch_done(struct sketch *sketch);

#endif
