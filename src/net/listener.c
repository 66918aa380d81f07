/* One socket a loop. When the process has no file numbers left, accept fails and the socket stays readable:
 * the loop would spin, so it looks away for a moment. */
#include "net/listener.h"

#include "base/mem.h"
#include "net/port.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_PER_TURN = 64, OUT_OF_FILES_MS = 50 };

/* One loop's share. */
struct ear {
    struct listener *listener;
    uint32_t loop_index;
    int fd; /* -1: stopped */
    struct event *event;
    struct timer *retry;
};

struct listener {
    struct listener_options options;
    struct address address;
    struct ear ears[];
};

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct ear *ear = ctx;
    const struct listener_options *options = &ear->listener->options;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN && ear->fd >= 0; i++) {
        struct address peer = {.size = sizeof peer.to};
        int accepted = accept4(fd, (struct sockaddr *)&peer.to, &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            options->on_accept(options->ctx, ear->loop_index, accepted, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            event_del(ear->event);
            timer_start(ear->retry, OUT_OF_FILES_MS);
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        /* ECONNABORTED and network errors belong to the one connection: the next may be fine. */
    }
}

static void on_retry(void *ctx)
{
    struct ear *ear = ctx;
    if (ear->fd >= 0)
        event_add(ear->event, NULL);
}

static void stop_ear(void *ctx)
{
    struct ear *ear = ctx;
    if (ear->fd < 0)
        return;
    event_free(ear->event);
    timer_free(ear->retry);
    close(ear->fd);
    ear->fd = -1;
}

enum err listener_new(const struct listener_options *options, struct listener **out, struct why *why)
{
    uint32_t count = options->loop_count;
    struct address address = options->address;
    int *fds = mem_zero(count, sizeof *fds);
    enum err err = port_claim(&address, PORT_TCP, count, fds, why);
    bool listening = !err;
    for (uint32_t i = 0; listening && i < count; i++)
        listening = listen(fds[i], BACKLOG) == 0;
    if (!err && !listening) {
        err = why_set(why, ERR_BUSY, "the port was taken at the same moment: %s", strerror(errno));
        for (uint32_t i = 0; i < count; i++)
            close(fds[i]);
    }
    if (err) {
        mem_free(fds);
        return err;
    }
    struct listener *listener = mem_zero(1, sizeof *listener + count * sizeof *listener->ears);
    listener->options = *options;
    listener->address = address;
    for (uint32_t i = 0; i < count; i++) {
        struct ear *ear = &listener->ears[i];
        *ear = (struct ear){.listener = listener, .loop_index = i, .fd = fds[i]};
        ear->event = event_new(loop_base(options->loops[i]), ear->fd, EV_READ | EV_PERSIST, on_ready, ear);
        ear->retry = timer_new(options->loops[i], on_retry, ear);
        event_add(ear->event, NULL);
    }
    mem_free(fds);
    *out = listener;
    return ERR_OK;
}

const struct address *listener_address(const struct listener *listener)
{
    return &listener->address;
}

void listener_stop(struct listener *listener)
{
    for (uint32_t i = 0; i < listener->options.loop_count; i++)
        loop_post(listener->options.loops[i], stop_ear, &listener->ears[i]);
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    for (uint32_t i = 0; i < listener->options.loop_count; i++)
        stop_ear(&listener->ears[i]);
    mem_free(listener);
}

uint64_t net_raise_file_limit(uint64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    if (limit.rlim_cur < want) {
        struct rlimit more = {want < limit.rlim_max ? want : limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            limit = more;
    }
    return limit.rlim_cur;
}
