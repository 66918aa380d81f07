#include "store/row_sort.h"

#include <stdbool.h>
#include <string.h>

enum { FEW = 48, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS };

static void insertion_sort(struct sort_row *rows, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sort_row row = rows[i];
        size_t j = i;
        for (; j > 0 && rows[j - 1].key > row.key; j--)
            rows[j] = rows[j - 1];
        rows[j] = row;
    }
}

/* One pass of a radix sort by the digit at shift. */
static void pass(const struct sort_row *from, struct sort_row *to, size_t count, unsigned shift)
{
    size_t starts[DIGITS] = {0}, at = 0;
    for (size_t i = 0; i < count; i++)
        starts[from[i].key >> shift & (DIGITS - 1)]++;
    for (size_t d = 0; d < DIGITS; d++) {
        size_t size = starts[d];
        starts[d] = at;
        at += size;
    }
    for (size_t i = 0; i < count; i++)
        to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

struct sort_row *sort_rows(struct sort_row *rows, struct sort_row *spare, size_t count)
{
    if (count <= FEW) {
        insertion_sort(rows, count);
        return rows;
    }
    uint64_t differ = 0, falls = 0;
    for (size_t i = 1; i < count; i++) {
        differ |= rows[i].key ^ rows[0].key;
        falls |= (uint64_t)(sort_time(rows[i].key) < sort_time(rows[i - 1].key));
    }
    /* Rows of one day that came in the order of time need only be dealt out by source. */
    for (unsigned shift = falls ? 0 : SORT_TIME_BITS; shift < 64 && differ >> shift; shift += DIGIT_BITS) {
        if (!(differ >> shift & (DIGITS - 1)))
            continue; /* all have the same digit here */
        pass(rows, spare, count, shift);
        struct sort_row *swap = rows;
        rows = spare;
        spare = swap;
    }
    return rows;
}
