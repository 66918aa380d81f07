/* bytes.h: reads what buf.h wrote, never past the end.
 *
 * A read past the end sets bad and yields zero; check bad once at the end. Little-endian. Views point into
 * the input.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/str.h"

struct bytes {
    const char *at;
    const char *end;
    bool bad;
};

static inline struct bytes bytes_of(struct str s)
{
    return (struct bytes){s.at, s.size ? s.at + s.size : s.at, false};
}

static inline size_t bytes_left(const struct bytes *b)
{
    return (size_t)(b->end - b->at);
}

/* Inline, since sources and footers are read field by field: called, they were a tenth of an import. */
static inline uint64_t bytes_little_endian(struct bytes *b, unsigned size)
{
    if (__builtin_expect(b->bad || bytes_left(b) < size, 0)) {
        b->bad = true;
        return 0;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)(unsigned char)b->at[i] << (8 * i);
    b->at += size;
    return v;
}

static inline uint8_t bytes_u8(struct bytes *b)
{
    return (uint8_t)bytes_little_endian(b, 1);
}

static inline uint16_t bytes_u16(struct bytes *b)
{
    return (uint16_t)bytes_little_endian(b, 2);
}

static inline uint32_t bytes_u32(struct bytes *b)
{
    return (uint32_t)bytes_little_endian(b, 4);
}

static inline uint64_t bytes_u64(struct bytes *b)
{
    return bytes_little_endian(b, 8);
}

static inline struct str bytes_str(struct bytes *b, uint64_t size)
{
    if (__builtin_expect(b->bad || bytes_left(b) < size, 0)) {
        b->bad = true;
        return STR_NONE;
    }
    struct str s = {b->at, (size_t)size};
    b->at += size;
    return s;
}

double bytes_f64(struct bytes *b);
uint64_t bytes_varint(struct bytes *b);

/* A varint count of things of at least size bytes each; more of them than the rest can hold is bad, and 0. */
static inline uint32_t bytes_count(struct bytes *b, size_t size)
{
    uint64_t count = bytes_varint(b);
    if (count > bytes_left(b) / size || count > UINT32_MAX)
        b->bad = true;
    return b->bad ? 0 : (uint32_t)count;
}

struct str bytes_sized_str(struct bytes *b);

/* Signed numbers as small unsigned ones, for varints. */
static inline uint64_t zigzag(int64_t v)
{
    return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

#endif
