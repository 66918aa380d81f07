/* Callers: a session holds, dials, talks, wraps up, and begins again until it ends. A caller's turn logs
 * three counts (dialled, completed, responses) and as many latencies on average; three in five latencies are
 * answered contacts. */
#include "cli/fleet_room.h"

#include "base/mem.h"

enum { REPORT_MS = 90 * 1000, ANSWERED_MAX_TENTHS = 300000 };

static const char *const campaign_types[] = {"predictive", "power", "preview"};
static const char *const caller_types[] = {"webui", "phone"};
static const char *const phone_types[] = {"landline", "mobile", "sip"};

/* Latencies: median and spread; the weight says how often, of a hundred. */
static const struct {
    const char *metric;
    uint32_t median_ms;
    double sigma;
    unsigned weight;
} latencies[] = {
    {"dialer.contact.answered", 6000, 0.45, 60}, {"dialer.contact.busy", 5000, 0.4, 9},
    {"dialer.contact.error", 2500, 0.6, 2},      {"dialer.contact.redirect", 700, 0.5, 5},
    {"dialer.transfer.answered", 6500, 0.5, 4},  {"dialer.transfer.busy", 5200, 0.4, 1},
    {"dialer.transfer.error", 2600, 0.6, 1},     {"dialer.transfer.redirect", 750, 0.5, 2},
    {"dialer.caller.redirect", 700, 0.45, 16},
};

enum { ANSWERED = 0, LATENCY_COUNT = sizeof latencies / sizeof *latencies };

uint32_t fleet_account_id(uint32_t account)
{
    return 1000 + account * 37 % 4999;
}

uint32_t fleet_campaign_id(uint32_t campaign)
{
    return 20000 + campaign * 7;
}

void fleet_calls_begin(struct fleet *fleet)
{
    for (uint32_t c = 0; c < fleet->plan.account_count * FLEET_CAMPAIGNS; c++) {
        fleet->campaigns[c].type =
            (uint8_t)(rng_below(&fleet->rng, 10) < 6 ? 0 : 1 + rng_below(&fleet->rng, 2));
        fleet->campaigns[c].host = (uint8_t)(c % fleet->plan.host_count);
    }
    fleet_add(fleet, (struct fleet_event){.type = EVENT_ARRIVAL}, 0);
}

static uint32_t session_new(struct fleet *fleet)
{
    if (fleet->session_free != UINT32_MAX) {
        uint32_t index = fleet->session_free;
        fleet->session_free = fleet->sessions[index].next_free;
        return index;
    }
    if (fleet->session_count == fleet->session_cap) {
        fleet->session_cap = fleet->session_cap ? fleet->session_cap * 2 : 1024;
        fleet->sessions = mem_resize(fleet->sessions, fleet->session_cap, sizeof *fleet->sessions);
    }
    return fleet->session_count++;
}

/* The session may go once nothing that waits names it any more. */
static void session_let_go(struct fleet *fleet, uint32_t index)
{
    struct fleet_session *session = &fleet->sessions[index];
    session->pending--;
    if (!session->over || session->pending)
        return;
    session->next_free = fleet->session_free;
    fleet->session_free = index;
}

static void add_for_session(struct fleet *fleet, struct fleet_event event, int64_t after_ms)
{
    fleet->sessions[event.index].pending++;
    fleet_add(fleet, event, after_ms);
}

static void set_state(struct fleet *fleet, struct fleet_session *session, enum caller_state state)
{
    struct fleet_campaign *campaign = &fleet->campaigns[session->campaign];
    campaign->callers[session->state]--;
    campaign->callers[state]++;
    session->state = (uint8_t)state;
}

static void begin_reporting(struct fleet *fleet, uint32_t index)
{
    struct fleet_campaign *campaign = &fleet->campaigns[index];
    if (campaign->reporting)
        return;
    campaign->reporting = true;
    fleet_add(fleet, (struct fleet_event){.type = EVENT_REPORT, .index = index},
              (int64_t)rng_below(&fleet->rng, REPORT_MS));
}

static void arrive(struct fleet *fleet)
{
    uint32_t account = fleet_pick(&fleet->rng, fleet->plan.account_sums, fleet->plan.account_count);
    uint32_t campaign =
        account * FLEET_CAMPAIGNS + fleet_pick(&fleet->rng, fleet->plan.campaign_sums, FLEET_CAMPAIGNS);
    uint32_t index = session_new(fleet);
    struct fleet_session *session = &fleet->sessions[index];
    *session =
        (struct fleet_session){.id = fleet->first_session + fleet->sessions_begun++, .campaign = campaign};
    session->end_ms = fleet->now_ms + (int64_t)(1000 * fleet_log_normal(&fleet->rng, 1090, 0.44));
    session->host = (uint8_t)rng_below(&fleet->rng, fleet->plan.host_count);
    session->caller_type = (uint8_t)(rng_below(&fleet->rng, 10) < 7 ? 0 : 1);
    session->phone_type = (uint8_t)rng_below(&fleet->rng, 3);
    fleet->campaigns[campaign].callers[CALLER_HOLD]++;
    fleet->callers++;
    fleet->callers_at[session->host]++;
    begin_reporting(fleet, campaign);
    add_for_session(fleet, (struct fleet_event){.type = EVENT_DIAL, .index = index},
                    (int64_t)(1000 * 12 * fleet_exponential(&fleet->rng)));
    double per_ms = fleet->plan.arrivals_per_ms * fleet_rhythm(fleet->now_ms) * fleet_urge(fleet);
    fleet_add(fleet, (struct fleet_event){.type = EVENT_ARRIVAL},
              (int64_t)(fleet_exponential(&fleet->rng) / per_ms));
}

static void end_session(struct fleet *fleet, struct fleet_session *session)
{
    fleet->campaigns[session->campaign].callers[session->state]--;
    fleet->callers--;
    fleet->callers_at[session->host]--;
    session->over = true;
}

static void put_source(struct fleet *fleet, const struct fleet_session *session, struct buf *out)
{
    const struct fleet_campaign *campaign = &fleet->campaigns[session->campaign];
    uint32_t account = fleet_account_id(session->campaign / FLEET_CAMPAIGNS);
    if (session->host >= 18)
        buf_printf(out, "source=%s.ac-%u.ca-%u.cs-%llu host=web%02u ", campaign_types[campaign->type],
                   account, fleet_campaign_id(session->campaign), (unsigned long long)session->id,
                   session->host + 1);
    else
        buf_printf(out, "source=web%02u.%u.%u.%llu.%s.%s.%s ", session->host + 1, account,
                   fleet_campaign_id(session->campaign), (unsigned long long)session->id,
                   campaign_types[campaign->type], caller_types[session->caller_type],
                   phone_types[session->phone_type]);
}

static void begin_line(struct fleet *fleet, const struct fleet_session *session, struct buf *out,
                       struct fleet_line *line)
{
    line->host = session->host;
    fleet_line_time(fleet, session->host, out);
    put_source(fleet, session, out);
}

static uint32_t pick_latency(struct fleet *fleet)
{
    unsigned thrown = (unsigned)rng_below(&fleet->rng, 100);
    uint32_t i = 0;
    while (i + 1 < LATENCY_COUNT && thrown >= latencies[i].weight)
        thrown -= latencies[i++].weight;
    return i;
}

static uint32_t throw_tenths(struct fleet *fleet, const struct fleet_session *session, uint32_t metric)
{
    double slow = fleet_incident_slowness(fleet, session->campaign / FLEET_CAMPAIGNS);
    double ms = slow * fleet_log_normal(&fleet->rng, latencies[metric].median_ms, latencies[metric].sigma);
    uint64_t tenths = (uint64_t)(ms * 10 + 0.5);
    if (rng_below(&fleet->rng, 4) == 0)
        tenths = tenths / 10 * 10;
    return (uint32_t)(tenths > ANSWERED_MAX_TENTHS ? ANSWERED_MAX_TENTHS : tenths ? tenths : 1);
}

/* Plans the latencies of a turn; the first answered one is the call that the caller talks to. Returns how
 * many. */
static uint32_t plan_latencies(struct fleet *fleet, uint32_t index)
{
    struct fleet_session *session = &fleet->sessions[index];
    uint32_t count = 2 + (uint32_t)rng_below(&fleet->rng, 3); /* 2, 3 or 4 */
    bool talks = false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t metric = pick_latency(fleet);
        uint32_t tenths = throw_tenths(fleet, session, metric);
        bool first = metric == ANSWERED && !talks;
        talks = talks || first;
        add_for_session(fleet,
                        (struct fleet_event){.type = first ? EVENT_TALK : EVENT_LATENCY,
                                             .index = index,
                                             .metric = metric,
                                             .value = tenths},
                        tenths / 10 + 1);
    }
    if (!talks)
        add_for_session(fleet, (struct fleet_event){.type = EVENT_DIAL, .index = index},
                        45000 + (int64_t)(15000 * fleet_exponential(&fleet->rng)));
    return count;
}

static bool dial(struct fleet *fleet, uint32_t index, struct buf *out, struct fleet_line *line)
{
    struct fleet_session *session = &fleet->sessions[index];
    if (fleet->now_ms >= session->end_ms) {
        end_session(fleet, session);
        return false;
    }
    set_state(fleet, session, CALLER_HOLD);
    uint32_t dialled = plan_latencies(fleet, index);
    session = &fleet->sessions[index];
    begin_line(fleet, session, out, line);
    buf_printf(out, "count#dialer.requests.total=%u", dialled);
    line->samples = 1;
    bool fails = rng_chance(&fleet->rng, 3);
    if (fails) {
        buf_str(out, STR(" count#dialer.requests.error"));
        line->samples++;
    }
    if (dialled > (uint32_t)fails) {
        buf_printf(out, " count#dialer.requests.completed=%u", dialled - fails);
        line->samples++;
    }
    buf_char(out, '\n');
    return true;
}

/* The call that the caller talks to: its latency and the response served share a line. */
static bool talk(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                 struct fleet_line *line)
{
    struct fleet_session *session = &fleet->sessions[event->index];
    begin_line(fleet, session, out, line);
    buf_printf(out, "measure#%s=", latencies[event->metric].metric);
    fleet_line_tenths(out, event->value);
    buf_str(out, STR("ms count#dialer.responses.completed=1"));
    line->samples = 2;
    if (rng_below(&fleet->rng, 40) == 0) {
        buf_str(out, STR(" count#dialer.responses.error=1"));
        line->samples++;
    }
    buf_char(out, '\n');
    set_state(fleet, session, CALLER_ON_CALL);
    add_for_session(fleet, (struct fleet_event){.type = EVENT_WRAP_UP, .index = event->index},
                    (int64_t)(1000 * fleet_log_normal(&fleet->rng, 158, 0.6)));
    return true;
}

static bool latency(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                    struct fleet_line *line)
{
    begin_line(fleet, &fleet->sessions[event->index], out, line);
    buf_printf(out, "measure#%s=", latencies[event->metric].metric);
    fleet_line_tenths(out, event->value);
    buf_str(out, STR("ms"));
    line->samples = 1;
    if (rng_chance(&fleet->rng, 12)) {
        buf_str(out, STR(" count#dialer.responses.completed=1"));
        line->samples++;
    }
    buf_char(out, '\n');
    return true;
}

static void wrap_up(struct fleet *fleet, uint32_t index)
{
    struct fleet_session *session = &fleet->sessions[index];
    set_state(fleet, session, CALLER_WRAP_UP);
    add_for_session(fleet, (struct fleet_event){.type = EVENT_DIAL, .index = index},
                    (int64_t)(1000 * (20 + 38 * fleet_exponential(&fleet->rng))));
}

static bool report(struct fleet *fleet, uint32_t index, struct buf *out, struct fleet_line *line)
{
    struct fleet_campaign *campaign = &fleet->campaigns[index];
    uint32_t on_call = campaign->callers[CALLER_ON_CALL], hold = campaign->callers[CALLER_HOLD];
    uint32_t wrap = campaign->callers[CALLER_WRAP_UP];
    uint32_t host = campaign->host;
    line->host = host;
    line->samples = 3;
    fleet_line_time(fleet, host, out);
    buf_printf(
        out,
        "source=web%02u.%u.%u level#dialer.caller_sessions.on_call=%u level#dialer.caller_sessions.hold=%u "
        "level#dialer.caller_sessions.wrap_up=%u\n",
        host + 1, fleet_account_id(index / FLEET_CAMPAIGNS), fleet_campaign_id(index), on_call, hold, wrap);
    /* One report of nobody, then silence. */
    campaign->reporting = on_call + hold + wrap > 0;
    if (campaign->reporting)
        fleet_add(fleet, (struct fleet_event){.type = EVENT_REPORT, .index = index}, REPORT_MS);
    return true;
}

bool fleet_calls_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                        struct fleet_line *line)
{
    bool wrote = false;
    switch (event->type) {
    case EVENT_ARRIVAL:
        arrive(fleet);
        return false;
    case EVENT_REPORT:
        return report(fleet, event->index, out, line);
    case EVENT_DIAL:
        wrote = dial(fleet, event->index, out, line);
        break;
    case EVENT_TALK:
        wrote = talk(fleet, event, out, line);
        break;
    case EVENT_LATENCY:
        wrote = latency(fleet, event, out, line);
        break;
    default:
        wrap_up(fleet, event->index);
        break;
    }
    session_let_go(fleet, event->index);
    return wrote;
}
