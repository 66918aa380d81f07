#include "server/backups.h"

#include "base/check.h"
#include "base/json_out.h"
#include "base/mem.h"
#include "server/core.h"

#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>

struct backups {
    struct store *store;
    pthread_mutex_t lock;
    pthread_t thread;
    bool has_thread; /* to be joined */
    bool running, stopped;
    _Atomic bool cancel;
};

/* One request; from the start of the thread on, the thread's, and the loop's again once it is posted. */
struct backup_request {
    struct backups *backups;
    struct exchange *exchange; /* NULL once the client has left: the backup goes on */
    struct loop *loop;
    struct sys *sys;
    bool started;
    struct buf body;
    char *to;
    struct store_backup result;
    enum err err;
    struct why why;
    double took_ms;
};

struct backups *backups_new(struct store *store)
{
    struct backups *backups = MEM_NEW(struct backups);
    backups->store = store;
    pthread_mutex_init(&backups->lock, NULL);
    return backups;
}

void backups_stop(struct backups *backups)
{
    pthread_mutex_lock(&backups->lock);
    backups->stopped = true;
    backups->cancel = true;
    bool join = backups->has_thread;
    backups->has_thread = false;
    pthread_mutex_unlock(&backups->lock);
    if (join)
        pthread_join(backups->thread, NULL);
}

void backups_free(struct backups *backups)
{
    if (!backups)
        return;
    backups_stop(backups);
    pthread_mutex_destroy(&backups->lock);
    mem_free(backups);
}

static void request_free(struct backup_request *request)
{
    buf_done(&request->body);
    mem_free(request->to);
    mem_free(request);
}

/* ---- the answer ---- */

static unsigned status_of(enum err err)
{
    switch (err) {
    case ERR_EXISTS:
    case ERR_BUSY:
        return 409;
    case ERR_MISSING:
    case ERR_REFUSED:
    case ERR_LIMIT:
        return 400;
    case ERR_FULL:
        return 507;
    case ERR_CANCELLED:
        return 503;
    default:
        return 500;
    }
}

static void reply_done(struct backup_request *request)
{
    struct buf body = {0};
    struct json_out json;
    json_init(&json, &body);
    json_begin_object(&json);
    json_key_str(&json, "backup", str_of(request->to));
    json_key_u64(&json, "files", request->result.files);
    json_key_u64(&json, "bytes", request->result.bytes);
    json_key_u64(&json, "rows", request->result.rows);
    json_key_bool(&json, "links", !request->result.copied);
    json_key_number(&json, "took_ms", request->took_ms);
    json_end_object(&json);
    struct reply reply = {200, STR("application/json"), NULL, 0, buf_view(&body)};
    exchange_reply(request->exchange, &reply);
    buf_done(&body);
}

static void finish(void *ctx)
{
    struct backup_request *request = ctx;
    if (request->err)
        server_say("backup to %s failed: %s", request->to, request->why.text);
    else
        server_say("backup to %s: %" PRIu64 " files, %" PRIu64 " bytes%s", request->to, request->result.files,
                   request->result.bytes, request->result.copied ? " (copied)" : "");
    if (request->exchange && request->err)
        exchange_reply_error(request->exchange, status_of(request->err), "%s", request->why.text);
    else if (request->exchange)
        reply_done(request);
    request_free(request);
}

/* ---- the thread ---- */

static void *run(void *ctx)
{
    struct backup_request *request = ctx;
    struct backups *backups = request->backups;
    struct loop *loop = request->loop;
    uint64_t start_ns = sys_mono_ns(request->sys);
    request->result = (struct store_backup){.target = str_of(request->to), .cancel = &backups->cancel};
    request->err = store_backup(backups->store, &request->result, &request->why);
    if (request->err == ERR_CANCELLED)
        why_set(&request->why, ERR_CANCELLED, "the server is stopping: the backup was given up");
    request->took_ms = (double)(sys_mono_ns(request->sys) - start_ns) / 1e6;
    pthread_mutex_lock(&backups->lock);
    backups->running = false;
    pthread_mutex_unlock(&backups->lock);
    loop_post(loop, finish, request);
    return NULL;
}

/* ERR_BUSY: one is under way. */
static enum err start(struct backup_request *request, struct why *why)
{
    struct backups *backups = request->backups;
    enum err err = ERR_OK;
    pthread_mutex_lock(&backups->lock);
    if (backups->stopped)
        err = why_set(why, ERR_CANCELLED, "the server is stopping");
    else if (backups->running)
        err = why_set(why, ERR_BUSY, "another backup is under way");
    if (!err) {
        if (backups->has_thread)
            pthread_join(backups->thread, NULL); /* it has posted, or is about to */
        request->started = backups->running = backups->has_thread = true;
        CHECK(pthread_create(&backups->thread, NULL, run, request) == 0);
    }
    pthread_mutex_unlock(&backups->lock);
    return err;
}

/* ---- the request ---- */

static void on_head(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct backup_request *request = MEM_NEW(struct backup_request);
    request->backups = server->backups;
    request->exchange = exchange;
    request->loop = exchange_loop(exchange);
    request->sys = server->sys;
    exchange_set_ctx(exchange, request);
}

static void on_body(struct exchange *exchange, struct str bytes)
{
    struct backup_request *request = exchange_ctx(exchange);
    buf_str(&request->body, bytes);
}

static enum err parse(struct backup_request *request, struct why *why)
{
    json_error_t error;
    json_t *root = json_loadb(request->body.size ? request->body.at : "", request->body.size, 0, &error);
    const json_t *to = json_object_get(root, "to");
    enum err err = ERR_OK;
    if (!root)
        err = why_set(why, ERR_SYNTAX, "the body is no JSON: %s", error.text);
    else if (!json_is_string(to) || json_object_size(root) != 1)
        err = why_set(why, ERR_SYNTAX, "expected {\"to\": \"/an/absolute/path\"}");
    else if (json_string_value(to)[0] != '/')
        err = why_set(why, ERR_SYNTAX, "`to` must be an absolute path on the server's machine, and %s is not",
                      json_string_length(to) ? json_string_value(to) : "an empty one");
    if (!err) {
        size_t size = json_string_length(to);
        request->to = mem_alloc(size + 1);
        memcpy(request->to, json_string_value(to), size + 1);
    }
    json_decref(root);
    return err;
}

static void on_end(struct exchange *exchange)
{
    struct backup_request *request = exchange_ctx(exchange);
    struct why why = {0};
    enum err err = parse(request, &why);
    if (err) {
        exchange_reply_error(exchange, 400, "%s", why.text);
        request_free(request);
        return;
    }
    err = start(request, &why);
    if (err) {
        exchange_reply_error(exchange, status_of(err), "%s", why.text);
        request_free(request);
    }
}

static void on_gone(struct exchange *exchange)
{
    struct backup_request *request = exchange_ctx(exchange);
    if (request->started)
        request->exchange = NULL;
    else
        request_free(request);
}

const struct route_handler admin_backup_handler = {on_head, on_body, on_end, on_gone, NULL};
