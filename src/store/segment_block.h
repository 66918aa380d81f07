/* segment_block.h: up to 4,096 rows of one metric as packed columns, and back. Pure; one thread per coder.
 *
 * Unpacked, a block is: sources as varint differences (zigzag), times as varint differences (zigzag, the
 * first from 0), then the eight bytes of the values, all first bytes before all second bytes and so on, so
 * that equal signs, exponents and zero mantissas stand together. Packed by zstd, level 1.
 */
#ifndef STORE_SEGMENT_BLOCK_H
#define STORE_SEGMENT_BLOCK_H

#include "base/buf.h"
#include "base/err.h"

enum { BLOCK_ROWS_MAX = 4096, BLOCK_RAW_MAX = BLOCK_ROWS_MAX * (10 + 10 + 8) };

struct block_rows {
    uint32_t *source;
    int64_t *time_ms;
    double *value;
};

struct block_coder {
    void *packer, *unpacker; /* zstd's */
    struct buf raw;
};

void block_coder_done(struct block_coder *coder);

/* Appends the packed block; returns its unpacked size. */
uint32_t block_encode(struct block_coder *coder, const struct block_rows *rows, uint32_t count,
                      struct buf *out);
/* ERR_CORRUPT: not such a block. All sources are below source_count. */
enum err block_decode(struct block_coder *coder, struct str packed, uint32_t raw_size, uint32_t count,
                      uint32_t source_count, const struct block_rows *rows, struct why *why) MUST_USE;

/* The same packing for other sections. unpack: *raw holds raw_size bytes. */
void block_pack(struct block_coder *coder, struct str raw, int level, struct buf *out);
enum err block_unpack(struct block_coder *coder, struct str packed, size_t raw_size, struct buf *raw,
                      struct why *why) MUST_USE;

#endif
