/* value_counts.h: how many rows of a file each value of a field has, so that the values of a field are listed
 * without going through its sources. Pure.
 *
 * Bytes: pieces of at most 1,024 values as the columns of sources hold them (source_table.h), ascending, then
 * their rows (both int_column.h).
 */
#ifndef STORE_VALUE_COUNTS_H
#define STORE_VALUE_COUNTS_H

#include "base/buf.h"

enum { VALUE_COUNTS_MAX = 65536, VALUE_COUNTS_PIECE = 1024 };

struct value_count_entry {
    int64_t stored;
    uint64_t rows;
};

/* Zero-initialised is ready; done with value_counts_done. */
struct value_counts {
    struct value_count_entry *slots; /* open addressing; rows 0: free */
    uint32_t slot_count, count;
    bool over; /* more than VALUE_COUNTS_MAX values: not worth keeping */
};

void value_counts_add(struct value_counts *counts, int64_t stored, uint64_t rows);
void value_counts_encode(const struct value_counts *counts, struct buf *out);
void value_counts_done(struct value_counts *counts);

/* entries: room for count. false: no such bytes. */
bool value_counts_decode(struct str bytes, uint32_t count, struct value_count_entry *entries);

#endif
