#include "store/value_counts.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/int_column.h"

#include <stdlib.h>

static struct value_count_entry *slot_of(const struct value_counts *counts, int64_t stored)
{
    uint32_t at = (uint32_t)hash_mix((uint64_t)stored) & (counts->slot_count - 1);
    while (counts->slots[at].rows && counts->slots[at].stored != stored)
        at = (at + 1) & (counts->slot_count - 1);
    return &counts->slots[at];
}

static void grow(struct value_counts *counts)
{
    struct value_count_entry *before = counts->slots;
    uint32_t slots = counts->slot_count;
    counts->slot_count = slots ? slots * 2 : 256;
    counts->slots = mem_zero(counts->slot_count, sizeof *counts->slots);
    for (uint32_t i = 0; i < slots; i++)
        if (before[i].rows)
            *slot_of(counts, before[i].stored) = before[i];
    mem_free(before);
}

void value_counts_add(struct value_counts *counts, int64_t stored, uint64_t rows)
{
    if (counts->over || !rows)
        return;
    if (counts->count * 2 >= counts->slot_count)
        grow(counts);
    struct value_count_entry *slot = slot_of(counts, stored);
    if (!slot->rows) {
        slot->stored = stored;
        counts->over = ++counts->count > VALUE_COUNTS_MAX;
    }
    slot->rows += rows;
}

void value_counts_done(struct value_counts *counts)
{
    mem_free(counts->slots);
    *counts = (struct value_counts){0};
}

static int by_stored(const void *a, const void *b)
{
    const struct value_count_entry *x = a, *y = b;
    return x->stored < y->stored ? -1 : x->stored > y->stored;
}

void value_counts_encode(const struct value_counts *counts, struct buf *out)
{
    struct value_count_entry *sorted = mem_alloc(counts->count * sizeof *sorted);
    int64_t column[VALUE_COUNTS_PIECE];
    uint32_t count = 0;
    for (uint32_t i = 0; i < counts->slot_count; i++)
        if (counts->slots[i].rows)
            sorted[count++] = counts->slots[i];
    if (count)
        qsort(sorted, count, sizeof *sorted, by_stored);
    for (uint32_t first = 0; first < count; first += VALUE_COUNTS_PIECE) {
        uint32_t some = count - first < VALUE_COUNTS_PIECE ? count - first : VALUE_COUNTS_PIECE;
        for (uint32_t i = 0; i < some; i++)
            column[i] = sorted[first + i].stored;
        int_column_encode(column, some, out);
        for (uint32_t i = 0; i < some; i++)
            column[i] = (int64_t)sorted[first + i].rows;
        int_column_encode(column, some, out);
    }
    mem_free(sorted);
}

bool value_counts_decode(struct str bytes, uint32_t count, struct value_count_entry *entries)
{
    struct bytes in = bytes_of(bytes);
    int64_t column[VALUE_COUNTS_PIECE];
    for (uint32_t first = 0; first < count && !in.bad; first += VALUE_COUNTS_PIECE) {
        uint32_t some = count - first < VALUE_COUNTS_PIECE ? count - first : VALUE_COUNTS_PIECE;
        int_column_decode(&in, some, column);
        for (uint32_t i = 0; i < some && !in.bad; i++)
            entries[first + i].stored = column[i];
        int_column_decode(&in, some, column);
        for (uint32_t i = 0; i < some && !in.bad; i++)
            entries[first + i].rows = (uint64_t)column[i];
    }
    return !in.bad && bytes_left(&in) == 0;
}
