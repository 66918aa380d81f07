/* pack.h: bytes by zstd, and back. One thread a packer; zero-initialised is ready. */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

struct packer {
    void *packing, *unpacking; /* zstd's */
    struct buf raw;
};

void packer_done(struct packer *packer);
/* Appends the packed bytes. */
void pack(struct packer *packer, struct str raw, int level, struct buf *out);
/* *raw holds raw_size bytes afterwards. */
enum err unpack(struct packer *packer, struct str packed, size_t raw_size, struct buf *raw,
                struct why *why) MUST_USE;

#endif
