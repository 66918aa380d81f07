/* A server with routes that do a little of everything, for http_check.py: prints its port, serves until stdin
 * ends, stops gracefully. Arguments NAME=VALUE set the limits. */
#include "base/check.h"
#include "base/mem.h"
#include "server/http_server.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOPS = 2 };

static uint64_t gone_count;    /* atomic */
static uint64_t ended_streams; /* atomic */
static uint32_t slow_threads;  /* atomic */
static bool stopping;          /* atomic: slow threads hurry */
static struct http_server *the_server;

static void reply_text(struct exchange *exchange, unsigned status, struct str text)
{
    struct reply reply = {.status = status, .type = STR("text/plain"), .body = text};
    exchange_reply(exchange, &reply);
}

static void note_gone(struct exchange *exchange)
{
    mem_free(exchange_ctx(exchange));
    __atomic_fetch_add(&gone_count, 1, __ATOMIC_RELAXED);
}

static void health_end(struct exchange *exchange)
{
    reply_text(exchange, 200, STR("ok\n"));
}

struct body {
    struct buf bytes;
    uint64_t sum, size;
    struct later later;
    struct exchange *exchange;
};

static void body_head(struct exchange *exchange)
{
    struct body *body = MEM_NEW(struct body);
    body->exchange = exchange;
    exchange_set_ctx(exchange, body);
}

static void body_done(struct exchange *exchange)
{
    struct body *body = exchange_ctx(exchange);
    loop_later_cancel(&body->later);
    buf_done(&body->bytes);
    mem_free(body);
}

static void body_gone(struct exchange *exchange)
{
    body_done(exchange);
    __atomic_fetch_add(&gone_count, 1, __ATOMIC_RELAXED);
}

static void echo_body(struct exchange *exchange, struct str bytes)
{
    struct body *body = exchange_ctx(exchange);
    buf_str(&body->bytes, bytes);
}

static void echo_end(struct exchange *exchange)
{
    struct body *body = exchange_ctx(exchange);
    struct buf bytes = body->bytes;
    body->bytes = (struct buf){0};
    body_done(exchange);
    reply_text(exchange, 200, buf_view(&bytes));
    buf_done(&bytes);
}

static void sum_bytes(struct body *body, struct str bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        body->sum = body->sum * 31 + (unsigned char)bytes.at[i];
    body->size += bytes.size;
}

static void sum_body(struct exchange *exchange, struct str bytes)
{
    CHECK(bytes.size <= 256 * 1024);
    sum_bytes(exchange_ctx(exchange), bytes);
}

static void sum_end(struct exchange *exchange)
{
    struct body *body = exchange_ctx(exchange);
    char text[64];
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 "\n", body->size, body->sum);
    body_done(exchange);
    reply_text(exchange, 200, str_of(text));
}

/* Back-pressure: after each piece the client waits for a turn. */
static void pause_later(void *ctx)
{
    struct body *body = ctx;
    exchange_resume(body->exchange);
}

static void pause_body(struct exchange *exchange, struct str bytes)
{
    struct body *body = exchange_ctx(exchange);
    sum_bytes(body, bytes);
    exchange_pause(exchange);
    body->later.fn = pause_later;
    body->later.ctx = body;
    loop_later(exchange_loop(exchange), &body->later);
}

static void early_head(struct exchange *exchange)
{
    exchange_reply_error(exchange, 403, "not you");
}

static void never_end(struct exchange *exchange)
{
    abort();
}

/* Answered by another thread. exchange is NULL once the client has left; only the loop's thread looks at it.
 */
struct slow {
    struct exchange *exchange;
    struct loop *loop;
    unsigned wait_ms;
};

static void slow_reply(void *ctx)
{
    struct slow *slow = ctx;
    if (slow->exchange)
        reply_text(slow->exchange, 200, STR("slow\n"));
    mem_free(slow);
}

static void *slow_thread(void *ctx)
{
    struct slow *slow = ctx;
    uint64_t end_ns = sys_mono_ns(sys_real()) + slow->wait_ms * 1000000ull;
    while (sys_mono_ns(sys_real()) < end_ns && !__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
        usleep(1000);
    loop_post(slow->loop, slow_reply, slow);
    __atomic_fetch_sub(&slow_threads, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void slow_end(struct exchange *exchange)
{
    uint64_t ms = 0;
    struct slow *slow = MEM_NEW(struct slow);
    if (!str_u64(exchange_param(exchange, STR("ms")), &ms) || ms > 60000)
        ms = 1;
    *slow = (struct slow){exchange, exchange_loop(exchange), (unsigned)ms};
    exchange_set_ctx(exchange, slow);
    __atomic_fetch_add(&slow_threads, 1, __ATOMIC_RELAXED);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, slow_thread, slow) == 0);
    pthread_detach(thread);
}

static void slow_gone(struct exchange *exchange)
{
    struct slow *slow = exchange_ctx(exchange);
    slow->exchange = NULL;
    __atomic_fetch_add(&gone_count, 1, __ATOMIC_RELAXED);
}

/* n pieces of `size` bytes, as fast as the client takes them; n=0: for ever. */
struct stream {
    uint64_t n, size, sent;
    char *piece;
};

static void stream_free(struct exchange *exchange)
{
    struct stream *stream = exchange_ctx(exchange);
    mem_free(stream->piece);
    mem_free(stream);
}

static void stream_more(struct exchange *exchange)
{
    struct stream *stream = exchange_ctx(exchange);
    bool endless = stream->n == 0;
    while (endless || stream->sent < stream->n) {
        memset(stream->piece, 'a' + (int)(stream->sent++ % 26), stream->size);
        if (!exchange_reply_send(exchange, str_make(stream->piece, stream->size)))
            return;
    }
    stream_free(exchange);
    exchange_reply_end(exchange);
    __atomic_fetch_add(&ended_streams, 1, __ATOMIC_RELAXED);
}

static void stream_end(struct exchange *exchange)
{
    struct stream *stream = MEM_NEW(struct stream);
    CHECK(str_u64(exchange_param(exchange, STR("n")), &stream->n));
    CHECK(str_u64(exchange_param(exchange, STR("size")), &stream->size));
    stream->piece = mem_alloc(stream->size + 1);
    exchange_set_ctx(exchange, stream);
    struct reply reply = {.status = 200, .type = STR("text/plain")};
    exchange_reply_start(exchange, &reply);
    stream_more(exchange);
}

static void stream_gone(struct exchange *exchange)
{
    stream_free(exchange);
    __atomic_fetch_add(&gone_count, 1, __ATOMIC_RELAXED);
}

static void describe_end(struct exchange *exchange)
{
    struct buf text = {0};
    uint32_t count;
    const struct param *params = exchange_params(exchange, &count);
    buf_str(&text, exchange_path(exchange));
    struct str segment;
    for (uint32_t i = 0; (segment = exchange_segment(exchange, i)).at; i++)
        buf_printf(&text, " <%.*s>", STR_ARG(segment));
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&text, " [%.*s=%.*s]", STR_ARG(params[i].name), STR_ARG(params[i].value));
    reply_text(exchange, 200, buf_view(&text));
    buf_done(&text);
}

static void counts_end(struct exchange *exchange)
{
    struct http_counts counts;
    http_server_counts(the_server, &counts);
    struct buf text = {0};
#define X(name, words) buf_printf(&text, #name " %" PRIu64 "\n", counts.name);
    HTTP_COUNT_LIST(X)
#undef X
    buf_printf(&text, "routes_gone %" PRIu64 "\n", __atomic_load_n(&gone_count, __ATOMIC_RELAXED));
    buf_printf(&text, "ended_streams %" PRIu64 "\n", __atomic_load_n(&ended_streams, __ATOMIC_RELAXED));
    reply_text(exchange, 200, buf_view(&text));
    buf_done(&text);
}

static const struct route_handler health = {.on_end = health_end};
static const struct route_handler echo = {body_head, echo_body, echo_end, body_gone, NULL};
static const struct route_handler sum = {body_head, sum_body, sum_end, body_gone, NULL};
static const struct route_handler slowly = {body_head, pause_body, sum_end, body_gone, NULL};
static const struct route_handler early = {early_head, NULL, never_end, note_gone, NULL};
static const struct route_handler slow = {.on_end = slow_end, .on_gone = slow_gone};
static const struct route_handler stream = {
    .on_end = stream_end, .on_gone = stream_gone, .on_room = stream_more};
static const struct route_handler describe = {.on_end = describe_end};
static const struct route_handler counts = {.on_end = counts_end};

static const struct route routes[] = {
    {"GET", "/health", &health, ROUTE_OPEN, 0, NULL},
    {"POST", "/echo", &echo, 0, 1 << 20, NULL},
    {"POST", "/raw", &echo, ROUTE_RAW, 1 << 20, NULL},
    {"POST", "/sum", &sum, 0, 64 << 20, NULL},
    {"POST", "/pause", &slowly, 0, 64 << 20, NULL},
    {"POST", "/early", &early, 0, 64 << 20, NULL},
    {"GET", "/slow", &slow, 0, 0, NULL},
    {"POST", "/slow", &slow, 0, 0, NULL},
    {"GET", "/stream", &stream, 0, 0, NULL},
    {"GET", "/d/", &describe, ROUTE_PREFIX, 0, NULL},
    {"GET", "/d/exact", &health, 0, 0, NULL},
    {"PUT", "/d/exact", &echo, 0, 1024, NULL},
    {"GET", "/counts", &counts, 0, 0, NULL},
    {"GET", "/secret", &health, 0, 0, NULL},
};

static bool admit(struct exchange *exchange)
{
    if (!str_eq(exchange_path(exchange), STR("/secret")))
        return true;
    exchange_reply_error(exchange, 401, "no token");
    return false;
}

static uint64_t argument(char **argv, const char *name)
{
    uint64_t value = 0;
    struct str key, number;
    for (; *argv; argv++) {
        number = str_cut(str_of(*argv), '=', &key);
        if (str_eq(key, str_of(name)))
            CHECK(str_u64(number, &value));
    }
    return value;
}

int main(int argc, char **argv)
{
    struct why why;
    struct loop *loops[LOOPS];
    for (int i = 0; i < LOOPS; i++)
        CHECK(loop_new(sys_real(), &loops[i], &why) == ERR_OK);
    static const struct str hosts[] = {{"metrics.example.org", 19}};
    struct http_server_options options = {
        .loops = loops,
        .loop_count = LOOPS,
        .routes = routes,
        .route_count = sizeof routes / sizeof *routes,
        .admit = admit,
        .check_host = true,
        .hosts = hosts,
        .host_count = 1,
        .connections_max = (uint32_t)argument(argv, "connections_max"),
        .in_flight_max = argument(argv, "in_flight_max"),
        .head_ms = (int64_t)argument(argv, "head_ms"),
        .body_grace_ms = (int64_t)argument(argv, "body_grace_ms"),
        .idle_ms = (int64_t)argument(argv, "idle_ms"),
    };
    CHECK(address_parse(STR("127.0.0.1:0"), &options.address, &why) == ERR_OK);
    CHECK(http_server_new(&options, &the_server, &why) == ERR_OK);
    for (int i = 0; i < LOOPS; i++)
        CHECK(loop_start(loops[i], "loop", &why) == ERR_OK);
    printf("%u\n", address_port(http_server_address(the_server)));
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
    http_server_stop(the_server, (int64_t)argument(argv, "stop_ms"));
    for (int i = 0; i < LOOPS; i++)
        loop_stop(loops[i]);
    for (int i = 0; i < LOOPS; i++)
        loop_join(loops[i]);
    __atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
    while (__atomic_load_n(&slow_threads, __ATOMIC_ACQUIRE))
        usleep(1000);
    http_server_free(the_server);
    for (int i = 0; i < LOOPS; i++)
        loop_free(loops[i]);
    puts("stopped");
    return 0;
}
