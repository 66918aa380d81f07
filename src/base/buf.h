/* buf.h: bytes that grow at the end. Zero-initialised is ready; done with buf_done. One thread.
 *
 * Integers are written little-endian. Text helpers never write a NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
    char *at;
    size_t size;
    size_t cap;
};

void buf_done(struct buf *buf);
void buf_make_room(struct buf *buf, size_t more); /* buf_reserve's rare case */

/* What follows is called for every field of every source, and so inline. */

/* Room for more bytes behind size. */
static inline void buf_reserve(struct buf *buf, size_t more)
{
    if (__builtin_expect(more > buf->cap - buf->size, 0))
        buf_make_room(buf, more);
}

/* Adds more unset bytes, returns where they start. */
static inline char *buf_grow(struct buf *buf, size_t more)
{
    buf_reserve(buf, more);
    char *start = buf->at + buf->size;
    buf->size += more;
    return start;
}

static inline void buf_put(struct buf *buf, const void *bytes, size_t size)
{
    if (size)
        memcpy(buf_grow(buf, size), bytes, size);
}

static inline void buf_str(struct buf *buf, struct str s)
{
    buf_put(buf, s.at, s.size);
}

static inline void buf_char(struct buf *buf, char c)
{
    *buf_grow(buf, 1) = c;
}

static inline void buf_little_endian(struct buf *buf, uint64_t v, unsigned size)
{
    char *at = buf_grow(buf, size);
    for (unsigned i = 0; i < size; i++)
        at[i] = (char)(v >> (8 * i));
}

static inline void buf_u8(struct buf *buf, uint8_t v)
{
    buf_char(buf, (char)v);
}

static inline void buf_u16(struct buf *buf, uint16_t v)
{
    buf_little_endian(buf, v, 2);
}

static inline void buf_u32(struct buf *buf, uint32_t v)
{
    buf_little_endian(buf, v, 4);
}

static inline void buf_u64(struct buf *buf, uint64_t v)
{
    buf_little_endian(buf, v, 8);
}

void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_f64(struct buf *buf, double v);           /* the bits, so every NaN comes back */
void buf_varint(struct buf *buf, uint64_t v);      /* LEB128, 1 to 10 bytes */
void buf_sized_str(struct buf *buf, struct str s); /* varint size, then the bytes */
/* Shortest decimal that reads back as the same double (-0 as "0"); "nan", "inf", "-inf" for the rest. */
void buf_number(struct buf *buf, double v);
void buf_u64_text(struct buf *buf, uint64_t v); /* in decimal */
void buf_i64_text(struct buf *buf, int64_t v);
void buf_time(struct buf *buf, int64_t time_ms); /* RFC 3339 in UTC with milliseconds */
void buf_drop(struct buf *buf, size_t first);    /* forgets the first bytes */

static inline struct str buf_view(const struct buf *buf)
{
    return (struct str){buf->at, buf->size};
}

#endif
