/* log.h: a lane's log: groups of frames appended to preallocated files, durable when log_commit returns.
 *
 * Bytes: log_format.h. A failed write or sync is final for its file: the group goes to a new file once, and a
 * second failure is the caller's. Files are taken back into use (or removed) only when log_release says that
 * everything in them is sealed. Threads: log_add and log_commit one thread; the rest any.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "base/buf.h"
#include "base/sys.h"
#include "store/log_format.h"

#include <pthread.h>

enum {
    LOG_FILES_KEPT = 4, /* per lane, once sealing has caught up */
    LOG_FILES_HARD = 8, /* beyond, nothing more is taken in until something is sealed */
};

struct log_file {
    struct log_file *next;
    uint32_t slot; /* of the name */
    uint64_t capacity;
    uint64_t used; /* of durable frames end here; 0: not known, of a file that an earlier run wrote */
    uint64_t last_lsn;
    bool final;   /* failed: never written again */
    bool damaged; /* goes to quarantine once its rows are sealed */
    struct log_header header;
    struct sys_file *file; /* of the current one */
};

struct log {
    struct sys *sys;
    struct str dir; /* the data folder; the store's */
    uint32_t lane;
    bool retired; /* no file is kept for later */
    uint64_t file_bytes;
    uint64_t seq;            /* of the file taken into use last */
    uint64_t durable_lsn;    /* all batches up to here are durable */
    struct buf group;        /* frames of the group being put together */
    struct log_frame *heads; /* of the group, until they are stamped for a file */
    uint32_t group_frames, heads_cap;
    pthread_mutex_t lock; /* the lists */
    struct log_file *old; /* oldest first, without the current one */
    struct log_file *spare;
    struct log_file *current;
    uint32_t old_count, spare_count;
    uint32_t next_slot;
    uint64_t bytes;    /* of all files */
    uint32_t failures; /* of writes and syncs; the committing thread's */
};

void log_init(struct log *log, struct sys *sys, struct str dir, uint32_t lane, uint64_t file_bytes);
void log_done(struct log *log);

/* Adds a batch's payload (frame.h) to the group. */
void log_add(struct log *log, struct str payload);
static inline size_t log_group_bytes(const struct log *log)
{
    return log->group.size;
}

/* Writes and syncs the group and empties it. On failure nothing of it counts. *first_lsn: of its first batch.
 */
enum err log_commit(struct log *log, uint64_t *first_lsn, struct why *why) MUST_USE;
void log_drop_group(struct log *log); /* forgets what was added */
/* Marks everything as durable, so that the next reader can tell damage of the last group from a torn tail. */
enum err log_mark(struct log *log, struct why *why) MUST_USE;

/* Everything below lsn is sealed: files that hold nothing else become spares, go to quarantine when damaged,
 * or are removed. Returns how many went to quarantine. */
uint32_t log_release(struct log *log, uint64_t lsn);
uint32_t log_file_count(struct log *log); /* in use: without spares */
uint64_t log_bytes(struct log *log);
uint32_t log_all_files(struct log *log);

/* The files in use at one moment, oldest first, with what of each is durable: for a copy. They stay as they
 * are up to there until log_release. Returns how many; *out is the caller's, by mem_free. */
struct log_cut {
    uint32_t slot;
    uint64_t used;
    struct log_header header;
};
uint32_t log_cut_files(struct log *log, struct log_cut **out);

/* ---- reading back ---- */

struct log_verdict {
    uint64_t frames;     /* valid batches */
    uint64_t last_lsn;   /* of them */
    uint64_t lost_first; /* damage: batches from here... */
    uint64_t lost_last;  /* ...to here are gone; 0: none */
    uint64_t torn_bytes; /* a tail that was begun and never acknowledged */
};

/* Called per valid batch; payload is unpacked. ERR_CORRUPT: it holds nonsense, which counts as lost. */
typedef enum err log_batch_fn(void *ctx, const struct log_frame *frame, struct str payload, struct why *why);

/* Reads the frames of one file's bytes that have from_lsn <= lsn < void_lsn, in order. lost_* grow. void_lsn:
 * where the next file begins, UINT64_MAX without one. follows: that file was taken into use right after this
 * one, so that everything before void_lsn must be here. */
void log_read_file(struct str bytes, const struct log_header *header, uint64_t from_lsn, uint64_t void_lsn,
                   bool follows, log_batch_fn *each, void *ctx, struct log_verdict *verdict);

/* The files of all lanes, ascending by lane and sequence, without their content. Files that hold nothing are
 * spares; those whose header is damaged go to *bad. */
struct log_listing {
    struct log_file **files;
    uint32_t count, cap;
    uint32_t *lanes; /* by file */
    uint32_t bad_count;
    char bad[16][64]; /* names, the first few */
};

enum err log_list(struct sys *sys, struct str dir, struct log_listing *out, struct why *why) MUST_USE;
void log_listing_done(struct log_listing *listing); /* frees the files that are still in it */
/* Gives the file to the log: as an old one, or as a spare. */
void log_adopt(struct log *log, struct log_file *file, bool spare);
struct store_path log_path(struct str dir, uint32_t lane, uint32_t slot);

#endif
