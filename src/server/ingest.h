/* ingest.h: the corridor in: bytes of a line -> wire -> scheme -> rows of a batch.
 *
 * One struct ingest per ingest thread (or one alone, for an offline import). It parses, resolves, counts; it
 * does not store: rows go into the batch that the caller gives, and the caller submits it.
 */
#ifndef SERVER_INGEST_H
#define SERVER_INGEST_H

#include "scheme/resolve.h"
#include "server/tally.h"
#include "store/batch.h"
#include "wire/syslog.h"

struct ingest;

struct ingest_options {
    struct names *names;
    enum undeclared undeclared;
};

struct ingest *ingest_new(const struct ingest_options *options);
void ingest_free(struct ingest *ingest);
struct tally *ingest_tally(struct ingest *ingest);

/* Call before the lines of a body, packet or read: adopts the scheme (a reference is taken when it is new),
 * the clock, and the edge of retention. */
void ingest_begin(struct ingest *ingest, struct scheme *scheme, int64_t now_ms, int64_t oldest_ms);

/* What happened to the lines of one body, for its answer. */
struct intake {
    struct batch *batch;
    uint64_t lines, without, refused_lines, accepted, refused, parked;
    uint64_t reasons[REASON_COUNT];
    bool from_logplex; /* messages are frames without structured data */
    bool quiet;        /* nobody reads `first` */
    const struct pair *token_fields;
    uint32_t token_field_count;
    struct buf first; /* JSON array elements of the first few refusals, comma separated */
    uint32_t first_count;
};

enum { INTAKE_FIRST_MAX = 10 };

void intake_init(struct intake *intake, struct batch *batch);
void intake_done(struct intake *intake); /* does not free the batch */

/* One message: a bare line or a syslog frame around one, without its newline. */
void ingest_message(struct ingest *ingest, struct intake *intake, struct str message);
/* Several of them, in this order; faster, as memory that one waits for is fetched while others are read. */
void ingest_messages(struct ingest *ingest, struct intake *intake, const struct str *messages,
                     uint32_t count);
/* A message that was cut away for `reason` (line_too_long, frame_bad): counts it as a refused line. */
void ingest_refuse(struct ingest *ingest, struct intake *intake, enum reason reason, struct str start);

/* What became of the rows of an intake: only now they are counted, so that no counter ever goes back. Exactly
 * one of these is called for every row, on the ingest's thread. */
void ingest_stored(struct ingest *ingest, uint64_t accepted, uint64_t parked);
void ingest_not_stored(struct ingest *ingest, uint64_t rows, enum reason reason);

#endif
