/* batch.h: rows on their way in: the unit of atomicity. All rows of one batch survive a crash, or none.
 *
 * Filled by one thread, then given to lane_submit. Sources are interned within the batch, so that a batch can
 * be logged and replayed on its own.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "base/err.h"
#include "base/intern.h"

struct row {
    uint32_t metric; /* in names.h */
    uint32_t source; /* in the batch's sources */
    int64_t time_ms; /* since 1970, UTC */
    double value;
};

struct batch {
    uint64_t
        serial; /* distinct for every batch since its last reset: lets a caller remember a source's number */
    struct intern sources;
    struct row *rows;
    uint32_t row_count;
    uint32_t row_cap;
    struct str key;  /* idempotency key; at == NULL when none. Copied by lane_submit. */
    int64_t time_ms; /* arrival */
    /* Called once by lane_commit, on its thread: ERR_OK durable and visible; ERR_EXISTS the key was seen
     * before and nothing was stored; ERR_FULL, ERR_IO: nothing was stored. May be NULL. The batch is the
     * caller's again. */
    void (*done)(void *ctx, struct batch *batch, enum err err);
    void *ctx;
    struct batch *next; /* the lane's */
};

struct batch *batch_new(void);
void batch_free(struct batch *batch);
void batch_reset(struct batch *batch); /* empty again, memory kept within reason, new serial */
/* Number of a canonical source (scheme/source.h); hash = hash_bytes(source). */
uint32_t batch_source(struct batch *batch, struct str source, uint64_t hash);
void batch_add(struct batch *batch, uint32_t metric, uint32_t source, int64_t time_ms, double value);
size_t batch_bytes(const struct batch *batch); /* memory held by its content */

#endif
