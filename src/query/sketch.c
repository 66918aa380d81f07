#include "query/sketch.h"

#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static struct log_bin *find_bin(struct sketch *sketch, int32_t key)
{
    uint32_t at = (uint32_t)hash_mix((uint32_t)key) & (sketch->cap - 1);
    while (sketch->bins[at].count && sketch->bins[at].key != key)
        at = (at + 1) & (sketch->cap - 1);
    return &sketch->bins[at];
}

static void grow(struct sketch *sketch)
{
    struct log_bin *old = sketch->bins;
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
    struct log_bin *bin = find_bin(sketch, key);
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
    add_count(sketch, log_bin_key(value), 1);
}

void sketch_add_bins(struct sketch *sketch, const struct log_bin *bins, uint32_t count, double min,
                     double max)
{
    if (!count)
        return;
    if (sketch->count == 0 || min < sketch->min)
        sketch->min = min;
    if (sketch->count == 0 || max > sketch->max)
        sketch->max = max;
    for (uint32_t i = 0; i < count; i++) {
        sketch->count += bins[i].count;
        add_count(sketch, bins[i].key, bins[i].count);
    }
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
    int32_t x = ((const struct log_bin *)a)->key, y = ((const struct log_bin *)b)->key;
    return (x > y) - (x < y);
}

double sketch_rank(const struct sketch *sketch, uint64_t rank)
{
    if (sketch->count == 0)
        return NAN;
    if (rank <= 1 || rank >= sketch->count)
        return rank <= 1 ? sketch->min : sketch->max;
    struct log_bin *bins = mem_zero(sketch->used, sizeof(*bins));
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
            value = log_bin_value(bins[i].key);
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
