/* The port, its shards, and their end. A connection beyond the limit is told so from a constant and closed:
 * it costs an accept, a send and a close, and no memory. */
#include "server/http_server.h"

#include "base/check.h"
#include "base/mem.h"
#include "server/http_conn.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum { OTHER_FILES = 1024 }; /* file numbers for all but connections */

static void turn_away(struct shard *shard, int fd)
{
#define BODY "{\"error\":{\"text\":\"too many connections are open now\"}}\n"
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                               "Retry-After: 1\r\nConnection: close\r\nContent-Length: 55\r\n\r\n" BODY;
    _Static_assert(sizeof BODY - 1 == 55, "Content-Length");
#undef BODY
    http_count(&shard->counts.refused_connections, 1);
    char seen[4096];
    if (send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 && shutdown(fd, SHUT_WR) == 0)
        while (recv(fd, seen, sizeof seen, MSG_DONTWAIT) == (ssize_t)sizeof seen)
            ; /* unread bytes would turn the goodbye into a reset */
    close(fd);
}

static void on_accept(void *ctx, uint32_t loop_index, int fd, const struct address *peer)
{
    struct http_server *server = ctx;
    struct shard *shard = &server->shards[loop_index];
    uint32_t open = __atomic_add_fetch(&server->open, 1, __ATOMIC_RELAXED);
    if (open > server->options.connections_max) {
        __atomic_sub_fetch(&server->open, 1, __ATOMIC_RELAXED);
        turn_away(shard, fd);
        return;
    }
    http_count(&shard->counts.accepted, 1);
    http_conn_new(shard, fd, peer);
}

static void set_defaults(struct http_server_options *options)
{
    if (!options->connections_max)
        options->connections_max = HTTP_CONNECTIONS_MAX;
    if (!options->in_flight_max)
        options->in_flight_max = HTTP_IN_FLIGHT_MAX;
    if (!options->head_ms)
        options->head_ms = HTTP_HEAD_MS;
    if (!options->body_grace_ms)
        options->body_grace_ms = HTTP_BODY_GRACE_MS;
    if (!options->idle_ms)
        options->idle_ms = HTTP_IDLE_MS;
}

static void init_lock(struct http_server *server)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum err http_server_new(const struct http_server_options *options, struct http_server **out, struct why *why)
{
    struct http_server *server = mem_zero(1, sizeof *server + options->loop_count * sizeof *server->shards);
    server->options = *options;
    set_defaults(&server->options);
    init_lock(server);
    for (uint32_t i = 0; i < options->loop_count; i++) {
        struct shard *shard = &server->shards[i];
        *shard = (struct shard){.server = server, .loop = options->loops[i], .index = i};
        shard->inflated = mem_alloc(LOOP_SCRATCH);
    }
    struct listener_options listen = {.address = options->address,
                                      .loops = options->loops,
                                      .loop_count = options->loop_count,
                                      .on_accept = on_accept,
                                      .ctx = server};
    enum err err = listener_new(&listen, &server->listener, why);
    if (err) {
        http_server_free(server);
        return err;
    }
    net_raise_file_limit(server->options.connections_max + OTHER_FILES);
    *out = server;
    return ERR_OK;
}

const struct address *http_server_address(const struct http_server *server)
{
    return listener_address(server->listener);
}

static void stop_shard(void *ctx)
{
    struct shard *shard = ctx;
    for (struct http_conn *conn = shard->conns, *next; conn; conn = next) {
        next = conn->next;
        http_conn_stop(conn);
    }
}

static void kill_shard(void *ctx)
{
    struct shard *shard = ctx;
    while (shard->conns)
        http_conn_kill(shard->conns);
}

static void post_all(struct http_server *server, loop_fn *fn)
{
    for (uint32_t i = 0; i < server->options.loop_count; i++)
        loop_post(server->shards[i].loop, fn, &server->shards[i]);
}

/* Until no connection is open, or until wait_ms are over (< 0: for ever). */
static void wait_for_end(struct http_server *server, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int late = 0;
    pthread_mutex_lock(&server->lock);
    while (__atomic_load_n(&server->open, __ATOMIC_RELAXED) && !late)
        late = wait_ms < 0 ? pthread_cond_wait(&server->ended, &server->lock)
                           : pthread_cond_timedwait(&server->ended, &server->lock, &until);
    pthread_mutex_unlock(&server->lock);
}

struct barrier {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    uint32_t left;
};

static void pass(void *ctx)
{
    struct barrier *barrier = ctx;
    pthread_mutex_lock(&barrier->lock);
    barrier->left--;
    pthread_cond_signal(&barrier->passed);
    pthread_mutex_unlock(&barrier->lock);
}

/* Returns when every loop has run what was posted to it before. */
static void wait_for_loops(struct http_server *server)
{
    struct barrier barrier = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER,
                              server->options.loop_count};
    for (uint32_t i = 0; i < server->options.loop_count; i++)
        loop_post(server->shards[i].loop, pass, &barrier);
    pthread_mutex_lock(&barrier.lock);
    while (barrier.left)
        pthread_cond_wait(&barrier.passed, &barrier.lock);
    pthread_mutex_unlock(&barrier.lock);
}

void http_server_stop(struct http_server *server, int64_t wait_ms)
{
    for (uint32_t i = 0; i < server->options.loop_count; i++)
        CHECK(!loop_is_here(server->shards[i].loop));
    __atomic_store_n(&server->stopping, true, __ATOMIC_RELAXED);
    listener_stop(server->listener);
    post_all(server, stop_shard);
    wait_for_loops(server); /* no connection is accepted after this */
    wait_for_end(server, wait_ms < 0 ? 0 : wait_ms);
    post_all(server, kill_shard);
    wait_for_end(server, -1);
    wait_for_loops(server);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    for (uint32_t i = 0; i < server->options.loop_count; i++)
        kill_shard(&server->shards[i]);
    listener_free(server->listener);
    for (uint32_t i = 0; i < server->options.loop_count; i++) {
        mem_free(server->shards[i].inflated);
        buf_done(&server->shards[i].head);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->ended);
    mem_free(server);
}

void http_server_counts(const struct http_server *server, struct http_counts *counts)
{
    *counts = (struct http_counts){0};
    for (uint32_t i = 0; i < server->options.loop_count; i++) {
        const struct http_counts *part = &server->shards[i].counts;
#define X(name, text) counts->name += __atomic_load_n(&part->name, __ATOMIC_RELAXED);
        HTTP_COUNT_LIST(X)
#undef X
    }
    counts->open = __atomic_load_n(&server->open, __ATOMIC_RELAXED);
    counts->in_flight = __atomic_load_n(&server->in_flight, __ATOMIC_RELAXED);
}
