/* http_server.h: the HTTP port: connections, routing, and the order of replies. What a route does is its own.
 *
 * Each connection lives on one loop, and so does every exchange of it: all handlers and all exchange_ calls
 * (exchange.h) are on that loop's thread. Requests of a connection are answered one after the other.
 *
 * Refused by itself, each counted: bad requests (400, 414, 417, 431, 501, 505), unknown paths (404) and
 * methods (405 with Allow), Host not ours (421), a foreign Origin on a change (403), Content-Encoding but
 * gzip (415), too large a body (413), too slow a one (408), too many connections or body bytes in flight
 * (503).
 */
#ifndef SERVER_HTTP_SERVER_H
#define SERVER_HTTP_SERVER_H

#include "net/address.h"
#include "net/loop.h"
#include "server/exchange.h"

struct http_server;

enum {
    HTTP_CONNECTIONS_MAX = 4096,
    HTTP_IN_FLIGHT_MAX = 128 << 20, /* decoded body bytes of requests without a reply yet */
    HTTP_HEAD_MS = 10 * 1000,
    HTTP_BODY_GRACE_MS = 10 * 1000, /* after it, HTTP_BODY_FLOOR bytes per second must have come */
    HTTP_BODY_FLOOR = 1024,
    HTTP_IDLE_MS = 75 * 1000,
};

enum route_flags {
    ROUTE_PREFIX = 1, /* path is a beginning: "/api/fields/" also serves "/api/fields/x/values" */
    ROUTE_RAW = 2,    /* the body is given as sent, still compressed, whatever its Content-Encoding */
    ROUTE_OPEN = 4,   /* for admit: needs no token */
};

/* A const table of these is the whole of the outside. The longest path that fits wins; GET serves HEAD too.
 */
struct route {
    const char *method;
    const char *path;
    const struct route_handler *handler;
    unsigned flags;
    uint64_t body_max; /* decoded bytes; 0: no body is expected, up to 64 KiB of one is dropped */
    const void *data;  /* the table's own, see exchange_route */
};

struct http_server_options {
    struct address address;
    struct loop *const *loops;
    uint32_t loop_count;
    const struct route *routes;
    uint32_t route_count;
    void *ctx; /* exchange_server_ctx */

    /* May be NULL. Called when the head is read, before the route's on_head; false: it has replied. */
    bool (*admit)(struct exchange *exchange);

    bool check_host;         /* Host must be an IP address, localhost, or one of hosts, else 421 */
    const struct str *hosts; /* names without port; the caller keeps them */
    uint32_t host_count;

    /* 0 means the constant above; tests lower them. */
    uint32_t connections_max;
    uint64_t in_flight_max;
    int64_t head_ms, body_grace_ms, idle_ms;
};

/* Opens the port; connections come as soon as the loops run. ERR_BUSY: taken. */
enum err http_server_new(const struct http_server_options *options, struct http_server **out,
                         struct why *why) MUST_USE;
const struct address *http_server_address(const struct http_server *server);
/* Accepts no more, closes idle connections, lets running exchanges finish for up to wait_ms, then closes them
 * (on_gone). Returns when no connection is left. Any thread that is none of the loops'. Loops must run. */
void http_server_stop(struct http_server *server, int64_t wait_ms);
void http_server_free(
    struct http_server *server); /* after the loops have ended, before loop_free; NULL is fine */

#define HTTP_COUNT_LIST(X)                                                              \
    X(accepted, "connections accepted")                                                 \
    X(open, "connections open now")                                                     \
    X(requests, "requests read")                                                        \
    X(status_2xx, "replies with a status of 2xx")                                       \
    X(status_3xx, "replies with a status of 3xx")                                       \
    X(status_4xx, "replies with a status of 4xx")                                       \
    X(status_5xx, "replies with a status of 5xx")                                       \
    X(bytes_in, "bytes received")                                                       \
    X(bytes_out, "bytes sent")                                                          \
    X(refused_connections, "connections beyond the limit, answered with 503")           \
    X(refused_in_flight, "requests refused because too many body bytes were in flight") \
    X(refused_syntax, "requests refused because they are not HTTP as it should be")     \
    X(refused_slow, "requests that were too slow")                                      \
    X(refused_large, "requests with too large a body")                                  \
    X(refused_encoding, "requests with a Content-Encoding that is unknown or broken")   \
    X(refused_host, "requests for a Host that is not ours, or from a foreign Origin")   \
    X(gone, "requests whose client left before the reply")                              \
    X(in_flight, "body bytes of requests without a reply yet")

struct http_counts {
#define X(name, text) uint64_t name;
    HTTP_COUNT_LIST(X)
#undef X
};

/* Any thread; sums of relaxed counters. */
void http_server_counts(const struct http_server *server, struct http_counts *counts);

#endif
