/* bits.h: unsigned numbers of one width, packed bit behind bit, the least significant first. Pure. */
#ifndef STORE_BITS_H
#define STORE_BITS_H

#include "base/buf.h"

static inline size_t bits_size(uint32_t count, unsigned width)
{
    return ((size_t)count * width + 7) / 8;
}

/* Bits that v needs: 0 for 0, at most 64. */
static inline unsigned bits_width(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Each value lies below 2^width. */
void bits_put(struct buf *out, const uint64_t *values, uint32_t count, unsigned width);
/* at has bits_size(count, width) bytes; width is at most 64. Adds base to each. */
void bits_get(const char *at, uint32_t count, unsigned width, uint64_t base, uint64_t *values);

#endif
