/* conn.h: one TCP connection on a loop: bytes in, bytes out, one deadline.
 *
 * Reads go through the loop's scratch buffer: an idle connection holds no buffers. At most CONN_TURN_BYTES
 * are read per turn, then others have theirs. Output given inside a handler is sent when the handler returns,
 * so that many small answers are one packet. All calls on the loop's thread, or while it does not run.
 *
 * The end: on_gone is called once, last, when the peer has reset, or after conn_finish has said goodbye; then
 * the conn is freed. conn_close frees it without on_gone. Both may be called inside any handler.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/address.h"
#include "net/loop.h"

struct conn;

enum {
    CONN_TURN_BYTES = 256 * 1024,
    CONN_HELD_MAX = 256 * 1024, /* bytes that on_bytes may leave unused; more: the connection is cut off */
};

struct conn_handler {
    /* The bytes not used before, and new ones. Returns how many are done with; the rest is shown again when
     * more comes, after conn_resume, or after conn_again. at_end: the peer sends nothing more. */
    size_t (*on_bytes)(void *ctx, struct str bytes, bool at_end);
    /* May be NULL. The peer's end of sending was noticed, perhaps while bytes before it still wait (paused).
     */
    void (*on_half_closed)(void *ctx);
    void (*on_drained)(void *ctx); /* may be NULL: output that was queued is now all with the kernel */
    void (*on_deadline)(void *ctx);
    void (*on_gone)(void *ctx);
};

struct conn *conn_new(struct loop *loop, int fd, const struct conn_handler *handler, void *ctx);
void conn_close(struct conn *conn); /* at once; NULL is fine */
/* Sends what is queued, then says goodbye properly: input is thrown away (up to a limit of time and bytes) so
 * that the peer can read the last words before a reset. No handler but on_gone is called. */
void conn_finish(struct conn *conn);

void conn_send(struct conn *conn, struct str bytes); /* sent or copied before it returns */
size_t conn_queued(const struct conn *conn);         /* bytes of output that wait for the peer */
void conn_pause(struct conn *conn);                  /* no on_bytes until conn_resume */
void conn_resume(struct conn *conn);
void conn_again(struct conn *conn); /* show the unused bytes again in the next turn */
/* on_deadline once at loop_now_ms >= at_ms; 0: none. Cheap to move. */
void conn_deadline(struct conn *conn, int64_t at_ms);
size_t conn_held(const struct conn *conn); /* unused input kept */
/* Upper bound of one read, at most LOOP_SCRATCH: what a paused peer can make us hold. */
void conn_read_size(struct conn *conn, size_t bytes);
uint64_t conn_bytes_in(const struct conn *conn);
uint64_t conn_bytes_out(const struct conn *conn);

#endif
