/* rng.h: numbers that only look random: the same seed gives the same ones on every machine (splitmix64,
 * Steele, Lea, Flood 2014). For simulations, workloads and tests; never for secrets. One thread.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/hash.h"

struct rng {
    uint64_t state; /* set it to the seed */
};

static inline uint64_t rng_next(struct rng *rng)
{
    rng->state += 0x9e3779b97f4a7c15u;
    return hash_mix(rng->state);
}

/* Uniform in [0, limit); 0 when limit is 0. */
static inline uint64_t rng_below(struct rng *rng, uint64_t limit)
{
    return (uint64_t)(((unsigned __int128)rng_next(rng) * limit) >> 64);
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

/* True percent times in a hundred. */
static inline bool rng_chance(struct rng *rng, unsigned percent)
{
    return rng_below(rng, 100) < percent;
}

#endif
