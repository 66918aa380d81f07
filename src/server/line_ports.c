#include "server/line_ports.h"

#include "base/mem.h"
#include "net/conn.h"
#include "net/datagrams.h"
#include "net/listener.h"
#include "server/core.h"
#include "server/message_feed.h"

#include <unistd.h>

enum {
    FLUSH_MS = 50,
    RETRY_MS = 20,
    WAIT_MS = 1000, /* an application must not stall on its metrics */
    BATCH_ROWS = 8192,
    HELD_ROWS_MAX = 65536,
    BIND_TRIES = 20,
    LINGER_MS = 100,
    LAST_WAIT_MS = 5000, /* a stop loses nothing while the log can still catch up */
};

struct line_conn {
    struct line_port *port;
    struct conn *conn;
    struct message_feed feed;
    struct line_conn *next, **before;
};

/* One thread's share of the port. */
struct line_port {
    struct line_ports *ports;
    struct ingest_thread *thread;
    struct batch *batch;
    uint64_t parked; /* of its rows */
    struct timer *flush, *linger;
    bool flushing;      /* the timer runs */
    bool blocked;       /* the store had no room; connections are paused */
    int64_t blocked_ms; /* since when */
    int64_t last_ms;    /* since when a stop tries to submit the last batch; 0: no stop */
    bool closed;
    struct line_conn *conns;
};

struct line_ports {
    struct server *server;
    struct address address;
    struct listener *listener;
    struct datagrams *datagrams;
    uint64_t accepted, open, refused;
    uint32_t count;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    uint32_t running; /* threads that have not stopped yet */
    struct line_port ports[];
};

/* A submitted batch and what to count when it fails. */
struct flight {
    struct line_port *port;
    struct batch *batch;
    uint64_t rows, parked; /* parked ones are among the rows */
    enum err err;
};

static void flight_landed(void *ctx)
{
    struct flight *flight = ctx;
    struct ingest *ingest = flight->port->thread->ingest;
    if (flight->err)
        ingest_not_stored(ingest, flight->rows, server_reason_of(flight->err));
    else
        ingest_stored(ingest, flight->rows - flight->parked, flight->parked);
    batch_free(flight->batch);
    mem_free(flight);
}

static void stored(void *ctx, struct batch *batch, enum err err)
{
    struct flight *flight = ctx;
    flight->err = err;
    loop_post(flight->port->thread->loop, flight_landed, flight);
}

static void set_blocked(struct line_port *port, bool blocked)
{
    if (port->blocked == blocked)
        return;
    port->blocked = blocked;
    port->blocked_ms = loop_now_ms(port->thread->loop);
    for (struct line_conn *c = port->conns; c; c = c->next) {
        if (blocked)
            conn_pause(c->conn);
        else
            conn_resume(c->conn);
    }
}

static void drop_rows(struct line_port *port, enum err err)
{
    ingest_not_stored(port->thread->ingest, port->batch->row_count, server_reason_of(err));
    port->parked = 0;
    batch_reset(port->batch);
    set_blocked(port, false);
}

/* Submits the batch. Without room it stays, up to WAIT_MS (at a stop LAST_WAIT_MS). */
static void flush(struct line_port *port)
{
    if (!port->batch->row_count)
        return;
    struct server *server = port->ports->server;
    struct flight *flight = MEM_NEW(struct flight);
    *flight = (struct flight){port, port->batch, port->batch->row_count, port->parked, ERR_OK};
    port->batch->done = stored;
    port->batch->ctx = flight;
    port->batch->time_ms = sys_wall_ms(server->sys);
    enum err err = lane_submit(port->thread->lane, port->batch, NULL);
    if (!err) {
        port->batch = batch_new();
        port->parked = 0;
        committer_wake(server->committer, port->thread->index);
        set_blocked(port, false);
        return;
    }
    mem_free(flight);
    int64_t wait_ms = port->last_ms ? LAST_WAIT_MS : WAIT_MS;
    int64_t since_ms = port->last_ms ? port->last_ms : port->blocked_ms;
    if (err != ERR_BUSY || (port->blocked && loop_now_ms(port->thread->loop) - since_ms > wait_ms))
        drop_rows(port, err);
    else
        set_blocked(port, true);
}

static void start_timer(struct line_port *port)
{
    if (port->flushing || !port->batch->row_count)
        return;
    port->flushing = true;
    timer_start(port->flush, port->blocked ? RETRY_MS : FLUSH_MS);
}

static void on_flush(void *ctx)
{
    struct line_port *port = ctx;
    port->flushing = false;
    flush(port);
    start_timer(port);
}

static void after_reading(struct line_port *port)
{
    if (port->batch->row_count >= BATCH_ROWS && !port->blocked)
        flush(port);
    start_timer(port);
}

static size_t conn_bytes(void *ctx, struct str bytes, bool at_end)
{
    struct line_conn *c = ctx;
    struct line_port *port = c->port;
    struct intake intake;
    intake_init(&intake, port->batch);
    intake.quiet = true;
    ingest_thread_begin(port->thread);
    size_t used = message_feed_cut(&c->feed.cutter, port->thread->ingest, &intake, bytes, at_end);
    port->parked += intake.parked;
    intake_done(&intake);
    after_reading(port);
    return used;
}

static void line_conn_free(struct line_conn *c)
{
    *c->before = c->next;
    if (c->next)
        c->next->before = c->before;
    __atomic_fetch_sub(&c->port->ports->open, 1, __ATOMIC_RELAXED);
    message_feed_done(&c->feed);
    mem_free(c);
}

static void conn_gone(void *ctx)
{
    line_conn_free(ctx);
}

static size_t conn_bytes_and_end(void *ctx, struct str bytes, bool at_end)
{
    struct line_conn *c = ctx;
    size_t used = conn_bytes(c, bytes, at_end);
    if (at_end) {
        conn_close(c->conn);
        line_conn_free(c);
    }
    return used;
}

static const struct conn_handler conn_handler = {.on_bytes = conn_bytes_and_end, .on_gone = conn_gone};

static void on_accept(void *ctx, uint32_t loop_index, int fd, const struct address *peer)
{
    struct line_ports *ports = ctx;
    struct line_port *port = &ports->ports[loop_index];
    if (port->closed) { /* it was accepted in the turn in which the port closed */
        close(fd);
        return;
    }
    __atomic_fetch_add(&ports->accepted, 1, __ATOMIC_RELAXED);
    if (__atomic_add_fetch(&ports->open, 1, __ATOMIC_RELAXED) > LINE_CONNECTIONS_MAX) {
        __atomic_fetch_sub(&ports->open, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&ports->refused, 1, __ATOMIC_RELAXED);
        close(fd);
        return;
    }
    struct line_conn *c = MEM_NEW(struct line_conn);
    c->port = port;
    c->conn = conn_new(port->thread->loop, fd, &conn_handler, c);
    c->next = port->conns;
    c->before = &port->conns;
    if (c->next)
        c->next->before = &c->next;
    port->conns = c;
    if (port->blocked)
        conn_pause(c->conn);
}

static void on_datagrams(void *ctx, uint32_t loop_index, const struct datagram *batch, uint32_t count)
{
    struct line_ports *ports = ctx;
    struct line_port *port = &ports->ports[loop_index];
    struct ingest *ingest = port->thread->ingest;
    struct intake intake;
    bool held = port->blocked && port->batch->row_count >= HELD_ROWS_MAX;
    struct batch *scrap = held ? batch_new() : NULL;
    intake_init(&intake, held ? scrap : port->batch);
    intake.quiet = true;
    ingest_thread_begin(port->thread);
    tally_add(&ingest_tally(ingest)->counts.datagrams, count);
    for (uint32_t i = 0; i < count; i++) {
        struct cutter cutter = {0};
        message_feed_cut(&cutter, ingest, &intake, batch[i].bytes, true);
    }
    if (held)
        ingest_not_stored(ingest, intake.accepted + intake.parked, REASON_store_busy);
    else
        port->parked += intake.parked;
    batch_free(scrap);
    intake_done(&intake);
    after_reading(port);
}

/* TCP and UDP share a port number; where the system chooses it, both must be free. */
static enum err bind_both(struct line_ports *ports, struct address address, struct loop *const *loops,
                          struct why *why)
{
    bool any_port = address_port(&address) == 0;
    for (unsigned i = 0;; i++) {
        struct listener_options tcp = {address, loops, ports->count, on_accept, ports};
        enum err err = listener_new(&tcp, &ports->listener, why);
        if (err)
            return err;
        ports->address = *listener_address(ports->listener);
        struct datagrams_options udp = {ports->address, loops, ports->count, on_datagrams, ports};
        err = datagrams_new(&udp, &ports->datagrams, why);
        if (!err)
            return ERR_OK;
        listener_free(ports->listener);
        ports->listener = NULL;
        if (!any_port || i >= BIND_TRIES)
            return err;
    }
}

/* On the thread, LINGER_MS after the sockets were told to stop: what had arrived was read. */
static void close_port(void *ctx)
{
    struct line_port *port = ctx;
    port->closed = true;
    while (port->conns) {
        struct line_conn *c = port->conns;
        conn_close(c->conn);
        line_conn_free(c);
    }
    timer_stop(port->flush);
    if (!port->last_ms)
        port->last_ms = loop_now_ms(port->thread->loop);
    flush(port);
    if (port->batch->row_count) {
        timer_start(port->linger, RETRY_MS);
        return;
    }
    pthread_mutex_lock(&port->ports->lock);
    port->ports->running--;
    pthread_cond_signal(&port->ports->stopped);
    pthread_mutex_unlock(&port->ports->lock);
}

enum err line_ports_new(struct server *server, struct address address, struct line_ports **out,
                        struct why *why)
{
    uint32_t count = server->thread_count;
    struct line_ports *ports = mem_zero(1, sizeof *ports + count * sizeof *ports->ports);
    ports->server = server;
    ports->count = count;
    pthread_mutex_init(&ports->lock, NULL);
    pthread_cond_init(&ports->stopped, NULL);
    enum err err = bind_both(ports, address, server->loops, why);
    if (err) {
        line_ports_free(ports);
        return err;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct line_port *port = &ports->ports[i];
        port->ports = ports;
        port->thread = &server->threads[i];
        port->batch = batch_new();
        port->flush = timer_new(port->thread->loop, on_flush, port);
        port->linger = timer_new(port->thread->loop, close_port, port);
    }
    *out = ports;
    return ERR_OK;
}

const struct address *line_ports_address(const struct line_ports *ports)
{
    return &ports->address;
}

void line_ports_counts(const struct line_ports *ports, struct line_counts *out)
{
    out->accepted = __atomic_load_n(&ports->accepted, __ATOMIC_RELAXED);
    out->open = __atomic_load_n(&ports->open, __ATOMIC_RELAXED);
    out->refused_connections = __atomic_load_n(&ports->refused, __ATOMIC_RELAXED);
    out->datagrams_lost = datagrams_lost(ports->datagrams);
}

static void stop_port(void *ctx)
{
    struct line_port *port = ctx;
    timer_start(port->linger, LINGER_MS);
}

void line_ports_stop(struct line_ports *ports)
{
    listener_stop(ports->listener);
    datagrams_stop(ports->datagrams);
    ports->running = ports->count;
    for (uint32_t i = 0; i < ports->count; i++)
        loop_post(ports->ports[i].thread->loop, stop_port, &ports->ports[i]);
    pthread_mutex_lock(&ports->lock);
    while (ports->running)
        pthread_cond_wait(&ports->stopped, &ports->lock);
    pthread_mutex_unlock(&ports->lock);
}

void line_ports_free(struct line_ports *ports)
{
    if (!ports)
        return;
    for (uint32_t i = 0; i < ports->count; i++) {
        timer_free(ports->ports[i].flush);
        timer_free(ports->ports[i].linger);
        batch_free(ports->ports[i].batch);
    }
    listener_free(ports->listener);
    datagrams_free(ports->datagrams);
    pthread_mutex_destroy(&ports->lock);
    pthread_cond_destroy(&ports->stopped);
    mem_free(ports);
}
