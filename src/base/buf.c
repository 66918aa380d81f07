#include "base/buf.h"

#include "base/check.h"
#include "base/decimal.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void buf_done(struct buf *buf)
{
    mem_free(buf->at);
    *buf = (struct buf){0};
}

void buf_make_room(struct buf *buf, size_t more)
{
    size_t need;
    CHECK(!__builtin_add_overflow(buf->size, more, &need));
    size_t cap = buf->cap + buf->cap / 2 + 64;
    if (cap < need)
        cap = need;
    buf->at = mem_resize(buf->at, cap, 1);
    buf->cap = cap;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    buf_reserve(buf, 64); /* most fit at once */
    size_t room = buf->cap - buf->size;
    int size = vsnprintf(buf->at + buf->size, room, format, args);
    va_end(args);
    CHECK(size >= 0);
    if ((size_t)size >= room) {
        buf_reserve(buf, (size_t)size + 1);
        vsnprintf(buf->at + buf->size, (size_t)size + 1, format, again);
    }
    va_end(again);
    buf->size += (size_t)size;
}

void buf_f64(struct buf *buf, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_u64(buf, bits);
}

void buf_varint(struct buf *buf, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_char(buf, (char)(v | 0x80));
    buf_char(buf, (char)v);
}

void buf_sized_str(struct buf *buf, struct str s)
{
    buf_varint(buf, s.size);
    buf_str(buf, s);
}

void buf_number(struct buf *buf, double v)
{
    if (isnan(v)) {
        buf_str(buf, STR("nan"));
    } else if (isinf(v)) {
        buf_str(buf, v > 0 ? STR("inf") : STR("-inf"));
    } else {
        buf_reserve(buf, DECIMAL_BYTES_MAX);
        buf->size += decimal_f64(buf->at + buf->size, v);
    }
}

void buf_u64_text(struct buf *buf, uint64_t v)
{
    buf_reserve(buf, DECIMAL_BYTES_MAX);
    buf->size += decimal_u64(buf->at + buf->size, v);
}

void buf_i64_text(struct buf *buf, int64_t v)
{
    buf_reserve(buf, DECIMAL_BYTES_MAX);
    buf->size += decimal_i64(buf->at + buf->size, v);
}

void buf_time(struct buf *buf, int64_t time_ms)
{
    int64_t seconds = time_ms / 1000, rest = time_ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_t clock = (time_t)seconds;
    struct tm tm;
    gmtime_r(&clock, &tm);
    buf_printf(buf, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
               tm.tm_hour, tm.tm_min, tm.tm_sec, (int)rest);
}

void buf_drop(struct buf *buf, size_t first)
{
    CHECK(first <= buf->size);
    if (first && buf->size > first)
        memmove(buf->at, buf->at + first, buf->size - first);
    buf->size -= first;
}
