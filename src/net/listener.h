/* listener.h: a TCP port that several loops accept from.
 *
 * The port is first bound without SO_REUSEPORT, so that a second server is refused instead of sharing it;
 * then every loop has its own socket of it and the kernel spreads the connections.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/address.h"
#include "net/loop.h"

struct listener;

/* On the thread of loops[loop_index]; fd is non-blocking and belongs to the callee. */
typedef void listener_fn(void *ctx, uint32_t loop_index, int fd, const struct address *peer);

struct listener_options {
    struct address address;
    struct loop *const *loops;
    uint32_t loop_count;
    listener_fn *on_accept;
    void *ctx;
};

/* Call before the loops run. ERR_BUSY: the port is taken, why->text says by whom if that can be known;
 * ERR_IO.
 */
enum err listener_new(const struct listener_options *options, struct listener **out,
                      struct why *why) MUST_USE;
const struct address *listener_address(const struct listener *listener); /* with the port that was chosen */
void listener_stop(
    struct listener *listener); /* any thread: no more connections; takes effect within a turn */
void listener_free(
    struct listener *listener); /* after the loops have ended, before loop_free; NULL is fine */

/* Lifts the soft limit of open files towards want; returns what it is now. */
uint64_t net_raise_file_limit(uint64_t want);

#endif
