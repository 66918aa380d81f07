/* Presence: minutes in which a sample was accepted, per host and for any host. Heads keep a list of distinct
 * (host, minute), files a section of runs of minutes. */
#include "base/check.h"
#include "store/part.h"
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
    uint32_t wanted = host.at ? INTERN_NONE : 0;
    for (uint32_t h = 1; host.at && h < part->host_count && wanted == INTERN_NONE; h++)
        if (str_eq(intern_get(&part->head->hosts, h), host))
            wanted = h;
    if (wanted == INTERN_NONE)
        return;
    const struct presence_chunk *chunk = part->head->presence;
    for (uint32_t i = 0; i < part->presence_count; i++) {
        if (i && i % PRESENCE_CHUNK == 0)
            chunk = chunk->next;
        const struct host_minute *pair = &chunk->pairs[i % PRESENCE_CHUNK];
        if (pair->host == wanted)
            set_minute(present, from_minute, minutes, pair->minute);
    }
}

enum err snapshot_presence(struct snapshot *snapshot, struct str host, int64_t from_minute, uint32_t minutes,
                           uint8_t *present, struct why *why)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++)
        if (snapshot->parts[i].head)
            head_presence(&snapshot->parts[i], host, from_minute, minutes, present);
    return ERR_OK;
}
