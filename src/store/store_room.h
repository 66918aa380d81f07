/* store_room.h: what the files of this room share: the store's insides. Nobody else includes it. */
#ifndef STORE_STORE_ROOM_H
#define STORE_STORE_ROOM_H

#include "store/keys.h"
#include "store/lane.h"
#include "store/store.h"
#include "store/store_path.h"

struct segment_list;
struct catalog;
struct cache;

struct store {
    struct store_options options;
    struct sys *sys;
    struct str dir; /* owned, as options.dir */
    struct names *names;
    uint32_t host_field;
    bool read_only_open; /* lanes == 0 */
    struct sys_file *lock_file;

    pthread_mutex_t
        lock; /* segments; and moving rows from heads to segments, so that a snapshot sees them once */
    struct segment_list *segments;

    struct lane *lanes; /* options.lanes of them take batches; retired ones follow */
    uint32_t lane_count;
    struct keys keys;
    struct catalog *catalog; /* the background thread's; NULL while it cannot be opened */
    struct cache *cache;

    _Atomic bool full;           /* read-only mode */
    _Atomic int64_t edge_ms;     /* everything before it was dropped */
    _Atomic uint64_t head_bytes; /* as lane_commit and the sealer left it; guides back-pressure */

    /* The background thread's. */
    int64_t next_disk_ms, next_retain_ms, next_keys_ms, next_merge_ms;
    bool has_ballast;

    pthread_mutex_t stats_lock;
    struct store_stats stats; /* what is not read from elsewhere */
    uint64_t disk_bytes_max;
    uint64_t foreign_bytes; /* of quarantine */
};

/* Puts an error into the stats, with the time; counts a failed disk as such. */
void store_note(struct store *store, const struct why *why);

/* ---- replay.c ---- */
enum err store_replay(struct store *store, struct store_report *report, struct why *why) MUST_USE;

/* ---- disk.c ---- */
/* A write failed. Out of space: gives the ballast back and goes read-only. */
void disk_failed(struct store *store, const struct why *why);

#endif
