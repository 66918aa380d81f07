/* Workers take jobs that sometimes fail; an autoscaler adds and takes away processes as the load goes. */
#include "cli/fleet_room.h"

enum { SCALE_MS = 30 * 1000 };

static const char *const processes[FLEET_PROCESSES] = {"worker", "mailer", "billing", "crm", "reports"};

/* The frequent ones first. */
static const struct {
    const char *process;
    const char *job;
    unsigned every_s; /* at an average hour */
    unsigned run_ms;
} jobs[FLEET_JOBS] = {
    {"worker", "persist_calls", 3, 40}, {"worker", "persist_answers", 4, 60},
    {"worker", "reconnect", 9, 120},    {"crm", "push_results", 12, 400},
    {"billing", "quota", 15, 50},       {"mailer", "report_ready", 20, 200},
    {"crm", "sync_contacts", 25, 2500}, {"mailer", "invitation", 30, 180},
    {"worker", "archive", 40, 700},     {"mailer", "invoice", 45, 300},
    {"reports", "usage", 60, 4000},     {"worker", "voter_list_upload", 60, 8000},
    {"billing", "dunning", 90, 900},    {"reports", "export", 120, 15000},
};

/* A job logs three samples when it begins and two when it ends; an autoscaler one at a look. */
double fleet_workers_samples_per_s(uint32_t host_count, double rhythm)
{
    double jobs_per_s = 0;
    for (uint32_t j = 0; j < FLEET_JOBS; j++)
        jobs_per_s += 1.0 / jobs[j].every_s;
    return 5 * jobs_per_s * rhythm * host_count / FLEET_HOSTS_MAX + FLEET_PROCESSES * 1000.0 / SCALE_MS;
}

static uint32_t process_of(uint32_t job)
{
    uint32_t p = 0;
    while (p + 1 < FLEET_PROCESSES && strcmp(processes[p], jobs[job].process) != 0)
        p++;
    return p;
}

static void add_job(struct fleet *fleet, uint32_t job)
{
    double scale = fleet_rhythm(fleet->now_ms) * fleet->plan.host_count / FLEET_HOSTS_MAX;
    fleet_add(
        fleet, (struct fleet_event){.type = EVENT_JOB, .index = job},
        1 + fleet_stretched(fleet, 1000.0 * jobs[job].every_s * fleet_exponential(&fleet->rng) / scale));
}

void fleet_workers_begin(struct fleet *fleet)
{
    for (uint32_t j = 0; j < FLEET_JOBS; j++)
        add_job(fleet, j);
    for (uint32_t p = 0; p < FLEET_PROCESSES; p++) {
        fleet->dynos[p] = 2;
        fleet_add(fleet, (struct fleet_event){.type = EVENT_SCALE, .index = p},
                  (int64_t)rng_below(&fleet->rng, (uint64_t)(SCALE_MS * fleet->plan.stretch)));
    }
}

static void begin_line(struct fleet *fleet, uint32_t process, struct buf *out, struct fleet_line *line)
{
    uint32_t dyno = 1 + (uint32_t)rng_below(&fleet->rng, fleet->dynos[process] ? fleet->dynos[process] : 1);
    line->host = process;
    buf_str(out, STR("ts="));
    buf_number(out, (double)fleet->now_ms);
    buf_printf(out, " source=%s.%u ", processes[process], dyno);
}

static bool take_job(struct fleet *fleet, uint32_t job, struct buf *out, struct fleet_line *line)
{
    uint32_t process = process_of(job);
    begin_line(fleet, process, out, line);
    buf_printf(out, "count#%s.jobs=1 count#%s.%s.jobs=1 count#job_status.%s.started=1\n", processes[process],
               processes[process], jobs[job].job, processes[process]);
    line->samples = 3;
    add_job(fleet, job);
    double ms = fleet_log_normal(&fleet->rng, jobs[job].run_ms, 0.6);
    fleet_add(fleet,
              (struct fleet_event){.type = EVENT_JOB_DONE, .index = job, .value = (uint32_t)(ms * 10) + 1},
              (int64_t)ms + 1);
    return true;
}

static bool end_job(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                    struct fleet_line *line)
{
    uint32_t process = process_of(event->index);
    const char *name = processes[process];
    begin_line(fleet, process, out, line);
    if (rng_below(&fleet->rng, 1000) < 10 * (uint64_t)fleet_incident_failing(fleet, event->index)) {
        buf_printf(out, "count#%s.%s.failed=1 count#job_status.%s.error=1\n", name, jobs[event->index].job,
                   name);
        line->samples = 2;
    } else if (rng_below(&fleet->rng, 400) == 0) {
        buf_printf(out, "count#job_status.%s.sigterm=1\n", name);
        line->samples = 1;
    } else {
        buf_printf(out, "measure#%s.%s.run_ms=", name, jobs[event->index].job);
        fleet_line_tenths(out, event->value);
        buf_printf(out, "ms count#job_status.%s.completed=1\n", name);
        line->samples = 2;
    }
    return true;
}

static bool scale(struct fleet *fleet, uint32_t process, struct buf *out, struct fleet_line *line)
{
    uint32_t has = fleet->dynos[process];
    /* A need between two whole numbers must not make it go up and down: the dead band is wider than a half.
     */
    double needs = 1 + 4 * fleet->callers / fleet->plan.callers + 0.1 * fleet_normal(&fleet->rng);
    bool acts = needs > has + 0.75 || needs < has - 0.75;
    uint32_t wants = acts ? (uint32_t)(needs + 0.5) : has;
    if (fleet_incident_flapping(fleet, process))
        wants = has > 3 ? 1 : has + 4; /* up and down at every look */
    begin_line(fleet, process, out, line);
    buf_printf(out, "count#autoscale.%s.total=1", processes[process]);
    line->samples = 1;
    if (rng_below(&fleet->rng, 300) == 0) {
        buf_printf(out, " count#autoscale.%s.error=1", processes[process]);
        line->samples++;
    } else if (wants != has) {
        buf_printf(out, " count#autoscale.%s.%s=%u", processes[process], wants > has ? "up" : "down",
                   wants > has ? wants - has : has - wants);
        fleet->dynos[process] = wants;
        line->samples++;
    }
    buf_char(out, '\n');
    fleet_add(fleet, (struct fleet_event){.type = EVENT_SCALE, .index = process},
              fleet_stretched(fleet, SCALE_MS));
    return true;
}

bool fleet_workers_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                          struct fleet_line *line)
{
    if (event->type == EVENT_JOB)
        return take_job(fleet, event->index, out, line);
    if (event->type == EVENT_JOB_DONE)
        return end_job(fleet, event, out, line);
    return scale(fleet, event->index, out, line);
}
