/* Whom a request is for: first whether it is for this server at all (a web page elsewhere may point a name of
 * its own at us, "DNS rebinding", or post a form here), then its path and parameters, then the route. */
#include "server/http_conn.h"

static bool is_number_address(struct str host)
{
    bool dot = false;
    for (size_t i = 0; i < host.size; i++) {
        if (host.at[i] == '.')
            dot = true;
        else if (host.at[i] < '0' || host.at[i] > '9')
            return false;
    }
    return dot;
}

static struct str without_port(struct str authority)
{
    if (authority.size && authority.at[0] == '[')
        return str_first(authority, str_find(authority, ']') + 1);
    return str_first(authority, str_find(authority, ':'));
}

/* An address is no name that somebody else could point at us. */
bool http_host_is_ours(const struct http_server_options *options, struct str authority)
{
    struct str host = without_port(authority);
    if (!host.size || host.at[0] == '[' || is_number_address(host))
        return true;
    struct str tail = str_from(host, host.size > 10 ? host.size - 10 : 0);
    if (str_eq_fold(host, STR("localhost")) || str_eq_fold(tail, STR(".localhost")))
        return true;
    for (uint32_t i = 0; i < options->host_count; i++)
        if (str_eq_fold(host, options->hosts[i]))
            return true;
    return false;
}

static bool is_change(struct str method)
{
    return !str_eq(method, STR("GET")) && !str_eq(method, STR("HEAD")) && !str_eq(method, STR("OPTIONS"));
}

/* Browsers send Origin with every change; other clients do not. */
static bool is_foreign(const struct http_server_options *options, const struct http_head *head)
{
    struct str origin = http_header_find(head, STR("Origin"));
    if (!origin.at || !is_change(head->method))
        return false;
    size_t scheme = str_find(origin, ':');
    struct str authority = str_from(origin, scheme + 3);
    if (!str_starts(str_from(origin, scheme), STR("://")) || !authority.size)
        return true;
    if (str_eq_fold(authority, head->host))
        return false;
    struct str host = without_port(authority);
    for (uint32_t i = 0; i < options->host_count; i++)
        if (str_eq_fold(host, options->hosts[i]))
            return false;
    return true;
}

static bool read_target(struct exchange *exchange)
{
    const struct http_head *head = &exchange->conn->parser.head;
    if (!http_decode(&exchange->arena, head->path, false, &exchange->path))
        return false;
    struct str rest = head->query, name, value;
    uint32_t count = 0;
    while (http_query_next(&rest, &name, &value))
        if (++count > EXCHANGE_PARAMS_MAX)
            return false;
    exchange->params = arena_array(&exchange->arena, count + 1, sizeof *exchange->params);
    for (rest = head->query; http_query_next(&rest, &name, &value); exchange->param_count++) {
        struct param *param = &exchange->params[exchange->param_count];
        if (!http_decode(&exchange->arena, name, true, &param->name) ||
            !http_decode(&exchange->arena, value, true, &param->value))
            return false;
    }
    return true;
}

static bool fits(const struct route *route, struct str path)
{
    struct str own = str_of(route->path);
    return (route->flags & ROUTE_PREFIX) ? str_starts(path, own) : str_eq(path, own);
}

static bool serves(const struct route *route, struct str method)
{
    return str_eq(method, str_of(route->method)) ||
           (str_eq(method, STR("HEAD")) && str_eq(STR("GET"), str_of(route->method)));
}

/* Length of the longest path that fits; 0: none. An exact one beats a beginning of the same length. */
static size_t best_fit(const struct http_server_options *options, struct str path)
{
    size_t best = 0;
    for (uint32_t i = 0; i < options->route_count; i++) {
        const struct route *route = &options->routes[i];
        size_t size = strlen(route->path) * 2 + !(route->flags & ROUTE_PREFIX);
        if (size > best && fits(route, path))
            best = size;
    }
    return best;
}

static void reply_methods(struct exchange *exchange, size_t best, bool refused)
{
    const struct http_server_options *options = &exchange->conn->shard->server->options;
    struct buf allow = {0};
    for (uint32_t i = 0; i < options->route_count; i++) {
        const struct route *route = &options->routes[i];
        size_t size = strlen(route->path) * 2 + !(route->flags & ROUTE_PREFIX);
        if (size != best || !fits(route, exchange->path))
            continue;
        bool get = strcmp(route->method, "GET") == 0;
        buf_printf(&allow, "%s%s%s", allow.size ? ", " : "", route->method, get ? ", HEAD" : "");
    }
    struct http_header header = {STR("Allow"), buf_view(&allow)};
    struct reply reply = {.status = refused ? 405 : 204, .headers = &header, .header_count = 1};
    if (refused) {
        reply.type = STR("application/json");
        reply.body = STR("{\"error\":{\"text\":\"this path does not serve this method; see Allow\"}}\n");
    }
    exchange_reply(exchange, &reply);
    buf_done(&allow);
}

static bool find_route(struct exchange *exchange)
{
    const struct http_server_options *options = &exchange->conn->shard->server->options;
    struct str method = exchange->conn->parser.head.method;
    size_t best = best_fit(options, exchange->path);
    if (!best) {
        exchange_reply_error(exchange, 404, "there is nothing at %.*s",
                             (int)(exchange->path.size < 200 ? exchange->path.size : 200), exchange->path.at);
        return false;
    }
    for (uint32_t i = 0; i < options->route_count && !exchange->route; i++) {
        const struct route *route = &options->routes[i];
        size_t size = strlen(route->path) * 2 + !(route->flags & ROUTE_PREFIX);
        if (size == best && fits(route, exchange->path) && serves(route, method))
            exchange->route = route;
    }
    if (!exchange->route)
        reply_methods(exchange, best, !str_eq(method, STR("OPTIONS")));
    return exchange->route;
}

bool http_route_choose(struct exchange *exchange)
{
    struct shard *shard = exchange->conn->shard;
    const struct http_head *head = &exchange->conn->parser.head;
    const struct http_server_options *options = &shard->server->options;
    if (options->check_host && !http_host_is_ours(options, head->host)) {
        http_count(&shard->counts.refused_host, 1);
        exchange_reply_error(exchange, 421, "this server does not answer for the host %.*s",
                             (int)(head->host.size < 200 ? head->host.size : 200), head->host.at);
        return false;
    }
    if (options->check_host && is_foreign(options, head)) {
        http_count(&shard->counts.refused_host, 1);
        exchange_reply_error(exchange, 403, "a page of another origin may not change anything here");
        return false;
    }
    if (!read_target(exchange)) {
        http_count(&shard->counts.refused_syntax, 1);
        exchange_reply_error(exchange, 400,
                             "the path or a parameter is not percent-encoded as it should be, or there are "
                             "more than %d parameters",
                             EXCHANGE_PARAMS_MAX);
        return false;
    }
    return find_route(exchange);
}
