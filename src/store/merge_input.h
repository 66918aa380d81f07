/* merge_input.h: the rows of one metric of some files, in the order of a file to be written. Of this room
 * only. One thread. */
#ifndef STORE_MERGE_INPUT_H
#define STORE_MERGE_INPUT_H

#include "store/part.h"
#include "store/segment_cursor.h"

/* One sequence of blocks: a column's own or its followers. */
struct merge_sequence {
    struct segment *segment;
    struct row_filter *filter; /* of deleted rows; mostly NULL */
    const uint32_t *rank;      /* by the file's source: number in the output; NULL: the same */
    struct segment_cursor cursor;
    uint32_t block, block_end;
    uint32_t at, count; /* in the rows at hand */
    uint64_t *keys;     /* of them, by row_sort.h */
};

enum { MERGE_SEQUENCES_MAX = 64 };

struct merge_rows {
    struct merge_sequence at[MERGE_SEQUENCES_MAX];
    uint32_t count;
};

/* Both sequences of a file's column (NULL: none); the first rows are not yet read. filter: what to leave out,
 * or NULL; the caller's until the rows are written. */
void merge_rows_add(struct merge_rows *rows, struct segment *segment, const struct segment_index *index,
                    const struct segment_column *column, const uint32_t *rank, struct row_filter *filter);
/* Writes all rows in order, and forgets the sequences. skip_damaged: without the blocks that are damaged. */
enum err merge_rows_write(struct merge_rows *rows, struct segment_writer *writer, bool skip_damaged,
                          struct why *why) MUST_USE;
void merge_rows_done(struct merge_rows *rows);

#endif
