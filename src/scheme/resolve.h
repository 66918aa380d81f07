/* resolve.h: from the words of a line to a metric's number, a value in the metric's unit, and a canonical
 * source.
 *
 * A resolver belongs to one thread and one scheme. It remembers what it resolved by the raw bytes, so that a
 * source it has seen costs one hash and one compare. Its memory is bounded: beyond RESOLVE_SOURCES_MAX it
 * starts afresh. A resolved source is valid until the next resolve_* call that may start afresh: take what
 * you need at once.
 */
#ifndef SCHEME_RESOLVE_H
#define SCHEME_RESOLVE_H

#include "scheme/scheme.h"
#include "scheme/source.h"

enum { RESOLVE_SOURCES_MAX = 131072 };

enum undeclared { UNDECLARED_ACCEPT, UNDECLARED_PARK, UNDECLARED_REFUSE };

/* Who sent it. Field values of the token rule over the line. Views must outlive the call. Equal reporters
 * should pass the same id (from 1), so that what was resolved for one serves again; 0: never remembered. */
struct reporter {
    uint32_t id;
    struct str process; /* of the frame: "web.1", at == NULL when absent */
    struct str host;    /* the frame's HOSTNAME; at == NULL when absent, `host`, `-` or a drain token */
    const struct pair *fields; /* set by the token */
    uint32_t field_count;
};

struct resolved_source {
    struct str bytes; /* canonical, see source.h */
    uint64_t hash;    /* hash_bytes(bytes) */
    uint64_t mark;    /* the caller's: 0 when fresh */
    uint32_t slot;    /* the caller's */
};

/* Remarks are counted here, by reason. Hardly a line has one, so seen spares looking at all of them. */
struct remarks {
    uint64_t seen; /* bit by reason: its count is not 0 */
    uint64_t counts[REASON_COUNT];
};

static inline void remarks_add(struct remarks *remarks, enum reason reason)
{
    remarks->seen |= (uint64_t)1 << reason;
    remarks->counts[reason]++;
}

struct resolver;

struct resolver *resolver_new(struct scheme *scheme, struct names *names, enum undeclared undeclared);
void resolver_free(struct resolver *resolver);
uint64_t resolver_generation(const struct resolver *resolver); /* the scheme's */

struct resolved_metric {
    uint32_t metric; /* in names.h */
    enum kind kind;
    enum unit unit;   /* what values are stored in */
    struct str label; /* a declared unit that is a plain word, "pages"; else empty. As long as the scheme */
    uint32_t template_set; /* same number: same templates, so a source resolved for one serves the other */
    bool parked;           /* undeclared, and the listener parks: stored, but hidden until it is declared */
};

/* REASON_NONE, or why the measurement is refused. */
enum reason resolve_metric(struct resolver *resolver, const struct measurement *measurement,
                           struct remarks *remarks, struct resolved_metric *out);

/* The measurement's number in the metric's unit. */
double resolve_value(const struct measurement *measurement, const struct resolved_metric *metric,
                     struct remarks *remarks);

/* Never fails: what does not fit is kept whole in field `source` with a remark. */
struct resolved_source *resolve_source(struct resolver *resolver, const struct resolved_metric *metric,
                                       const struct line *line, const struct reporter *reporter,
                                       struct remarks *remarks);

/* When several lines are at hand: what resolve_source will look up for the first measurement of each is
 * fetched into the cache meanwhile. First for all of them the one, which returns what the others take (0:
 * nothing to fetch); then, for all, each of the others. The last tells which source it will
 * most likely be; NULL: unknown, or it has this mark and its bytes are not wanted. */
uint64_t resolve_foresee(struct resolver *resolver, const struct line *line, const struct reporter *reporter);
void resolve_foresee_entry(const struct resolver *resolver, uint64_t foreseen);
const struct resolved_source *resolve_foresee_bytes(const struct resolver *resolver, uint64_t foreseen,
                                                    uint64_t mark);

#endif
