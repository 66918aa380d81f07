/* child.h: a server as a child process of a command: started, waited for, ended. One at a time. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct child {
    pid_t pid;
    int output; /* its standard error, read by child_read */
    struct buf text;
};

/* words end with NULL; words[0] is the program's path. The child is in a process group of its own. */
enum err child_start(struct child *child, const char *const *words, struct why *why) MUST_USE;
/* Reads what it says until `wanted` was said (true), or it ended (false). Everything is in child->text. */
bool child_wait_for(struct child *child, struct str wanted);
/* Passes what it says on to standard error; does not wait. false: it has ended. */
bool child_pass_on(struct child *child);
/* SIGTERM, then waits for its end, passing on what it says. Returns its exit code, or -1 when a signal ended
 * it. */
int child_end(struct child *child);

#endif
