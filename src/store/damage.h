/* damage.h: what is lost with a damaged file, in words. Of this room only. */
#ifndef STORE_DAMAGE_H
#define STORE_DAMAGE_H

#include "base/buf.h"
#include "store/segment.h"

struct damage {
    uint64_t rows;
    int64_t from_ms, to_ms;
    uint32_t metrics;
    struct buf names; /* of the first few, with commas */
};

/* Reads all of it; adds what cannot be read. */
void damage_of(struct segment *segment, struct damage *damage);
/* The whole file is lost; the directory is the catalog's. */
void damage_whole(const struct segment *segment, struct damage *damage);
/* "lost: 12 rows of 1 metric (page.time), FROM to TO" */
void damage_say(const struct damage *damage, struct buf *out);
void damage_done(struct damage *damage);

#endif
