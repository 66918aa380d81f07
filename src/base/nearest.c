#include "base/nearest.h"

enum { WORD_MAX = 255 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned nearest_distance(struct str a, struct str b, unsigned limit)
{
    size_t gap = a.size > b.size ? a.size - b.size : b.size - a.size;
    if (gap > limit || a.size > WORD_MAX || b.size > WORD_MAX)
        return limit + 1;
    unsigned rows[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.size; j++) {
            unsigned change = last[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            now[j] = least(change, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return least(rows[a.size % 3][b.size], limit + 1);
}

void nearest_init(struct nearest *nearest, struct str wanted)
{
    unsigned limit = (unsigned)(wanted.size < WORD_MAX ? wanted.size : WORD_MAX) / 3;
    *nearest = (struct nearest){wanted, STR_NONE, (limit ? limit : 1) + 1};
}

void nearest_feed(struct nearest *nearest, struct str word)
{
    unsigned distance = nearest_distance(nearest->wanted, word, nearest->distance - 1);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->best = word;
    }
}
