/* line_map.h: where the tokens of a line end: two bits per byte of it, made in one pass over the bytes.
 *
 * Inside wire only; line.c walks a line by asking for the next bit. Bits behind the line are set, so a walk
 * stops at its end. Pure; reads nothing behind the end. 16 KiB, of which a line of 120 bytes touches 32.
 */
#ifndef WIRE_LINE_MAP_H
#define WIRE_LINE_MAP_H

#include "wire/line.h"

enum { LINE_MAP_WORDS = LINE_BYTES_MAX / 64 + 1 };

struct line_map_word {
    uint64_t name_ends;  /* bytes that are not in a metric name: not A-Z a-z 0-9 _ . : / - */
    uint64_t token_ends; /* blanks and controls (<= 0x20), and the double quote */
};

struct line_map {
    size_t size;
    bool has_high; /* some byte is >= 0x80 */
    struct line_map_word words[LINE_MAP_WORDS];
};

/* bytes.size <= LINE_BYTES_MAX. */
void line_map_make(struct line_map *map, struct str bytes);
/* The same without vector instructions; line_map_make falls back to it. */
void line_map_make_portable(struct line_map *map, struct str bytes);

/* Index of the first such byte at or behind from; the line's size when there is none. from <= size. */
static inline size_t line_map_name_end(const struct line_map *map, size_t from)
{
    size_t word = from / 64;
    uint64_t bits = map->words[word].name_ends >> (from % 64);
    if (__builtin_expect(bits != 0, 1))
        return from + (size_t)__builtin_ctzll(bits);
    while (!(bits = map->words[++word].name_ends))
        ;
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

static inline size_t line_map_token_end(const struct line_map *map, size_t from)
{
    size_t word = from / 64;
    uint64_t bits = map->words[word].token_ends >> (from % 64);
    if (__builtin_expect(bits != 0, 1))
        return from + (size_t)__builtin_ctzll(bits);
    while (!(bits = map->words[++word].token_ends))
        ;
    return word * 64 + (size_t)__builtin_ctzll(bits);
}

#endif
