/* One merge at a time; it gives up when the server stops, and what was united until then stays so. */
#include "server/merge_route.h"

#include "base/json_out.h"
#include "server/chore.h"
#include "server/core.h"
#include "server/sizes_report.h"

static bool goes_on(void *ctx, const struct merge_progress *progress)
{
    struct server *server = ctx;
    return !__atomic_load_n(&server->stopping, __ATOMIC_RELAXED);
}

static void put_report(struct chore *chore, uint32_t files_before, uint64_t took_ms)
{
    struct sizes_report report;
    struct why why = {0};
    struct json_out json;
    if (sizes_report_make(chore->server->store, &report, &why)) {
        chore_fail(chore, 500, "merged, but the sizes could not be read: %s", why.text);
        return;
    }
    if (chore->type.at[0] == 't') {
        sizes_report_table(&report, &chore->body);
    } else {
        json_init(&json, &chore->body);
        json_begin_object(&json);
        json_key_bool(&json, "merged", true);
        json_key_u64(&json, "took_ms", took_ms);
        json_key_u64(&json, "files_before", files_before);
        sizes_report_json(&report, &json);
        json_end_object(&json);
    }
    sizes_report_done(&report);
}

static void run_merge(struct chore *chore)
{
    struct server *server = chore->server;
    struct merge_options options = {goes_on, server};
    struct store_stats before;
    struct why why = {0};
    uint64_t start_ns = sys_mono_ns(server->sys);
    store_stats(server->store, &before);
    enum err err = store_merge(server->store, &options, &why);
    if (err == ERR_CANCELLED)
        chore_fail(chore, 503, "the server is stopping; what was united stays so");
    else if (err)
        chore_fail(chore, err == ERR_FULL ? 503 : 500, "the merge failed: %s", why.text);
    else
        put_report(chore, (uint32_t)before.segments, (sys_mono_ns(server->sys) - start_ns) / 1000000);
    __atomic_store_n(&server->merging, false, __ATOMIC_RELEASE);
}

static void end_merge(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    if (__atomic_exchange_n(&server->merging, true, __ATOMIC_ACQUIRE)) {
        exchange_reply_error(exchange, 409, "a merge is under way already; this one was not begun");
        return;
    }
    struct chore *chore = chore_new(exchange, run_merge);
    if (str_eq(exchange_param(exchange, STR("format")), STR("table")))
        chore->type = STR("text/plain; charset=utf-8");
    if (!chore_start(chore))
        __atomic_store_n(&server->merging, false, __ATOMIC_RELEASE);
}

const struct route_handler merge_handler = {NULL, NULL, end_merge, chore_gone, NULL};
