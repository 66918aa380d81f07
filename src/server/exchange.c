/* What a route can ask of its exchange. Replies: http_reply.c. */
#include "server/exchange.h"

#include "server/http_conn.h"

const struct http_head *exchange_head(const struct exchange *exchange)
{
    return &exchange->conn->parser.head;
}

const struct route *exchange_route(const struct exchange *exchange)
{
    return exchange->route;
}

struct str exchange_method(const struct exchange *exchange)
{
    return exchange->conn->parser.head.method;
}

struct str exchange_path(const struct exchange *exchange)
{
    return exchange->path;
}

struct str exchange_segment(struct exchange *exchange, uint32_t n)
{
    struct str rest = exchange->conn->parser.head.path, raw, segment;
    do
        if (!http_path_next(&rest, &raw))
            return STR_NONE;
    while (n--);
    /* The whole path was decoded before, so this cannot fail. */
    return http_decode(&exchange->arena, raw, false, &segment) ? segment : STR_NONE;
}

struct str exchange_header(const struct exchange *exchange, struct str name)
{
    return http_header_find(&exchange->conn->parser.head, name);
}

struct str exchange_param(const struct exchange *exchange, struct str name)
{
    for (uint32_t i = 0; i < exchange->param_count; i++)
        if (str_eq(exchange->params[i].name, name))
            return exchange->params[i].value;
    return STR_NONE;
}

const struct param *exchange_params(const struct exchange *exchange, uint32_t *count)
{
    *count = exchange->param_count;
    return exchange->params;
}

const struct address *exchange_peer(const struct exchange *exchange)
{
    return &exchange->conn->peer;
}

struct loop *exchange_loop(const struct exchange *exchange)
{
    return exchange->conn->shard->loop;
}

uint32_t exchange_loop_index(const struct exchange *exchange)
{
    return exchange->conn->shard->index;
}

void *exchange_server_ctx(const struct exchange *exchange)
{
    return exchange->conn->shard->server->options.ctx;
}

struct arena *exchange_arena(struct exchange *exchange)
{
    return &exchange->arena;
}

void exchange_set_ctx(struct exchange *exchange, void *ctx)
{
    exchange->ctx = ctx;
}

void *exchange_ctx(const struct exchange *exchange)
{
    return exchange->ctx;
}

void exchange_pause(struct exchange *exchange)
{
    if (exchange->paused)
        return;
    exchange->paused = true;
    exchange->paused_ms = loop_now_ms(exchange_loop(exchange));
    http_conn_update(exchange->conn);
}

void exchange_resume(struct exchange *exchange)
{
    if (!exchange->paused)
        return;
    exchange->paused = false;
    /* The time we kept the client waiting is not its slowness. */
    exchange->body_start_ms += loop_now_ms(exchange_loop(exchange)) - exchange->paused_ms;
    http_conn_update(exchange->conn);
}
