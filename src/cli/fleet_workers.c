/* Workers take jobs that sometimes fail; an autoscaler adds and takes away processes as the load goes. */
#include "cli/fleet_room.h"

enum { SCALE_MS = 30 * 1000 };

static const char *const processes[FLEET_PROCESSES] = {"worker", "mailer", "billing", "crm", "reports"};

static const struct {
    const char *process;
    const char *job;
    unsigned every_s; /* at an average hour */
    unsigned run_ms;
} jobs[FLEET_JOBS] = {
    {"worker", "persist_calls", 3, 40}, {"worker", "persist_answers", 4, 60},
    {"worker", "reconnect", 9, 120},    {"worker", "voter_list_upload", 60, 8000},
    {"mailer", "invoice", 45, 300},     {"mailer", "report_ready", 20, 200},
    {"mailer", "invitation", 30, 180},  {"billing", "dunning", 90, 900},
    {"billing", "quota", 15, 50},       {"crm", "sync_contacts", 25, 2500},
    {"crm", "push_results", 12, 400},   {"reports", "export", 120, 15000},
    {"reports", "usage", 60, 4000},     {"worker", "archive", 40, 700},
};

static uint32_t process_of(uint32_t job)
{
    uint32_t p = 0;
    while (p + 1 < FLEET_PROCESSES && strcmp(processes[p], jobs[job].process) != 0)
        p++;
    return p;
}

static void add_job(struct fleet *fleet, uint32_t job)
{
    double scale = fleet_rhythm(fleet->now_ms) * fleet->host_count / FLEET_HOSTS_MAX;
    fleet_add(fleet, (struct fleet_event){.type = EVENT_JOB, .index = job},
              1 + (int64_t)(1000.0 * jobs[job].every_s * fleet_exponential(&fleet->rng) / scale));
}

void fleet_workers_begin(struct fleet *fleet)
{
    for (uint32_t j = 0; j < FLEET_JOBS; j++)
        add_job(fleet, j);
    for (uint32_t p = 0; p < FLEET_PROCESSES; p++) {
        fleet->dynos[p] = 2;
        fleet_add(fleet, (struct fleet_event){.type = EVENT_SCALE, .index = p},
                  (int64_t)rng_below(&fleet->rng, SCALE_MS));
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
    uint32_t wants = 1 + (uint32_t)(fleet_rhythm(fleet->now_ms) * 4 + 0.3 * fleet_normal(&fleet->rng) + 0.5);
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
    fleet_add(fleet, (struct fleet_event){.type = EVENT_SCALE, .index = process}, SCALE_MS);
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
