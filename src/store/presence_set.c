#include "store/presence_set.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scheme/source.h"
#include "store/day.h"

void presence_set_done(struct presence_set *set)
{
    for (struct presence_chunk *chunk = set->first, *next; chunk; chunk = next) {
        next = chunk->next;
        mem_free(chunk);
    }
    mem_free(set->marked);
    mem_free(set->host_last);
    intern_done(&set->hosts);
    *set = (struct presence_set){0};
}

static void make_room(struct presence_set *set)
{
    uint32_t cap = set->host_last_cap ? set->host_last_cap * 2 : 16;
    while (cap < set->hosts.count)
        cap *= 2;
    set->host_last = mem_resize(set->host_last, cap, sizeof *set->host_last);
    for (uint32_t i = set->host_last_cap; i < cap; i++)
        set->host_last[i] = INT32_MIN;
    set->host_last_cap = cap;
}

uint32_t presence_set_host_named(struct presence_set *set, struct str host)
{
    if (set->hosts.count == 0)
        intern_resolve(&set->hosts, STR("")); /* PRESENCE_ANY */
    uint32_t number = host.size ? intern_resolve(&set->hosts, host) : INTERN_NONE;
    if (set->hosts.count > set->host_last_cap)
        make_room(set);
    return number;
}

uint32_t presence_set_host(struct presence_set *set, uint32_t host_field, struct str source)
{
    if (set->hosts.count == 0)
        intern_resolve(&set->hosts, STR("")); /* PRESENCE_ANY */
    struct source_value value = source_get(source, host_field);
    uint32_t host = INTERN_NONE;
    if (value.type == SOURCE_TEXT) {
        host = intern_resolve(&set->hosts, value.text);
    } else if (value.type == SOURCE_NUMBER) {
        struct buf text = {0};
        source_value_print(value, &text);
        host = intern_resolve(&set->hosts, buf_view(&text));
        buf_done(&text);
    }
    if (set->hosts.count > set->host_last_cap)
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

static void mark(struct presence_set *set, uint32_t host, int32_t minute)
{
    if (set->host_last[host] == minute)
        return;
    set->host_last[host] = minute;
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

void presence_set_mark(struct presence_set *set, uint32_t host, int64_t time_ms)
{
    int32_t minute = (int32_t)minute_of(time_ms);
    mark(set, PRESENCE_ANY, minute);
    if (host != INTERN_NONE)
        mark(set, host, minute);
}

size_t presence_set_bytes(const struct presence_set *set)
{
    return intern_bytes(&set->hosts) + set->host_last_cap * sizeof *set->host_last +
           set->marked_cap * sizeof *set->marked +
           (set->count + PRESENCE_CHUNK - 1) / PRESENCE_CHUNK * sizeof(struct presence_chunk);
}
