/* segment_cursor.h: the blocks of one metric in one file, one after the other. Of this room only.
 *
 * A metric has up to two sequences, each ascending by (source, time): its own blocks and its followers. Reads
 * ahead when blocks are asked for in the file's order. One thread. Zero-initialised is ready for
 * segment_cursor_set; done with segment_cursor_done.
 */
#ifndef STORE_SEGMENT_CURSOR_H
#define STORE_SEGMENT_CURSOR_H

#include "store/segment.h"

struct segment_cursor {
    const struct segment_index *index;
    const struct segment_column *column;
    struct packer packer;
    struct buf window; /* bytes of the file from window_at on */
    uint64_t window_at;
    uint32_t ahead; /* how much to read next */
    struct block_rows *rows;
    int64_t *place;
    /* The block of the lead that was needed last. */
    struct block_rows *lead;
    uint32_t lead_block; /* UINT32_MAX: none */
    struct buf lead_bytes;
};

void segment_cursor_set(struct segment_cursor *cursor, const struct segment_index *index,
                        const struct segment_column *column);
void segment_cursor_done(struct segment_cursor *cursor);
/* The first block behind all of the column's. */
static inline uint32_t segment_column_end(const struct segment_column *column)
{
    return column->first + column->own + column->followers;
}

/* Decodes a block of the column into cursor->rows. */
enum err segment_cursor_read(struct segment_cursor *cursor, uint32_t block, struct why *why) MUST_USE;

#endif
