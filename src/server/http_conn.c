/* One connection: bytes become exchanges, deadlines are kept, the end is found. States: http_conn.h.
 *
 * The floor rate of a body is one moving deadline: start + grace + bytes * 1000 / floor. A peer that has
 * closed its side may be gone or may wait for the reply (nc -N does): after a moment it is sent "100
 * Continue", which every client must bear, and a peer that is gone answers with a reset. So a query nobody
 * waits for is ended.
 */
#include "server/http_conn.h"

#include "base/check.h"
#include "base/mem.h"

enum { READ_HEAD = 16 * 1024 };

static struct http_counts *counts_of(struct http_conn *conn)
{
    return &conn->shard->counts;
}

static int64_t now_of(struct http_conn *conn)
{
    return loop_now_ms(conn->shard->loop);
}

static const struct http_server_options *options_of(const struct http_conn *conn)
{
    return &conn->shard->server->options;
}

static void count_traffic(struct http_conn *conn)
{
    uint64_t in = conn_bytes_in(conn->conn), out = conn_bytes_out(conn->conn);
    http_count(&counts_of(conn)->bytes_in, in - conn->bytes_in);
    http_count(&counts_of(conn)->bytes_out, out - conn->bytes_out);
    conn->bytes_in = in;
    conn->bytes_out = out;
}

static void release_in_flight(struct exchange *exchange)
{
    if (exchange->in_flight)
        __atomic_fetch_sub(&exchange->conn->shard->server->in_flight, exchange->in_flight, __ATOMIC_RELAXED);
    exchange->in_flight = 0;
}

static void done_exchange(struct exchange *exchange)
{
    if (!exchange->conn)
        return;
    release_in_flight(exchange);
    gunzip_free(exchange->gunzip);
    arena_done(&exchange->arena);
    *exchange = (struct exchange){0};
}

/* The route learns that nobody waits any more. */
static void tell_gone(struct http_conn *conn)
{
    struct exchange *exchange = &conn->exchange;
    if (!exchange->live)
        return;
    exchange->live = false;
    if (exchange->route->handler->on_gone)
        exchange->route->handler->on_gone(exchange);
}

static void free_conn(struct http_conn *conn)
{
    struct http_server *server = conn->shard->server;
    count_traffic(conn);
    done_exchange(&conn->exchange);
    http_parser_done(&conn->parser);
    *conn->before = conn->next;
    if (conn->next)
        conn->next->before = conn->before;
    mem_free(conn);
    pthread_mutex_lock(&server->lock);
    if (__atomic_sub_fetch(&server->open, 1, __ATOMIC_RELAXED) == 0)
        pthread_cond_signal(&server->ended);
    pthread_mutex_unlock(&server->lock);
}

static void on_gone(void *ctx)
{
    struct http_conn *conn = ctx;
    if (conn->exchange.live)
        http_count(&counts_of(conn)->gone, 1);
    tell_gone(conn);
    free_conn(conn);
}

void http_conn_kill(struct http_conn *conn)
{
    struct conn *socket = conn->conn;
    on_gone(conn);
    conn_close(socket);
}

void http_conn_give_up(struct http_conn *conn)
{
    conn->give_up = true;
    conn_deadline(conn->conn, now_of(conn));
}

static void close_with_last_words(struct http_conn *conn)
{
    conn->state = HTTP_CLOSING;
    if (!conn->in_bytes)
        done_exchange(&conn->exchange);
    conn_finish(conn->conn);
}

static void next_request(struct http_conn *conn)
{
    done_exchange(&conn->exchange);
    http_parser_next(&conn->parser);
    count_traffic(conn);
    conn->state = HTTP_IDLE;
    conn->asked = false;
    conn->stall_out = conn_bytes_out(conn->conn);
    conn_read_size(conn->conn, READ_HEAD);
    conn_deadline(conn->conn, now_of(conn) + options_of(conn)->idle_ms);
}

static bool may_read(const struct http_conn *conn)
{
    return conn->state != HTTP_WAIT && conn->state != HTTP_CLOSING && !conn->exchange.paused &&
           !conn->give_up && conn_queued(conn->conn) <= HTTP_QUEUE_MAX;
}

void http_conn_update(struct http_conn *conn)
{
    bool was_held_back = conn->held_back;
    conn->held_back = !may_read(conn);
    if (conn->held_back) {
        conn_pause(conn->conn);
    } else if (was_held_back) {
        conn_resume(conn->conn);
        conn_again(conn->conn); /* without new bytes there may still be held output of gzip, or the end */
    }
}

void http_conn_replied(struct http_conn *conn)
{
    struct exchange *exchange = &conn->exchange;
    exchange->replied = true;
    exchange->live = false;
    exchange->paused = false;
    exchange->inflating = false;
    release_in_flight(exchange);
    if (!conn->keep) {
        close_with_last_words(conn);
        return;
    }
    if (!exchange->ended)
        conn->state = HTTP_DROP;
    if (conn->in_bytes) /* the loop below goes on from here */
        return;
    if (exchange->ended)
        next_request(conn);
    if (conn->state == HTTP_IDLE && conn->peer_done && !conn_held(conn->conn))
        close_with_last_words(conn);
    else
        http_conn_update(conn);
}

void http_conn_refuse(struct http_conn *conn, unsigned status, const char *text)
{
    struct exchange *exchange = &conn->exchange;
    bool started = exchange->started;
    tell_gone(conn);
    if (started) { /* half a reply is out: there is no way to say it */
        http_conn_give_up(conn);
        return;
    }
    conn->keep = false;
    exchange->conn = conn;
    exchange_reply_error(exchange, status, "%s", text);
}

static void begin_exchange(struct http_conn *conn)
{
    struct exchange *exchange = &conn->exchange;
    const struct http_head *head = &conn->parser.head;
    const struct http_server_options *options = options_of(conn);
    http_count(&counts_of(conn)->requests, 1);
    exchange->conn = conn;
    exchange->is_head = str_eq(head->method, STR("HEAD"));
    exchange->body_start_ms = now_of(conn);
    conn->keep = head->keep_alive;
    conn->state = HTTP_IN_BODY;
    conn_read_size(conn->conn, LOOP_SCRATCH);
    conn_deadline(conn->conn, exchange->body_start_ms + options->body_grace_ms);
    if (!http_route_choose(exchange) || !http_body_check(exchange) ||
        (options->admit && !options->admit(exchange)))
        return;
    exchange->live = true;
    if (exchange->route->handler->on_head)
        exchange->route->handler->on_head(exchange);
    if (head->expect_continue && exchange->live && !exchange->started) {
        exchange->continued = true;
        http_reply_continue(conn);
    }
}

static void wait_for_reply(struct http_conn *conn)
{
    bool ask = conn->half_closed && conn->parser.head.minor == 1;
    conn->state = HTTP_WAIT;
    conn_deadline(conn->conn, ask ? now_of(conn) + HTTP_HALF_CLOSED_MS : 0);
}

static void end_request(struct http_conn *conn)
{
    struct exchange *exchange = &conn->exchange;
    if (exchange->live && exchange->gunzip && exchange->wire_bytes && !gunzip_is_whole(exchange->gunzip)) {
        http_count(&counts_of(conn)->refused_encoding, 1);
        http_conn_refuse(conn, 400, "the gzip data ends too early");
        return;
    }
    exchange->ended = true;
    if (exchange->live) {
        wait_for_reply(conn);
        exchange->route->handler->on_end(exchange);
    }
    if (exchange->replied && conn->state != HTTP_CLOSING)
        next_request(conn);
}

/* One event; false: nothing more can be done with these bytes now. */
static bool step(struct http_conn *conn, struct str bytes, size_t *used, size_t *budget)
{
    struct exchange *exchange = &conn->exchange;
    struct str body;
    if (exchange->inflating && *budget)
        http_body_inflate(exchange, budget);
    if (exchange->inflating || !may_read(conn) || !*budget) {
        if (may_read(conn))
            conn_again(conn->conn);
        return false;
    }
    size_t parsed = 0;
    enum http_event event = http_parse(&conn->parser, bytes, &parsed, &body);
    *used += parsed;
    switch (event) {
    case HTTP_MORE:
        return false;
    case HTTP_HEAD:
        begin_exchange(conn);
        return true;
    case HTTP_BODY:;
        size_t taken = http_body_feed(exchange, body, budget);
        exchange->wire_bytes += taken;
        if (conn->state != HTTP_CLOSING)
            http_body_take(&conn->parser, taken);
        *used += taken;
        return true;
    case HTTP_END:
        end_request(conn);
        return true;
    case HTTP_BAD:
        break;
    }
    http_count(&counts_of(conn)->refused_syntax, 1);
    http_conn_refuse(conn, conn->parser.status, conn->parser.why);
    return false;
}

static void note_first_byte(struct http_conn *conn)
{
    if (conn->state != HTTP_IDLE || http_parser_is_idle(&conn->parser))
        return;
    conn->state = HTTP_IN_HEAD;
    conn_deadline(conn->conn, now_of(conn) + options_of(conn)->head_ms);
}

/* The peer sends nothing more, and all it has sent was looked at. */
static void end_of_input(struct http_conn *conn)
{
    if (conn->state == HTTP_IDLE) {
        close_with_last_words(conn);
    } else if (conn->state == HTTP_IN_HEAD || conn->state == HTTP_IN_BODY) {
        http_count(&counts_of(conn)->gone, 1);
        http_conn_refuse(conn, 400, "the request was cut off");
    } else if (conn->state == HTTP_DROP) {
        close_with_last_words(conn);
    }
}

static size_t on_bytes(void *ctx, struct str bytes, bool at_end)
{
    struct http_conn *conn = ctx;
    size_t used = 0, budget = CONN_TURN_BYTES;
    conn->in_bytes = true;
    conn->peer_done |= at_end;
    while (may_read(conn) && step(conn, str_from(bytes, used), &used, &budget))
        ;
    note_first_byte(conn);
    if (at_end && used == bytes.size && !conn->exchange.inflating && may_read(conn))
        end_of_input(conn);
    conn->in_bytes = false;
    if (conn->state == HTTP_CLOSING) {
        done_exchange(&conn->exchange);
        return bytes.size;
    }
    http_conn_update(conn);
    return used;
}

static void on_half_closed(void *ctx)
{
    struct http_conn *conn = ctx;
    conn->half_closed = true;
    if (conn->state != HTTP_WAIT)
        return;
    if (conn->exchange.started) /* nobody follows a stream with his back turned */
        http_conn_give_up(conn);
    else
        wait_for_reply(conn);
}

static void on_drained(void *ctx)
{
    struct http_conn *conn = ctx;
    struct exchange *exchange = &conn->exchange;
    if (conn->state == HTTP_CLOSING)
        return;
    if (exchange->wants_room) {
        exchange->wants_room = false;
        conn_deadline(conn->conn, 0);
        if (exchange->live && exchange->route->handler->on_room)
            exchange->route->handler->on_room(exchange);
    }
    if (conn->state != HTTP_CLOSING)
        http_conn_update(conn);
}

/* True if the peer takes our output, if slowly: it is given more time. */
static bool is_taking(struct http_conn *conn)
{
    uint64_t out = conn_bytes_out(conn->conn);
    bool taking = conn_queued(conn->conn) && out != conn->stall_out;
    conn->stall_out = out;
    if (taking)
        conn_deadline(conn->conn, now_of(conn) + options_of(conn)->idle_ms);
    return taking;
}

static void check_floor_rate(struct http_conn *conn)
{
    struct exchange *exchange = &conn->exchange;
    int64_t now_ms = now_of(conn), grace_ms = options_of(conn)->body_grace_ms;
    bool is_held_back = conn_queued(conn->conn) > HTTP_QUEUE_MAX; /* by us, until it takes its answers */
    if (exchange->paused || (is_held_back && is_taking(conn))) {
        conn_deadline(conn->conn, now_ms + grace_ms);
        return;
    }
    int64_t until_ms =
        exchange->body_start_ms + grace_ms + (int64_t)(exchange->wire_bytes * 1000 / HTTP_BODY_FLOOR);
    if (now_ms < until_ms) {
        conn_deadline(conn->conn, until_ms);
        return;
    }
    http_count(&counts_of(conn)->refused_slow, 1);
    if (exchange->replied)
        close_with_last_words(conn);
    else
        http_conn_refuse(conn, 408, "the body comes too slowly");
}

static void on_deadline(void *ctx)
{
    struct http_conn *conn = ctx;
    if (conn->give_up) {
        http_conn_kill(conn);
        return;
    }
    switch (conn->state) {
    case HTTP_IDLE:
        if (!is_taking(conn))
            close_with_last_words(conn);
        break;
    case HTTP_IN_HEAD:
        if (conn_queued(conn->conn) && is_taking(conn))
            break;
        http_count(&counts_of(conn)->refused_slow, 1);
        http_conn_refuse(conn, 408, "the request comes too slowly");
        break;
    case HTTP_IN_BODY:
    case HTTP_DROP:
        check_floor_rate(conn);
        break;
    case HTTP_WAIT:
        if (conn->exchange.wants_room && !is_taking(conn)) {
            http_conn_kill(conn);
        } else if (conn->half_closed && !conn->asked && !conn->exchange.started) {
            conn->asked = true;
            http_reply_continue(conn);
        }
        break;
    case HTTP_CLOSING:
        break;
    }
}

static const struct conn_handler handler = {
    .on_bytes = on_bytes,
    .on_half_closed = on_half_closed,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_gone = on_gone,
};

void http_conn_new(struct shard *shard, int fd, const struct address *peer)
{
    struct http_conn *conn = MEM_NEW(struct http_conn);
    conn->shard = shard;
    conn->peer = *peer;
    conn->state = HTTP_IDLE;
    http_parser_init(&conn->parser);
    conn->next = shard->conns;
    conn->before = &shard->conns;
    if (conn->next)
        conn->next->before = &conn->next;
    shard->conns = conn;
    conn->conn = conn_new(shard->loop, fd, &handler, conn);
    conn_read_size(conn->conn, READ_HEAD);
    conn_deadline(conn->conn, now_of(conn) + options_of(conn)->head_ms);
}

void http_conn_stop(struct http_conn *conn)
{
    conn->keep = false;
    if (conn->state == HTTP_IDLE)
        close_with_last_words(conn);
}
