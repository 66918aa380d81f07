#include "server/delete_route.h"

#include "server/chore.h"
#include "server/core.h"
#include "server/deletion.h"

struct delete_ask_params {
    struct str q, from, to, by, format, dry_run, now;
};

static bool goes_on(void *ctx, const struct merge_progress *progress)
{
    struct server *server = ctx;
    return !__atomic_load_n(&server->stopping, __ATOMIC_RELAXED);
}

static void refuse(struct chore *chore, const struct query_error *error, struct str q, bool is_text)
{
    bool ours = error->err == ERR_IO || error->err == ERR_FULL || error->err == ERR_CORRUPT;
    chore->status = ours ? 500 : error->err == ERR_LIMIT ? 503 : 400;
    if (is_text)
        query_error_text(error, q, &chore->body);
    else
        query_error_json(error, &chore->body);
}

static bool is_set(struct str flag)
{
    return flag.at && !str_eq(flag, STR("0")) && !str_eq(flag, STR("false"));
}

/* A merge that is under way already keeps the files busy: then the bytes go later. */
static void run_delete(struct chore *chore)
{
    struct server *server = chore->server;
    const struct delete_ask_params *params = chore->ctx;
    bool is_text = str_eq(params->format, STR("table")), merges = false;
    if (is_set(params->now) && !is_set(params->dry_run))
        merges = !__atomic_exchange_n(&server->merging, true, __ATOMIC_ACQUIRE);
    struct deletion_ask ask = {.q = params->q,
                               .from = params->from,
                               .to = params->to,
                               .who = params->by,
                               .dry_run = is_set(params->dry_run),
                               .now = merges,
                               .progress = goes_on,
                               .ctx = server};
    struct scheme *scheme = server_scheme(server);
    struct deletion deletion;
    struct query_error error;
    if (is_text)
        chore->type = STR("text/plain; charset=utf-8");
    if (deletion_run(&ask, server->store, scheme, server->names, server->sys, &deletion, &error))
        refuse(chore, &error, params->q, is_text);
    else if (is_text)
        deletion_text(&deletion, server->names, &chore->body);
    else
        deletion_json(&deletion, server->names, &chore->body);
    if (merges)
        __atomic_store_n(&server->merging, false, __ATOMIC_RELEASE);
    if (!ask.dry_run && chore->status == 200 && deletion.report.rows)
        server_say("%.*s deleted %llu rows of %.*s", STR_ARG(params->by),
                   (unsigned long long)deletion.report.rows, STR_ARG(params->q));
    deletion_done(&deletion);
    scheme_unref(scheme);
}

static struct str who_asks(struct exchange *exchange, struct chore *chore)
{
    struct str by = chore_param(chore, "by");
    struct buf text = {0};
    if (by.size)
        return str_first(by, 100);
    address_print(exchange_peer(exchange), &text);
    by = arena_str(&chore->arena, buf_view(&text));
    buf_done(&text);
    return by;
}

static void end_delete(struct exchange *exchange)
{
    if (!exchange_param(exchange, STR("q")).size) {
        exchange_reply_error(exchange, 400, "q is missing: which rows? q=GLOB @field:value ..., from=, to=");
        return;
    }
    struct chore *chore = chore_new(exchange, run_delete);
    struct delete_ask_params *params = ARENA_NEW(&chore->arena, struct delete_ask_params);
    *params = (struct delete_ask_params){.q = chore_param(chore, "q"),
                                         .from = chore_param(chore, "from"),
                                         .to = chore_param(chore, "to"),
                                         .by = who_asks(exchange, chore),
                                         .format = chore_param(chore, "format"),
                                         .dry_run = chore_param(chore, "dry_run"),
                                         .now = chore_param(chore, "now")};
    chore->ctx = params;
    chore_start(chore);
}

static void run_list(struct chore *chore)
{
    const struct delete_ask_params *params = chore->ctx;
    if (str_eq(params->format, STR("table"))) {
        chore->type = STR("text/plain; charset=utf-8");
        deletion_list_text(chore->server->store, &chore->body);
    } else {
        deletion_list_json(chore->server->store, &chore->body);
    }
}

static void end_list(struct exchange *exchange)
{
    struct chore *chore = chore_new(exchange, run_list);
    struct delete_ask_params *params = ARENA_NEW(&chore->arena, struct delete_ask_params);
    params->format = chore_param(chore, "format");
    chore->ctx = params;
    chore_start(chore);
}

const struct route_handler delete_handler = {NULL, NULL, end_delete, chore_gone, NULL};
const struct route_handler delete_list_handler = {NULL, NULL, end_list, chore_gone, NULL};
