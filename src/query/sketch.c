#include "query/sketch.h"

#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Bins of doubles lie between ln(5e-324) / ln(gamma) = -37,222 and 35,489; the shift keeps signs apart. */
enum { KEY_SHIFT = 40000 };

static double log_gamma_of_base(void)
{
    return log((1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA));
}

static int32_t key_of(double value)
{
    if (value == 0)
        return 0;
    int32_t bin = (int32_t)ceil(log(fabs(value)) / log_gamma_of_base()) + KEY_SHIFT;
    return value < 0 ? -bin : bin;
}

static double value_of(int32_t key)
{
    if (key == 0)
        return 0;
    double gamma = (1 + SKETCH_ALPHA) / (1 - SKETCH_ALPHA);
    double value = 2 * exp((abs(key) - KEY_SHIFT) * log_gamma_of_base()) / (gamma + 1);
    return key < 0 ? -value : value;
}

static struct sketch_bin *find_bin(struct sketch *sketch, int32_t key)
{
    uint32_t at = (uint32_t)hash_mix((uint32_t)key) & (sketch->cap - 1);
    while (sketch->bins[at].count && sketch->bins[at].key != key)
        at = (at + 1) & (sketch->cap - 1);
    return &sketch->bins[at];
}

static void grow(struct sketch *sketch)
{
    struct sketch_bin *old = sketch->bins;
    uint32_t cap = sketch->cap;
    sketch->cap = cap ? cap * 2 : 8;
    sketch->bins = mem_zero(sketch->cap, sizeof(*sketch->bins));
    for (uint32_t i = 0; i < cap; i++)
        if (old[i].count)
            *find_bin(sketch, old[i].key) = old[i];
    mem_free(old);
}

static void add_count(struct sketch *sketch, int32_t key, uint64_t count)
{
    if ((sketch->used + 1) * 4 > sketch->cap * 3)
        grow(sketch);
    struct sketch_bin *bin = find_bin(sketch, key);
    sketch->used += bin->count == 0;
    bin->key = key;
    bin->count += count;
}

void sketch_add(struct sketch *sketch, double value)
{
    if (sketch->count == 0 || value < sketch->min)
        sketch->min = value;
    if (sketch->count == 0 || value > sketch->max)
        sketch->max = value;
    sketch->count++;
    add_count(sketch, key_of(value), 1);
}

void sketch_merge(struct sketch *sketch, const struct sketch *other)
{
    if (other->count == 0)
        return;
    if (sketch->count == 0 || other->min < sketch->min)
        sketch->min = other->min;
    if (sketch->count == 0 || other->max > sketch->max)
        sketch->max = other->max;
    sketch->count += other->count;
    for (uint32_t i = 0; i < other->cap; i++)
        if (other->bins[i].count)
            add_count(sketch, other->bins[i].key, other->bins[i].count);
}

static int compare_bins(const void *a, const void *b)
{
    int32_t x = ((const struct sketch_bin *)a)->key, y = ((const struct sketch_bin *)b)->key;
    return (x > y) - (x < y);
}

double sketch_rank(const struct sketch *sketch, uint64_t rank)
{
    if (sketch->count == 0)
        return NAN;
    if (rank <= 1 || rank >= sketch->count)
        return rank <= 1 ? sketch->min : sketch->max;
    struct sketch_bin *bins = mem_zero(sketch->used, sizeof(*bins));
    uint32_t count = 0;
    for (uint32_t i = 0; i < sketch->cap; i++)
        if (sketch->bins[i].count)
            bins[count++] = sketch->bins[i];
    qsort(bins, count, sizeof(*bins), compare_bins);
    uint64_t seen = 0;
    double value = sketch->max;
    for (uint32_t i = 0; i < count; i++) {
        seen += bins[i].count;
        if (seen >= rank) {
            value = value_of(bins[i].key);
            break;
        }
    }
    mem_free(bins);
    return value < sketch->min ? sketch->min : value > sketch->max ? sketch->max : value;
}

size_t sketch_bytes(const struct sketch *sketch)
{
    return sizeof(*sketch) + sketch->cap * sizeof(*sketch->bins);
}

void sketch_done(struct sketch *sketch)
{
    mem_free(sketch->bins);
    *sketch = (struct sketch){0};
}
