/* A view is one request that reads: it copies what it needs from the exchange, runs on the pool, and comes
 * back to the exchange's loop with a status, a type and a body. When the client leaves meanwhile the query is
 * told to give up. */
#include "server/view.h"

#include "base/mem.h"
#include "server/core.h"
#include "server/listing.h"

#include <stdio.h>

struct view {
    struct job job;
    struct exchange *exchange; /* NULL once the client has left; the loop's */
    struct server *server;
    struct loop *loop;
    void (*make)(struct view *view);
    bool gone; /* atomic */
    struct arena arena;
    struct str q, from, to, every, format, width, scope, limit, field;
    unsigned status;
    struct str type;
    struct buf body;
};

static bool is_gone(void *ctx)
{
    return __atomic_load_n(&((struct view *)ctx)->gone, __ATOMIC_RELAXED);
}

static void view_free(struct view *view)
{
    arena_done(&view->arena);
    buf_done(&view->body);
    mem_free(view);
}

/* On the loop. */
static void come_back(void *ctx)
{
    struct view *view = ctx;
    if (view->exchange) {
        static const struct http_header fresh = {{"Cache-Control", 13}, {"no-store", 8}};
        struct reply reply = {view->status, view->type, &fresh, 1, buf_view(&view->body)};
        exchange_reply(view->exchange, &reply);
    }
    view_free(view);
}

static void run(struct job *job)
{
    struct view *view = (struct view *)job;
    if (!is_gone(view))
        view->make(view);
    loop_post(view->loop, come_back, view);
}

static struct str copy_param(struct view *view, const char *name)
{
    struct str value = exchange_param(view->exchange, str_of(name));
    return value.at ? arena_str(&view->arena, value) : STR_NONE;
}

/* POST /api/query: parameters in the body as in a form. */
static void copy_form(struct view *view, struct str rest)
{
    struct str name, value;
    while (http_query_next(&rest, &name, &value)) {
        struct str text;
        if (!http_decode(&view->arena, value, true, &text))
            continue;
        struct str *to = str_eq(name, STR("q"))        ? &view->q
                         : str_eq(name, STR("from"))   ? &view->from
                         : str_eq(name, STR("to"))     ? &view->to
                         : str_eq(name, STR("every"))  ? &view->every
                         : str_eq(name, STR("format")) ? &view->format
                         : str_eq(name, STR("width"))  ? &view->width
                                                       : NULL;
        if (to)
            *to = text;
    }
}

static struct view *view_new(struct exchange *exchange, void (*make)(struct view *view))
{
    struct view *view = MEM_NEW(struct view);
    view->job.run = run;
    view->exchange = exchange;
    view->server = exchange_server_ctx(exchange);
    view->loop = exchange_loop(exchange);
    view->make = make;
    view->status = 200;
    view->type = STR("application/json");
    view->q = copy_param(view, "q");
    view->from = copy_param(view, "from");
    view->to = copy_param(view, "to");
    view->every = copy_param(view, "every");
    view->format = copy_param(view, "format");
    view->width = copy_param(view, "width");
    view->scope = copy_param(view, "scope");
    view->limit = copy_param(view, "limit");
    exchange_set_ctx(exchange, view);
    return view;
}

static void submit(struct view *view)
{
    if (work_pool_add(view->server->queries, &view->job))
        return;
    static const struct http_header later = {{"Retry-After", 11}, {"1", 1}};
    struct reply reply = {503, STR("application/json"), &later, 1,
                          STR("{\"error\":{\"text\":\"too many queries wait; try again in a second\"}}")};
    exchange_reply(view->exchange, &reply);
    view_free(view);
}

static void on_gone(struct exchange *exchange)
{
    struct view *view = exchange_ctx(exchange);
    if (!view)
        return;
    __atomic_store_n(&view->gone, true, __ATOMIC_RELAXED);
    view->exchange = NULL;
}

static void refuse(struct view *view, const struct query_error *error)
{
    view->status =
        error->err == ERR_TIMEOUT || error->err == ERR_CANCELLED || error->err == ERR_IO ? 503 : 400;
    if (str_eq(view->format, STR("table"))) {
        view->type = STR("text/plain; charset=utf-8");
        query_error_text(error, view->q, &view->body);
    } else {
        query_error_json(error, &view->body);
    }
}

static void refuse_words(struct view *view, const char *text, const char *expected)
{
    struct query_error error = {.err = ERR_SYNTAX};
    snprintf(error.text, sizeof error.text, "%s", text);
    snprintf(error.expected, sizeof error.expected, "%s", expected);
    refuse(view, &error);
}

/* The time of the request; false when it was refused. */
static bool read_span(struct view *view, struct query_options *options)
{
    /* The end of this millisecond, so that what was acknowledged before is in. */
    options->now_ms = sys_wall_ms(view->server->sys) + 1;
    if (!query_time(view->to.size ? view->to : STR("now"), options->now_ms, &options->to_ms) ||
        !query_time(view->from.size ? view->from : STR("-1h"), options->now_ms, &options->from_ms)) {
        refuse_words(view, "from or to is not understood", "epoch seconds or ms, RFC 3339, now, or -3h");
        return false;
    }
    if (view->every.size && (!query_duration(view->every, &options->step_ms) || options->step_ms <= 0)) {
        refuse_words(view, "every is not understood", "a step such as 10s, 1m, 1h");
        return false;
    }
    return true;
}

static bool begin(struct view *view, struct query_options *options, struct scheme **scheme)
{
    struct server *server = view->server;
    *options = (struct query_options){.names = server->names,
                                      .sys = server->sys,
                                      .gone = is_gone,
                                      .gone_ctx = view,
                                      .hide_undeclared = server->config.undeclared == UNDECLARED_PARK,
                                      .crew = server->crew};
    options->deadline_ns = sys_mono_ns(server->sys) + (uint64_t)VIEW_DEADLINE_MS * 1000000;
    if (!read_span(view, options))
        return false;
    *scheme = server_scheme(server);
    options->scheme = *scheme;
    return true;
}

static uint32_t read_number(struct str text, uint32_t otherwise, uint32_t max)
{
    uint64_t number;
    if (!text.size || !str_u64(text, &number))
        return otherwise;
    return number > max ? max : (uint32_t)number;
}

static void render(struct view *view, const struct answer *answer)
{
    if (str_eq(view->format, STR("csv"))) {
        view->type = STR("text/csv; charset=utf-8");
        answer_csv(answer, &view->body);
    } else if (str_eq(view->format, STR("table"))) {
        view->type = STR("text/plain; charset=utf-8");
        answer_table(answer, &view->body, read_number(view->width, 120, 1000));
    } else {
        answer_json(answer, &view->body);
    }
}

/* All that the answer depends on; false when it depends on the present moment too. */
static bool answer_key(const struct view *view, const struct query_options *options,
                       const struct scheme *scheme, const struct snapshot *snapshot, struct buf *key)
{
    if (options->to_ms > options->now_ms)
        return false;
    buf_u64(key, (uint64_t)options->from_ms);
    buf_u64(key, (uint64_t)options->to_ms);
    buf_u64(key, (uint64_t)options->step_ms);
    buf_u64(key, scheme_generation(scheme));
    buf_u64(key, snapshot_version(snapshot, options->to_ms));
    buf_str(key, view->q);
    return true;
}

static void answer_query(struct view *view, const struct query_options *options, const struct scheme *scheme,
                         struct snapshot *snapshot)
{
    struct answer_cache *cache = view->server->answers;
    struct kept_answer *kept = NULL;
    struct answer *answer = NULL;
    struct query_error error = {0};
    struct buf key = {0};
    bool over = answer_key(view, options, scheme, snapshot, &key);
    if (over)
        kept = answer_cache_get(cache, buf_view(&key));
    if (!kept && query_run(view->q, options, snapshot, &answer, &error))
        refuse(view, &error);
    else if (!kept && over)
        kept = answer_cache_put(cache, buf_view(&key), answer);
    if (kept || answer)
        render(view, kept ? kept_answer_get(kept) : answer);
    if (!kept)
        answer_free(answer);
    answer_cache_release(cache, kept);
    buf_done(&key);
}

static void make_query(struct view *view)
{
    struct query_options options;
    struct scheme *scheme;
    if (!view->q.size) {
        refuse_words(view, "q is missing: which query?", "q=METRIC ..., from=, to=, every=");
        return;
    }
    if (!begin(view, &options, &scheme))
        return;
    struct snapshot *snapshot = store_snapshot(view->server->store);
    answer_query(view, &options, scheme, snapshot);
    snapshot_unref(snapshot);
    scheme_unref(scheme);
}

static void make_metrics(struct view *view)
{
    struct scheme *scheme = server_scheme(view->server);
    struct snapshot *snapshot = store_snapshot(view->server->store);
    listing_metrics(scheme, view->server->names, snapshot, view->server->config.undeclared == UNDECLARED_PARK,
                    &view->body);
    snapshot_unref(snapshot);
    scheme_unref(scheme);
}

static void make_fields(struct view *view)
{
    struct scheme *scheme = server_scheme(view->server);
    listing_fields(scheme, view->server->names, &view->body);
    scheme_unref(scheme);
}

static void make_values(struct view *view)
{
    struct query_options options;
    struct scheme *scheme;
    struct query_error error = {0};
    struct values_options values = {view->scope, view->q, read_number(view->limit, 100, 10000)};
    if (!begin(view, &options, &scheme))
        return;
    struct snapshot *snapshot = store_snapshot(view->server->store);
    if (listing_values(view->field, &values, &options, snapshot, &view->body, &error)) {
        view->body.size = 0;
        refuse(view, &error);
    }
    snapshot_unref(snapshot);
    scheme_unref(scheme);
}

static void begin_query(struct exchange *exchange)
{
    view_new(exchange, make_query);
}

static void take_form(struct exchange *exchange, struct str bytes)
{
    struct view *view = exchange_ctx(exchange);
    buf_str(&view->body, bytes);
}

static void end_query(struct exchange *exchange)
{
    struct view *view = exchange_ctx(exchange);
    copy_form(view, buf_view(&view->body));
    view->body.size = 0;
    submit(view);
}

static void end_metrics(struct exchange *exchange)
{
    submit(view_new(exchange, make_metrics));
}

static void end_fields(struct exchange *exchange)
{
    submit(view_new(exchange, make_fields));
}

/* /api/fields/F/values */
static void end_values(struct exchange *exchange)
{
    struct str field = exchange_segment(exchange, 2), last = exchange_segment(exchange, 3);
    if (!field.size || !str_eq(last, STR("values")) || exchange_segment(exchange, 4).at) {
        exchange_reply_error(exchange, 404, "expected /api/fields/FIELD/values");
        return;
    }
    struct view *view = view_new(exchange, make_values);
    view->field = arena_str(&view->arena, field);
    submit(view);
}

const struct route_handler view_query_handler = {begin_query, take_form, end_query, on_gone, NULL};
const struct route_handler view_metrics_handler = {NULL, NULL, end_metrics, on_gone, NULL};
const struct route_handler view_fields_handler = {NULL, NULL, end_fields, on_gone, NULL};
const struct route_handler view_values_handler = {NULL, NULL, end_values, on_gone, NULL};
