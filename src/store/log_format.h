/* log_format.h: bytes of a log file, shared by its writer (log.c) and its reader (log_read.c).
 *
 * A log file, version 1. Little-endian.
 *
 *   at 0 and again at 2048, the header (72 bytes; the copy that is valid and has the higher sequence counts):
 *      0  u64  magic "DTLOG\0\0\1"
 *      8  u32  version 1
 *     12  u32  lane
 *     16  16   uuid, fresh each time the file is taken into use
 *     32  u64  sequence: files of a lane in the order they were taken into use
 *     40  u64  first lsn: every frame of an older file with this or a higher lsn is void
 *     48  u64  capacity of the file in bytes
 *     56  u64  0
 *     64  u64  xxh3 of bytes 0 to 63
 *   from 4096, frames, each beginning at a multiple of 8:
 *      0  u32  magic "DTFR"
 *      4  u32  low half of xxh3 of bytes 8 to 47, seeded by the file
 *      8  u32  size of the payload as stored
 *     12  u32  its size once unpacked
 *     16  u8   type: 1 a batch (frame.c), 2 a mark that everything before it is durable
 *     17  u8   packing: 0 none, 1 LZ4
 *     18  u16  0
 *     20  u32  0
 *     24  u64  lsn: batches of a lane count 1, 2, 3...; a mark repeats the last one
 *     32  u64  durable lsn when the frame was written
 *     40  u64  xxh3 of the payload as stored, seeded by the file
 *     48       payload, then zeros to a multiple of 8
 *
 * The seed is the first half of the uuid, so that frames of a file's former life do not count. Files are
 * filled with zeros beforehand; a file ends at the first place without a valid frame. There, a later frame of
 * the same file whose durable lsn covers the missing one, or a later file that begins beyond it, tells damage
 * from a torn tail: a torn tail was never acknowledged and is dropped, damage is reported and the rest is
 * read.
 */
#ifndef STORE_LOG_FORMAT_H
#define STORE_LOG_FORMAT_H

#include "base/bytes.h"

#include <stdint.h>

enum {
    LOG_HEADER_BYTES = 72,
    LOG_COPY_AT = 2048, /* the header's second copy */
    LOG_FRAMES_AT = 4096,
    LOG_FRAME_BYTES = 48,
    LOG_FRAME_MAGIC = 0x52465444, /* "DTFR" */
    LOG_VERSION = 1,
    LOG_TYPE_BATCH = 1,
    LOG_TYPE_MARK = 2,
    LOG_PACK_NONE = 0,
    LOG_PACK_LZ4 = 1,
};

#define LOG_MAGIC 0x010000474f4c5444u /* "DTLOG", 0, 0, 1 */

#define LSN_END   ((uint64_t)1 << 62)

struct log_header {
    uint32_t lane;
    unsigned char uuid[16];
    uint64_t seq;
    uint64_t first_lsn;
    uint64_t capacity;
    uint64_t seed; /* from uuid */
};

void log_header_encode(const struct log_header *header, char *to); /* LOG_HEADER_BYTES */
bool log_header_decode(struct str from, struct log_header *out);
uint64_t log_seed(const unsigned char uuid[16]);

struct log_frame {
    uint32_t size, raw_size;
    uint8_t type, packing;
    uint64_t lsn, durable_lsn;
    struct str payload;
};

/* Sets everything but the payload, which stands behind to already. */
void log_frame_stamp(const struct log_frame *frame, uint64_t seed, char *to);
/* The frame at the start of from; false when there is no valid one. *whole_head: its head was valid. */
bool log_frame_decode(struct str from, uint64_t seed, struct log_frame *out, bool *whole_head);

static inline uint64_t log_frame_span(uint64_t size)
{
    return (LOG_FRAME_BYTES + size + 7) & ~(uint64_t)7;
}

#endif
