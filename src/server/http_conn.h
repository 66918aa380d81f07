/* http_conn.h: what the files of the HTTP port share: a shard per loop, a connection, its exchange.
 *
 * A connection has one exchange at a time, inside it. Its life:
 *
 *   IDLE -> HEAD -> BODY -> WAIT -> IDLE    WAIT: all is read, the route's reply is awaited
 *                     \-> DROP -----^       DROP: the reply came early, the rest of the body is thrown away
 *   any -> CLOSING                          the last words are on the way, then the connection ends
 */
#ifndef SERVER_HTTP_CONN_H
#define SERVER_HTTP_CONN_H

#include "net/conn.h"
#include "net/gunzip.h"
#include "net/listener.h"
#include "server/http_server.h"

#include <pthread.h>

enum http_state { HTTP_IDLE, HTTP_IN_HEAD, HTTP_IN_BODY, HTTP_WAIT, HTTP_DROP, HTTP_CLOSING };

enum {
    HTTP_DROP_MAX = 64 * 1024,   /* of an unwanted body, to save the connection */
    HTTP_QUEUE_MAX = 256 * 1024, /* output waiting for a slow client: no further request is read */
    HTTP_STREAM_MAX = 4 << 20,   /* the same for a streamed reply: the client is given up */
    HTTP_HALF_CLOSED_MS = 250,   /* then it is asked whether it is still there */
};

struct shard {
    struct http_server *server;
    struct loop *loop;
    uint32_t index;
    struct http_conn *conns;
    struct http_counts counts; /* written by this loop, read by any: relaxed atomics */
    char *inflated;            /* LOOP_SCRATCH bytes */
    struct buf head;           /* of the reply being written */
    int64_t date_s;
    char date[40];
};

struct http_server {
    struct http_server_options options;
    struct listener *listener;
    uint32_t open;      /* atomic */
    uint64_t in_flight; /* atomic */
    bool stopping;      /* atomic */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a connection has, while stopping */
    struct shard shards[];
};

struct exchange {
    struct http_conn *conn;
    const struct route *route;
    struct str path;
    struct param *params;
    uint32_t param_count;
    struct arena arena;
    void *ctx;
    struct gunzip *gunzip;
    uint64_t wire_bytes, body_bytes, in_flight;
    int64_t body_start_ms, paused_ms;
    bool live;    /* the route's handlers are to be called */
    bool replied; /* the reply is complete */
    bool started; /* the head of the reply is out */
    bool ended;   /* the request is read to its end */
    bool is_head; /* the method is HEAD */
    bool chunked; /* the reply is */
    bool continued;
    bool paused;     /* by the route */
    bool wants_room; /* exchange_reply_send said false */
    bool inflating;  /* gunzip may hold back output for which there was no room */
};

struct http_conn {
    struct shard *shard;
    struct conn *conn;
    struct address peer;
    struct http_conn *next, **before;
    struct http_parser parser;
    struct exchange exchange;
    enum http_state state;
    uint64_t bytes_in, bytes_out; /* counted so far */
    uint64_t stall_out;           /* bytes sent when the last look was taken */
    bool keep;                    /* the connection, after this reply */
    bool peer_done;               /* the peer sends nothing more */
    bool in_bytes;                /* inside on_bytes */
    bool half_closed;             /* the same, seen before all is read */
    bool held_back;               /* the socket is paused */
    bool asked;                   /* whether it is still there */
    bool give_up;                 /* to be killed as soon as no handler runs */
};

static inline void http_count(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

/* http_conn.c */
void http_conn_new(struct shard *shard, int fd, const struct address *peer);
void http_conn_stop(struct http_conn *conn); /* idle: ends now; else with the reply */
void http_conn_kill(
    struct http_conn *conn); /* on_gone if a reply was awaited, then close; not in a handler */
void http_conn_give_up(struct http_conn *conn); /* the same, in a moment */
void http_conn_replied(struct http_conn *conn); /* the reply is complete */
void http_conn_update(struct http_conn *conn);  /* reads or pauses as its state asks */
/* The exchange ends without its route: on_gone if it was live, then this reply, then the connection ends. */
void http_conn_refuse(struct http_conn *conn, unsigned status, const char *text);

/* http_body.c: false: the body cannot be taken, and a reply has said so. */
bool http_body_check(struct exchange *exchange);
/* How many bytes of the body as sent were taken. */
size_t http_body_feed(struct exchange *exchange, struct str body, size_t *budget);
void http_body_inflate(struct exchange *exchange, size_t *budget); /* what gunzip holds back */

/* http_route.c: chooses the route; else replies, and returns false. */
bool http_route_choose(struct exchange *exchange);
bool http_host_is_ours(const struct http_server_options *options, struct str authority);

/* http_reply.c */
struct str http_status_text(unsigned status);
void http_reply_continue(struct http_conn *conn);
/* A reply is being written: will the connection survive it? Settles conn->keep. */
void http_reply_settle(struct exchange *exchange);

#endif
