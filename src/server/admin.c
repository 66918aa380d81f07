#include "server/admin.h"

#include "base/json_out.h"
#include "base/mem.h"
#include "server/core.h"

static void reply_json(struct exchange *exchange, unsigned status, const struct buf *body)
{
    struct reply reply = {status, STR("application/json"), NULL, 0, buf_view(body)};
    exchange_reply(exchange, &reply);
}

static void end_reload(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct buf problems = {0}, body = {0};
    struct why why = {0};
    struct json_out json;
    enum err err = server_reload(server, &problems, &why);
    json_init(&json, &body);
    json_begin_object(&json);
    if (err) {
        json_key(&json, STR("error"));
        json_begin_object(&json);
        json_key_str(&json, "text", str_of(why.text));
        json_end_object(&json);
    } else {
        json_key_bool(&json, "reloaded", true);
    }
    json_key(&json, STR("problems"));
    json_begin_array(&json);
    for (struct str rest = buf_view(&problems), text; rest.size;) {
        rest = str_cut(rest, '\n', &text);
        if (text.size)
            json_str(&json, text);
    }
    json_end_array(&json);
    json_end_object(&json);
    reply_json(exchange, err ? 400 : 200, &body);
    buf_done(&problems);
    buf_done(&body);
}

/* Sealing takes a while: it runs on the query pool. */
struct sealing {
    struct job job;
    struct server *server;
    struct exchange *exchange; /* NULL once the client has left */
    struct loop *loop;
};

static void sealed(void *ctx)
{
    struct sealing *sealing = ctx;
    if (sealing->exchange) {
        struct reply reply = {200, STR("application/json"), NULL, 0, STR("{\"sealed\":true}")};
        exchange_reply(sealing->exchange, &reply);
    }
    mem_free(sealing);
}

static void run_sealing(struct job *job)
{
    struct sealing *sealing = (struct sealing *)job;
    committer_tidy_now(sealing->server->committer);
    loop_post(sealing->loop, sealed, sealing);
}

static void end_seal(struct exchange *exchange)
{
    struct sealing *sealing = MEM_NEW(struct sealing);
    *sealing = (struct sealing){
        {.run = run_sealing}, exchange_server_ctx(exchange), exchange, exchange_loop(exchange)};
    exchange_set_ctx(exchange, sealing);
    if (!work_pool_add(sealing->server->queries, &sealing->job)) {
        exchange_reply_error(exchange, 503, "too much waits already; try again");
        mem_free(sealing);
    }
}

static void seal_gone(struct exchange *exchange)
{
    struct sealing *sealing = exchange_ctx(exchange);
    if (sealing)
        sealing->exchange = NULL;
}

/* /api/batches/CLIENT */
static void end_batches(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct str client = exchange_segment(exchange, 2);
    uint64_t seq;
    if (!client.size || exchange_segment(exchange, 3).at) {
        exchange_reply_error(exchange, 404, "expected /api/batches/CLIENT");
        return;
    }
    if (!store_last_seq(server->store, client, &seq)) {
        exchange_reply_error(exchange, 404, "no batch of %.*s is remembered", STR_ARG(client));
        return;
    }
    struct buf body = {0};
    struct json_out json;
    json_init(&json, &body);
    json_begin_object(&json);
    json_key_str(&json, "client", client);
    json_key_u64(&json, "seq", seq);
    json_end_object(&json);
    reply_json(exchange, 200, &body);
    buf_done(&body);
}

static void head_reserved(struct exchange *exchange)
{
    struct str path = exchange_path(exchange);
    struct str type = exchange_header(exchange, STR("Content-Type"));
    if (str_starts(path, STR("/otlp/")) || str_starts(type, STR("application/x-protobuf")))
        exchange_reply_error(exchange, 415,
                             "OTLP is not served by this version; it will live at /otlp/v1/metrics");
    else if (str_starts(path, STR("/v1/")))
        exchange_reply_error(exchange, 501,
                             "the Librato-compatible API is not served by this version; send lines to "
                             "/lines");
    else
        exchange_reply_error(exchange, 501, "this path is reserved and not served by this version");
}

static void end_reserved(struct exchange *exchange)
{
}

const struct route_handler admin_reload_handler = {NULL, NULL, end_reload, NULL, NULL};
const struct route_handler admin_seal_handler = {NULL, NULL, end_seal, seal_gone, NULL};
const struct route_handler batches_handler = {NULL, NULL, end_batches, NULL, NULL};
const struct route_handler reserved_handler = {head_reserved, NULL, end_reserved, NULL, NULL};
