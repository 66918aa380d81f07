/* recvmmsg into one block of DATAGRAMS_BATCH slots a loop, shared by nothing else; of a slot only the pages
 * that a datagram reached are touched. The kernel tells its drops with each datagram (SO_RXQ_OVFL, a 32-bit
 * count per socket); it is told with the next one that arrives, so a burst's loss shows with the traffic
 * after it. */
#include "net/datagrams.h"

#include "base/mem.h"
#include "net/port.h"

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

enum { SLOT = 64 * 1024, RECEIVE_BUFFER = 8 << 20, BATCHES_PER_TURN = 16, CONTROL = 64 };

struct slots {
    struct mmsghdr messages[DATAGRAMS_BATCH];
    struct iovec parts[DATAGRAMS_BATCH];
    struct address from[DATAGRAMS_BATCH];
    char control[DATAGRAMS_BATCH][CONTROL] __attribute__((aligned(16)));
    char *bytes;
};

struct inlet {
    struct datagrams *datagrams;
    uint32_t loop_index;
    int fd; /* -1: stopped */
    struct event *event;
    uint32_t lost_seen;
    uint64_t lost; /* atomic */
    struct slots slots;
};

struct datagrams {
    struct datagrams_options options;
    struct address address;
    struct inlet inlets[];
};

static void prepare(struct slots *slots)
{
    for (uint32_t i = 0; i < DATAGRAMS_BATCH; i++) {
        slots->parts[i] = (struct iovec){slots->bytes + (size_t)i * SLOT, SLOT};
        slots->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &slots->from[i].to,
            .msg_namelen = sizeof slots->from[i].to,
            .msg_iov = &slots->parts[i],
            .msg_iovlen = 1,
            .msg_control = slots->control[i],
            .msg_controllen = CONTROL,
        };
    }
}

static void note_lost(struct inlet *inlet, struct msghdr *message)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SO_RXQ_OVFL)
            continue;
        uint32_t lost;
        memcpy(&lost, CMSG_DATA(item), sizeof lost);
        uint32_t more = lost - inlet->lost_seen; /* the kernel's count wraps */
        inlet->lost_seen = lost;
        __atomic_store_n(&inlet->lost, inlet->lost + more, __ATOMIC_RELAXED);
    }
}

/* One batch; false: nothing is left. */
static bool read_batch(struct inlet *inlet)
{
    struct slots *slots = &inlet->slots;
    const struct datagrams_options *options = &inlet->datagrams->options;
    prepare(slots);
    int got = recvmmsg(inlet->fd, slots->messages, DATAGRAMS_BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    struct datagram batch[DATAGRAMS_BATCH];
    for (int i = 0; i < got; i++) {
        slots->from[i].size = slots->messages[i].msg_hdr.msg_namelen;
        batch[i].bytes = str_make(slots->parts[i].iov_base, slots->messages[i].msg_len);
        batch[i].from = &slots->from[i];
        note_lost(inlet, &slots->messages[i].msg_hdr);
    }
    options->on_batch(options->ctx, inlet->loop_index, batch, (uint32_t)got);
    return got == DATAGRAMS_BATCH;
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct inlet *inlet = ctx;
    for (unsigned i = 0; i < BATCHES_PER_TURN && inlet->fd >= 0; i++)
        if (!read_batch(inlet))
            break;
}

static void close_inlet(struct inlet *inlet)
{
    if (inlet->fd < 0)
        return;
    event_free(inlet->event);
    close(inlet->fd);
    inlet->fd = -1;
    mem_free(inlet->slots.bytes);
    inlet->slots.bytes = NULL;
}

/* A batch at a time until nothing is there: bounded by what the receive buffer held, as the sender may go on.
 */
static void stop_inlet(void *ctx)
{
    struct inlet *inlet = ctx;
    for (unsigned i = 0; inlet->fd >= 0 && i < RECEIVE_BUFFER / 1024 / DATAGRAMS_BATCH; i++)
        if (!read_batch(inlet))
            break;
    close_inlet(inlet);
}

static void open_inlet(struct datagrams *datagrams, uint32_t index, int fd)
{
    struct inlet *inlet = &datagrams->inlets[index];
    inlet->datagrams = datagrams;
    inlet->loop_index = index;
    inlet->fd = fd;
    inlet->slots.bytes = mem_alloc((size_t)DATAGRAMS_BATCH * SLOT);
    int size = RECEIVE_BUFFER, on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    struct event_base *base = loop_base(datagrams->options.loops[index]);
    inlet->event = event_new(base, fd, EV_READ | EV_PERSIST, on_ready, inlet);
    event_add(inlet->event, NULL);
}

enum err datagrams_new(const struct datagrams_options *options, struct datagrams **out, struct why *why)
{
    uint32_t count = options->loop_count;
    struct address address = options->address;
    int *fds = mem_zero(count, sizeof *fds);
    enum err err = port_claim(&address, PORT_UDP, count, fds, why);
    if (!err) {
        struct datagrams *datagrams = mem_zero(1, sizeof *datagrams + count * sizeof *datagrams->inlets);
        datagrams->options = *options;
        datagrams->address = address;
        for (uint32_t i = 0; i < count; i++)
            open_inlet(datagrams, i, fds[i]);
        *out = datagrams;
    }
    mem_free(fds);
    return err;
}

const struct address *datagrams_address(const struct datagrams *datagrams)
{
    return &datagrams->address;
}

uint64_t datagrams_lost(const struct datagrams *datagrams)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < datagrams->options.loop_count; i++)
        sum += __atomic_load_n(&datagrams->inlets[i].lost, __ATOMIC_RELAXED);
    return sum;
}

void datagrams_stop(struct datagrams *datagrams)
{
    for (uint32_t i = 0; i < datagrams->options.loop_count; i++)
        loop_post(datagrams->options.loops[i], stop_inlet, &datagrams->inlets[i]);
}

void datagrams_free(struct datagrams *datagrams)
{
    if (!datagrams)
        return;
    for (uint32_t i = 0; i < datagrams->options.loop_count; i++)
        close_inlet(&datagrams->inlets[i]);
    mem_free(datagrams);
}
