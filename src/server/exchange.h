/* exchange.h: one request and its reply, as a route sees it.
 *
 * A route's handlers are called in this order: on_head, on_body as often as needed, on_end. A route replies
 * once: at once in any of them, or later from a message posted to exchange_loop(). After its reply is
 * complete (exchange_reply, exchange_reply_end), or when on_gone was called, the exchange must not be touched
 * any more, and no other handler is called for it: exactly one of the two happens, so what a route allocates
 * for an exchange it frees there. Replying before on_end drops the rest of the body.
 *
 * Everything here: only on the exchange's loop thread. Views of the request are valid until then.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "net/address.h"
#include "net/loop.h"
#include "wire/http.h"

struct exchange;
struct route;

struct route_handler {
    void (*on_head)(struct exchange *exchange); /* may be NULL */
    /* Decoded: without chunks and gzip. May be NULL: dropped. After exchange_pause it comes no more until
     * exchange_resume. At most 256 KiB between two turns of the loop. */
    void (*on_body)(struct exchange *exchange, struct str bytes);
    void (*on_end)(struct exchange *exchange);
    /* May be NULL. No reply is wanted any more: the client has left, or its body was cut off, broken, too
     * large or too slow (the server has answered that itself), or the server is stopping. */
    void (*on_gone)(struct exchange *exchange);
    /* May be NULL. After exchange_reply_send returned false: there is room again. */
    void (*on_room)(struct exchange *exchange);
};

struct param {
    struct str name, value; /* decoded */
};

enum { EXCHANGE_PARAMS_MAX = 100 }; /* more: 400 */

/* The request. */
const struct http_head *exchange_head(const struct exchange *exchange);
const struct route *exchange_route(const struct exchange *exchange);
struct str exchange_method(const struct exchange *exchange);
struct str exchange_path(const struct exchange *exchange); /* decoded */
/* The n-th part of the path between slashes, from 0, decoded (%2F gives a slash inside one); at == NULL
 * beyond. */
struct str exchange_segment(struct exchange *exchange, uint32_t n);
struct str exchange_header(const struct exchange *exchange, struct str name); /* at == NULL when absent */
struct str exchange_param(const struct exchange *exchange,
                          struct str name); /* the first; at == NULL when absent */
const struct param *exchange_params(const struct exchange *exchange, uint32_t *count);
const struct address *exchange_peer(const struct exchange *exchange);

/* Where it lives. */
struct loop *exchange_loop(const struct exchange *exchange);
uint32_t exchange_loop_index(const struct exchange *exchange);
void *exchange_server_ctx(const struct exchange *exchange); /* http_server_options.ctx */
struct arena *exchange_arena(struct exchange *exchange);    /* lives as long as the exchange */
void exchange_set_ctx(struct exchange *exchange, void *ctx);
void *exchange_ctx(const struct exchange *exchange);

/* The body waits (and the client with it). */
void exchange_pause(struct exchange *exchange);
void exchange_resume(struct exchange *exchange);

/* The reply. Date, Content-Length, Connection are added; values must hold no control byte. */
struct reply {
    unsigned status;
    struct str type; /* Content-Type; empty: none */
    const struct http_header *headers;
    uint32_t header_count;
    struct str body; /* sent or copied before the call returns; not sent to HEAD */
};
void exchange_reply(struct exchange *exchange, const struct reply *reply);
/* {"error":{"text":"..."}} */
void exchange_reply_error(struct exchange *exchange, unsigned status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* A reply of unknown length (reply->body is its first part): chunked, or up to the end in HTTP/1.0. */
void exchange_reply_start(struct exchange *exchange, const struct reply *reply);
/* false: the client is slow and 256 KiB wait for it; what was given is queued all the same, more should wait
 * for on_room. */
bool exchange_reply_send(struct exchange *exchange, struct str bytes);
void exchange_reply_end(struct exchange *exchange);

#endif
