/* hash.h: XXH3 of bytes (xxhash, https://xxhash.com). For tables and checksums, not for secrets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

uint64_t hash_bytes(struct str s);
uint64_t hash_seeded(struct str s, uint64_t seed);

static inline uint64_t hash_mix(uint64_t v) /* finaliser of splitmix64 */
{
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
    return v ^ (v >> 31);
}

#endif
