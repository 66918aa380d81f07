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

static const uint8_t hours[24] = {3,  2,  2,  2,  3,  5,  9,  14, 24, 36, 44, 47,
                                  44, 45, 47, 46, 44, 41, 37, 32, 24, 15, 9,  5};

double fleet_rhythm(int64_t time_ms)
{
    uint32_t sum = 0;
    for (unsigned h = 0; h < 24; h++)
        sum += hours[h];
    int64_t in_day = time_ms % (24 * (int64_t)HOUR_MS);
    if (in_day < 0)
        in_day += 24 * (int64_t)HOUR_MS;
    unsigned hour = (unsigned)(in_day / HOUR_MS);
    double part = (double)(in_day % HOUR_MS) / HOUR_MS;
    double now = hours[hour] + part * ((double)hours[(hour + 1) % 24] - hours[hour]);
    return now * 24 / sum;
}

static double mean_rhythm(int64_t from_ms, int64_t span_ms)
{
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += fleet_rhythm(from_ms + span_ms / 1000 * i);
    return sum / 1000;
}

static bool before(const struct fleet_event *a, const struct fleet_event *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

void fleet_add(struct fleet *fleet, struct fleet_event event, int64_t after_ms)
{
    if (fleet->heap_count == fleet->heap_cap) {
        fleet->heap_cap = fleet->heap_cap ? fleet->heap_cap * 2 : 1024;
        fleet->heap = mem_resize(fleet->heap, fleet->heap_cap, sizeof *fleet->heap);
    }
    event.time_ms = fleet->now_ms + after_ms;
    event.order = fleet->order++;
    uint32_t at = fleet->heap_count++;
    for (; at && before(&event, &fleet->heap[(at - 1) / 2]); at = (at - 1) / 2)
        fleet->heap[at] = fleet->heap[(at - 1) / 2];
    fleet->heap[at] = event;
}

static struct fleet_event take_first(struct fleet *fleet)
{
    struct fleet_event first = fleet->heap[0], last = fleet->heap[--fleet->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= fleet->heap_count)
            break;
        if (child + 1 < fleet->heap_count && before(&fleet->heap[child + 1], &fleet->heap[child]))
            child++;
        if (!before(&fleet->heap[child], &last))
            break;
        fleet->heap[at] = fleet->heap[child];
        at = child;
    }
    fleet->heap[at] = last;
    return first;
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
        struct fleet_event event = take_first(fleet);
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

/* Hosts 0-13 write ts=, hosts 14-17 as a platform's log would show it, the last two a keyed source. */
void fleet_line_time(struct fleet *fleet, uint32_t host, struct buf *out)
{
    if (host % FLEET_HOSTS_MAX >= 14 && host % FLEET_HOSTS_MAX < 18) {
        buf_time(out, fleet->now_ms);
        buf_printf(out, " app[web.%u]: ", host + 1);
        return;
    }
    buf_str(out, STR("ts="));
    buf_number(out, (double)fleet->now_ms);
    buf_char(out, ' ');
}

void fleet_line_tenths(struct buf *out, uint64_t tenths)
{
    buf_number(out, (double)(tenths / 10));
    if (tenths % 10) {
        buf_char(out, '.');
        buf_char(out, (char)('0' + tenths % 10));
    }
}
