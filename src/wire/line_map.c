/* Looking at a line byte by byte costs a mispredicted branch per token, since no two tokens are equally long.
 * Sixteen bytes at a time are classified without a branch instead, and the walk over tokens then counts
 * trailing zeros. The last, partial sixteen are read so that they end where the line ends. */
#include "wire/line_map.h"

#include "base/check.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { NAME = 1, TOKEN_END = 2 };

static uint8_t class_of(unsigned char byte)
{
    if (byte <= 0x20 || byte == '"')
        return TOKEN_END;
    bool letter = (unsigned)(byte | 0x20) - 'a' < 26;
    return letter || (byte >= '-' && byte <= ':') || byte == '_' ? NAME : 0;
}

/* Everything behind the line ends names and tokens. */
static inline void put_last(struct line_map *map, size_t size, struct line_map_word word)
{
    uint64_t behind = ~(uint64_t)0 << (size % 64);
    map->size = size;
    map->words[size / 64] = (struct line_map_word){word.name_ends | behind, word.token_ends | behind};
}

void line_map_make_portable(struct line_map *map, struct str bytes)
{
    CHECK(bytes.size <= LINE_BYTES_MAX);
    unsigned char seen = 0;
    for (size_t word = 0; word <= bytes.size / 64; word++) {
        struct line_map_word bits = {0};
        size_t count = bytes.size - word * 64 < 64 ? bytes.size - word * 64 : 64;
        for (size_t i = 0; i < count; i++) {
            unsigned char byte = (unsigned char)bytes.at[word * 64 + i];
            uint8_t class = class_of(byte);
            seen |= byte;
            bits.name_ends |= (uint64_t) !(class & NAME) << i;
            bits.token_ends |= (uint64_t)(class == TOKEN_END) << i;
        }
        if (word == bytes.size / 64)
            put_last(map, bytes.size, bits);
        else
            map->words[word] = bits;
    }
    map->has_high = seen >= 0x80;
}

#ifdef __SSE2__

struct classes {
    uint64_t names;
    uint64_t token_ends;
};

static inline __attribute__((always_inline)) struct classes classify(__m128i v, __m128i *seen)
{
    *seen = _mm_or_si128(*seen, v);
    __m128i folded = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i letter = _mm_cmpeq_epi8(_mm_min_epu8(folded, _mm_set1_epi8(25)), folded);
    __m128i other = _mm_sub_epi8(v, _mm_set1_epi8('-')); /* - . / 0 to 9 : are neighbours */
    __m128i between = _mm_cmpeq_epi8(_mm_min_epu8(other, _mm_set1_epi8(':' - '-')), other);
    __m128i under = _mm_cmpeq_epi8(v, _mm_set1_epi8('_'));
    __m128i names = _mm_or_si128(_mm_or_si128(letter, between), under);
    __m128i blank = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x20)), v);
    __m128i ends = _mm_or_si128(blank, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    return (struct classes){(unsigned)_mm_movemask_epi8(names), (unsigned)_mm_movemask_epi8(ends)};
}

static inline __m128i load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Bytes [from, to) of the line, at most 64; the line is at least 16 bytes long. */
static inline struct line_map_word classify_part(const char *at, size_t from, size_t to, __m128i *seen)
{
    uint64_t names = 0, token_ends = 0;
    size_t i = from;
    unsigned shift = 0;
    for (; i + 16 <= to; i += 16, shift += 16) {
        struct classes classes = classify(load(at + i), seen);
        names |= classes.names << shift;
        token_ends |= classes.token_ends << shift;
    }
    if (i < to) {
        unsigned twice = 16 - (unsigned)(to - i); /* bytes that were classified before */
        struct classes classes = classify(load(at + to - 16), seen);
        names |= classes.names >> twice << shift;
        token_ends |= classes.token_ends >> twice << shift;
    }
    return (struct line_map_word){~names, token_ends};
}

void line_map_make(struct line_map *map, struct str bytes)
{
    if (bytes.size < 16) {
        line_map_make_portable(map, bytes);
        return;
    }
    CHECK(bytes.size <= LINE_BYTES_MAX);
    __m128i seen = _mm_setzero_si128();
    size_t word = 0, full = bytes.size / 64;
    for (; word < full; word++)
        map->words[word] = classify_part(bytes.at, word * 64, word * 64 + 64, &seen);
    put_last(map, bytes.size, classify_part(bytes.at, full * 64, bytes.size, &seen));
    map->has_high = _mm_movemask_epi8(seen) != 0;
}

#else

void line_map_make(struct line_map *map, struct str bytes)
{
    line_map_make_portable(map, bytes);
}

#endif
