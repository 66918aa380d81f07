/* progress.h: a bar on standard error for work that takes long; silent when standard error is no terminal,
 * but for one closing line. Redraws at most ten times a second.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/sys.h"

struct progress {
    struct sys *sys;
    const char *what; /* "import", shown first */
    uint64_t total;   /* 0: unknown, then only a count is shown */
    uint64_t start_ns, drawn_ns;
    bool is_terminal;
};

void progress_start(struct progress *progress, struct sys *sys, const char *what, uint64_t total);
/* done of total, and a rate of `samples` since the start. */
void progress_show(struct progress *progress, uint64_t done, uint64_t samples);
void progress_end(struct progress *progress);
double progress_seconds(const struct progress *progress);

#endif
