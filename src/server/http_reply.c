/* Replies: status line, headers, body or chunks. The head is built in the shard's buffer and handed to the
 * connection together with the body, so that a small reply is one packet. */
#include "base/check.h"
#include "base/json_out.h"
#include "server/http_conn.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

struct str http_status_text(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } texts[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].status == status)
            return str_of(texts[i].text);
    return STR("Status");
}

static void count_status(struct shard *shard, unsigned status)
{
    struct http_counts *counts = &shard->counts;
    http_count(status < 300   ? &counts->status_2xx
               : status < 400 ? &counts->status_3xx
               : status < 500 ? &counts->status_4xx
                              : &counts->status_5xx,
               1);
}

/* RFC 9110, 6.6.1; made once a second. */
static void write_date(struct shard *shard, struct buf *out)
{
    time_t now_s = (time_t)(sys_wall_ms(loop_sys(shard->loop)) / 1000);
    if (now_s != shard->date_s || !shard->date[0]) {
        struct tm tm;
        gmtime_r(&now_s, &tm);
        static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        snprintf(shard->date, sizeof shard->date, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                 days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
                 ((unsigned)tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                 (unsigned)tm.tm_sec % 100);
        shard->date_s = now_s;
    }
    buf_str(out, STR("\r\nDate: "));
    buf_str(out, str_of(shard->date));
}

/* A byte that ends a header would let a value write headers of its own: a bug in the route. */
static void write_header(struct buf *out, struct str name, struct str value)
{
    for (size_t i = 0; i < value.size; i++)
        CHECK((unsigned char)value.at[i] >= ' ' && value.at[i] != 0x7f);
    buf_str(out, STR("\r\n"));
    buf_str(out, name);
    buf_str(out, STR(": "));
    buf_str(out, value);
}

static bool has_body(unsigned status)
{
    return status != 204 && status != 304;
}

static bool has_header(const struct reply *reply, struct str name)
{
    for (uint32_t i = 0; i < reply->header_count; i++)
        if (str_eq_fold(reply->headers[i].name, name))
            return true;
    return false;
}

static void write_head(struct exchange *exchange, const struct reply *reply, bool sized)
{
    struct http_conn *conn = exchange->conn;
    struct buf *out = &conn->shard->head;
    CHECK(reply->status >= 200 && reply->status < 600);
    out->size = 0;
    buf_str(out, STR("HTTP/1.1 "));
    char digits[3] = {(char)('0' + reply->status / 100), (char)('0' + reply->status / 10 % 10),
                      (char)('0' + reply->status % 10)};
    buf_put(out, digits, 3);
    buf_char(out, ' ');
    buf_str(out, http_status_text(reply->status));
    write_date(conn->shard, out);
    if (reply->type.size) {
        write_header(out, STR("Content-Type"), reply->type);
        if (!has_header(reply, STR("X-Content-Type-Options")))
            write_header(out, STR("X-Content-Type-Options"), STR("nosniff"));
    }
    for (uint32_t i = 0; i < reply->header_count; i++)
        write_header(out, reply->headers[i].name, reply->headers[i].value);
    if (exchange->chunked)
        buf_str(out, STR("\r\nTransfer-Encoding: chunked"));
    else if (sized && has_body(reply->status))
        buf_printf(out, "\r\nContent-Length: %zu", reply->body.size);
    if (!conn->keep)
        buf_str(out, STR("\r\nConnection: close"));
    else if (conn->parser.head.minor == 0)
        buf_str(out, STR("\r\nConnection: keep-alive"));
    buf_str(out, STR("\r\n\r\n"));
    count_status(conn->shard, reply->status);
}

/* Before the end of a request, the rest of its body must be small and certain to come, or the connection
 * ends: a client that waits for "100 Continue" may send it or not. */
void http_reply_settle(struct exchange *exchange)
{
    struct http_conn *conn = exchange->conn;
    const struct http_head *head = &conn->parser.head;
    if (!exchange->ended && (head->chunked || head->length > exchange->wire_bytes)) {
        bool certain = !head->expect_continue || exchange->continued;
        if (head->chunked || !certain || head->length - exchange->wire_bytes > HTTP_DROP_MAX)
            conn->keep = false;
    }
    if (__atomic_load_n(&conn->shard->server->stopping, __ATOMIC_RELAXED))
        conn->keep = false;
}

void exchange_reply(struct exchange *exchange, const struct reply *reply)
{
    struct http_conn *conn = exchange->conn;
    CHECK(!exchange->started && !exchange->replied);
    http_reply_settle(exchange);
    write_head(exchange, reply, true);
    bool with_body = has_body(reply->status) && !exchange->is_head && reply->body.size;
    exchange->started = true;
    /* Small ones go into the head's buffer: one copy, one packet. */
    if (with_body && reply->body.size < 4096)
        buf_str(&conn->shard->head, reply->body);
    conn_send(conn->conn, buf_view(&conn->shard->head));
    if (with_body && reply->body.size >= 4096)
        conn_send(conn->conn, reply->body);
    http_conn_replied(conn);
}

void exchange_reply_error(struct exchange *exchange, unsigned status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(size >= 0);
    struct buf body = {0};
    struct json_out json;
    json_init(&json, &body);
    json_begin_object(&json);
    json_key(&json, STR("error"));
    json_begin_object(&json);
    json_key_str(&json, "text", str_of(text));
    json_end_object(&json);
    json_end_object(&json);
    buf_char(&body, '\n');
    struct http_header again = {STR("Retry-After"), STR("1")};
    bool is_busy = status == 429 || status == 503;
    struct reply reply = {.status = status,
                          .type = STR("application/json"),
                          .headers = &again,
                          .header_count = is_busy,
                          .body = buf_view(&body)};
    exchange_reply(exchange, &reply);
    buf_done(&body);
}

void exchange_reply_start(struct exchange *exchange, const struct reply *reply)
{
    struct http_conn *conn = exchange->conn;
    CHECK(!exchange->started && !exchange->replied && has_body(reply->status));
    http_reply_settle(exchange);
    exchange->chunked = conn->parser.head.minor == 1;
    if (!exchange->chunked)
        conn->keep = false; /* its end is the end of the reply */
    write_head(exchange, reply, false);
    exchange->started = true;
    conn_send(conn->conn, buf_view(&conn->shard->head));
    if (reply->body.size)
        exchange_reply_send(exchange, reply->body);
}

bool exchange_reply_send(struct exchange *exchange, struct str bytes)
{
    struct http_conn *conn = exchange->conn;
    CHECK(exchange->started && !exchange->replied);
    if (conn_queued(conn->conn) > HTTP_STREAM_MAX) {
        http_conn_give_up(conn);
        return false;
    }
    if (bytes.size && !exchange->is_head) {
        char size[20];
        int digits = snprintf(size, sizeof size, "%zx\r\n", bytes.size);
        if (exchange->chunked)
            conn_send(conn->conn, str_make(size, (size_t)digits));
        conn_send(conn->conn, bytes);
        if (exchange->chunked)
            conn_send(conn->conn, STR("\r\n"));
    }
    if (conn_queued(conn->conn) <= HTTP_QUEUE_MAX)
        return true;
    if (!exchange->wants_room) {
        exchange->wants_room = true;
        conn->stall_out = conn_bytes_out(conn->conn);
        conn_deadline(conn->conn, loop_now_ms(conn->shard->loop) + conn->shard->server->options.idle_ms);
    }
    return false;
}

void exchange_reply_end(struct exchange *exchange)
{
    CHECK(exchange->started && !exchange->replied);
    if (exchange->chunked && !exchange->is_head)
        conn_send(exchange->conn->conn, STR("0\r\n\r\n"));
    http_conn_replied(exchange->conn);
}

void http_reply_continue(struct http_conn *conn)
{
    conn_send(conn->conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}
