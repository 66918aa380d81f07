/* A binary heap of events, by time, then by the order of making. */
#include "cli/fleet_room.h"

#include "base/mem.h"

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

struct fleet_event fleet_take_first(struct fleet *fleet)
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
