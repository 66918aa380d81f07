#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum err child_start(struct child *child, const char *const *words, struct why *why)
{
    int ends[2];
    *child = (struct child){.pid = -1, .output = -1};
    if (pipe2(ends, O_CLOEXEC))
        return why_set(why, ERR_IO, "cannot make a pipe: %s", strerror(errno));
    child->pid = fork();
    if (child->pid < 0)
        return why_set(why, ERR_IO, "cannot start %s: %s", words[0], strerror(errno));
    if (child->pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(ends[1], 2);
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    close(ends[1]);
    child->output = ends[0];
    fcntl(child->output, F_SETFL, O_NONBLOCK);
    return ERR_OK;
}

/* One read; -1: nothing yet, 0: ended. */
static ssize_t read_some(struct child *child, char *to, size_t size)
{
    ssize_t n = read(child->output, to, size);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : n < 0 ? 0 : n;
}

bool child_wait_for(struct child *child, struct str wanted)
{
    for (;;) {
        char bytes[4096];
        struct pollfd wait = {.fd = child->output, .events = POLLIN};
        poll(&wait, 1, 1000);
        ssize_t n = read_some(child, bytes, sizeof bytes);
        if (n == 0)
            return false;
        if (n < 0)
            continue;
        buf_put(&child->text, bytes, (size_t)n);
        if (memmem(child->text.at, child->text.size, wanted.at, wanted.size))
            return true;
    }
}

bool child_pass_on(struct child *child)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read_some(child, bytes, sizeof bytes)) > 0)
        fwrite(bytes, 1, (size_t)n, stderr);
    return n != 0;
}

int child_end(struct child *child)
{
    int status = 0;
    if (child->pid < 0)
        return 0;
    kill(child->pid, SIGTERM);
    while (child_pass_on(child)) {
        struct pollfd wait = {.fd = child->output, .events = POLLIN};
        poll(&wait, 1, 100);
    }
    waitpid(child->pid, &status, 0);
    close(child->output);
    buf_done(&child->text);
    child->pid = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
