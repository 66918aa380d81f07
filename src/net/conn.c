/* One edge-triggered event a connection for reading, writing and the peer's end, added once: pausing is a
 * flag and costs no system call, and the peer's end or reset is seen while paused. (Level-triggered it could
 * not be: epoll reports a reset as readable and writable, and libevent would spin over an event that asks for
 * neither.)
 *
 * An edge only sets can_read or can_write; work() reads while it may: not paused, not finishing, within the
 * turn. What remains to be done goes to the loop's list of later. Handlers run only below enter/leave, and
 * leave() frees what was closed meanwhile.
 */
#include "net/conn.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    LARGE = 16 * 1024, /* output that is not copied if the kernel takes it */
    KEEP_OUT = 4096,   /* buffer that an idle connection may keep */
    GOODBYE_BYTES = 1 << 20,
    GOODBYE_MS = 2000,
    FLUSH_MS = 10000, /* after conn_finish, for the peer to take what is queued */
};

struct conn {
    struct loop *loop;
    int fd;
    const struct conn_handler *handler;
    void *ctx;
    struct event *event;
    struct event *timer;
    struct later later;
    struct buf held, out;
    size_t held_at, out_at;
    size_t read_size;
    uint64_t bytes_in, bytes_out;
    int64_t deadline_ms, armed_ms; /* 0: none */
    uint32_t entered;
    uint32_t goodbye_left;
    bool can_read, can_write, paused;
    bool again;       /* held bytes are to be shown although nothing came */
    bool half_closed; /* the peer's end was reported */
    bool at_end;      /* and all before it was read */
    bool end_shown;   /* and on_bytes was told */
    bool undrained;   /* output was queued since on_drained */
    bool finishing, shut;
    bool reset;  /* by the peer, perhaps with bytes still to be read */
    bool broken; /* reset or written to when closed */
    bool doomed;
};

static void enter(struct conn *conn)
{
    conn->entered++;
}

static void flush(struct conn *conn);

static void destroy(struct conn *conn)
{
    loop_later_cancel(&conn->later);
    event_free(conn->event);
    event_free(conn->timer);
    close(conn->fd);
    buf_done(&conn->held);
    buf_done(&conn->out);
    mem_free(conn);
}

static void leave(struct conn *conn)
{
    if (conn->entered == 1 && !conn->doomed)
        flush(conn);
    if (--conn->entered)
        return;
    if (conn->broken && !conn->doomed) {
        conn->doomed = true;
        conn->entered = 1; /* so that conn_close inside on_gone is harmless */
        conn->handler->on_gone(conn->ctx);
        conn->entered = 0;
    }
    if (conn->doomed)
        destroy(conn);
}

/* A turn of its own when called from outside a handler. */
static void soon(struct conn *conn)
{
    loop_later(conn->loop, &conn->later);
}

static void mark_broken(struct conn *conn)
{
    conn->broken = true;
    conn->can_read = conn->can_write = false;
    soon(conn);
}

static void say_goodbye(struct conn *conn)
{
    if (conn->shut || conn->out.size || conn->broken)
        return;
    conn->shut = true;
    if (conn->at_end || shutdown(conn->fd, SHUT_WR) != 0) {
        mark_broken(conn);
        return;
    }
    conn->goodbye_left = GOODBYE_BYTES;
    conn_deadline(conn, loop_now_ms(conn->loop) + GOODBYE_MS);
    soon(conn);
}

/* Sends out and then more; returns how many bytes of more went with it. */
static size_t send_both(struct conn *conn, struct str more)
{
    while (conn->can_write) {
        struct iovec parts[2] = {{conn->out.at + conn->out_at, conn->out.size - conn->out_at},
                                 {(void *)(uintptr_t)more.at, more.size}};
        unsigned first = parts[0].iov_len == 0;
        if (first && !more.size)
            break;
        struct msghdr message = {.msg_iov = parts + first, .msg_iovlen = 2 - first - (more.size == 0)};
        ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            conn->can_write = false;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                mark_broken(conn);
            break;
        }
        conn->bytes_out += (uint64_t)sent;
        if ((size_t)sent < parts[0].iov_len) {
            conn->out_at += (size_t)sent;
            continue;
        }
        size_t of_more = (size_t)sent - parts[0].iov_len;
        conn->out.size = conn->out_at = 0;
        if (of_more == more.size)
            return of_more;
        return of_more + send_both(conn, str_from(more, of_more));
    }
    return 0;
}

static void flush(struct conn *conn)
{
    if (conn->out.size && !conn->broken)
        send_both(conn, STR_NONE);
    if (conn->broken) {
        buf_done(&conn->out);
        conn->out_at = 0;
        return;
    }
    if (conn->out.size)
        return;
    if (conn->out.cap > KEEP_OUT)
        buf_done(&conn->out);
    if (conn->finishing) {
        say_goodbye(conn);
    } else if (conn->undrained) {
        conn->undrained = false;
        if (conn->handler->on_drained)
            conn->handler->on_drained(conn->ctx);
        if (conn->out.size)
            soon(conn);
    }
}

static void drop_held(struct conn *conn)
{
    buf_done(&conn->held);
    conn->held_at = 0;
}

static void keep_unused(struct conn *conn, bool from_held, struct str rest)
{
    if (from_held) {
        conn->held_at = conn->held.size - rest.size;
        if (conn->held_at == conn->held.size) {
            drop_held(conn);
        } else if (conn->held_at >= LOOP_SCRATCH) {
            buf_drop(&conn->held, conn->held_at);
            conn->held_at = 0;
        }
    } else {
        buf_str(&conn->held, rest);
    }
    if (conn->held.size - conn->held_at > CONN_HELD_MAX)
        mark_broken(conn);
}

static void show(struct conn *conn, struct str bytes, bool from_held)
{
    conn->again = false;
    conn->end_shown |= conn->at_end;
    size_t used = conn->handler->on_bytes(conn->ctx, bytes, conn->at_end);
    CHECK(used <= bytes.size);
    if (conn->finishing)
        drop_held(conn);
    else if (!conn->doomed)
        keep_unused(conn, from_held, str_from(bytes, used));
}

/* One read; returns its bytes, 0 when there is nothing to read now. */
static size_t read_some(struct conn *conn)
{
    bool to_held = conn->held.size > 0 && !conn->finishing;
    size_t want = conn->read_size;
    if (to_held)
        buf_reserve(&conn->held, want);
    char *to = to_held ? conn->held.at + conn->held.size : loop_scratch(conn->loop);
    ssize_t got;
    do
        got = recv(conn->fd, to, want, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        conn->can_read = false;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            mark_broken(conn);
        return 0;
    }
    /* A short read means that the kernel has no more, unless the end follows, which gives no further edge. */
    conn->can_read = (size_t)got == want || ((conn->half_closed || conn->reset) && got > 0);
    conn->bytes_in += (uint64_t)got;
    if (got == 0 && conn->reset) {
        mark_broken(conn);
        return 0;
    }
    if (got == 0)
        conn->at_end = true;
    if (conn->finishing)
        return (size_t)got;
    if (to_held) {
        conn->held.size += (size_t)got;
        show(conn, str_from(buf_view(&conn->held), conn->held_at), true);
    } else if (got || !conn->end_shown) {
        show(conn, str_make(to, (size_t)got), false);
    }
    return (size_t)got;
}

static void throw_away(struct conn *conn)
{
    if (!conn->shut) /* its answer is still on the way out */
        return;
    while (conn->can_read && conn->goodbye_left) {
        size_t got = read_some(conn);
        conn->goodbye_left -= got < conn->goodbye_left ? (uint32_t)got : conn->goodbye_left;
    }
    if (conn->at_end || !conn->goodbye_left)
        mark_broken(conn);
}

static void work(struct conn *conn)
{
    size_t left = CONN_TURN_BYTES;
    if (conn->again && !conn->paused && !conn->finishing && !conn->doomed)
        show(conn, str_from(buf_view(&conn->held), conn->held_at), conn->held.size > 0);
    while (!conn->paused && !conn->finishing && !conn->doomed && !conn->broken && !conn->again) {
        if (!conn->can_read)
            return;
        if (!left) {
            soon(conn);
            return;
        }
        size_t got = read_some(conn);
        left -= got < left ? got : left;
    }
    if (conn->finishing && !conn->doomed && !conn->broken)
        throw_away(conn);
    if (conn->again && !conn->paused && !conn->doomed)
        soon(conn);
}

static void on_later(void *ctx)
{
    struct conn *conn = ctx;
    enter(conn);
    work(conn);
    leave(conn);
}

static bool is_reset(struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

static void on_event(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *conn = ctx;
    enter(conn);
    if ((what & EV_READ) && (what & EV_WRITE) && is_reset(conn)) {
        conn->reset = true; /* what came before it is still read */
        if (conn->paused || conn->finishing)
            mark_broken(conn);
    }
    if (!conn->broken) {
        conn->can_read |= (what & (EV_READ | EV_CLOSED)) != 0;
        conn->can_write |= (what & EV_WRITE) != 0;
    }
    if ((what & EV_CLOSED) && !conn->half_closed && !conn->broken) {
        conn->half_closed = true;
        if (conn->handler->on_half_closed && !conn->finishing)
            conn->handler->on_half_closed(conn->ctx);
    }
    work(conn);
    leave(conn);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *conn = ctx;
    int64_t now_ms = loop_now_ms(conn->loop), at_ms = conn->deadline_ms;
    conn->armed_ms = 0;
    if (!at_ms)
        return;
    if (at_ms > now_ms) {
        conn_deadline(conn, at_ms);
        return;
    }
    conn->deadline_ms = 0;
    enter(conn);
    if (conn->finishing)
        mark_broken(conn);
    else
        conn->handler->on_deadline(conn->ctx);
    leave(conn);
}

struct conn *conn_new(struct loop *loop, int fd, const struct conn_handler *handler, void *ctx)
{
    struct conn *conn = MEM_NEW(struct conn);
    conn->loop = loop;
    conn->fd = fd;
    conn->handler = handler;
    conn->ctx = ctx;
    conn->read_size = LOOP_SCRATCH;
    conn->can_write = true;
    conn->later = (struct later){.fn = on_later, .ctx = conn};
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    short what = EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST;
    conn->event = event_new(loop_base(loop), fd, what, on_event, conn);
    conn->timer = event_new(loop_base(loop), -1, 0, on_timer, conn);
    CHECK(conn->event && conn->timer);
    if (event_add(conn->event, NULL) != 0)
        mark_broken(conn);
    return conn;
}

void conn_close(struct conn *conn)
{
    if (!conn || conn->doomed)
        return;
    conn->doomed = true;
    if (!conn->entered)
        destroy(conn);
}

void conn_finish(struct conn *conn)
{
    if (conn->finishing || conn->doomed)
        return;
    conn->finishing = true;
    if (!conn->entered) /* else a handler may be looking at them */
        drop_held(conn);
    conn_deadline(conn, loop_now_ms(conn->loop) + FLUSH_MS);
    soon(conn);
}

void conn_send(struct conn *conn, struct str bytes)
{
    if (conn->broken || conn->doomed || conn->shut || !bytes.size)
        return;
    size_t gone = 0;
    if (bytes.size >= LARGE)
        gone = send_both(conn, bytes);
    if (conn->out_at > conn->out.size / 2) {
        buf_drop(&conn->out, conn->out_at);
        conn->out_at = 0;
    }
    if (!conn->broken)
        buf_str(&conn->out, str_from(bytes, gone));
    conn->undrained |= conn->out.size > 0;
    if (!conn->entered)
        soon(conn);
}

size_t conn_queued(const struct conn *conn)
{
    return conn->out.size - conn->out_at;
}

void conn_pause(struct conn *conn)
{
    conn->paused = true;
}

void conn_resume(struct conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    conn->again = conn->held.size > 0 || (conn->at_end && !conn->end_shown);
    soon(conn);
}

void conn_again(struct conn *conn)
{
    conn->again = true;
    soon(conn);
}

void conn_deadline(struct conn *conn, int64_t at_ms)
{
    conn->deadline_ms = at_ms;
    /* A timer that fires too early is set again then: moving a deadline later costs nothing. */
    if (!at_ms || (conn->armed_ms && conn->armed_ms <= at_ms))
        return;
    int64_t after_ms = at_ms - loop_now_ms(conn->loop);
    if (after_ms < 0)
        after_ms = 0;
    struct timeval after = {after_ms / 1000, (after_ms % 1000) * 1000};
    event_add(conn->timer, &after);
    conn->armed_ms = at_ms;
}

size_t conn_held(const struct conn *conn)
{
    return conn->held.size - conn->held_at;
}

void conn_read_size(struct conn *conn, size_t bytes)
{
    CHECK(bytes > 0 && bytes <= LOOP_SCRATCH);
    conn->read_size = bytes;
}

uint64_t conn_bytes_in(const struct conn *conn)
{
    return conn->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *conn)
{
    return conn->bytes_out;
}
