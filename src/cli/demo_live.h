/* demo_live.h: a server as a child process, and the fleet sending it real lines over real sockets. */
#ifndef CLI_DEMO_LIVE_H
#define CLI_DEMO_LIVE_H

#include "base/err.h"

struct demo_live {
    const char *program; /* of this process, to run `serve` with */
    const char *data, *http, *line, *pack;
    uint64_t seed;
    double samples_per_s;
    int64_t backfill_ms;
};

/* Until SIGINT or SIGTERM. Returns an exit code. */
int demo_live(const struct demo_live *what);

#endif
