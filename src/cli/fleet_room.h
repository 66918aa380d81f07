/* fleet_room.h: the fleet's inside, shared by the files that move its parts. */
#ifndef CLI_FLEET_ROOM_H
#define CLI_FLEET_ROOM_H

#include "cli/fleet.h"
#include "cli/fleet_plan.h"
#include "cli/fleet_random.h"

enum fleet_event_type {
    EVENT_ARRIVAL,  /* a caller begins a session */
    EVENT_DIAL,     /* a caller's turn: contacts are dialled */
    EVENT_TALK,     /* a contact answered: the latency is logged, caller is on_call */
    EVENT_LATENCY,  /* another latency of the session is logged */
    EVENT_WRAP_UP,  /* the call has ended */
    EVENT_REPORT,   /* callers by state of a campaign, every 90 s */
    EVENT_HOST,     /* levels of a host, every 10 s */
    EVENT_JOB,      /* a worker takes a job */
    EVENT_JOB_DONE, /* and ends it */
    EVENT_SCALE,    /* the autoscaler looks, every 30 s */
};

struct fleet_event {
    int64_t time_ms;
    uint64_t order; /* of making: ties are settled by it */
    uint32_t type;
    uint32_t index;  /* of the session, campaign, host, job or process */
    uint32_t metric; /* of a latency */
    uint32_t value;  /* tenths of a millisecond, or a count */
};

enum caller_state { CALLER_HOLD, CALLER_ON_CALL, CALLER_WRAP_UP, CALLER_STATES };

struct fleet_session {
    uint64_t id;
    int64_t end_ms;
    uint32_t campaign; /* index over all accounts */
    uint32_t pending;  /* events that still name it */
    uint8_t host, caller_type, phone_type, state;
    bool over;
    uint32_t next_free;
};

struct fleet_campaign {
    uint32_t callers[CALLER_STATES];
    bool reporting;
    uint8_t type, host;
};

/* Jobs and processes of the workers: const tables in fleet_workers.c. */
enum { FLEET_JOBS = 14, FLEET_JOBS_FREQUENT = 8 /* the first ones */, FLEET_PROCESSES = 5 };

struct fleet {
    struct fleet_options options;
    struct rng rng;
    int64_t now_ms;
    struct fleet_plan plan;
    struct fleet_campaign *campaigns;
    struct fleet_session *sessions;
    uint32_t session_count, session_cap, session_free;
    uint64_t first_session; /* its number: later fleets begin with later ones */
    uint64_t sessions_begun;
    int64_t planned_to_ms; /* samples that the plan expects were summed up to here */
    double behind;         /* so many of them are not logged yet; negative: too many are */
    uint32_t callers, callers_at[FLEET_HOSTS_MAX]; /* at work, in all and by host */
    uint32_t dynos[FLEET_PROCESSES];
    struct fleet_event *heap;
    uint32_t heap_count, heap_cap;
    uint64_t order;
};

/* Events. */
void fleet_add(struct fleet *fleet, struct fleet_event event, int64_t after_ms);
struct fleet_event fleet_take_first(struct fleet *fleet); /* there is always one */

/* Chance takes a small fleet some per cent off its plan. When it has fallen behind, callers arrive as much
 * faster (at most twice) as makes up for it within half an hour; and the other way round. */
double fleet_urge(struct fleet *fleet);
int64_t fleet_stretched(struct fleet *fleet, double ms); /* of hosts and workers: as the plan stretches it */

/* Each handles its events; true when a line was appended. */
bool fleet_calls_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                        struct fleet_line *line);
bool fleet_hosts_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                        struct fleet_line *line);
bool fleet_workers_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                          struct fleet_line *line);
void fleet_calls_begin(struct fleet *fleet);
void fleet_hosts_begin(struct fleet *fleet);
void fleet_workers_begin(struct fleet *fleet);

/* Samples a second of all hosts, or of all workers and autoscalers, when the fleet's plan does not stretch.
 */
double fleet_hosts_samples_per_s(uint32_t host_count);
double fleet_workers_samples_per_s(uint32_t host_count, double rhythm);

/* How busy an hour is, 1 on average over a day; between the hours it is a straight line. */
double fleet_rhythm(int64_t time_ms);

/* Incidents: decided by seed and time alone. */
double fleet_incident_slowness(const struct fleet *fleet, uint32_t account); /* 1, or how many times slower */
unsigned fleet_incident_failing(const struct fleet *fleet, uint32_t job);    /* per cent that fail */
bool fleet_incident_flapping(const struct fleet *fleet, uint32_t process);

uint32_t fleet_account_id(uint32_t account);
uint32_t fleet_campaign_id(uint32_t campaign);

/* The beginning of a line as this host writes it: a time, and perhaps who. */
void fleet_line_time(struct fleet *fleet, uint32_t host, struct buf *out);
void fleet_line_tenths(struct buf *out, uint64_t tenths); /* "12.5", "7" */

#endif
