/* SO_REUSEPORT is set only after the first socket is bound: the kernel then refuses to share the port with
 * anybody at that moment, also with an older server that set it, and our own further sockets can join. */
#include "net/port.h"

#include "base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

static void set_on(int fd, int level, int option)
{
    int on = 1;
    setsockopt(fd, level, option, &on, sizeof on);
}

static int bind_one(const struct address *address, enum port_kind kind, bool share)
{
    int type = kind == PORT_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(address->to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (kind == PORT_TCP) /* past the TIME_WAIT of our last life; for UDP it would mean sharing */
        set_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (address->to.ss_family == AF_INET6)
        set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (share)
        set_on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (bind(fd, (const struct sockaddr *)&address->to, address->size) == 0) {
        if (!share)
            set_on(fd, SOL_SOCKET, SO_REUSEPORT);
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum err refused(const struct address *address, enum port_kind kind, struct why *why)
{
    int reason = errno;
    struct buf text = {0};
    address_print(address, &text);
    buf_char(&text, 0);
    const char *name = kind == PORT_TCP ? "TCP" : "UDP";
    enum err err;
    if (reason == EADDRINUSE) {
        char holder[128];
        port_holder(address_port(address), kind, holder, sizeof holder);
        err = why_set(why, ERR_BUSY, "%s port %s is held by %s", name, text.at, holder);
    } else {
        err = why_set(why, ERR_IO, "%s port %s cannot be opened: %s", name, text.at, strerror(reason));
    }
    buf_done(&text);
    return err;
}

enum err port_claim(struct address *address, enum port_kind kind, uint32_t count, int *fds, struct why *why)
{
    CHECK(count > 0);
    uint32_t bound = 0;
    for (; bound < count; bound++) {
        fds[bound] = bind_one(address, kind, bound > 0);
        if (fds[bound] < 0)
            break;
        socklen_t size = sizeof address->to;
        if (bound == 0)
            CHECK(getsockname(fds[0], (struct sockaddr *)&address->to, &size) == 0);
    }
    if (bound == count)
        return ERR_OK;
    enum err err = refused(address, kind, why);
    while (bound)
        close(fds[--bound]);
    return err;
}
