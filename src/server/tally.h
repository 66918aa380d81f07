/* tally.h: the exact account of what came in, one tally per ingest thread, summed for people.
 *
 *   lines received = with measurements + without + refused
 *   measurements found = accepted + refused (by reason) + parked
 *
 * Written by one thread, read by any: counters are relaxed atomics, so a reader may see a line counted a
 * moment before its measurements. Of every reason one recent example is kept.
 */
#ifndef SERVER_TALLY_H
#define SERVER_TALLY_H

#include "scheme/resolve.h"

#include <pthread.h>

enum { TALLY_EXAMPLE_MAX = 240 };

#define TALLY_LIST(X)                                                       \
    X(lines, "lines received")                                              \
    X(lines_with, "lines with measurements")                                \
    X(lines_without, "lines without a measurement and without an error")    \
    X(lines_refused, "lines refused whole")                                 \
    X(found, "measurements found")                                          \
    X(accepted, "measurements accepted")                                    \
    X(refused, "measurements refused")                                      \
    X(parked, "measurements of undeclared names kept aside")                \
    X(bytes, "bytes of lines received")                                     \
    X(datagrams, "datagrams received")                                      \
    X(datagrams_lost, "datagrams the kernel dropped before they were read") \
    X(duplicates, "bodies that had been stored before")                     \
    X(upstream_lost, "lines that the sender said it lost (logplex L10)")

struct tally_counts {
#define X(name, text) uint64_t name;
    TALLY_LIST(X)
#undef X
    uint64_t reasons[REASON_COUNT];
};

struct tally_example {
    int64_t time_ms; /* of its arrival; 0: none yet */
    uint32_t size;
    char text[TALLY_EXAMPLE_MAX];
};

struct tally {
    struct tally_counts counts;
    pthread_mutex_t lock; /* of the examples */
    struct tally_example examples[REASON_COUNT];
};

void tally_init(struct tally *tally);
void tally_done(struct tally *tally);

static inline void tally_add(uint64_t *counter, uint64_t more)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

/* Counts a reason n times, and keeps line as its example when the last one is older than ten seconds. */
void tally_reason(struct tally *tally, enum reason reason, uint64_t n, struct str line, int64_t now_ms);

void tally_sum(const struct tally *tally, struct tally_counts *sum); /* adds */
/* The newer example of a reason; into is left alone when tally has none newer. */
void tally_newest_example(struct tally *tally, enum reason reason, struct tally_example *into);

#endif
