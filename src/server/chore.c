#include "server/chore.h"

#include "base/json_out.h"
#include "base/mem.h"
#include "server/core.h"

#include <stdarg.h>
#include <stdio.h>

static void chore_free(struct chore *chore)
{
    arena_done(&chore->arena);
    buf_done(&chore->body);
    mem_free(chore);
}

static void come_back(void *ctx)
{
    struct chore *chore = ctx;
    if (chore->exchange) {
        static const struct http_header fresh = {{"Cache-Control", 13}, {"no-store", 8}};
        struct reply reply = {chore->status, chore->type, &fresh, 1, buf_view(&chore->body)};
        exchange_reply(chore->exchange, &reply);
    }
    chore_free(chore);
}

static void run(struct job *job)
{
    struct chore *chore = (struct chore *)job;
    chore->run(chore);
    loop_post(chore->loop, come_back, chore);
}

struct chore *chore_new(struct exchange *exchange, void (*work)(struct chore *chore))
{
    struct chore *chore = MEM_NEW(struct chore);
    chore->job.run = run;
    chore->exchange = exchange;
    chore->server = exchange_server_ctx(exchange);
    chore->loop = exchange_loop(exchange);
    chore->run = work;
    chore->status = 200;
    chore->type = STR("application/json");
    exchange_set_ctx(exchange, chore);
    return chore;
}

struct str chore_param(struct chore *chore, const char *name)
{
    struct str value = exchange_param(chore->exchange, str_of(name));
    return value.at ? arena_str(&chore->arena, value) : STR_NONE;
}

bool chore_start(struct chore *chore)
{
    if (work_pool_add(chore->server->chores, &chore->job))
        return true;
    exchange_reply_error(chore->exchange, 503, "too much waits already; try again later");
    chore_free(chore);
    return false;
}

void chore_fail(struct chore *chore, unsigned status, const char *format, ...)
{
    char text[1024];
    struct json_out json;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    chore->status = status;
    chore->type = STR("application/json");
    chore->body.size = 0;
    json_init(&json, &chore->body);
    json_begin_object(&json);
    json_key(&json, STR("error"));
    json_begin_object(&json);
    json_key_str(&json, "text", str_of(text));
    json_end_object(&json);
    json_end_object(&json);
}

void chore_gone(struct exchange *exchange)
{
    struct chore *chore = exchange_ctx(exchange);
    if (chore)
        chore->exchange = NULL;
}
