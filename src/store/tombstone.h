/* tombstone.h: what was deleted and is still in files: which metrics, sources and times, of which files.
 *
 * A delete covers what was stored when it began: the heads are sealed first, and the tombstone names the
 * files that hold any row of it, with how many. Files never change and their names never come again, so
 * whatever comes later, be it of the same moment, lies in other files and stays. A tombstone is no longer
 * needed when none of its files is left. Metrics are named, not globbed: only those that were stored then can
 * be meant.
 *
 * Immutable, counted references, read by any thread. Bytes: head of tombstone.c. Of this room only.
 */
#ifndef STORE_TOMBSTONE_H
#define STORE_TOMBSTONE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "scheme/names.h"
#include "store/store.h"

enum { TOMBSTONE_BYTES_MAX = 256 << 20, TOMBSTONES_MAX = 1000 };

struct tombstone_test {
    struct str field;
    uint32_t number; /* of it, in names.h, when the tombstone was read */
    struct source_match match;
};

struct tombstone_metric {
    struct str name;
    uint32_t metric; /* in names.h; NAME_NONE: not seen in this process */
    uint64_t bound;  /* bit i: test i is decided by the metric's name */
};

/* Rows of a metric in a file that the tombstone covers, and no earlier one does. */
struct tombstone_count {
    uint32_t metric; /* in names.h */
    uint64_t bound;
    uint64_t rows;
};

struct tombstone_file {
    struct str name; /* of the segment */
    struct tombstone_count *counts;
    uint32_t count;
};

struct tombstone {
    _Atomic uint32_t refs;
    uint64_t id;
    int64_t at_ms;
    int64_t gone_ms; /* when none of its files was left; 0: in force */
    uint64_t rows;
    struct str who, text;
    int64_t from_ms, to_ms; /* [from, to) */
    struct tombstone_test *tests;
    uint32_t test_count;
    struct tombstone_metric *metrics;
    uint32_t metric_count;
    struct tombstone_file *files;
    uint32_t file_count;
    struct arena arena;
};

/* A row of the table to be written: by file, then metric. */
struct tombstone_entry {
    const char *file;
    uint32_t metric; /* place in the request's metrics */
    uint64_t rows;
};

void tombstone_encode(const struct delete_request *request, const struct names *names, uint64_t id,
                      int64_t at_ms, const struct tombstone_entry *entries, uint32_t count, struct buf *out);
/* NULL and *why when the bytes are no tombstone. */
struct tombstone *tombstone_decode(struct str bytes, struct names *names, struct why *why);
/* The same without metrics and files, for the record. */
void tombstone_encode_record(const struct tombstone *tombstone, struct buf *out);
struct tombstone *tombstone_ref(struct tombstone *tombstone);
void tombstone_unref(struct tombstone *tombstone); /* NULL is fine */

/* ---- all of one moment ---- */

/* A file and a tombstone that covers rows of it. */
struct touch {
    struct tombstone *tombstone;
    const struct tombstone_file *file;
};

struct tombstone_set {
    _Atomic uint32_t refs;
    uint32_t count;
    struct tombstone **at; /* ascending by id */
    uint32_t touch_count;
    struct touch *touches; /* of those in force; ascending by the file's name, then id */
};

struct tombstone_set *tombstone_set_new(struct tombstone **tombstones, uint32_t count); /* takes references */
struct tombstone_set *tombstone_set_ref(struct tombstone_set *set);
void tombstone_set_unref(struct tombstone_set *set); /* NULL is fine */
/* What touches a file; NULL when nothing does. */
const struct touch *tombstone_set_find(const struct tombstone_set *set, struct str file, uint32_t *count);

#endif
