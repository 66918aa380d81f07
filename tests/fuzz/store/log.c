/* Any bytes as the frames of a log file. First checksums are set right wherever a frame could be, or nothing
 * would get past them; a byte of the input says which of them stay wrong. */
#include "../fuzz.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/log.h"

#define SEED 0x1234u

struct seen {
    uint64_t last_lsn;
    unsigned count;
};

static enum err on_batch(void *ctx, const struct log_frame *frame, struct str payload, struct why *why)
{
    struct seen *seen = ctx;
    uint64_t sum = hash_bytes(payload); /* every byte is readable */
    CHECK(frame->lsn > seen->last_lsn);
    seen->last_lsn = frame->lsn;
    seen->count++;
    return sum % 16 ? ERR_OK : ERR_CORRUPT;
}

static void put(char *to, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (char)(v >> (8 * i));
}

static void repair(char *bytes, size_t size, uint8_t spare)
{
    for (size_t at = LOG_FRAMES_AT; at + LOG_FRAME_BYTES <= size; at += 8) {
        struct bytes in = bytes_of(str_make(bytes + at, size - at));
        if (bytes_u32(&in) != LOG_FRAME_MAGIC || (spare && at / 8 % spare == 1))
            continue;
        bytes_u32(&in);
        uint32_t payload = bytes_u32(&in);
        if (payload <= size - at - LOG_FRAME_BYTES)
            put(bytes + at + 40, hash_seeded(str_make(bytes + at + LOG_FRAME_BYTES, payload), SEED), 8);
        put(bytes + at + 4, hash_seeded(str_make(bytes + at + 8, LOG_FRAME_BYTES - 8), SEED), 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct log_header header = {.seed = SEED, .first_lsn = 1 + data[0] % 4, .seq = 1};
    struct log_verdict verdict = {0};
    struct seen seen = {0};
    char *bytes = mem_zero(1, LOG_FRAMES_AT + size - 2);
    memcpy(bytes + LOG_FRAMES_AT, data + 2, size - 2);
    repair(bytes, LOG_FRAMES_AT + size - 2, data[1]);
    bool follows = data[0] & 4;
    log_read_file(str_make(bytes, LOG_FRAMES_AT + size - 2), &header, 0,
                  follows || data[0] & 8 ? data[0] >> 4 : UINT64_MAX, follows, on_batch, &seen, &verdict);
    CHECK(verdict.frames <= seen.count && (!seen.count || verdict.last_lsn >= seen.last_lsn));
    mem_free(bytes);
    return 0;
}
