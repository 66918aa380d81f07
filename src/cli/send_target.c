#include "cli/send_target.h"

#include "base/mem.h"
#include "cli/send_lines.h"
#include "net/client.h"
#include "net/sender.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAIT_MS = 5000, DATAGRAM_BYTES = 1400 };

enum target_kind { TARGET_HTTP, TARGET_TCP, TARGET_UDP, TARGET_STDOUT };

struct send_target {
    enum target_kind kind;
    struct buf url;
    struct address address;
    struct client *client;
    struct sender *sender;
};

static enum err parse(struct send_target *target, struct str url, struct why *why)
{
    if (str_starts(url, STR("http://")) || str_starts(url, STR("https://"))) {
        struct client_options options = {.total_ms = 4000, .token = str_of(getenv("DIALTONE_TOKEN"))};
        while (url.size && url.at[url.size - 1] == '/')
            url.size--;
        buf_str(&target->url, url);
        target->client = client_new(&options);
        return ERR_OK;
    }
    if (str_starts(url, STR("stdout:"))) {
        target->kind = TARGET_STDOUT;
        return ERR_OK;
    }
    if (!str_starts(url, STR("tcp://")) && !str_starts(url, STR("udp://")))
        return why_set(
            why, ERR_SYNTAX,
            "%.*s: expected http://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or stdout:", STR_ARG(url));
    target->kind = url.at[0] == 't' ? TARGET_TCP : TARGET_UDP;
    return address_parse(str_from(url, 6), &target->address, why);
}

enum err send_target_new(const char *url, struct send_target **out, struct why *why)
{
    struct send_target *target = MEM_NEW(struct send_target);
    const char *set = getenv("DIALTONE_URL");
    enum err err = parse(target, str_of(url ? url : set && *set ? set : "http://127.0.0.1:7411"), why);
    if (err)
        send_target_free(target);
    else
        *out = target;
    return err;
}

void send_target_free(struct send_target *target)
{
    if (!target)
        return;
    client_free(target->client);
    sender_free(target->sender);
    buf_done(&target->url);
    mem_free(target);
}

uint64_t send_target_arrived(struct send_target *target, struct str client)
{
    uint64_t number = 0;
    unsigned status = 0;
    struct buf url = {0}, answer = {0};
    if (target->kind != TARGET_HTTP)
        return 0;
    buf_str(&url, buf_view(&target->url));
    buf_printf(&url, "/api/batches/%.*s", STR_ARG(client));
    struct client_request request = {.url = buf_view(&url)};
    if (!client_ask(target->client, &request, &status, &answer, NULL, NULL) && status == 200) {
        json_t *root = json_loadb(answer.at, answer.size, 0, NULL);
        json_int_t seq = json_integer_value(json_object_get(root, "seq"));
        number = seq > 0 ? (uint64_t)seq : 0;
        json_decref(root);
    }
    buf_done(&url);
    buf_done(&answer);
    return number;
}

/* How many the server refused, and the first of them in words. */
static uint64_t refused_in(struct str answer, struct why *why)
{
    json_t *root = json_loadb(answer.at, answer.size, 0, NULL);
    uint64_t refused = (uint64_t)json_integer_value(json_object_get(root, "refused"));
    json_t *first = json_array_get(json_object_get(root, "first"), 0);
    const char *reason = json_string_value(json_object_get(first, "reason"));
    const char *text = json_string_value(json_object_get(first, "text"));
    if (refused)
        why_set(why, ERR_REFUSED, "the server refused %" PRIu64 ", the first for %s: %s", refused,
                reason ? reason : "?", text ? text : "?");
    json_decref(root);
    return refused;
}

static enum sent send_http(struct send_target *target, struct str client, uint64_t number, struct str lines,
                           uint64_t *refused, int64_t *wait_ms, struct why *why)
{
    char key[80];
    struct buf url = {0}, answer = {0};
    unsigned status = 0;
    int64_t retry_after_s = 0;
    buf_str(&url, buf_view(&target->url));
    buf_str(&url, STR("/lines"));
    snprintf(key, sizeof key, "Idempotency-Key: %.*s/%" PRIu64, STR_ARG(client), number);
    struct str header = str_of(key);
    struct client_request request = {STR("POST"), buf_view(&url), lines, STR("text/plain"), &header, 1};
    enum err err = client_ask(target->client, &request, &status, &answer, &retry_after_s, why);
    enum sent sent = SENT_LATER;
    *wait_ms = retry_after_s * 1000;
    if (!err && (status == 200 || status == 400)) {
        *refused = refused_in(buf_view(&answer), why);
        if (status == 400 && !*refused) { /* not an answer of ours, but it will not take it */
            *refused = send_lines_count(lines);
            why_set(why, ERR_REFUSED, "the server answered 400");
        }
        sent = *refused ? SENT_REFUSED : SENT;
    } else if (!err && (status == 413 || status == 415)) {
        *refused = send_lines_count(lines);
        why_set(why, ERR_REFUSED, "the server answered %u", status);
        sent = SENT_REFUSED;
    } else if (!err) {
        why_set(why, ERR_BUSY, "the server answered %u", status);
    }
    buf_done(&url);
    buf_done(&answer);
    return sent;
}

/* How many of the bytes go into the next datagram: whole lines up to the size that no network cuts, or one
 * line that is longer. */
static size_t datagram_size(struct str lines)
{
    size_t end = 0;
    while (end < lines.size) {
        size_t line = str_find(str_from(lines, end), '\n');
        if (end && end + line > DATAGRAM_BYTES)
            break;
        end += line + (end + line < lines.size);
    }
    return end;
}

/* Datagrams of whole lines. A line that no datagram holds is refused, since it will never be sent. */
static enum err send_datagrams(struct send_target *target, struct str lines, uint64_t *refused,
                               struct why *why)
{
    while (lines.size) {
        struct str datagram = str_first(lines, datagram_size(lines));
        enum err err = sender_send(target->sender, datagram, why);
        if (err && err != ERR_LIMIT)
            return err;
        if (err) {
            if (!*refused)
                why_set(why, ERR_REFUSED, "a line of %zu bytes is longer than a datagram; refused (too_long)",
                        datagram.size - 1);
            *refused += send_lines_count(datagram);
        }
        lines = str_from(lines, datagram.size);
    }
    return ERR_OK;
}

static enum sent send_socket(struct send_target *target, struct str lines, uint64_t *refused, struct why *why)
{
    enum err err = ERR_OK;
    if (!target->sender)
        err = sender_new(target->kind == TARGET_TCP ? SENDER_TCP : SENDER_UDP, &target->address, WAIT_MS,
                         &target->sender, why);
    if (!err)
        err = target->kind == TARGET_TCP ? sender_send(target->sender, lines, why)
                                         : send_datagrams(target, lines, refused, why);
    if (!err)
        return *refused ? SENT_REFUSED : SENT;
    sender_free(target->sender);
    target->sender = NULL;
    return SENT_LATER;
}

/* To standard output, which may be set not to block. */
static enum sent send_stdout(struct str lines, struct why *why)
{
    while (lines.size) {
        struct pollfd wait = {.fd = 1, .events = POLLOUT};
        ssize_t n = write(1, lines.at, lines.size);
        if (n < 0 && errno == EAGAIN) {
            if (poll(&wait, 1, WAIT_MS) == 0) {
                why_set(why, ERR_TIMEOUT, "nobody reads standard output");
                return SENT_LATER;
            }
        } else if (n < 0 && errno != EINTR) {
            char text[128];
            why_set(why, ERR_CLOSED, "cannot write to standard output: %s",
                    strerror_r(errno, text, sizeof text));
            return SENT_NEVER;
        }
        lines = str_from(lines, n > 0 ? (size_t)n : 0);
    }
    return SENT;
}

enum sent send_target_send(struct send_target *target, struct str client, uint64_t number, struct str lines,
                           uint64_t *refused, int64_t *wait_ms, struct why *why)
{
    *refused = 0;
    *wait_ms = 0;
    if (target->kind == TARGET_HTTP)
        return send_http(target, client, number, lines, refused, wait_ms, why);
    return target->kind == TARGET_STDOUT ? send_stdout(lines, why) : send_socket(target, lines, refused, why);
}
