/* datagrams.h: a UDP port that several loops read from, in batches (recvmmsg), with the kernel's drops
 * counted.
 *
 * Claimed like a listener: a second server is refused.
 */
#ifndef NET_DATAGRAMS_H
#define NET_DATAGRAMS_H

#include "net/address.h"
#include "net/loop.h"

struct datagrams;

struct datagram {
    struct str bytes;
    const struct address *from;
};

enum { DATAGRAMS_BATCH = 32 };

/* On the thread of loops[loop_index]; views are valid during the call. 1 <= count <= DATAGRAMS_BATCH. */
typedef void datagrams_fn(void *ctx, uint32_t loop_index, const struct datagram *batch, uint32_t count);

struct datagrams_options {
    struct address address;
    struct loop *const *loops;
    uint32_t loop_count;
    datagrams_fn *on_batch;
    void *ctx;
};

/* Call before the loops run. ERR_BUSY, ERR_IO as listener_new. */
enum err datagrams_new(const struct datagrams_options *options, struct datagrams **out,
                       struct why *why) MUST_USE;
const struct address *datagrams_address(const struct datagrams *datagrams);
uint64_t datagrams_lost(const struct datagrams *datagrams); /* any thread: dropped by the kernel so far */
/* Any thread: what has arrived is still read, then no more. */
void datagrams_stop(struct datagrams *datagrams);
void datagrams_free(struct datagrams *datagrams); /* after the loops have ended, before loop_free */

#endif
