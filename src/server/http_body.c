/* Bodies on their way to a route: what they may be, undone gzip, and the limits on their size and on what is
 * in flight. The budget is the decoded bytes that this connection may still hand over in this turn. */
#include "server/http_conn.h"

static struct http_counts *counts_of(struct http_conn *conn)
{
    return &conn->shard->counts;
}

bool http_body_check(struct exchange *exchange)
{
    struct http_conn *conn = exchange->conn;
    struct http_server *server = conn->shard->server;
    const struct http_head *head = &conn->parser.head;
    if (!head->chunked && !head->length)
        return true;
    uint64_t max = exchange->route->body_max ? exchange->route->body_max : HTTP_DROP_MAX;
    struct str encoding = http_header_find(head, STR("Content-Encoding"));
    bool gzip = str_eq_fold(encoding, STR("gzip")) || str_eq_fold(encoding, STR("x-gzip"));
    bool decode =
        encoding.size && !str_eq_fold(encoding, STR("identity")) && !(exchange->route->flags & ROUTE_RAW);
    if (decode && !gzip) {
        http_count(&counts_of(conn)->refused_encoding, 1);
        struct http_header accept = {STR("Accept-Encoding"), STR("gzip")};
        struct reply reply = {
            .status = 415,
            .type = STR("application/json"),
            .headers = &accept,
            .header_count = 1,
            .body = STR("{\"error\":{\"text\":\"the only Content-Encoding served is gzip\"}}\n")};
        exchange_reply(exchange, &reply);
        return false;
    }
    if (head->length > max) {
        http_count(&counts_of(conn)->refused_large, 1);
        exchange_reply_error(exchange, 413, "the body is larger than %llu bytes", (unsigned long long)max);
        return false;
    }
    if (__atomic_load_n(&server->in_flight, __ATOMIC_RELAXED) >= server->options.in_flight_max) {
        http_count(&counts_of(conn)->refused_in_flight, 1);
        exchange_reply_error(exchange, 503, "too many bodies are being read at this moment");
        return false;
    }
    if (decode)
        exchange->gunzip = gunzip_new(max);
    return true;
}

static void deliver(struct exchange *exchange, struct str bytes)
{
    struct http_conn *conn = exchange->conn;
    struct http_server *server = conn->shard->server;
    uint64_t max = exchange->route->body_max ? exchange->route->body_max : HTTP_DROP_MAX;
    exchange->body_bytes += bytes.size;
    if (exchange->body_bytes > max) {
        http_count(&counts_of(conn)->refused_large, 1);
        http_conn_refuse(conn, 413, "the body is larger than this path takes");
        return;
    }
    exchange->in_flight += bytes.size;
    uint64_t all = __atomic_add_fetch(&server->in_flight, bytes.size, __ATOMIC_RELAXED);
    if (all > server->options.in_flight_max) {
        http_count(&counts_of(conn)->refused_in_flight, 1);
        http_conn_refuse(conn, 503, "too many bodies are being read at this moment");
    } else if (exchange->route->handler->on_body) {
        exchange->route->handler->on_body(exchange, bytes);
    }
}

/* Takes from *in what the budget of decoded bytes allows. */
static void inflate_some(struct exchange *exchange, struct str *in, size_t *budget)
{
    struct http_conn *conn = exchange->conn;
    do {
        struct why why;
        size_t got = 0, room = *budget < LOOP_SCRATCH ? *budget : LOOP_SCRATCH;
        enum err err = gunzip_read(exchange->gunzip, in, conn->shard->inflated, room, &got, &why);
        if (err) {
            bool large = err == ERR_LIMIT;
            http_count(large ? &counts_of(conn)->refused_large : &counts_of(conn)->refused_encoding, 1);
            http_conn_refuse(conn, large ? 413 : 400, why.text);
            return;
        }
        exchange->inflating = got == room;
        *budget -= got;
        if (got)
            deliver(exchange, str_make(conn->shard->inflated, got));
    } while (exchange->live && !exchange->paused && *budget && (in->size || exchange->inflating));
}

size_t http_body_feed(struct exchange *exchange, struct str body, size_t *budget)
{
    struct str rest = body;
    if (exchange->live && exchange->gunzip) {
        inflate_some(exchange, &rest, budget);
    } else {
        struct str part = str_first(body, *budget);
        rest = str_from(body, part.size);
        *budget -= part.size;
        if (exchange->live)
            deliver(exchange, part);
    }
    return body.size - rest.size;
}

void http_body_inflate(struct exchange *exchange, size_t *budget)
{
    struct str none = STR_NONE;
    inflate_some(exchange, &none, budget);
}
