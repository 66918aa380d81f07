/* Hosts: processor, memory and load, every ten seconds; they follow the callers that are at work on the host.
 */
#include "cli/fleet_room.h"

enum { HOST_MS = 10 * 1000, HOST_SAMPLES = 3 };

double fleet_hosts_samples_per_s(uint32_t host_count)
{
    return (double)host_count * HOST_SAMPLES * 1000 / HOST_MS;
}

void fleet_hosts_begin(struct fleet *fleet)
{
    for (uint32_t h = 0; h < fleet->plan.host_count; h++)
        fleet_add(fleet, (struct fleet_event){.type = EVENT_HOST, .index = h},
                  (int64_t)rng_below(&fleet->rng, (uint64_t)(HOST_MS * fleet->plan.stretch)));
}

bool fleet_hosts_handle(struct fleet *fleet, const struct fleet_event *event, struct buf *out,
                        struct fleet_line *line)
{
    /* 1 is what it is made for. */
    double load = fleet->callers_at[event->index] * (double)fleet->plan.host_count / fleet->plan.callers +
                  0.05 * fleet_normal(&fleet->rng);
    load = load < 0.05 ? 0.05 : load;
    double busy = 100 * load / (load + 1.6);
    uint64_t cpu = (uint64_t)(busy * 10), memory = (uint64_t)(900 + 700 * load + 20 * event->index);
    uint64_t average = (uint64_t)(load * 18);
    line->host = event->index;
    line->samples = HOST_SAMPLES;
    fleet_line_time(fleet, event->index, out);
    buf_printf(out, "source=web%02u level#host.cpu.busy=", event->index + 1);
    fleet_line_tenths(out, cpu);
    buf_printf(out, "%% level#host.memory.used=%lluMB level#host.load.1m=", (unsigned long long)memory);
    fleet_line_tenths(out, average);
    buf_char(out, '\n');
    fleet_add(fleet, (struct fleet_event){.type = EVENT_HOST, .index = event->index},
              fleet_stretched(fleet, HOST_MS));
    return true;
}
