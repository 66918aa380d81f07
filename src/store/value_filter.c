#include "store/value_filter.h"

#include "base/hash.h"

enum { BITS_PER_VALUE = 12, BLOCK_BYTES = 32, WORDS = 8 };

static const uint32_t salts[WORDS] = {0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f,
                                      0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09};

static size_t block_of(uint64_t hash, size_t blocks)
{
    return (size_t)((hash >> 32) * blocks >> 32) * BLOCK_BYTES;
}

static uint32_t bit_of(uint64_t hash, int word)
{
    return UINT32_C(1) << ((uint32_t)hash * salts[word] >> 27);
}

static uint32_t get_word(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

void value_filter_put(const uint64_t *values, uint32_t count, struct buf *out)
{
    size_t blocks = ((size_t)count * BITS_PER_VALUE + 255) / 256;
    char *at = buf_grow(out, blocks * BLOCK_BYTES);
    if (blocks)
        memset(at, 0, blocks * BLOCK_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hash_mix(values[i]);
        char *block = at + block_of(hash, blocks);
        for (int w = 0; w < WORDS; w++) {
            uint32_t word = get_word(block + 4 * w) | bit_of(hash, w);
            memcpy(block + 4 * w, &word, sizeof word);
        }
    }
}

bool value_filter_may_hold(struct str filter, uint64_t value)
{
    size_t blocks = filter.size / BLOCK_BYTES;
    uint64_t hash = hash_mix(value);
    bool all = true;
    if (!blocks)
        return true;
    const char *block = filter.at + block_of(hash, blocks);
    for (int w = 0; w < WORDS && all; w++)
        all = (get_word(block + 4 * w) & bit_of(hash, w)) != 0;
    return all;
}
