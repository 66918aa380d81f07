#include "store/log_format.h"

#include "base/buf.h"
#include "base/hash.h"

static void put(char *to, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (char)(v >> (8 * i));
}

uint64_t log_seed(const unsigned char uuid[16])
{
    struct bytes in = bytes_of(str_make((const char *)uuid, 8));
    return bytes_u64(&in);
}

void log_header_encode(const struct log_header *header, char *to)
{
    put(to, LOG_MAGIC, 8);
    put(to + 8, LOG_VERSION, 4);
    put(to + 12, header->lane, 4);
    memcpy(to + 16, header->uuid, 16);
    put(to + 32, header->seq, 8);
    put(to + 40, header->first_lsn, 8);
    put(to + 48, header->capacity, 8);
    put(to + 56, 0, 8);
    put(to + 64, hash_bytes(str_make(to, 64)), 8);
}

bool log_header_decode(struct str from, struct log_header *out)
{
    struct bytes in = bytes_of(from);
    uint64_t magic = bytes_u64(&in);
    uint32_t version = bytes_u32(&in);
    struct log_header header = {.lane = bytes_u32(&in)};
    struct str uuid = bytes_str(&in, 16);
    header.seq = bytes_u64(&in);
    header.first_lsn = bytes_u64(&in);
    header.capacity = bytes_u64(&in);
    bytes_u64(&in);
    uint64_t check = bytes_u64(&in);
    if (in.bad || magic != LOG_MAGIC || version != LOG_VERSION || check != hash_bytes(str_first(from, 64)))
        return false;
    memcpy(header.uuid, uuid.at, 16);
    header.seed = log_seed(header.uuid);
    *out = header;
    return true;
}

void log_frame_stamp(const struct log_frame *frame, uint64_t seed, char *to)
{
    put(to, LOG_FRAME_MAGIC, 4);
    put(to + 8, frame->size, 4);
    put(to + 12, frame->raw_size, 4);
    put(to + 16, frame->type, 1);
    put(to + 17, frame->packing, 1);
    put(to + 18, 0, 6);
    put(to + 24, frame->lsn, 8);
    put(to + 32, frame->durable_lsn, 8);
    put(to + 40, hash_seeded(str_make(to + LOG_FRAME_BYTES, frame->size), seed), 8);
    put(to + 4, hash_seeded(str_make(to + 8, LOG_FRAME_BYTES - 8), seed), 4);
}

bool log_frame_decode(struct str from, uint64_t seed, struct log_frame *out, bool *whole_head)
{
    struct bytes in = bytes_of(from);
    *whole_head = false;
    if (bytes_u32(&in) != LOG_FRAME_MAGIC || bytes_left(&in) < LOG_FRAME_BYTES - 4)
        return false;
    if (bytes_u32(&in) != (uint32_t)hash_seeded(str_make(from.at + 8, LOG_FRAME_BYTES - 8), seed))
        return false;
    *whole_head = true;
    struct log_frame frame = {.size = bytes_u32(&in), .raw_size = bytes_u32(&in)};
    frame.type = bytes_u8(&in);
    frame.packing = bytes_u8(&in);
    bytes_str(&in, 6);
    frame.lsn = bytes_u64(&in);
    frame.durable_lsn = bytes_u64(&in);
    uint64_t check = bytes_u64(&in);
    frame.payload = bytes_str(&in, frame.size);
    /* No lane lives long enough for larger ones; so arithmetic on them is safe. */
    bool possible = frame.lsn < LSN_END && frame.durable_lsn < LSN_END;
    if (in.bad || !possible || check != hash_seeded(frame.payload, seed))
        return false;
    *out = frame;
    return true;
}
