/* rate.h: how many samples a second came in over the last ten seconds: a ring of counts by second. One thread
 * writes. */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H

#include <stdint.h>

enum { RATE_SECONDS = 10 };

struct rate {
    uint64_t at[RATE_SECONDS + 1]; /* the total at the end of each second, oldest first */
    uint32_t filled;
};

static inline void rate_tick(struct rate *rate, uint64_t total) /* once a second */
{
    for (uint32_t i = 0; i < RATE_SECONDS; i++)
        __atomic_store_n(&rate->at[i], rate->at[i + 1], __ATOMIC_RELAXED);
    __atomic_store_n(&rate->at[RATE_SECONDS], total, __ATOMIC_RELAXED);
    if (rate->filled <= RATE_SECONDS)
        __atomic_store_n(&rate->filled, rate->filled + 1, __ATOMIC_RELAXED);
}

static inline double rate_per_second(const struct rate *rate)
{
    uint32_t filled = __atomic_load_n(&rate->filled, __ATOMIC_RELAXED);
    if (filled < 2)
        return 0;
    uint32_t span = filled - 1;
    uint64_t last = __atomic_load_n(&rate->at[RATE_SECONDS], __ATOMIC_RELAXED);
    uint64_t first = __atomic_load_n(&rate->at[RATE_SECONDS - span], __ATOMIC_RELAXED);
    return last > first ? (double)(last - first) / span : 0; /* what was not stored is taken back */
}

#endif
