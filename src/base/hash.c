#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_bytes(struct str s)
{
    return XXH3_64bits(s.at ? s.at : "", s.size);
}

uint64_t hash_seeded(struct str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.at ? s.at : "", s.size, seed);
}
