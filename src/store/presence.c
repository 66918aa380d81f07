/* Presence: minutes in which a sample was accepted, per host and for any host. Heads keep a list of distinct
 * (host, minute), files a section of runs of minutes. */
#include "base/check.h"
#include "store/part.h"
#include "store/day.h"
#include "store/segment.h"
#include "store/store_room.h"

static void set_minute(uint8_t *present, int64_t from_minute, uint32_t minutes, int64_t minute)
{
    if (minute >= from_minute && minute - from_minute < minutes) {
        uint64_t at = (uint64_t)(minute - from_minute);
        present[at / 8] |= (uint8_t)(1u << (at % 8));
    }
}

static void head_presence(const struct part *part, struct str host, int64_t from_minute, uint32_t minutes,
                          uint8_t *present)
{
    uint32_t wanted = host.at ? INTERN_NONE : PRESENCE_ANY;
    for (uint32_t h = 1; host.at && h < part->host_count && wanted == INTERN_NONE; h++)
        if (str_eq(intern_get(&part->head->presence.hosts, h), host))
            wanted = h;
    if (wanted == INTERN_NONE)
        return;
    const struct presence_chunk *chunk = part->head->presence.first;
    for (uint32_t i = 0; i < part->presence_count; i++) {
        if (i && i % PRESENCE_CHUNK == 0)
            chunk = chunk->next;
        const struct host_minute *pair = &chunk->pairs[i % PRESENCE_CHUNK];
        if (pair->host == wanted)
            set_minute(present, from_minute, minutes, pair->minute);
    }
}

struct minutes {
    int64_t from_minute;
    uint32_t count;
    uint8_t *present;
};

static void on_run(void *ctx, int64_t minute, uint64_t count)
{
    struct minutes *minutes = ctx;
    int64_t first = minute > minutes->from_minute ? minute : minutes->from_minute;
    for (int64_t at = first; (uint64_t)(at - minute) < count && at - minutes->from_minute < minutes->count;
         at++)
        set_minute(minutes->present, minutes->from_minute, minutes->count, at);
}

enum err snapshot_presence(struct snapshot *snapshot, struct str host, int64_t from_minute, uint32_t minutes,
                           bool by_day, uint8_t *present, struct why *why)
{
    struct minutes wanted = {from_minute, minutes, present};
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < snapshot->part_count && !err; i++) {
        struct part *part = &snapshot->parts[i];
        struct segment_index *index;
        if (part->head) {
            head_presence(part, host, from_minute, minutes, present);
            continue;
        }
        if (minute_of(part->from_ms) >= from_minute + minutes || minute_of(part->to_ms) < from_minute)
            continue;
        if (by_day && !host.at && part->rows && minute_of(part->from_ms) >= from_minute &&
            minute_of(part->to_ms) < from_minute + minutes) {
            set_minute(present, from_minute, minutes, minute_of(part->from_ms)); /* a file is of one day */
            continue;
        }
        err = part_load_index(part, &index, why);
        if (!err)
            err = segment_presence(index, host, on_run, &wanted, why);
        if (err == ERR_CORRUPT)
            part->segment->damaged = true;
    }
    return err;
}
