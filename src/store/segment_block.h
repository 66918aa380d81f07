/* segment_block.h: up to 1,024 rows of one metric as columns, and back. Pure; one thread per coder.
 *
 * A block is a key part, which says the source and time of each row, and a value part:
 *
 *   varint size of the key part
 *   key part of an own block, rows ascending by (source, time):
 *     varint runs, a run being rows of one source
 *     the runs' sources; then, unless every run has one row, their rows (both int_column.h)
 *     the runs' first times, in ms since the day began
 *     the other rows' ms since the row before
 *   key part of a follower block, whose rows each share source and time with a row of another metric, its
 * lead: the places of those rows among all own rows of the lead, ascending value part (value_column.h)
 *
 * One line of input carries several measurements of one source and one moment; a follower says so in some
 * bits a row instead of some 20.
 */
#ifndef STORE_SEGMENT_BLOCK_H
#define STORE_SEGMENT_BLOCK_H

#include "store/int_column.h"
#include "store/store.h"
#include "store/value_column.h"

enum { BLOCK_ROWS_MAX = 1024, BLOCK_BYTES_MAX = BLOCK_ROWS_MAX * 64 };

/* Decoded columns; each has room for BLOCK_ROWS_MAX. */
struct block_rows {
    uint32_t run_count;
    struct block_run run[BLOCK_ROWS_MAX];
    int64_t time_ms[BLOCK_ROWS_MAX];
    double value[BLOCK_ROWS_MAX];
};

/* What is encoded: columns of count rows, ascending by (source, time). */
struct block_columns {
    const uint32_t *source;
    const int64_t *time_ms;
    const double *value;
    const int64_t *place; /* of a follower instead of source and time; else NULL */
};

void block_encode(struct packer *packer, const struct block_columns *columns, uint32_t count, int64_t day_ms,
                  struct buf *out);

/* A block's bytes cut in two; ERR_CORRUPT when they cannot be. */
enum err block_cut(struct str bytes, struct str *keys, struct str *values, struct why *why) MUST_USE;
/* Sources ascend and lie below source_count, times within a day of day_ms, else ERR_CORRUPT. */
enum err block_decode_keys(struct str keys, uint32_t count, uint32_t source_count, int64_t day_ms,
                           struct block_rows *rows, struct why *why) MUST_USE;
enum err block_decode_places(struct str keys, uint32_t count, int64_t *place, struct why *why) MUST_USE;
enum err block_decode_values(struct packer *packer, struct str values, uint32_t count, double *value,
                             struct why *why) MUST_USE;
#endif
