/* head.h: rows in memory, appended by one thread, read by many.
 *
 * Per metric a chain of chunks of columns that never move. The lane's lock is held while a group is appended
 * and while a snapshot copies the counts; below its counts a reader needs no lock, since those rows never
 * change. Freed when the store and the last snapshot let go. Floor: store.
 */
#ifndef STORE_HEAD_H
#define STORE_HEAD_H

#include "base/intern.h"
#include "scheme/names.h"
#include "store/presence_set.h"

#include <stdatomic.h>

/* Rows of the day on which their batch arrived are fresh; all others are late. What a row is follows from the
 * frame alone, so that a replay decides the same. Each class has its own head: late rows of many days wait
 * longer, lest a seal make a small file of every one of them. */
enum head_class { HEAD_FRESH, HEAD_LATE, HEAD_CLASSES };

enum { HEAD_CHUNK_FIRST = 32, HEAD_CHUNK_MAX = 1024 };

struct head_chunk {
    struct head_chunk *next;
    uint32_t cap;
    int64_t from_ms, to_ms; /* of its rows; for readers only once it is full */
    int64_t *time_ms;       /* all three lie behind this struct */
    double *value;
    uint32_t *source;
};

/* Of one metric. */
struct head_column {
    uint32_t metric;
    uint32_t rows;
    int64_t from_ms, to_ms;
    struct head_chunk *first;
};

struct head_writer {
    struct head_column column;
    struct head_chunk *last;
    uint32_t last_rows;
};

struct head {
    _Atomic uint32_t refs;
    uint32_t lane;
    enum head_class class;
    const struct names *names;
    uint32_t host_field;
    int64_t born_ms;    /* sys_mono_ms of the first row */
    uint64_t first_lsn; /* of the first row; 0 while empty */
    uint64_t last_lsn;  /* set when it is sealed: everything of its class up to here is in it or older */
    uint64_t rows;
    size_t chunk_bytes;
    int64_t from_ms, to_ms;

    struct intern sources;
    uint32_t *source_host; /* by source, host in presence or INTERN_NONE; the appender's */
    uint32_t source_host_cap;
    struct presence_set presence;

    struct head_writer **by_metric; /* by number in names.h; the appender's */
    uint32_t by_metric_cap;
    struct head_writer **sorted; /* by number */
    uint32_t metric_count, metric_cap;
};

struct head *head_new(uint32_t lane, enum head_class class, const struct names *names, uint32_t host_field);
struct head *head_ref(struct head *head);
void head_unref(struct head *head); /* NULL is fine */

uint32_t head_source(struct head *head, struct str source, uint64_t hash);
void head_append(struct head *head, uint32_t metric, uint32_t source, int64_t time_ms, double value);
size_t head_bytes(const struct head *head); /* memory held; 0 when it has no rows */

#endif
