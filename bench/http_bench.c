/* What the HTTP port costs: one loop, one client thread over loopback. Prints the round trip of a trivial
 * request
 * ("the HTTP floor"), the loop's CPU time per request when they are pipelined, and per MiB of body.
 *
 *   http_bench [rounds]
 */
#include "base/check.h"
#include "base/mem.h"
#include "server/http_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void health_end(struct exchange *exchange)
{
    struct reply reply = {.status = 200, .type = STR("text/plain"), .body = STR("ok\n")};
    exchange_reply(exchange, &reply);
}

static uint64_t swallowed;

static void swallow_body(struct exchange *exchange, struct str bytes)
{
    swallowed += bytes.size;
}

static const struct route_handler health = {.on_end = health_end};
static const struct route_handler swallow = {.on_body = swallow_body, .on_end = health_end};
static const struct route routes[] = {
    {"GET", "/health", &health, 0, 0, NULL},
    {"POST", "/swallow", &swallow, 0, 64 << 20, NULL},
};

static clockid_t loop_clock;

static void note_clock(void *ctx)
{
    CHECK(pthread_getcpuclockid(pthread_self(), &loop_clock) == 0);
    __atomic_store_n((int *)ctx, 1, __ATOMIC_RELEASE);
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.size) {
        ssize_t sent = write(fd, bytes.at, bytes.size);
        CHECK(sent > 0);
        bytes = str_from(bytes, (size_t)sent);
    }
}

/* Reads until `count` replies ("ok\n" at the end of each) have come. */
static void read_replies(int fd, size_t reply_size, size_t count)
{
    static char piece[1 << 16];
    for (size_t left = reply_size * count; left;) {
        ssize_t got = read(fd, piece, left < sizeof piece ? left : sizeof piece);
        CHECK(got > 0);
        left -= (size_t)got;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ping_pong(int fd, struct str request, size_t reply_size, size_t rounds)
{
    double *took = mem_zero(rounds, sizeof *took), cpu = seconds(loop_clock), sum = 0;
    for (size_t i = 0; i < rounds; i++) {
        double start = seconds(CLOCK_MONOTONIC);
        send_all(fd, request);
        read_replies(fd, reply_size, 1);
        took[i] = seconds(CLOCK_MONOTONIC) - start;
        sum += took[i];
    }
    cpu = seconds(loop_clock) - cpu;
    qsort(took, rounds, sizeof *took, compare);
    printf("round trip        %8.1f us median, %.1f us p99, %.0f requests/s; loop CPU %.2f us each\n",
           took[rounds / 2] * 1e6, took[rounds * 99 / 100] * 1e6, (double)rounds / sum,
           cpu / (double)rounds * 1e6);
    mem_free(took);
}

static void pipelined(int fd, struct str request, size_t reply_size, size_t rounds)
{
    enum { BATCH = 64 };
    struct buf batch = {0};
    for (int i = 0; i < BATCH; i++)
        buf_str(&batch, request);
    double cpu = seconds(loop_clock), start = seconds(CLOCK_MONOTONIC);
    for (size_t i = 0; i < rounds / BATCH; i++) {
        send_all(fd, buf_view(&batch));
        read_replies(fd, reply_size, BATCH);
    }
    double all = (double)(rounds / BATCH * BATCH), took = seconds(CLOCK_MONOTONIC) - start;
    printf("pipelined by %d   %8.0f requests/s; loop CPU %.2f us each\n", BATCH, all / took,
           (seconds(loop_clock) - cpu) / all * 1e6);
    buf_done(&batch);
}

static void bodies(int fd, size_t reply_size, bool chunked)
{
    enum { SIZE = 16 << 20, CHUNK = 32 << 10, ROUNDS = 16 };
    struct buf request = {0};
    buf_str(&request, STR("POST /swallow HTTP/1.1\r\nHost: localhost\r\n"));
    if (!chunked)
        buf_printf(&request, "Content-Length: %d\r\n\r\n", SIZE);
    else
        buf_str(&request, STR("Transfer-Encoding: chunked\r\n\r\n"));
    for (size_t i = 0; i < SIZE / CHUNK; i++) {
        if (chunked)
            buf_printf(&request, "%x\r\n", CHUNK);
        memset(buf_grow(&request, CHUNK), 'x', CHUNK);
        if (chunked)
            buf_str(&request, STR("\r\n"));
    }
    if (chunked)
        buf_str(&request, STR("0\r\n\r\n"));
    double cpu = seconds(loop_clock), start = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < ROUNDS; i++) {
        send_all(fd, buf_view(&request));
        read_replies(fd, reply_size, 1);
    }
    double mib = (double)ROUNDS * SIZE / (1 << 20);
    printf("16 MiB %s     %8.0f MiB/s; loop CPU %.0f us per MiB\n", chunked ? "chunked" : "bodies ",
           mib / (seconds(CLOCK_MONOTONIC) - start), (seconds(loop_clock) - cpu) / mib * 1e6);
    buf_done(&request);
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 50000;
    struct loop *loop;
    struct http_server *server;
    struct why why;
    CHECK(loop_new(sys_real(), &loop, &why) == ERR_OK);
    struct http_server_options options = {
        .loops = &loop, .loop_count = 1, .routes = routes, .route_count = 2, .check_host = true};
    CHECK(address_parse(STR("127.0.0.1:0"), &options.address, &why) == ERR_OK);
    CHECK(http_server_new(&options, &server, &why) == ERR_OK);
    CHECK(loop_start(loop, "loop", &why) == ERR_OK);
    int noted = 0;
    loop_post(loop, note_clock, &noted);
    while (!__atomic_load_n(&noted, __ATOMIC_ACQUIRE))
        usleep(100);

    struct address to = *http_server_address(server);
    int fd = socket(to.to.ss_family, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&to.to, to.size) == 0);
    struct str request = STR("GET /health HTTP/1.1\r\nHost: localhost:7411\r\nUser-Agent: curl/7.88.1\r\n"
                             "Accept: */*\r\n\r\n");
    char piece[4096];
    send_all(fd, request);
    ssize_t reply_size = read(fd, piece, sizeof piece);
    CHECK(reply_size > 3 && memcmp(piece + reply_size - 3, "ok\n", 3) == 0);
    ping_pong(fd, request, (size_t)reply_size, rounds);
    pipelined(fd, request, (size_t)reply_size, rounds * 10);
    bodies(fd, (size_t)reply_size, false);
    bodies(fd, (size_t)reply_size, true);

    close(fd);
    http_server_stop(server, 1000);
    loop_stop(loop);
    loop_join(loop);
    http_server_free(server);
    loop_free(loop);
    return 0;
}
