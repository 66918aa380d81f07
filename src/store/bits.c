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

/* Eight values take as many bytes as one has bits, so that all places in them are known beforehand. One load
 * of eight bytes holds any value of up to 57 bits. */
static inline __attribute__((always_inline)) void get_eights(const char *at, uint32_t eights, unsigned width,
                                                             uint64_t base, uint64_t *values)
{
    const uint64_t mask = (UINT64_C(1) << width) - 1;
    for (; eights; eights--, at += width, values += 8)
        for (unsigned i = 0; i < 8; i++) {
            uint64_t word;
            memcpy(&word, at + i * width / 8, sizeof word);
            values[i] = (word >> (i * width % 8) & mask) + base;
        }
}

#define GET_WIDTH(w)                             \
    case w:                                      \
        get_eights(at, eights, w, base, values); \
        return

#define GET_FOUR(w)     \
    GET_WIDTH(w);       \
    GET_WIDTH((w) + 1); \
    GET_WIDTH((w) + 2); \
    GET_WIDTH((w) + 3)

/* Code of its own for the widths that times, sources and decimals have. */
static void get_narrow(const char *at, uint32_t eights, unsigned width, uint64_t base, uint64_t *values)
{
    switch (width) {
        GET_FOUR(1);
        GET_FOUR(5);
        GET_FOUR(9);
        GET_FOUR(13);
        GET_FOUR(17);
        GET_FOUR(21);
        GET_FOUR(25);
    default:
        get_eights(at, eights, width, base, values);
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
        size_t whole = ((size - 8) * 8 / width + 1) / 8; /* eights, all of whose loads lie inside */
        fast = whole < count / 8 ? (uint32_t)whole : count / 8;
        get_narrow(at, fast, width, base, values);
        fast *= 8;
    }
    for (uint32_t i = fast; i < count; i++)
        values[i] = get_one(at, size, (size_t)i * width, width) + base;
}
