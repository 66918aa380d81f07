/* chore.h: a request whose work takes long: it runs on a pool of its own, so that no query waits for it, and
 * its answer comes back to the exchange's loop.
 *
 * Made and started on the loop; run on the pool, where status, type and body may be set; freed by itself.
 * When the client has left, the work goes on and the answer is dropped.
 */
#ifndef SERVER_CHORE_H
#define SERVER_CHORE_H

#include "base/arena.h"
#include "server/exchange.h"
#include "server/work_pool.h"

struct server;

enum { CHORE_THREADS = 2, CHORE_QUEUE_MAX = 16 };

struct chore {
    struct job job;
    struct exchange *exchange; /* NULL once the client has left; the loop's */
    struct server *server;
    struct loop *loop;
    void (*run)(struct chore *chore);
    void *ctx;          /* the route's */
    struct arena arena; /* for what is copied of the request */
    unsigned status;    /* 200 until run says otherwise */
    struct str type;    /* JSON until run says otherwise */
    struct buf body;
};

struct chore *chore_new(struct exchange *exchange, void (*run)(struct chore *chore));
/* A parameter of the request, copied; at == NULL when absent. */
struct str chore_param(struct chore *chore, const char *name);
/* Answers 503 and frees it when too many wait: then false. */
bool chore_start(struct chore *chore);
/* {"error":{"text":"..."}} instead of what the body holds. */
void chore_fail(struct chore *chore, unsigned status, const char *format, ...) PRINTF_LIKE(3, 4);
/* For the route's on_gone. */
void chore_gone(struct exchange *exchange);

#endif
