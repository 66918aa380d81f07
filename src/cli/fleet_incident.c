/* Incidents: three in every window of two hours, at a place and time that follow from the seed and the window
 * alone, so that they can be found again: one busy account's TwiML slow for 20 minutes, one frequent job
 * failing for 15, one autoscaler flapping for 15. */
#include "cli/fleet_room.h"

enum { WINDOW_MS = 2 * 3600 * 1000, MINUTE_MS = 60 * 1000, USUAL_FAILURES = 1 };

enum incident { INCIDENT_SLOW = 1, INCIDENT_FAILING, INCIDENT_FLAPPING };

/* Is the incident of this window going on now? *chosen is whom it meets, below count. */
static bool goes_on(const struct fleet *fleet, enum incident incident, unsigned minutes, uint32_t count,
                    uint32_t *chosen)
{
    int64_t window = fleet->now_ms / WINDOW_MS, within = fleet->now_ms % WINDOW_MS;
    uint64_t dice = hash_mix(fleet->options.seed * 31 + (uint64_t)window * 8 + incident);
    int64_t begin = (int64_t)(dice % (120 - minutes)) * MINUTE_MS;
    *chosen = (uint32_t)((dice >> 32) % count);
    return within >= begin && within < begin + (int64_t)minutes * MINUTE_MS;
}

double fleet_incident_slowness(const struct fleet *fleet, uint32_t account)
{
    uint32_t chosen, busy = fleet->plan.account_count < 12 ? fleet->plan.account_count : 12;
    return goes_on(fleet, INCIDENT_SLOW, 20, busy, &chosen) && chosen == account ? 3.5 : 1;
}

unsigned fleet_incident_failing(const struct fleet *fleet, uint32_t job)
{
    uint32_t chosen;
    return goes_on(fleet, INCIDENT_FAILING, 15, FLEET_JOBS_FREQUENT, &chosen) && chosen == job
               ? 70
               : USUAL_FAILURES;
}

bool fleet_incident_flapping(const struct fleet *fleet, uint32_t process)
{
    uint32_t chosen;
    return goes_on(fleet, INCIDENT_FLAPPING, 15, FLEET_PROCESSES, &chosen) && chosen == process;
}
