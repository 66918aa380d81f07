#include "store/pack.h"

#include "base/check.h"

#include <zstd.h>

void packer_done(struct packer *packer)
{
    ZSTD_freeCCtx(packer->packing);
    ZSTD_freeDCtx(packer->unpacking);
    buf_done(&packer->raw);
    *packer = (struct packer){0};
}

void pack(struct packer *packer, struct str raw, int level, struct buf *out)
{
    if (!packer->packing)
        packer->packing = ZSTD_createCCtx();
    CHECK(packer->packing);
    size_t bound = ZSTD_compressBound(raw.size);
    buf_reserve(out, bound);
    size_t size = ZSTD_compressCCtx(packer->packing, out->at + out->size, bound, raw.at, raw.size, level);
    CHECK(!ZSTD_isError(size));
    out->size += size;
}

enum err unpack(struct packer *packer, struct str packed, size_t raw_size, struct buf *raw, struct why *why)
{
    if (!packer->unpacking)
        packer->unpacking = ZSTD_createDCtx();
    CHECK(packer->unpacking);
    raw->size = 0;
    buf_reserve(raw, raw_size);
    size_t size = ZSTD_decompressDCtx(packer->unpacking, raw->at, raw_size, packed.at, packed.size);
    if (ZSTD_isError(size) || size != raw_size)
        return why_set(why, ERR_CORRUPT, "a packed section does not unpack");
    raw->size = raw_size;
    return ERR_OK;
}
