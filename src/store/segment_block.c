#include "store/segment_block.h"

#include "base/bytes.h"
#include "base/check.h"

#include <zstd.h>

void block_coder_done(struct block_coder *coder)
{
    ZSTD_freeCCtx(coder->packer);
    ZSTD_freeDCtx(coder->unpacker);
    buf_done(&coder->raw);
    *coder = (struct block_coder){0};
}

void block_pack(struct block_coder *coder, struct str raw, int level, struct buf *out)
{
    if (!coder->packer)
        coder->packer = ZSTD_createCCtx();
    CHECK(coder->packer);
    size_t bound = ZSTD_compressBound(raw.size);
    buf_reserve(out, bound);
    size_t size = ZSTD_compressCCtx(coder->packer, out->at + out->size, bound, raw.at, raw.size, level);
    CHECK(!ZSTD_isError(size));
    out->size += size;
}

enum err block_unpack(struct block_coder *coder, struct str packed, size_t raw_size, struct buf *raw,
                      struct why *why)
{
    if (!coder->unpacker)
        coder->unpacker = ZSTD_createDCtx();
    CHECK(coder->unpacker);
    raw->size = 0;
    buf_reserve(raw, raw_size);
    size_t size = ZSTD_decompressDCtx(coder->unpacker, raw->at, raw_size, packed.at, packed.size);
    if (ZSTD_isError(size) || size != raw_size)
        return why_set(why, ERR_CORRUPT, "a packed section does not unpack");
    raw->size = raw_size;
    return ERR_OK;
}

static char *put_varint(char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(v | 0x80);
    *at++ = (char)v;
    return at;
}

/* NULL past the end or beyond ten bytes. */
static const unsigned char *get_varint(const unsigned char *at, const unsigned char *end, uint64_t *v)
{
    if (at < end && *at < 0x80) {
        *v = *at;
        return at + 1;
    }
    uint64_t sum = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char byte = *at++;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = sum;
            return at;
        }
    }
    return NULL;
}

static void put_planes(const double *value, uint32_t count, char *to)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &value[i], sizeof bits);
        for (unsigned b = 0; b < 8; b++)
            to[b * count + i] = (char)(bits >> (8 * b));
    }
}

static void get_planes(const unsigned char *from, uint32_t count, double *value)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        for (unsigned b = 0; b < 8; b++)
            bits |= (uint64_t)from[b * count + i] << (8 * b);
        memcpy(&value[i], &bits, sizeof bits);
    }
}

uint32_t block_encode(struct block_coder *coder, const struct block_rows *rows, uint32_t count,
                      struct buf *out)
{
    CHECK(count > 0 && count <= BLOCK_ROWS_MAX);
    coder->raw.size = 0;
    buf_reserve(&coder->raw, BLOCK_RAW_MAX);
    char *at = coder->raw.at;
    uint32_t source = 0;
    for (uint32_t i = 0; i < count; i++) {
        at = put_varint(at, zigzag((int64_t)rows->source[i] - source));
        source = rows->source[i];
    }
    uint64_t time_ms = 0;
    for (uint32_t i = 0; i < count; i++) {
        at = put_varint(at, zigzag((int64_t)((uint64_t)rows->time_ms[i] - time_ms)));
        time_ms = (uint64_t)rows->time_ms[i];
    }
    put_planes(rows->value, count, at);
    coder->raw.size = (size_t)(at - coder->raw.at) + (size_t)count * 8;
    block_pack(coder, buf_view(&coder->raw), 1, out);
    return (uint32_t)coder->raw.size;
}

enum err block_decode(struct block_coder *coder, struct str packed, uint32_t raw_size, uint32_t count,
                      uint32_t source_count, const struct block_rows *rows, struct why *why)
{
    if (count == 0 || count > BLOCK_ROWS_MAX || raw_size > BLOCK_RAW_MAX || raw_size < count * 10)
        return why_set(why, ERR_CORRUPT, "a block of %u rows in %u bytes", count, raw_size);
    enum err err = block_unpack(coder, packed, raw_size, &coder->raw, why);
    if (err)
        return err;
    const unsigned char *at = (const unsigned char *)coder->raw.at, *end = at + raw_size - (size_t)count * 8;
    uint64_t v, source = 0, time_ms = 0;
    for (uint32_t i = 0; i < count && at; i++) {
        at = get_varint(at, end, &v);
        source += at ? (uint64_t)unzigzag(v) : 0;
        if (source >= source_count)
            at = NULL;
        rows->source[i] = (uint32_t)source;
    }
    for (uint32_t i = 0; i < count && at; i++) {
        at = get_varint(at, end, &v);
        time_ms += at ? (uint64_t)unzigzag(v) : 0;
        rows->time_ms[i] = (int64_t)time_ms;
    }
    if (at != end)
        return why_set(why, ERR_CORRUPT, "a block's columns do not fit its size");
    get_planes(end, count, rows->value);
    return ERR_OK;
}
