/* The heart: a heap of events, and who handles which. The simulation begins an hour before the first line, so
 * that callers are at work already.
 *
 * Numbers of sessions: when a fleet that lives is begun again, at least a second later, it uses none that the
 * first one used. The first number is the second of the beginning times more than what a fleet uses in the
 * hour before its first line and a second; later seconds use less than that, so the distance only grows.
 */
#include "cli/fleet_room.h"

#include "base/mem.h"

enum { URGE_MS = 30 * 60 * 1000 };

/* 4096 seconds' worth is more than the hour before the first line and a second. Numbers stay below 2^53 up to
 * thousands of arrivals a second. The workload's are shorter: it is never begun again. */
static uint64_t first_session(const struct fleet *fleet)
{
    const int64_t since_2020_ms = fleet->options.start_ms - 1577836800000;
    double arrivals_per_s = fleet->plan.arrivals_per_ms * 1000;
    /* A power of two, so that fleets of different rates do not meet either. */
    uint64_t a_second = 64;
    while ((double)a_second < 40 + 4 * arrivals_per_s && a_second < 1u << 20)
        a_second *= 2;
    if (!fleet->options.lives)
        return 100000000 + (uint64_t)(fleet->options.start_ms / 1000 % 20000000) * a_second;
    return (uint64_t)(since_2020_ms > 0 ? since_2020_ms / 1000 : 0) * a_second * 4096;
}

struct fleet *fleet_new(const struct fleet_options *options)
{
    struct fleet *fleet = MEM_NEW(struct fleet);
    fleet->options = *options;
    fleet->rng.state = options->seed;
    fleet->now_ms = options->start_ms - FLEET_WARM_MS;
    fleet->planned_to_ms = options->start_ms;
    fleet_plan_make(options, &fleet->plan);
    fleet->campaigns =
        mem_zero((size_t)fleet->plan.account_count * FLEET_CAMPAIGNS, sizeof *fleet->campaigns);
    fleet->session_free = UINT32_MAX;
    fleet->first_session = first_session(fleet);
    fleet_calls_begin(fleet);
    fleet_hosts_begin(fleet);
    fleet_workers_begin(fleet);
    return fleet;
}

void fleet_free(struct fleet *fleet)
{
    if (!fleet)
        return;
    mem_free(fleet->campaigns);
    mem_free(fleet->sessions);
    mem_free(fleet->heap);
    mem_free(fleet);
}

double fleet_urge(struct fleet *fleet)
{
    double rate = fleet_plan_rate(&fleet->plan, fleet->now_ms);
    if (fleet->now_ms > fleet->planned_to_ms) {
        fleet->behind += rate * (double)(fleet->now_ms - fleet->planned_to_ms);
        fleet->planned_to_ms = fleet->now_ms;
    }
    double urge = 1 + fleet->behind / (rate * URGE_MS);
    return urge < 0.5 ? 0.5 : urge > 2 ? 2 : urge;
}

int64_t fleet_stretched(struct fleet *fleet, double ms)
{
    if (fleet->plan.stretch > 1)
        ms *= fleet->plan.stretch / fleet_urge(fleet);
    return (int64_t)ms;
}

static bool handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                   struct fleet_line *line)
{
    switch ((enum fleet_event_type)event->type) {
    case EVENT_HOST:
        return fleet_hosts_handle(fleet, event, out, line);
    case EVENT_JOB:
    case EVENT_JOB_DONE:
    case EVENT_SCALE:
        return fleet_workers_handle(fleet, event, out, line);
    case EVENT_ARRIVAL:
    case EVENT_DIAL:
    case EVENT_TALK:
    case EVENT_LATENCY:
    case EVENT_WRAP_UP:
    case EVENT_REPORT:
        return fleet_calls_handle(fleet, event, out, line);
    }
    return false;
}

struct fleet_line fleet_next(struct fleet *fleet, struct buf *out)
{
    for (;;) {
        struct fleet_event event = fleet_take_first(fleet);
        struct fleet_line line = {event.time_ms, 0, 0};
        size_t begin = out->size;
        fleet->now_ms = event.time_ms;
        if (!handle(fleet, &event, out, &line))
            continue;
        if (event.time_ms >= fleet->options.start_ms) {
            fleet->behind -= line.samples;
            return line;
        }
        out->size = begin; /* before the first line */
    }
}

uint64_t fleet_sessions(const struct fleet *fleet)
{
    return fleet->sessions_begun;
}
