/* fleet.h: a simulated dialer: hosts, accounts, campaigns, callers and their calls, workers and jobs, an
 * autoscaler, a rhythm of the day, and incidents worth finding (docs/demo.md). It writes the lines that such
 * a fleet would log.
 *
 * Discrete events in one heap; lines come out in the order of time. Same options, same bytes, on every
 * machine. Memory is bounded by the sessions that live at a time. One thread.
 */
#ifndef CLI_FLEET_H
#define CLI_FLEET_H

#include "base/buf.h"

struct fleet;

struct fleet_options {
    uint64_t seed;
    int64_t start_ms;     /* no line is older */
    double samples_per_s; /* average over the day's rhythm */
    int64_t span_ms;      /* > 0: the fleet is as busy as this span needs to have that average */
    bool lives;           /* it will begin again later, and its sessions then must have other numbers */
};

enum { FLEET_HOSTS_MAX = 20, FLEET_ACCOUNTS_MAX = 500, FLEET_CAMPAIGNS = 10 };

struct fleet *fleet_new(const struct fleet_options *options);
void fleet_free(struct fleet *fleet); /* NULL is fine */

/* What a line is, for those who send it on. */
struct fleet_line {
    int64_t time_ms;
    uint32_t samples;
    uint32_t host; /* index of the host that logs it */
};

/* Appends the next line, with its newline, to out. Never ends. */
struct fleet_line fleet_next(struct fleet *fleet, struct buf *out);

uint64_t fleet_sessions(const struct fleet *fleet); /* call sessions begun so far */

#endif
