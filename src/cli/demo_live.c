/* The fleet's time runs from the last stored sample (or some hours ago) to now as fast as the server takes
 * it, and from then on with the clock. Backfill goes by POST /lines; live lines go out the ways real hosts
 * use: a quarter of the hosts each by a TCP connection, by datagrams, as a logplex drain, and by POST /lines.
 */
#include "cli/demo_live.h"

#include "base/mem.h"
#include "base/sys.h"
#include "cli/child.h"
#include "cli/command.h"
#include "cli/fleet.h"
#include "cli/progress.h"
#include "net/client.h"
#include "net/sender.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { POST_BYTES = 1 << 20, DATAGRAM_BYTES = 1200, TURN_MS = 250, RETRIES = 40 };

enum way { WAY_TCP, WAY_UDP, WAY_LOGPLEX, WAY_POST, WAYS };

struct demo {
    const struct demo_live *what;
    struct sys *sys;
    struct child server;
    struct client *client;
    struct buf url; /* "http://127.0.0.1:7411" */
    struct address lines;
    struct fleet *fleet;
    struct buf line; /* the fleet's next line, not sent yet */
    struct fleet_line next;
    struct sender *tcp, *udp;
    struct buf waiting[WAYS];
    uint64_t frames, sent;
};

static volatile sig_atomic_t stopped; /* set by signals; there is no other way to hear one */

static void on_signal(int number)
{
    stopped = number;
}

static void sleep_ms(int64_t ms)
{
    struct timespec wait = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&wait, NULL);
}

/* What stands between `before` and `after` in what the server said. */
static struct str between(struct str text, const char *before, const char *after)
{
    const char *at = memmem(text.at, text.size, before, strlen(before));
    if (!at)
        return STR_NONE;
    struct str rest = str_from(text, (size_t)(at - text.at) + strlen(before));
    const char *end = memmem(rest.at, rest.size, after, strlen(after));
    return end ? str_first(rest, (size_t)(end - rest.at)) : STR_NONE;
}

static enum err start_server(struct demo *demo, struct why *why)
{
    const struct demo_live *what = demo->what;
    const char *words[16] = {what->program, "serve",    "--data", what->data,
                             "--http",      what->http, "--line", what->line};
    if (what->pack) {
        words[8] = "--pack";
        words[9] = what->pack;
    }
    enum err err = child_start(&demo->server, words, why);
    if (err)
        return err;
    bool ready = child_wait_for(&demo->server, STR("; data in "));
    struct str said = buf_view(&demo->server.text);
    struct str http = between(said, "open ", "/ "), lines = between(said, "lines on ", " (");
    if (!ready || !http.at || !lines.at) {
        fwrite(said.at, 1, said.size, stderr);
        return why_set(why, ERR_IO, "the server did not start; its words are above");
    }
    buf_str(&demo->url, http);
    return address_parse(lines, &demo->lines, why);
}

/* POSTs until it is taken: the server may be busy for a moment. */
static enum err post(struct demo *demo, const char *path, struct str type, struct str header, struct str body,
                     struct why *why)
{
    struct buf url = {0};
    enum err err = ERR_OK;
    buf_str(&url, buf_view(&demo->url));
    buf_str(&url, str_of(path));
    struct client_request request = {STR("POST"), buf_view(&url), body, type, &header, header.size ? 1 : 0};
    for (unsigned tries = 0; tries < RETRIES && !stopped; tries++) {
        struct buf answer = {0};
        unsigned status = 0;
        err = client_ask(demo->client, &request, &status, &answer, NULL, why);
        buf_done(&answer);
        if (!err && status / 100 == 2)
            break;
        if (!err)
            err = why_set(why, ERR_REFUSED, "%s answered %u", path, status);
        if (err != ERR_REFUSED || (status && status != 429 && status != 503))
            break;
        sleep_ms(TURN_MS);
    }
    buf_done(&url);
    return err;
}

/* The newest stored sample, or 0. */
static int64_t newest_stored(struct demo *demo)
{
    struct buf url = {0}, answer = {0};
    unsigned status = 0;
    int64_t newest = 0;
    buf_str(&url, buf_view(&demo->url));
    buf_str(&url, STR("/api/status"));
    struct client_request request = {.url = buf_view(&url)};
    if (!client_ask(demo->client, &request, &status, &answer, NULL, NULL) && status == 200) {
        json_t *root = json_loadb(answer.at, answer.size, 0, NULL);
        newest = json_integer_value(json_object_get(json_object_get(root, "store"), "newest"));
        json_decref(root);
    }
    buf_done(&url);
    buf_done(&answer);
    return newest;
}

static void next_line(struct demo *demo)
{
    demo->line.size = 0;
    demo->next = fleet_next(demo->fleet, &demo->line);
}

static void make_fleet(struct demo *demo)
{
    const struct demo_live *what = demo->what;
    int64_t now_ms = sys_wall_ms(demo->sys), start_ms = now_ms - what->backfill_ms,
            newest = newest_stored(demo);
    if (newest >= start_ms)
        start_ms = (newest / 1000 + 1) * 1000; /* another second has other sessions */
    struct fleet_options options = {
        .seed = what->seed, .start_ms = start_ms, .samples_per_s = what->samples_per_s, .lives = true};
    options.span_ms = now_ms - start_ms + 3600 * 1000; /* lively now, whatever the hour */
    demo->fleet = fleet_new(&options);
    next_line(demo);
}

static enum err backfill(struct demo *demo, struct why *why)
{
    struct progress progress;
    struct buf body = {0};
    int64_t begin = demo->next.time_ms, now_ms = sys_wall_ms(demo->sys);
    enum err err = ERR_OK;
    if (now_ms - begin > 60000)
        progress_start(&progress, demo->sys, "filling in history", (uint64_t)(now_ms - begin));
    while (!err && !stopped && demo->next.time_ms <= now_ms) {
        buf_str(&body, buf_view(&demo->line));
        demo->sent += demo->next.samples;
        next_line(demo);
        if (body.size < POST_BYTES && demo->next.time_ms <= now_ms)
            continue;
        err = post(demo, "/lines", STR(""), STR(""), buf_view(&body), why);
        body.size = 0;
        if (now_ms - begin > 60000)
            progress_show(&progress, (uint64_t)(demo->next.time_ms - begin), demo->sent);
        now_ms = sys_wall_ms(demo->sys);
    }
    if (now_ms - begin > 60000)
        progress_end(&progress);
    buf_done(&body);
    return err;
}

static void put_frame(struct demo *demo, struct buf *out)
{
    struct buf frame = {0};
    buf_str(&frame, STR("<190>1 "));
    buf_time(&frame, demo->next.time_ms);
    buf_printf(&frame, " host app web.%u - ", demo->next.host + 1);
    buf_str(&frame, buf_view(&demo->line));
    buf_printf(out, "%zu ", frame.size);
    buf_str(out, buf_view(&frame));
    buf_done(&frame);
}

static enum err send_waiting(struct demo *demo, enum way way, struct why *why)
{
    struct buf *waiting = &demo->waiting[way];
    char id[64];
    enum err err = ERR_OK;
    if (!waiting->size)
        return ERR_OK;
    switch (way) {
    case WAY_TCP:
        if (!demo->tcp)
            err = sender_new(SENDER_TCP, &demo->lines, 5000, &demo->tcp, why);
        if (!err)
            err = sender_send(demo->tcp, buf_view(waiting), why);
        break;
    case WAY_UDP:
        if (!demo->udp)
            err = sender_new(SENDER_UDP, &demo->lines, 5000, &demo->udp, why);
        if (!err)
            err = sender_send(demo->udp, buf_view(waiting), why);
        break;
    case WAY_LOGPLEX:
        snprintf(id, sizeof id, "Logplex-Frame-Id: demo-%" PRId64 "-%" PRIu64, sys_wall_ms(demo->sys),
                 demo->frames++);
        err = post(demo, "/logs", STR("application/logplex-1"), str_of(id), buf_view(waiting), why);
        break;
    case WAY_POST:
    case WAYS:
        err = post(demo, "/lines", STR(""), STR(""), buf_view(waiting), why);
        break;
    }
    waiting->size = 0;
    return err;
}

/* Everything that is due now, each by its host's way. */
static enum err send_due(struct demo *demo, struct why *why)
{
    int64_t now_ms = sys_wall_ms(demo->sys);
    enum err err = ERR_OK;
    for (; !err && demo->next.time_ms <= now_ms; next_line(demo)) {
        enum way way = (enum way)(demo->next.host % WAYS);
        if (way == WAY_UDP && demo->waiting[way].size + demo->line.size > DATAGRAM_BYTES)
            err = send_waiting(demo, way, why);
        if (way == WAY_LOGPLEX)
            put_frame(demo, &demo->waiting[way]);
        else
            buf_str(&demo->waiting[way], buf_view(&demo->line));
        demo->sent += demo->next.samples;
    }
    for (unsigned way = 0; !err && way < WAYS; way++)
        err = send_waiting(demo, (enum way)way, why);
    return err;
}

/* The program is seldom on the PATH of who tries the demo: the hints name it as it can be typed. */
static void print_hints(const struct demo *demo)
{
    struct str url = buf_view(&demo->url);
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self));
    struct str program = size > 0 ? str_make(self, (size_t)size) : STR("dialtone");
    fprintf(
        stderr,
        "dialtone: %" PRIu64 " samples filled in; the fleet is sending now\n"
        "\n"
        "  open  %.*s/\n"
        "\n"
        "  try   alias dialtone=%.*s; export DIALTONE_URL=%.*s\n"
        "        dialtone query 'dialer.contact.answered p50 p95' --from -1h --every 5m\n"
        "        dialtone query 'dialer.contact.answered p95 by account_id top 5' --from -2h --every 10m\n"
        "        dialtone query '{process}.{job}.failed by process,job' --from -3h --every 15m\n"
        "        echo 'source=web01 count#hello.world' | curl --data-binary @- %.*s/lines\n"
        "\n"
        "Ctrl-C ends the fleet and its server.\n",
        demo->sent, STR_ARG(url), STR_ARG(program), STR_ARG(url), STR_ARG(url));
}

static enum err run(struct demo *demo, struct why *why)
{
    enum err err = start_server(demo, why);
    if (err)
        return err;
    make_fleet(demo);
    err = backfill(demo, why);
    if (!err && !stopped)
        print_hints(demo);
    while (!err && !stopped) {
        sleep_ms(TURN_MS);
        if (!child_pass_on(&demo->server))
            return why_set(why, ERR_CLOSED, "the server has ended");
        err = send_due(demo, why);
    }
    return err;
}

int demo_live(const struct demo_live *what)
{
    struct demo demo = {.what = what, .sys = sys_real()};
    struct client_options options = {.total_ms = 120000};
    struct sigaction action = {.sa_handler = on_signal};
    struct why why = {0};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    demo.client = client_new(&options);
    demo.server.pid = -1;
    enum err err = run(&demo, &why);
    if (err && !stopped)
        fprintf(stderr, "dialtone demo: %s\n", why.text);
    sender_free(demo.tcp);
    sender_free(demo.udp);
    client_free(demo.client);
    fleet_free(demo.fleet);
    for (unsigned way = 0; way < WAYS; way++)
        buf_done(&demo.waiting[way]);
    int code = child_end(&demo.server);
    buf_done(&demo.url);
    buf_done(&demo.line);
    return err && !stopped ? EXIT_FAILED : code ? EXIT_FAILED : EXIT_OK;
}
