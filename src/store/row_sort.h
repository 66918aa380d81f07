/* row_sort.h: rows of one metric and one day, sorted by (source, time); equal ones keep their order. */
#ifndef STORE_ROW_SORT_H
#define STORE_ROW_SORT_H

#include <stddef.h>
#include <stdint.h>

enum { SORT_TIME_BITS = 27 }; /* ms of a day */

struct sort_row {
    uint64_t key; /* source, then ms since the day began */
    double value;
};

static inline uint64_t sort_key(uint32_t source, int64_t ms_of_day)
{
    return (uint64_t)source << SORT_TIME_BITS | (uint64_t)ms_of_day;
}

static inline uint32_t sort_source(uint64_t key)
{
    return (uint32_t)(key >> SORT_TIME_BITS);
}

static inline int64_t sort_time(uint64_t key)
{
    return (int64_t)(key & (((uint64_t)1 << SORT_TIME_BITS) - 1));
}

/* Uses spare, which is as long; returns whichever of the two holds the result. */
struct sort_row *sort_rows(struct sort_row *rows, struct sort_row *spare, size_t count);

#endif
