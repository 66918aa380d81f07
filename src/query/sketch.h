/* sketch.h: quantiles with a bounded relative error: DDSketch (Masson, Rim, Lee: VLDB 2019).
 *
 * A value v falls into bin ceil(log_gamma |v|) with gamma = (1 + a) / (1 - a), a = SKETCH_ALPHA; negative
 * values and zero have their own. Any quantile comes back within a of the exact one. Bins add, so sketches
 * merge exactly and in any order. Zero-initialised is ready; memory is about 16 bytes a bin in use.
 */
#ifndef QUERY_SKETCH_H
#define QUERY_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define SKETCH_ALPHA 0.01

struct sketch_bin {
    int32_t key; /* ascending with the value; 0 is the value zero */
    uint64_t count;
};

struct sketch {
    struct sketch_bin *bins; /* open addressing; count 0: free */
    uint32_t cap;            /* a power of two, or 0 */
    uint32_t used;
    uint64_t count;
    double min, max;
};

void sketch_add(struct sketch *sketch, double value);
void sketch_merge(struct sketch *sketch, const struct sketch *other);
/* The value of a rank from 1 (the least, exact) to count (the greatest, exact); NAN when empty. */
double sketch_rank(const struct sketch *sketch, uint64_t rank);
size_t sketch_bytes(const struct sketch *sketch);
void sketch_done(struct sketch *sketch);

#endif
