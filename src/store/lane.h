/* lane.h: one way in: a queue of batches, a log, and the heads that hold what is durable and not sealed.
 *
 * Locks, in the order they are taken: store.lock, lane.lock; lane.queue_lock, log.lock and keys.lock are
 * taken last and never hold another.
 */
#ifndef STORE_LANE_H
#define STORE_LANE_H

#include "store/frame.h"
#include "store/head.h"
#include "store/log.h"

struct store;

struct lane {
    struct store *store;
    uint32_t id;
    bool retired; /* left by a run with more lanes: sealed at once, takes nothing */

    pthread_mutex_t queue_lock;
    struct batch *first, *last;
    uint64_t pending_bytes;

    pthread_mutex_t lock; /* what follows, against snapshots and the sealer */
    struct head *live[HEAD_CLASSES];
    struct head *sealing[HEAD_CLASSES];
    uint64_t applied_lsn; /* of the batch that went into the heads last */
    uint64_t rows_appended, batches_committed, commits, log_bytes;
    bool seal_now; /* a log file failed: empty it soon */

    uint64_t sealed_lsn[HEAD_CLASSES]; /* as the catalog has it; the sealer's and the start's */
    uint64_t keys_lsn;                 /* keys up to here are in the catalog; the sealer's */

    struct log log;
    struct frame_coder coder; /* the committing thread's, as are the rest */
    struct buf payload;
    uint32_t *source_map[HEAD_CLASSES];
    uint32_t source_map_cap;
};

void lane_init(struct lane *lane, struct store *store, uint32_t id);
void lane_done(struct lane *lane);

/* Appends a batch's rows to the heads. covered(ctx, class, day) tells which are sealed already: at replay;
 * NULL: none. Under lane.lock, or while nobody else knows the lane. Returns how many were appended. */
typedef bool lane_covered_fn(void *ctx, enum head_class class, int64_t day);
uint64_t lane_apply(struct lane *lane, const struct batch *batch, uint64_t lsn, lane_covered_fn *covered,
                    void *ctx);

/* The first lsn that still needs the log; UINT64_MAX: none does. Takes lane.lock. */
uint64_t lane_needed_lsn(struct lane *lane);
uint64_t lane_head_bytes(struct lane *lane); /* live and being sealed; takes lane.lock */

#endif
