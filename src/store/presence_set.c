#include "store/presence_set.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/day.h"

void presence_set_done(struct presence_set *set)
{
    for (struct presence_chunk *chunk = set->first, *next; chunk; chunk = next) {
        next = chunk->next;
        mem_free(chunk);
    }
    mem_free(set->marked);
    mem_free(set->host_days);
    intern_done(&set->hosts);
    *set = (struct presence_set){0};
}

static void make_room(struct presence_set *set)
{
    uint32_t cap = set->host_cap ? set->host_cap * 2 : 16;
    while (cap < set->hosts.count)
        cap *= 2;
    set->host_days = mem_resize(set->host_days, cap, sizeof *set->host_days);
    for (uint32_t i = set->host_cap; i < cap; i++)
        set->host_days[i].day = INT64_MIN;
    set->host_cap = cap;
}

uint32_t presence_set_host_named(struct presence_set *set, struct str host)
{
    if (set->hosts.count == 0)
        intern_resolve(&set->hosts, STR("")); /* PRESENCE_ANY */
    uint32_t number = host.size ? intern_resolve(&set->hosts, host) : INTERN_NONE;
    if (set->hosts.count > set->host_cap)
        make_room(set);
    return number;
}

uint32_t presence_set_host(struct presence_set *set, uint32_t host_field, struct str source)
{
    return presence_set_host_of(set, source_get(source, host_field));
}

uint32_t presence_set_host_of(struct presence_set *set, struct source_value value)
{
    if (set->hosts.count == 0)
        intern_resolve(&set->hosts, STR("")); /* PRESENCE_ANY */
    uint32_t host = INTERN_NONE;
    if (value.type == SOURCE_TEXT) {
        host = intern_resolve(&set->hosts, value.text);
    } else if (value.type == SOURCE_NUMBER) {
        struct buf text = {0};
        source_value_print(value, &text);
        host = intern_resolve(&set->hosts, buf_view(&text));
        buf_done(&text);
    }
    if (set->hosts.count > set->host_cap)
        make_room(set);
    return host;
}

static void grow_marked(struct presence_set *set)
{
    uint32_t cap = set->marked_cap ? set->marked_cap * 2 : 64;
    uint64_t *bigger = mem_zero(cap, sizeof *bigger);
    for (uint32_t i = 0; i < set->marked_cap; i++) {
        if (!set->marked[i])
            continue;
        uint32_t at = (uint32_t)hash_mix(set->marked[i]) & (cap - 1);
        while (bigger[at])
            at = (at + 1) & (cap - 1);
        bigger[at] = set->marked[i];
    }
    mem_free(set->marked);
    set->marked = bigger;
    set->marked_cap = cap;
}

/* true when the pair was not there yet. */
static bool marked_add(struct presence_set *set, uint32_t host, int32_t minute)
{
    uint64_t key = ((uint64_t)host << 32 | (uint32_t)minute) + 1;
    if (set->count >= set->marked_cap / 2)
        grow_marked(set);
    uint32_t at = (uint32_t)hash_mix(key) & (set->marked_cap - 1);
    for (; set->marked[at]; at = (at + 1) & (set->marked_cap - 1))
        if (set->marked[at] == key)
            return false;
    set->marked[at] = key;
    return true;
}

static void add(struct presence_set *set, uint32_t host, int32_t minute)
{
    if (!marked_add(set, host, minute))
        return;
    uint32_t at = set->count % PRESENCE_CHUNK;
    if (at == 0) {
        struct presence_chunk *chunk = MEM_NEW(struct presence_chunk);
        if (set->last)
            set->last->next = chunk;
        else
            set->first = chunk;
        set->last = chunk;
    }
    set->last->pairs[at] = (struct host_minute){host, minute};
    set->count++;
}

/* false: it was marked before. */
static inline bool mark(struct presence_set *set, uint32_t host, int64_t day, unsigned minute)
{
    struct host_day *known = &set->host_days[host];
    if (known->day == day && known->minutes[minute / 64] >> minute % 64 & 1)
        return false;
    if (known->day != day)
        *known = (struct host_day){.day = day};
    known->minutes[minute / 64] |= (uint64_t)1 << minute % 64;
    add(set, host, (int32_t)(day * (DAY_MS / MINUTE_MS) + minute));
    return true;
}

void presence_set_add(struct presence_set *set, uint32_t host, int64_t day, unsigned minute)
{
    /* Where a host is marked, any host is. */
    if (host == INTERN_NONE || mark(set, host, day, minute))
        mark(set, PRESENCE_ANY, day, minute);
}

size_t presence_set_bytes(const struct presence_set *set)
{
    return intern_bytes(&set->hosts) + set->host_cap * sizeof *set->host_days +
           set->marked_cap * sizeof *set->marked +
           (set->count + PRESENCE_CHUNK - 1) / PRESENCE_CHUNK * sizeof(struct presence_chunk);
}
