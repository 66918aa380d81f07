/* Order of birth: scheme, store, threads' loops and corridors, committing threads, ports. Order of death:
 * ports stop and what they received is submitted, queries end (one of them may wait for the tidying thread),
 * the committing threads finish, the store closes. */
#include "server/server.h"

#include "base/crew.h"
#include "base/check.h"
#include "base/mem.h"
#include "net/listener.h"
#include "server/chore.h"
#include "server/core.h"
#include "server/routes.h"
#include "server/view.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
    STOP_WAIT_MS = 10 * 1000,
    TICK_MS = 1000,
    FILES_WANTED = 2 * 4096 + 1024,
    BODIES_MAX = 64 << 20, /* a byte of body may become three of rows */
    ANSWER_BYTES_MAX = 16 << 20
};

static void reload_and_say(struct server *server)
{
    struct buf problems = {0};
    struct why why = {0};
    if (server_reload(server, &problems, &why))
        fwrite(problems.at, 1, problems.size, stderr);
    buf_done(&problems);
}

static void on_reload(void *ctx)
{
    reload_and_say(ctx);
}

static void on_stop_signal(void *ctx)
{
    server_stop(ctx);
}

static void say_when_full(struct server *server)
{
    struct store_stats stats;
    store_stats(server->store, &stats);
    if (stats.read_only == server->store_is_full)
        return;
    server->store_is_full = stats.read_only;
    if (stats.read_only)
        server_say("rows are refused: %s", stats.last_error.text);
    else
        server_say("rows are taken again");
}

/* Once a second, on the first thread. */
static void on_tick(void *ctx)
{
    struct server *server = ctx;
    uint64_t accepted = 0;
    for (uint32_t i = 0; i < server->thread_count; i++)
        accepted +=
            __atomic_load_n(&ingest_tally(server->threads[i].ingest)->counts.accepted, __ATOMIC_RELAXED);
    rate_tick(&server->rate, accepted);
    say_when_full(server);
    uint64_t hash = server_pack_hash(server);
    pthread_mutex_lock(&server->scheme_lock);
    bool changed = hash && hash != server->scheme_hash;
    pthread_mutex_unlock(&server->scheme_lock);
    if (changed)
        reload_and_say(server);
    timer_start(server->tick, TICK_MS);
}

static enum err open_store(struct server *server, struct why *why)
{
    struct store_options options;
    struct store_report report = {0};
    store_options_default(&options);
    options.sys = server->sys;
    options.dir = server->config.data;
    options.names = server->names;
    options.lanes = server->thread_count;
    options.disk_bytes_max = server->config.disk_bytes_max;
    options.keep_ms = server->config.keep_ms;
    if (server->config.head_age_ms)
        options.head_age_ms = server->config.head_age_ms;
    if (server->config.head_bytes_max)
        options.head_bytes_max = server->config.head_bytes_max;
    enum err err = store_open(&options, &server->store, &report, why);
    if (report.text.size)
        fwrite(report.text.at, 1, report.text.size, stderr);
    buf_done(&report.text);
    return err;
}

static enum err make_threads(struct server *server, struct why *why)
{
    server->threads = mem_zero(server->thread_count, sizeof *server->threads);
    server->loops = mem_zero(server->thread_count, sizeof *server->loops);
    for (uint32_t i = 0; i < server->thread_count; i++) {
        struct ingest_thread *thread = &server->threads[i];
        struct ingest_options options = {server->names, server->config.undeclared};
        thread->server = server;
        thread->index = i;
        thread->lane = store_lane(server->store, i);
        thread->ingest = ingest_new(&options);
        enum err err = loop_new(server->sys, &thread->loop, why);
        if (err)
            return err;
        server->loops[i] = thread->loop;
    }
    return ERR_OK;
}

/* Beyond loopback every route would need a token, and this version has none. */
static enum err parse_address(struct str text, const char *flag, struct address *out, struct why *why)
{
    enum err err = address_parse(text, out, why);
    if (err)
        return why_wrap(why, ERR_SYNTAX, "--%s", flag);
    if (!address_is_loopback(out))
        return why_set(
            why, ERR_REFUSED,
            "--%s %.*s: this version listens on loopback only, since it has no tokens yet; put a proxy that "
            "authenticates (or a tunnel) in front",
            flag, STR_ARG(text));
    return ERR_OK;
}

static void split_hosts(struct server *server)
{
    for (struct str rest = server->config.allow_hosts, host; rest.size;) {
        rest = str_cut(rest, ',', &host);
        host = str_trim(host);
        if (host.size && server->host_count < SERVER_HOSTS_MAX)
            server->hosts[server->host_count++] = host;
    }
}

static enum err open_ports(struct server *server, struct why *why)
{
    struct address http, line;
    enum err err = parse_address(server->config.http, "http", &http, why);
    if (!err && server->config.line.size)
        err = parse_address(server->config.line, "line", &line, why);
    if (err)
        return err;
    split_hosts(server);
    struct http_server_options options = {.address = http,
                                          .loops = server->loops,
                                          .loop_count = server->thread_count,
                                          .ctx = server,
                                          .in_flight_max = BODIES_MAX,
                                          .check_host = true,
                                          .hosts = server->hosts,
                                          .host_count = server->host_count};
    options.routes = routes_table(&options.route_count);
    err = http_server_new(&options, &server->http, why);
    if (!err && server->config.line.size)
        err = line_ports_new(server, line, &server->lines, why);
    if (err)
        return err;
    address_print(http_server_address(server->http), &server->http_address);
    if (server->lines)
        address_print(line_ports_address(server->lines), &server->line_address);
    return ERR_OK;
}

/* The server starts all the same: a reload would have been refused, but there is no old scheme to keep. */
static void warn_of_stored(struct server *server)
{
    struct buf problems = {0};
    if (scheme_check_stored(server->scheme, server->names, &problems, NULL))
        fprintf(stderr, "The scheme does not fit what is stored:\n%.*s", STR_ARG(buf_view(&problems)));
    buf_done(&problems);
}

static enum err build(struct server *server, struct why *why)
{
    struct buf problems = {0};
    enum err err = server_load_scheme(server, &server->scheme, &problems, why);
    if (err)
        fwrite(problems.at, 1, problems.size, stderr);
    buf_done(&problems);
    server->scheme_hash = server_pack_hash(server);
    if (!err)
        err = open_store(server, why);
    if (!err)
        warn_of_stored(server);
    if (!err)
        err = make_threads(server, why);
    if (!err)
        err = open_ports(server, why);
    return err;
}

/* From here on a signal is kept for server_run: whoever reads that the server is open may stop it at once. */
static void watch_signals(struct server *server)
{
    struct why why = {0};
    CHECK(!loop_new(server->sys, &server->waiting, &why));
    server->signals[0] = signal_watch_new(server->waiting, SIGTERM, on_stop_signal, server);
    server->signals[1] = signal_watch_new(server->waiting, SIGINT, on_stop_signal, server);
    server->signals[2] = signal_watch_new(server->waiting, SIGHUP, on_reload, server);
}

enum err server_new(const struct server_config *config, struct server **out, struct why *why)
{
    struct server *server = MEM_NEW(struct server);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    server->config = *config;
    server->sys = config->sys;
    server->names = names_new();
    server->start_ms = sys_wall_ms(server->sys);
    server->start_ns = sys_mono_ns(server->sys);
    server->thread_count = config->threads ? config->threads : cores > 0 ? (uint32_t)cores : 1;
    pthread_mutex_init(&server->scheme_lock, NULL);
    pthread_mutex_init(&server->reload_lock, NULL);
    net_raise_file_limit(FILES_WANTED);
    enum err err = build(server, why);
    if (err) {
        server_free(server);
        return err;
    }
    server->committer = committer_new(server->store, server->thread_count);
    uint32_t query_threads = config->query_threads ? config->query_threads : server->thread_count;
    server->crew = crew_new(query_threads - 1); /* whoever asks works too */
    server->queries = work_pool_new(query_threads, VIEW_QUEUE_MAX);
    server->answers = answer_cache_new(ANSWER_BYTES_MAX);
    server->backups = backups_new(server->store);
    server->chores = work_pool_new(CHORE_THREADS, CHORE_QUEUE_MAX);
    watch_signals(server);
    *out = server;
    return ERR_OK;
}

/* Everything that was received is submitted, committed and answered before the loops end. */
static void wind_down(struct server *server)
{
    __atomic_store_n(&server->stopping, true, __ATOMIC_RELAXED);
    if (server->lines)
        line_ports_stop(server->lines);
    backups_stop(server->backups); /* its client is answered before the connections go */
    http_server_stop(server->http, STOP_WAIT_MS);
    work_pool_free(server->queries);
    server->queries = NULL;
    work_pool_free(server->chores);
    server->chores = NULL;
    committer_free(server->committer);
    server->committer = NULL;
}

void server_run(struct server *server)
{
    struct why why = {0};
    server->tick = timer_new(server->waiting, on_tick, server);
    timer_start(server->tick, TICK_MS);
    for (uint32_t i = 0; i < server->thread_count; i++)
        CHECK(!loop_start(server->threads[i].loop, "ingest", &why));
    loop_run(server->waiting);
    wind_down(server);
    for (uint32_t i = 0; i < server->thread_count; i++)
        loop_stop(server->threads[i].loop);
    for (uint32_t i = 0; i < server->thread_count; i++)
        loop_join(server->threads[i].loop);
    timer_free(server->tick);
}

void server_stop(struct server *server)
{
    loop_stop(server->waiting);
}

void server_free(struct server *server)
{
    if (!server)
        return;
    for (unsigned i = 0; server->waiting && i < 3; i++)
        signal_watch_free(server->signals[i]);
    if (server->waiting)
        loop_free(server->waiting);
    backups_free(server->backups);
    work_pool_free(server->queries);
    answer_cache_free(server->answers);
    crew_free(server->crew);
    work_pool_free(server->chores);
    committer_free(server->committer);
    line_ports_free(server->lines);
    http_server_free(server->http);
    for (uint32_t i = 0; server->threads && i < server->thread_count; i++) {
        loop_free(server->threads[i].loop);
        ingest_free(server->threads[i].ingest);
    }
    mem_free(server->threads);
    mem_free(server->loops);
    if (server->store)
        store_close(server->store);
    scheme_unref(server->scheme);
    names_free(server->names);
    pthread_mutex_destroy(&server->scheme_lock);
    pthread_mutex_destroy(&server->reload_lock);
    buf_done(&server->http_address);
    buf_done(&server->line_address);
    mem_free(server);
}

struct str server_http_address(const struct server *server)
{
    return buf_view(&server->http_address);
}

struct str server_line_address(const struct server *server)
{
    return buf_view(&server->line_address);
}
