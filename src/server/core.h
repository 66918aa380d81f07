/* core.h: what the rooms' threads share inside the server. Made by server_new; read-only but for the scheme.
 */
#ifndef SERVER_CORE_H
#define SERVER_CORE_H

#include "net/loop.h"
#include "server/answer_cache.h"
#include "server/backups.h"
#include "server/committer.h"
#include "server/config.h"
#include "server/http_server.h"
#include "server/ingest.h"
#include "server/line_ports.h"
#include "server/rate.h"
#include "server/work_pool.h"

#include <pthread.h>

enum { SERVER_HOSTS_MAX = 16 };

/* One ingest thread: its loop, its corridor in, its lane of the store. */
struct ingest_thread {
    struct server *server;
    uint32_t index;
    struct loop *loop;
    struct ingest *ingest;
    struct lane *lane;
};

struct server {
    struct server_config config;
    struct sys *sys;
    struct names *names;
    pthread_mutex_t reload_lock; /* one reload at a time, so that the newer file wins */
    pthread_mutex_t scheme_lock;
    struct scheme *scheme; /* under the lock; take it with server_scheme */
    struct store *store;
    struct committer *committer;
    struct work_pool *queries;
    struct answer_cache *answers;
    struct crew *crew; /* helps the queries' threads */
    struct backups *backups;
    struct work_pool *chores; /* chore.h */
    bool merging;             /* atomic: one merge at a time */
    struct http_server *http;
    struct line_ports *lines; /* NULL without line ports */
    struct rate rate;         /* samples per second, for people */
    uint32_t thread_count;
    struct ingest_thread *threads;
    struct loop **loops; /* of the threads, as the ports want them */
    struct buf http_address, line_address;
    int64_t start_ms;
    uint64_t start_ns;
    bool stopping;
    bool store_is_full;   /* as of the last tick, so that the change is said once */
    struct loop *waiting; /* of the main thread: signals and ticks */
    struct timer *tick;
    uint64_t scheme_hash; /* of the file as last looked at, so that a change is noticed */
    struct signal_watch *signals[3];
    struct str hosts[SERVER_HOSTS_MAX];
    uint32_t host_count;
};

/* The scheme of this moment, with a reference for the caller. Any thread. */
struct scheme *server_scheme(struct server *server);
/* Reads the scheme again; on failure the old one stays, and *problems has a line per error. Any thread. */
enum err server_reload(struct server *server, struct buf *problems, struct why *why) MUST_USE;

/* Loads the scheme of the pack in use into *out; *problems gets a line per error or warning. */
enum err server_load_scheme(struct server *server, struct scheme **out, struct buf *problems,
                            struct why *why) MUST_USE;
uint64_t
server_pack_hash(struct server *server); /* of the file's bytes; 0: the built-in one, or unreadable */
/* A line on standard error. Any thread. */
void server_say(const char *format, ...) PRINTF_LIKE(1, 2);

/* Begins a body or packet on a thread: clock, scheme, retention's edge. */
void ingest_thread_begin(struct ingest_thread *thread);
/* What to count when a batch was not stored. */
enum reason server_reason_of(enum err err);

#endif
