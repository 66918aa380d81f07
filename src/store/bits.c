#include "store/bits.h"

#include "base/check.h"

void bits_put(struct buf *out, const uint64_t *values, uint32_t count, unsigned width)
{
    CHECK(width <= 64);
    size_t size = bits_size(count, width);
    buf_reserve(out, size + 8);
    char *at = out->at + out->size;
    uint64_t word = 0;
    unsigned used = 0;
    for (uint32_t i = 0; i < count && width; i++) {
        word |= values[i] << used;
        used += width;
        if (used >= 64) {
            memcpy(at, &word, sizeof word);
            at += sizeof word;
            used -= 64;
            word = used ? values[i] >> (width - used) : 0;
        }
    }
    memcpy(at, &word, sizeof word); /* some of it is behind the end */
    out->size += size;
}

static uint64_t get_one(const char *at, size_t size, size_t bit, unsigned width)
{
    unsigned char bytes[16] = {0};
    size_t first = bit / 8, shift = bit % 8, left = size - first;
    memcpy(bytes, at + first, left < 9 ? left : 9);
    uint64_t low, v;
    memcpy(&low, bytes, sizeof low);
    v = low >> shift;
    if (shift + width > 64)
        v |= (uint64_t)bytes[8] << (64 - shift);
    return width < 64 ? v & ((UINT64_C(1) << width) - 1) : v;
}

/* One load of eight bytes holds any value of up to 57 bits. */
static inline __attribute__((always_inline)) void get_narrow(const char *at, uint32_t count, unsigned width,
                                                             uint64_t base, uint64_t *values)
{
    const uint64_t mask = width < 64 ? (UINT64_C(1) << width) - 1 : UINT64_MAX;
    size_t bit = 0;
    for (uint32_t i = 0; i < count; i++, bit += width) {
        uint64_t word;
        memcpy(&word, at + bit / 8, sizeof word);
        values[i] = (word >> (bit % 8) & mask) + base;
    }
}

void bits_get(const char *at, uint32_t count, unsigned width, uint64_t base, uint64_t *values)
{
    size_t size = bits_size(count, width);
    uint32_t fast = 0;
    if (width == 0) {
        for (uint32_t i = 0; i < count; i++)
            values[i] = base;
        return;
    }
    if (width <= 57 && size >= 8) {
        size_t values_whole = (size - 8) * 8 / width + 1; /* their eight bytes lie inside */
        fast = values_whole < count ? (uint32_t)values_whole : count;
    }
    get_narrow(at, fast, width, base, values);
    for (uint32_t i = fast; i < count; i++)
        values[i] = get_one(at, size, (size_t)i * width, width) + base;
}
