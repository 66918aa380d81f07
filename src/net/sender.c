#include "net/sender.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

struct sender {
    int fd;
    struct address to; /* for errors */
};

static enum err fail(struct why *why, const char *doing, const struct address *to)
{
    char text[128];
    const char *reason = strerror_r(errno, text, sizeof text);
    enum err err = errno == ECONNREFUSED                     ? ERR_REFUSED
                   : errno == EAGAIN || errno == EINPROGRESS ? ERR_TIMEOUT
                   : errno == EMSGSIZE                       ? ERR_LIMIT
                                                             : ERR_IO;
    struct buf where = {0};
    address_print(to, &where);
    why_set(why, err, "cannot %s %.*s: %s", doing, STR_ARG(where), reason);
    buf_done(&where);
    return err;
}

enum err sender_new(enum sender_kind kind, const struct address *to, int64_t wait_ms, struct sender **out,
                    struct why *why)
{
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    int fd = socket(to->to.ss_family, (kind == SENDER_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(why, "make a socket for", to);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&to->to, to->size)) {
        enum err err = fail(why, "connect to", to);
        close(fd);
        return err;
    }
    *out = MEM_NEW(struct sender);
    (*out)->fd = fd;
    (*out)->to = *to;
    return ERR_OK;
}

void sender_free(struct sender *sender)
{
    if (!sender)
        return;
    close(sender->fd);
    mem_free(sender);
}

enum err sender_send(struct sender *sender, struct str bytes, struct why *why)
{
    while (bytes.size) {
        ssize_t n = send(sender->fd, bytes.at, bytes.size, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fail(why, "send to", &sender->to);
        if (n > 0)
            bytes = str_from(bytes, (size_t)n);
    }
    return ERR_OK;
}
