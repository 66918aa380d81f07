/* store.h: every sample with its full source: appended through lanes, read through snapshots.
 *
 * The way in: a lane per ingest thread takes batches (lane_submit, any time), and a committing thread per
 * lane makes them durable (lane_commit): log, sync, then rows appear in the lane's head and the batches'
 * done() are called. Rows are visible only when durable. store_tidy, on one background thread, seals heads
 * into files, applies retention and watches the disk. The store makes no threads and never reads a clock of
 * its own but through sys, so that a test can drive all of it from one thread over a simulated machine.
 *
 * The way out: a snapshot is one moment of all rows; parts (heads and files) yield blocks of columns.
 *
 * Files in the data folder: lock, log/, catalog.db, seg/YYYYMMDD/NAME.seg, tomb/ID.tomb, quarantine/
 * (store_path.h).
 * Threads: as said per function.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/log_bin.h"
#include "base/sys.h"
#include "scheme/names.h"
#include "scheme/source_match.h"
#include "scheme/source.h"
#include "store/batch.h"

struct store;
struct lane;
struct snapshot;
struct part;

struct store_options {
    struct sys *sys;
    struct str dir;
    struct names *names;
    uint32_t lanes;             /* 0: read only; no lock is taken and nothing is changed */
    uint64_t head_bytes_max;    /* all heads together; default 64 MiB */
    uint32_t head_rows_max;     /* per head; default 1 Mi */
    int64_t head_age_ms;        /* a head is sealed when its oldest row came this long ago; default 60 s */
    uint64_t pending_bytes_max; /* submitted and not yet committed, per lane; default 32 MiB */
    uint64_t log_file_bytes;    /* default 16 MiB */
    uint64_t disk_bytes_max;    /* budget of the data folder; 0: 80 % of what was free at first start */
    int64_t keep_ms;            /* retention by age; 0: no limit */
    uint64_t cache_bytes_max;   /* of opened files; default 64 MiB */
    bool rebuild;               /* the catalog is built anew, even if it is whole */
};

void store_options_default(struct store_options *options);

/* What opening found, in words for the log and the Health page; a line each, empty when all is well. */
struct store_report {
    struct buf text;
    uint64_t replayed_rows;
    uint64_t quarantined_files;
};

/* Always succeeds on a damaged folder (damage is quarantined and reported). ERR_BUSY: another process owns
 * it. ERR_CORRUPT: a restore into it did not end. */
enum err store_open(const struct store_options *options, struct store **out, struct store_report *report,
                    struct why *why) MUST_USE;
/* Commits what was submitted, seals nothing (the log has it). All snapshots must be gone. */
void store_close(struct store *store);

/* ---- in ---- */

struct lane *store_lane(struct store *store, uint32_t index);

/* Any thread. Takes the batch until done(). ERR_BUSY: over the pending limit, try later; ERR_FULL: read-only,
 * the disk is full; then the batch stays the caller's and done() is not called. */
enum err lane_submit(struct lane *lane, struct batch *batch, struct why *why) MUST_USE;
/* The lane's committing thread. Makes durable what was submitted before the call; returns how many batches.
 */
uint32_t lane_commit(struct lane *lane);
bool lane_has_pending(const struct lane *lane); /* any thread */

/* The background thread. Seals what is due (everything when now is set), recycles the log, drops what
 * retention or the budget says, tries to leave read-only mode. Returns ms until it wants to be called again.
 */
int64_t store_tidy(struct store *store, bool now);

/* ---- merging everything ---- */

struct merge_progress {
    uint64_t rows_done, rows_all; /* of the files looked at; done never exceeds all */
    uint32_t files;               /* made so far */
};

/* false: give up. */
typedef bool merge_progress_fn(void *ctx, const struct merge_progress *progress);

struct merge_options {
    merge_progress_fn *progress; /* or NULL; called at least after every file */
    void *ctx;
    bool touched_only; /* only files that hold deleted rows, which their successors do not */
};

/* Seals all rows that are in memory, then unites the files of every day into as few as their limits allow.
 * One at a time, any thread; between two files the background thread has its turn, and while one is written
 * heads are sealed when they are due. ERR_CANCELLED: progress said so; what was united stays so. */
enum err store_merge(struct store *store, const struct merge_options *options, struct why *why) MUST_USE;

#define SECTION_LIST(X)     \
    X(VALUES, "values")     \
    X(KEYS, "keys")         \
    X(SOURCES, "sources")   \
    X(COUNTS, "counts")     \
    X(CUBES, "cubes")       \
    X(SKETCHES, "sketches") \
    X(PRESENCE, "presence") \
    X(FOOTER, "footer")

enum section {
#define X(name, text) SECTION_##name,
    SECTION_LIST(X)
#undef X
        SECTION_COUNT
};

/* The files of one UTC day; all sections together are bytes. */
struct day_sizes {
    int64_t date; /* 20261123 */
    uint32_t files;
    uint64_t rows, bytes;
    uint64_t sections[SECTION_COUNT];
};

/* Any thread; the oldest day first. */
typedef void day_sizes_fn(void *ctx, const struct day_sizes *day);
enum err store_sizes(struct store *store, day_sizes_fn *each, void *ctx, struct why *why) MUST_USE;

/* ---- deleting ---- */

enum { DELETE_TESTS_MAX = 48 };

struct delete_test {
    struct str field;
    struct source_match match;
};

struct delete_metric {
    uint32_t metric; /* in names.h */
    uint64_t bound;  /* bit i: test i does not ask the sources; the metric's name has passed it */
};

/* Rows of these metrics, of sources that pass all tests, with from_ms <= time < to_ms. */
struct delete_request {
    struct str who, text; /* for the record: by whom, and as it was asked */
    const struct delete_metric *metrics;
    uint32_t metric_count;
    const struct delete_test *tests;
    uint32_t test_count;
    int64_t from_ms, to_ms;
};

struct delete_report {
    uint64_t id; /* of the delete; 0: nothing was there to be deleted, or only counted */
    uint64_t rows;
    uint64_t bytes;        /* what they take in their files, about */
    uint32_t files;        /* that hold any of them */
    uint64_t *metric_rows; /* by place in the request's metrics */
};

void delete_report_done(struct delete_report *report);

/* What would go. Any thread. */
enum err store_delete_count(struct snapshot *snapshot, const struct delete_request *request,
                            struct delete_report *out, struct why *why) MUST_USE;
/* Everything of it that was acknowledged before the call is out of every snapshot made after it, also after a
 * crash and after the loss of the catalog; what comes later stays. Presence is not touched. The bytes go when
 * the files are merged. Any thread, one at a time. ERR_LIMIT: so many deletes wait for a merge already. A
 * failure deletes nothing, but it may turn out done after a crash. */
enum err store_delete(struct store *store, const struct delete_request *request, struct delete_report *out,
                      struct why *why) MUST_USE;

struct delete_record {
    uint64_t id, rows;
    int64_t at_ms;
    int64_t gone_ms; /* since when the bytes are gone, too; 0: they are not */
    struct str who, text;
    int64_t from_ms, to_ms;
    uint32_t files; /* that still hold any of its rows */
};

/* Those in force and the last thousand of the others, oldest first. Any thread. */
typedef void delete_record_fn(void *ctx, const struct delete_record *record);
void store_deletes(struct store *store, delete_record_fn *each, void *ctx);

/* Is this idempotency key remembered? (1 h or 100,000 keys, across restarts.) Any thread. */
bool store_seen(struct store *store, struct str key);
/* Highest SEQ of keys "CLIENT/SEQ" remembered for the client; false when none. Any thread. */
bool store_last_seq(struct store *store, struct str client, uint64_t *seq);

/* The oldest time that is accepted now: retention's edge. INT64_MIN / 2 when there is no limit. Any thread.
 */
int64_t store_oldest_ms(struct store *store);

struct store_stats {
    uint64_t rows_appended, batches_committed, commits, log_bytes, log_files;
    uint64_t head_rows, head_bytes, pending_bytes;
    uint64_t segments, segment_rows, segment_bytes;
    uint64_t partitions, dropped_partitions, dropped_rows, quarantined_files;
    uint64_t disk_bytes, disk_bytes_max, disk_free_bytes;
    int64_t oldest_ms, newest_ms; /* of stored samples; 0 when there are none */
    bool read_only;
    uint64_t deletes, deleted_rows; /* of which files still hold rows; segment_rows counts them */
    struct why last_error;          /* err is ERR_OK when there was none */
    int64_t last_error_ms;
};

void store_stats(struct store *store, struct store_stats *out); /* any thread */

/* ---- out ---- */

/* Any thread. All rows committed before the call; stays the same while it is held. */
struct snapshot *store_snapshot(struct store *store);
void snapshot_unref(struct snapshot *snapshot); /* NULL is fine */

/* Equal for two snapshots of one store only if they hold the same rows before to_ms, and the same files. */
uint64_t snapshot_version(const struct snapshot *snapshot, int64_t to_ms);

uint32_t snapshot_part_count(const struct snapshot *snapshot);
struct part *snapshot_part(const struct snapshot *snapshot, uint32_t index);

/* Oldest and newest time in a part; false when it has no rows. */
bool part_span(const struct part *part, int64_t *from_ms, int64_t *to_ms);
/* Rows of a metric in a part, over all its time; 0 when it has none. No file is read. */
uint64_t part_metric_rows(const struct part *part, uint32_t metric);

/* Were any rows of the metric with from_ms <= time < to_ms deleted from the part? Scans leave them out, and
 * counts of rows do; whatever was worked out of the rows when the part was made does not. */
bool part_is_touched(const struct part *part, uint32_t metric, int64_t from_ms, int64_t to_ms);

/* The sources of a part. Loads them when they are not in memory; they stay valid until the snapshot goes. */
enum err part_load_sources(struct snapshot *snapshot, struct part *part, uint32_t *count,
                           struct why *why) MUST_USE;
/* Optional: whoever is done with the sources of a part gives their memory back before the snapshot goes. No
 * scan of the part is open, and nobody else uses its sources. */
void part_release_sources(struct snapshot *snapshot, struct part *part);
struct str part_source(const struct part *part, uint32_t source);    /* canonical bytes */
uint64_t part_source_hash(const struct part *part, uint32_t source); /* hash_bytes of them */
/* Rows it has in the part; 0 when all of them were deleted. */
uint64_t part_source_rows(const struct part *part, uint32_t source);

/* ---- which sources, without going through all of them ---- */

enum { FIELD_CHUNK = 1024 };

/* One field of the sources from chunk * FIELD_CHUNK on. Texts are valid until the part's sources are
 * released; equal texts of a file are the same bytes. */
struct field_chunk {
    uint32_t count;
    struct source_value value[FIELD_CHUNK];
};

enum err part_field_chunk(struct snapshot *snapshot, struct part *part, uint32_t field, uint32_t chunk,
                          struct field_chunk *out, struct why *why) MUST_USE;

/* How many rows each source of the chunk has in the part. */
enum err part_rows_chunk(struct snapshot *snapshot, struct part *part, uint32_t chunk,
                         uint32_t rows[FIELD_CHUNK], struct why *why) MUST_USE;

struct value_rows {
    struct source_value value;
    uint64_t rows;
};

/* How many rows of the part each value of a field has, each value once. 1: *out (to be freed) and *count are
 * set; 0: not kept, go through the sources; -1: failed. Texts as with part_field_chunk. */
int part_field_rows(struct snapshot *snapshot, struct part *part, uint32_t field, struct value_rows **out,
                    uint32_t *count, struct why *why) MUST_USE;

/* What a source must be like in one field. */
struct source_test {
    uint32_t field; /* in names.h; NAME_NONE: unset in every source */
    bool (*matches)(const void *ctx, struct source_value value);
    const void *ctx;
    /* When there are any: matches is true for none but these, be they stored as numbers or as texts. */
    const struct str *exact;
    uint32_t exact_count;
};

struct source_range {
    uint32_t first, end;
};

/* Ascending, not touching. Zero-initialised is ready. */
struct source_ranges {
    struct source_range *at;
    uint32_t count, cap;
};

void source_ranges_done(struct source_ranges *ranges);

/* The sources of a part that pass all tests. Reads only what may hold any. */
enum err part_find_sources(struct snapshot *snapshot, struct part *part, const struct source_test *tests,
                           uint32_t test_count, struct source_ranges *out, struct why *why) MUST_USE;
uint32_t part_source_count(const struct part *part);

/* Canonical bytes of some sources of a part, quickest when they ascend. */
struct source_reader;

struct source_reader *source_reader_new(struct snapshot *snapshot, struct part *part);
void source_reader_free(struct source_reader *reader); /* NULL is fine */
/* *out is valid until the next call. */
enum err source_reader_get(struct source_reader *reader, uint32_t source, struct str *out,
                           struct why *why) MUST_USE;

/* Columns of rows of one metric: count values each, in no particular order of time; all rows of a block lie
 * in [from_ms, to_ms]. Valid until the next scan_next or scan_close. */
struct block {
    uint32_t metric;
    uint32_t count;
    const uint32_t *source; /* in the part's sources; NULL: the runs say them */
    const int64_t *time_ms;
    const double *value;
    int64_t from_ms, to_ms;
    const struct block_run *runs; /* rows of one source stand together; NULL: in no order */
    uint32_t run_count;
};

struct block_run {
    uint32_t source;
    uint32_t end; /* the first row behind it */
};

struct scan;

/* Rows of one metric in one part with from_ms <= time < to_ms (blocks may hold others at the edges: check).
 * sources: only of these, likewise; NULL: of all. They stay the caller's and unchanged while it is open. */
struct scan *scan_open(struct snapshot *snapshot, struct part *part, uint32_t metric, int64_t from_ms,
                       int64_t to_ms, const struct source_ranges *sources);
/* Before the first scan_next: of the rows only the share `index` of `count` about equal ones (whole blocks,
 * before any is left out for its time or sources). The shares together are all rows. */
void scan_share(struct scan *scan, uint32_t index, uint32_t count);
/* 1: *block is set; 0: no more; -1: failed, *why says so. */
int scan_next(struct scan *scan, struct block *block, struct why *why) MUST_USE;
void scan_close(struct scan *scan);

/* What the rows of a minute come to; of all rows, or of those whose sources have a value in a field. */
struct partial {
    int64_t minute_ms;         /* when it begins */
    struct source_value value; /* texts are valid until the part's sources are released */
    uint64_t count;
    double sum, min, max;
    const struct log_bin *bins; /* with partials_wanted.bins: how the values are distributed */
    uint32_t bin_count;
};

struct partials {
    struct partial *at;
    uint32_t count, cap;
    struct log_bin *bins; /* of all */
};

void partials_done(struct partials *partials);

struct partials_wanted {
    uint32_t metric;
    uint32_t field; /* NAME_NONE: of all rows together, else per value of the field, unset among them */
    bool bins;      /* none without them */
};

/* Partials of all rows of a metric in a part. 1: *out has them, ascending by value and minute; 0: none are
 * kept, read the rows; -1: failed, *why says so. */
int part_partials(struct snapshot *snapshot, struct part *part, const struct partials_wanted *wanted,
                  struct partials *out, struct why *why) MUST_USE;

/* What all rows of a metric in a part come to, known without reading its file. */
struct part_total {
    int64_t from_ms, to_ms; /* of its first and last row */
    uint64_t count;
    double sum, min, max;
};

/* false: not known, as of heads, levels, and where rows were deleted. */
bool part_total(const struct part *part, uint32_t metric, struct part_total *out);

/* Presence: in which minutes did the server accept any sample (of this host; host.at == NULL: of any)? Sets
 * bit i of present for minute from_minute + i (minutes since 1970). Never clears a bit. by_day: the asker
 * only looks at whole UTC days together, so that any bit of a day will do; no file is read then. */
enum err snapshot_presence(struct snapshot *snapshot, struct str host, int64_t from_minute, uint32_t minutes,
                           bool by_day, uint8_t *present, struct why *why) MUST_USE;

/* Oldest and newest time of a metric; false when it has no rows. */
bool snapshot_metric_span(const struct snapshot *snapshot, uint32_t metric, int64_t *from_ms, int64_t *to_ms,
                          uint64_t *rows);

/* ---- backup ---- */

struct store_backup {
    struct str target;           /* a folder that does not exist yet, in one that does */
    const _Atomic bool *cancel;  /* NULL, or set by another thread to give up */
    uint64_t rows, files, bytes; /* what is in it */
    bool copied;                 /* its segments are copies; else links to the store's own files */
};

/* Any thread, any number at a time, while the store goes on. Everything acknowledged before the call is in
 * it, once; what comes later may be. A failure (ERR_EXISTS, ERR_MISSING: no such parent; ERR_REFUSED: inside
 * a data folder; ERR_FULL, ERR_IO, ERR_CANCELLED) leaves nothing behind, a crash at most TARGET.partial. */
enum err store_backup(struct store *store, struct store_backup *backup, struct why *why) MUST_USE;

/* The backup in target as a data folder, in dir, which must be absent or empty. Every byte is verified before
 * anything is written, and again as it is copied. ERR_CORRUPT: it is damaged; ERR_MISSING: it is no backup;
 * ERR_EXISTS: dir has something in it; ERR_BUSY. A failure leaves dir empty; after a crash the store does not
 * open there, and a restore begins again. */
enum err store_restore(struct sys *sys, struct store_backup *backup, struct str dir,
                       struct why *why) MUST_USE;

/* ---- for people ---- */

struct store_inspect_options {
    struct sys *sys;
    struct str dir;
    bool verify;        /* reads and checks every byte */
    struct str scratch; /* an empty folder for a copy of the catalog; empty: the catalog is not looked at */
};

/* Lists the files of a data folder or a backup; a line each into *out. Verified, it compares the catalog with
 * the files and the log, and says of what is damaged which rows are lost. Nothing is changed; a server may be
 * running (then its catalog is left out). ERR_CORRUPT when damage was found. */
enum err store_inspect(const struct store_inspect_options *options, struct buf *out,
                       struct why *why) MUST_USE;

/* Sets the catalog aside (quarantine/) and builds it anew from the segments; *out says what was found. Keys
 * and retention's edge are kept when the old one can still be read. ERR_BUSY: a server runs. */
enum err store_rebuild(struct sys *sys, struct str dir, struct buf *out, struct why *why) MUST_USE;

#endif
