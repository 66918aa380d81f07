/* The heart: a heap of events, and who handles which. The simulation begins half an hour before the first
 * line, so that callers are at work already. */
#include "cli/fleet_room.h"

#include "base/mem.h"

enum {
    WARM_MS = 30 * 60 * 1000,
    SAMPLES_A_SESSION = 43 /* 36 of its own, 7 of levels of its campaign */,
    MEAN_LIFE_S = 1200,
    HOUR_MS = 3600 * 1000
};

static double mean_rhythm(int64_t from_ms, int64_t span_ms)
{
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += fleet_rhythm(from_ms + span_ms / 1000 * i);
    return sum / 1000;
}

static uint32_t clamp(double value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

/* A few busy accounts, many quiet ones; the same within an account. */
static void make_weights(struct fleet *fleet)
{
    double sum = 0;
    for (uint32_t a = 0; a < fleet->account_count; a++)
        fleet->account_sums[a] = sum += fleet_exp(-1.12 * fleet_log(a + 2.0));
    sum = 0;
    for (uint32_t c = 0; c < FLEET_CAMPAIGNS; c++)
        fleet->campaign_sums[c] = sum += fleet_exp(-1.9 * fleet_log(c + 1.0));
}

struct fleet *fleet_new(const struct fleet_options *options)
{
    struct fleet *fleet = MEM_NEW(struct fleet);
    fleet->options = *options;
    fleet->rng.state = options->seed;
    fleet->now_ms = options->start_ms - WARM_MS;
    double rate = options->samples_per_s;
    if (options->span_ms > 0)
        rate = rate / mean_rhythm(options->start_ms, options->span_ms);
    fleet->host_count = clamp(rate / 3, 2, FLEET_HOSTS_MAX);
    /* Levels and jobs of the hosts come whatever the callers do. */
    double beside = fleet->host_count * 0.57 + 0.25;
    double calls = rate > 2 * beside ? rate - beside : rate / 2;
    fleet->arrivals_per_ms = calls / SAMPLES_A_SESSION / 1000;
    double live = fleet->arrivals_per_ms * 1000 * MEAN_LIFE_S;
    fleet->account_count = clamp(live / 8, 5, FLEET_ACCOUNTS_MAX);
    fleet->campaign_count = fleet->account_count * FLEET_CAMPAIGNS;
    fleet->campaigns = mem_zero(fleet->campaign_count, sizeof *fleet->campaigns);
    fleet->session_free = UINT32_MAX;
    fleet->first_session = 100000000 + (uint64_t)(options->start_ms / 1000 % 20000000) * 40;
    make_weights(fleet);
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
        if (event.time_ms >= fleet->options.start_ms)
            return line;
        out->size = begin; /* before the first line */
    }
}

uint64_t fleet_sessions(const struct fleet *fleet)
{
    return fleet->sessions_begun;
}
