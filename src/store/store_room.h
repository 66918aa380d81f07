/* store_room.h: what the files of this room share: the store's insides. Nobody else includes it. */
#ifndef STORE_STORE_ROOM_H
#define STORE_STORE_ROOM_H

#include "base/bytes.h"
#include "store/keys.h"
#include "store/lane.h"
#include "store/segment.h"
#include "store/store.h"
#include "store/store_path.h"

struct catalog;

/* What the catalog and the files say about a lane of any run. */
struct lane_facts {
    uint32_t lane;
    uint64_t sealed_lsn[HEAD_CLASSES];
    uint64_t keys_lsn;
    uint64_t cover_lsn;           /* the highest that a file covers */
    uint64_t log_first, log_last; /* of what was found in the log; 0: nothing */
};

/* A file that is out of service: remembered until its removal is durable. */
struct gone_file {
    bool stray;    /* nobody reads it: it can be removed now */
    bool off_disk; /* removed, but that is not durable yet */
    char folder[16];
    char name[SEGMENT_NAME_MAX + 1];
};

struct store {
    struct store_options options;
    struct sys *sys;
    struct str dir; /* owned, as options.dir */
    struct names *names;
    uint32_t host_field;
    bool read_only_open; /* lanes == 0 */
    struct sys_file *lock_file;

    /* A round of the background thread; taken before all other locks. Whoever holds it finds the segments,
     * the lanes' marks and the catalog in agreement, and no log file is recycled meanwhile. */
    pthread_mutex_t tidy_lock; /* by store_lock_tidy */
    pthread_mutex_t tidy_next;
    pthread_mutex_t
        lock; /* segments; and moving rows from heads to segments, so that a snapshot sees them once */
    struct segment_list *segments;
    struct tombstone_set *tombstones; /* NULL: none */

    struct lane *lanes; /* options.lanes of them take batches; retired ones follow */
    uint32_t lane_count;
    struct keys keys;
    struct catalog *catalog; /* the background thread's; NULL while it cannot be opened */
    struct cache *cache;
    struct segment_origin origin;
    uint32_t block_rows;

    struct lane_facts *facts; /* of the start */
    uint32_t fact_count;
    struct segment **leftover; /* of the start: finished files of an unfinished seal */
    uint32_t leftover_count;
    struct segment **doubtful; /* of a commit that failed */
    uint32_t doubtful_count;
    struct gone_file *gone;
    uint32_t gone_count;

    _Atomic bool full;           /* read-only mode */
    _Atomic int64_t edge_ms;     /* everything before it was dropped */
    _Atomic uint64_t head_bytes; /* as lane_commit and the sealer left it; guides back-pressure */

    /* The background thread's. */
    int64_t next_disk_ms, next_retain_ms, next_keys_ms, next_merge_ms, next_seal_ms, next_breath_ms;
    _Atomic bool has_ballast;

    pthread_mutex_t stats_lock;
    struct store_stats stats; /* what is not read from elsewhere */
    uint64_t disk_bytes_max;
    uint64_t foreign_bytes; /* of quarantine */
};

/* Puts an error into the stats, with the time; counts a failed disk as such. */
void store_note(struct store *store, const struct why *why);

/* ---- leftovers.c ---- */
struct lane_facts *store_lane_facts(struct store *store,
                                    uint32_t lane); /* made when absent; valid until then */
void store_doubt(struct store *store, struct segment **segments, uint32_t count);
void store_committed(struct store *store);
/* Goes out of service with the next commit; readers may still hold it. */
void store_gone(struct store *store, const struct segment *segment);
/* That commit failed. */
void store_not_gone(struct store *store, struct segment **segments, uint32_t count);
/* Removes a file that nobody reads, now or, if that fails, at a later commit. */
void store_stray(struct store *store, const char *folder, const char *name);
void store_stray_segment(struct store *store, const struct segment *segment);
/* Frees a writer that failed; a file that got its name is one of the strays. */
void store_writer_failed(struct store *store, struct segment_writer *writer, int64_t day);
bool store_has_strays(const struct store *store);
void store_commit_gone(struct store *store);
void store_leftovers_done(struct store *store);

/* ---- replay.c ---- */
enum err store_replay(struct store *store, struct store_report *report, struct why *why) MUST_USE;

/* ---- delete.c; all but the last under tidy_lock ---- */
/* At start, once the files are known. bodies: of the catalog, sized strings, each followed by u64 id and u64
 * gone_ms. */
enum err store_load_deletes(struct store *store, struct str bodies, struct store_report *report,
                            struct why *why) MUST_USE;
/* Ends the deletes whose files are all gone. */
void store_end_deletes(struct store *store);
bool store_is_touched(const struct store *store, const struct segment *segment);

/* ---- tidy.c ---- */
/* Fair, so that a merge of many files lets others have their turn between two. */
void store_lock_tidy(struct store *store);
void store_unlock_tidy(struct store *store);
/* As much of the heads as can be sealed now, and what is known to be damaged out of service; under tidy_lock.
 */
void store_seal_all(struct store *store);
/* All rows that the heads hold now go into files, or it fails; under tidy_lock. */
enum err store_seal_heads(struct store *store, struct why *why) MUST_USE;
/* In the midst of a long merge: seals what is due, so that nothing that comes in waits; under tidy_lock. */
void store_breathe(struct store *store);

/* ---- disk.c ---- */
void disk_open(struct store *store); /* the ballast and the budget */
/* Leaves read-only mode when there is space again; counts what is used. Now and then. */
void disk_tidy(struct store *store);
uint64_t disk_used(struct store *store); /* by the folder, as known */
/* Something could not be written; goes into the stats. Out of space: gives the ballast back and goes
 * read-only. */
void disk_failed(struct store *store, const struct why *why);

#endif
