/* day.h: UTC days, the partitions of the store, and minutes, the grain of presence. */
#ifndef STORE_DAY_H
#define STORE_DAY_H

#include <stdint.h>

#define DAY_MS    ((int64_t)86400000)
#define MINUTE_MS ((int64_t)60000)

static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970; negative before. */
static inline int64_t day_of(int64_t time_ms)
{
    return floor_div(time_ms, DAY_MS);
}

static inline int64_t minute_of(int64_t time_ms)
{
    return floor_div(time_ms, MINUTE_MS);
}

/* A day as people write it, 20261123: the name of its folder. */
static inline int64_t day_number(int64_t day)
{
    /* Days to civil date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
    int64_t z = day + 719468, era = floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    return (yoe + era * 400 + (m <= 2)) * 10000 + m * 100 + d;
}

#endif
