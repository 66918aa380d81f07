/* fleet_plan.h: how big and how busy a fleet must be to log so many samples in its span, worked out before
 * the run: hosts, accounts, arrivals of callers, and how often those speak who speak whatever the callers do.
 *
 * A plan is an expectation: the run keeps to it by chance, the closer the more sessions there are. Pure; the
 * same figures on every machine.
 */
#ifndef CLI_FLEET_PLAN_H
#define CLI_FLEET_PLAN_H

#include "cli/fleet.h"

enum { FLEET_PLAN_SLOTS = 288, FLEET_WARM_MS = 3600 * 1000 }; /* slots of five minutes, a day */

struct fleet_plan {
    uint32_t host_count, account_count;
    double arrivals_per_ms; /* at an average hour of the day */
    double callers;         /* at work at an average hour: what the hosts are made for */
    double stretch;         /* hosts and workers speak so many times less often, 1 or more */
    double
        account_sums[FLEET_ACCOUNTS_MAX];  /* running sums of weights: a few busy accounts, many quiet ones */
    double campaign_sums[FLEET_CAMPAIGNS]; /* the same within an account */
    double samples_per_ms[FLEET_PLAN_SLOTS]; /* expected, by time of day */
};

void fleet_plan_make(const struct fleet_options *options, struct fleet_plan *out);
double fleet_plan_rate(const struct fleet_plan *plan, int64_t time_ms); /* samples a millisecond then */

#endif
