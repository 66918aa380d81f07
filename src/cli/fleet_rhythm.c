#include "cli/fleet_room.h"

enum { HOUR_MS = 3600 * 1000 };

static const uint8_t hours[24] = {3,  2,  2,  2,  3,  5,  9,  14, 24, 36, 44, 47,
                                  44, 45, 47, 46, 44, 41, 37, 32, 24, 15, 9,  5};

double fleet_rhythm(int64_t time_ms)
{
    uint32_t sum = 0;
    for (unsigned h = 0; h < 24; h++)
        sum += hours[h];
    int64_t in_day = time_ms % (24 * (int64_t)HOUR_MS);
    if (in_day < 0)
        in_day += 24 * (int64_t)HOUR_MS;
    unsigned hour = (unsigned)(in_day / HOUR_MS);
    double part = (double)(in_day % HOUR_MS) / HOUR_MS;
    double now = hours[hour] + part * ((double)hours[(hour + 1) % 24] - hours[hour]);
    return now * 24 / sum;
}
