/* presence_set.h: distinct (host, minute) in the order they came, from sources and times of rows.
 *
 * One thread adds; readers who were told the counts by other means may read hosts and pairs below them, since
 * neither ever moves. Zero-initialised is ready.
 */
#ifndef STORE_PRESENCE_SET_H
#define STORE_PRESENCE_SET_H

#include "base/intern.h"
#include "scheme/source.h"

enum { PRESENCE_CHUNK = 256, PRESENCE_ANY = 0 };

struct host_minute {
    uint32_t host; /* in hosts; PRESENCE_ANY stands for any */
    int32_t minute;
};

struct presence_chunk {
    struct presence_chunk *next;
    struct host_minute pairs[PRESENCE_CHUNK];
};

/* The minutes of one day that are marked already: rows of a file come source by source, and so go through the
 * day again and again. */
struct host_day {
    int64_t day;
    uint64_t minutes[(24 * 60 + 63) / 64];
};

struct presence_set {
    struct intern hosts; /* printed values of field host; "" first */
    struct presence_chunk *first, *last;
    uint32_t count;
    /* The adder's. */
    struct host_day *host_days; /* by host */
    uint32_t host_cap;
    uint64_t *marked; /* open addressing: host << 32 | minute, plus one */
    uint32_t marked_cap;
};

void presence_set_done(struct presence_set *set);
/* Number of the source's host, or INTERN_NONE; call it for a source before marking with it. */
uint32_t presence_set_host(struct presence_set *set, uint32_t host_field, struct str source);
/* The same by the value of the source's host. */
uint32_t presence_set_host_of(struct presence_set *set, struct source_value value);
uint32_t presence_set_host_named(struct presence_set *set, struct str host); /* likewise */
/* A minute of the day, for a host (INTERN_NONE: none) and so for any host: what presence_set_mark does when
 * it is new. */
void presence_set_add(struct presence_set *set, uint32_t host, int64_t day, unsigned minute);

/* The minute of a row whose source has this host (INTERN_NONE: none), and which lies so far behind the start
 * of this day. Inline, as it is called for every row and mostly knows the minute. */
static inline void presence_set_mark(struct presence_set *set, uint32_t host, int64_t day, int64_t ms_of_day)
{
    unsigned minute = (uint32_t)ms_of_day / 60000;
    const struct host_day *known = &set->host_days[host == INTERN_NONE ? PRESENCE_ANY : host];
    if (__builtin_expect(known->day != day || !(known->minutes[minute / 64] >> minute % 64 & 1), 0))
        presence_set_add(set, host, day, minute);
}
size_t presence_set_bytes(const struct presence_set *set);

#endif
