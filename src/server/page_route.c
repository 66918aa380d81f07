#include "server/page_route.h"

#include "server/page.h"

enum { HEADERS_MAX = 6 };

static void head_page(struct exchange *exchange)
{
    const struct page_asset *asset = page_find(exchange_path(exchange));
    if (!asset) {
        exchange_reply_error(exchange, 404, "there is nothing at %.*s", STR_ARG(exchange_path(exchange)));
        return;
    }
    bool packed =
        asset->gzip.size && http_list_has(exchange_header(exchange, STR("Accept-Encoding")), STR("gzip"));
    struct http_header headers[HEADERS_MAX] = {
        {STR("ETag"), asset->etag},
        {STR("Cache-Control"),
         asset->immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache")},
        {STR("Content-Security-Policy"), STR(PAGE_CSP)},
        {STR("X-Content-Type-Options"), STR("nosniff")},
        {STR("Vary"), STR("Accept-Encoding")},
        {STR("Content-Encoding"), STR("gzip")},
    };
    bool same = http_list_has(exchange_header(exchange, STR("If-None-Match")), asset->etag);
    struct reply reply = {same ? 304 : 200, asset->content_type, headers,
                          packed && !same ? HEADERS_MAX : HEADERS_MAX - 1,
                          same     ? STR("")
                          : packed ? asset->gzip
                                   : asset->bytes};
    exchange_reply(exchange, &reply);
}

static void end_page(struct exchange *exchange)
{
}

const struct route_handler page_route_handler = {head_page, NULL, end_page, NULL, NULL};
