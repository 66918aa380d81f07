/* catalog.h: which segments are in service, up to where each lane is sealed, keys, and a few facts.
 *
 * SQLite underneath (WAL, FULL, EXCLUSIVE, through sqlite_vfs.h). It can be lost: everything but keys and the
 * record of what was dropped comes back from the segments' footers (rebuild.c). Threads: one at a time.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "base/sys.h"
#include "store/head.h"

struct catalog;

/* ERR_CORRUPT: it is damaged. Made when absent. *fresh: it is new, or was never filled: the fact `ready` is
 * not set. */
enum err catalog_open(struct sys *sys, struct str dir, struct catalog **out, bool *fresh,
                      struct why *why) MUST_USE;
void catalog_close(struct catalog *catalog); /* NULL is fine */

/* ---- reading; a view is valid during the call ---- */
typedef void catalog_segment_fn(void *ctx, struct str name, struct str directory);
typedef void catalog_lane_fn(void *ctx, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES],
                             uint64_t keys_lsn);
typedef void catalog_key_fn(void *ctx, struct str key, int64_t time_ms);
typedef void catalog_name_fn(void *ctx, struct str name);
typedef void catalog_tombstone_fn(void *ctx, uint64_t id, struct str body, int64_t gone_ms);

struct catalog_reader {
    void *ctx;
    catalog_segment_fn *segment;
    catalog_lane_fn *lane;
    catalog_key_fn *key;
    catalog_name_fn *gone;
    catalog_tombstone_fn *tombstone; /* its sum is right */
};

/* ERR_CORRUPT when anything does not add up. */
enum err catalog_read(struct catalog *catalog, const struct catalog_reader *reader, struct why *why) MUST_USE;
/* *out is otherwise when there is no such fact. */
enum err catalog_fact(struct catalog *catalog, const char *name, int64_t otherwise, int64_t *out,
                      struct why *why) MUST_USE;

/* ---- changing: begin, any of these, commit; the first failure is remembered and returned by commit, and
 * then nothing has changed ---- */
void catalog_begin(struct catalog *catalog);
void catalog_add(struct catalog *catalog, struct str name, struct str directory);
void catalog_remove(struct catalog *catalog, struct str name);
/* FOLDER/NAME of a file that is out of service and may still be on disk, or come back there by a power cut.
 */
void catalog_add_gone(struct catalog *catalog, struct str name);
void catalog_set_lane(struct catalog *catalog, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES],
                      uint64_t keys_lsn);
void catalog_add_key(struct catalog *catalog, struct str key, int64_t time_ms);
void catalog_drop_keys(struct catalog *catalog, int64_t before_ms, uint32_t count_max);
void catalog_forget_gone(struct catalog *catalog, struct str name);
/* body: tombstone.h. gone_ms: 0 while it is in force. Replaces what the id had. */
void catalog_add_tombstone(struct catalog *catalog, uint64_t id, struct str body, int64_t gone_ms);
/* Those that are over, but for the last count_max of all. */
void catalog_drop_tombstones(struct catalog *catalog, uint32_t count_max);
void catalog_set_fact(struct catalog *catalog, const char *name, int64_t value);
enum err catalog_commit(struct catalog *catalog, struct why *why) MUST_USE;

uint64_t catalog_bytes(struct catalog *catalog);

#endif
