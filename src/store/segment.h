/* segment.h: one immutable file of rows of one UTC day.
 *
 * Resident of a segment is only its directory: which metrics, how many rows, which span. Its index (where the
 * blocks are), presence and sources are read when asked for and kept in the cache. Any number of readers hold
 * references; a dropped file is removed when the last one lets go. Threads: written by one, read by any.
 * Bytes: head of segment_write.c.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "base/sys.h"
#include "scheme/names.h"
#include "store/cache.h"
#include "store/cube.h"
#include "store/cube_bins.h"
#include "store/head.h"
#include "store/presence_set.h"
#include "store/source_table.h"
#include "store/store_path.h"

#include <stdatomic.h>

enum { SEGMENT_NAME_MAX = 31 };

struct segment_metric {
    uint32_t metric; /* in names.h */
    uint64_t rows;
    int64_t from_ms, to_ms;
    bool has_total; /* sum, least and greatest value of all rows; levels have none */
    double sum, min, max;
};

/* Everything of this lane and class and day up to this lsn is in this file or in one that it replaced or that
 * was dropped: tells what of a log is sealed when the catalog is lost. */
struct segment_cover {
    uint32_t lane;
    enum head_class class;
    uint64_t lsn;
};

struct segment_origin {
    struct sys *sys;
    struct str dir; /* the data folder */
    struct names *names;
    struct cache *cache;
    uint32_t host_field;
    bool unchecked; /* of fuzzers, to get past the checksums: they are not compared */
};

struct segment {
    _Atomic uint32_t refs;
    const struct segment_origin *origin;
    char name[SEGMENT_NAME_MAX + 1];
    int64_t day;
    uint64_t rows, bytes;
    uint32_t source_count;
    int64_t from_ms, to_ms;
    struct segment_metric *metrics; /* ascending by metric */
    uint32_t metric_count;
    struct segment_cover *covers;
    uint32_t cover_count;
    char (*replaces)[SEGMENT_NAME_MAX + 1]; /* names of files that went into it by a merge */
    uint32_t replaces_count;
    _Atomic bool damaged; /* found by a reader; the background thread takes it out of service */
    _Atomic bool dropped; /* the file goes with the last reference */
    struct cache_entry *index, *table, *sources;
};

struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* NULL is fine */
struct store_path segment_path(const struct segment *segment);
const struct segment_metric *segment_find_metric(const struct segment *segment,
                                                 uint32_t metric); /* or NULL */

/* The directory as bytes, for the catalog; also the first part of a file's footer. */
void segment_encode_directory(const struct segment *segment, struct buf *out);
/* NULL and *why when the bytes are no directory. */
struct segment *segment_decode_directory(const struct segment_origin *origin, struct str name,
                                         struct str bytes, struct why *why);

/* ---- reading ---- */

struct segment_block_entry {
    uint64_t at;
    uint32_t size, rows;
    uint32_t first_source, last_source;
    int64_t from_ms, to_ms;
    uint64_t check;
};

/* A metric's rows: own blocks, then followers, each ascending by (source, time). */
struct segment_column {
    uint32_t metric;
    uint32_t first, own, followers; /* in blocks */
    uint32_t lead_first, lead_own;  /* whose rows the followers follow, in blocks; all but the last have as
                                       many rows as the first */
    uint32_t lead_metric;           /* or NAME_NONE */
    uint32_t first_cube, cube_count;
};

struct segment_cube_field {
    uint32_t field; /* in names.h */
    uint32_t value_count;
    struct source_value *values;
};

struct segment_cube {
    uint32_t field; /* in the index's cube fields; their count: of all rows */
    uint64_t at;
    uint32_t size, cells;
    uint64_t check;
    uint64_t bins_at;   /* cube_bins.h */
    uint32_t bins_size; /* 0: none */
    uint64_t bins_check;
};

struct segment_section {
    uint64_t at;
    uint32_t size, raw_size;
    uint64_t check;
};

/* 1,024 sources and what is known of their values without reading them. */
struct segment_chunk {
    uint64_t at;
    uint32_t size, count;
    uint64_t check;
};

/* Rows by value of a field; count 0: not kept. */
struct segment_counts {
    uint64_t at;
    uint32_t size, count;
    uint64_t check;
};

struct segment_index {
    struct cache_entry entry;
    struct sys *sys;
    struct sys_file *file;
    uint64_t seed;
    uint64_t file_bytes;
    bool unchecked; /* as the origin */
    int64_t day_ms;
    uint32_t source_count;
    uint32_t *fields; /* numbers in names.h of the file's own */
    uint32_t field_count;
    struct arena arena;
    struct source_dictionary *dictionaries; /* by the file's field */
    struct buf dictionary_raw;
    uint32_t dictionaries_size;     /* stored */
    struct segment_column *columns; /* ascending by metric */
    uint32_t column_count;
    struct segment_block_entry *blocks;
    uint32_t block_count;
    struct segment_cube_field *cube_fields;
    uint32_t cube_field_count;
    struct segment_cube *cubes;
    uint32_t cube_count;
    struct segment_chunk *chunks;
    struct source_zone *zones; /* chunk * field_count + field */
    uint32_t chunk_count;
    struct segment_counts *counts; /* by the file's field */
    struct segment_section presence;
    struct buf presence_raw; /* empty and presence_bad when damaged */
    bool presence_bad;
};

/* The chunks of sources as they are stored. */
struct segment_table {
    struct cache_entry entry;
    struct buf bytes; /* from at on */
    uint64_t at;
};

/* All sources in their canonical spelling. */
struct segment_sources {
    struct cache_entry entry;
    struct buf bytes; /* canonical sources, one after the other */
    uint32_t *ends;   /* in bytes */
    uint32_t *rows;
    uint32_t count;
};

static inline struct str segment_table_chunk(const struct segment_table *table,
                                             const struct segment_chunk *chunk)
{
    return str_make(table->bytes.at + (chunk->at - table->at), chunk->size);
}

static inline struct str segment_source(const struct segment_sources *sources, uint32_t source)
{
    uint32_t start = source ? sources->ends[source - 1] : 0;
    return str_make(sources->bytes.at + start, sources->ends[source] - start);
}

/* References through the cache; let go with segment_release. ERR_CORRUPT marks the segment as damaged. */
enum err segment_load_index(struct segment *segment, struct segment_index **out, struct why *why) MUST_USE;
enum err segment_load_table(struct segment *segment, struct segment_index *index, struct segment_table **out,
                            struct why *why) MUST_USE;
enum err segment_load_sources(struct segment *segment, struct segment_index *index,
                              struct segment_sources **out, struct why *why) MUST_USE;
void segment_release(struct segment *segment, struct cache_entry *entry);
const struct segment_column *segment_find_column(const struct segment_index *index, uint32_t metric);
/* Says of which file err is, and marks it as damaged when it is. */
enum err segment_failed(struct segment *segment, enum err err, struct why *why);
/* Exactly these bytes of the file, and their check compared. */
enum err segment_read(const struct segment_index *index, uint64_t at, uint32_t size, uint64_t check,
                      struct buf *out, struct why *why) MUST_USE;
/* The file's only field of this number; field_count when there is none, or when a field that was renamed
 * stands in the file under both names: what is kept of either is not the whole. */
uint32_t segment_only_field(const struct segment_index *index, uint32_t field);
/* The cube of a column, of all rows (field NAME_NONE) or of a field; NULL when there is none. */
const struct segment_cube *segment_find_cube(const struct segment_index *index,
                                             const struct segment_column *column, uint32_t field);
/* cells: room for cube->cells. */
enum err segment_read_cube(const struct segment_index *index, const struct segment_cube *cube,
                           struct cube_cell *cells, struct why *why) MUST_USE;
/* The bins of a cube that has any; cells: of the same cube. */
enum err segment_read_bins(const struct segment_index *index, const struct segment_cube *cube,
                           const struct cube_cell *cells, struct cube_bins *out, struct why *why) MUST_USE;
/* entries: room for as many as the field's counts say. */
enum err segment_read_counts(const struct segment_index *index, uint32_t field,
                             struct value_count_entry *entries, struct why *why) MUST_USE;
/* Calls each with runs of minutes in which the host (at == NULL: any) was there. */
typedef void segment_run_fn(void *ctx, int64_t minute, uint64_t minutes);
enum err segment_presence(const struct segment_index *index, struct str host, segment_run_fn *each, void *ctx,
                          struct why *why) MUST_USE;

/* The same of all hosts, each run with its host (at == NULL: any). */
typedef void segment_host_run_fn(void *ctx, struct str host, int64_t minute, uint64_t minutes);
enum err segment_each_presence(const struct segment_index *index, segment_host_run_fn *each, void *ctx,
                               struct why *why) MUST_USE;

/* A segment from the file itself, without a catalog. */
enum err segment_open_file(const struct segment_origin *origin, struct str day_folder, struct str name,
                           struct segment **out, struct why *why) MUST_USE;
/* Reads and checks every byte. */
enum err segment_verify(struct segment *segment, struct why *why) MUST_USE;

/* ---- writing ---- */

struct segment_writer;

struct segment_writer_options {
    const struct segment_origin *origin;
    int64_t day;
    const struct str *sources; /* canonical, in the order of segment_sort_sources; views stay the caller's */
    uint32_t source_count;
    uint32_t block_rows; /* at most BLOCK_ROWS_MAX */
    bool bins;           /* counts values by bins, for sketches: a file that lives for a minute needs none */
};

/* Makes the file under a name for unfinished ones. */
enum err segment_writer_new(const struct segment_writer_options *options, struct segment_writer **out,
                            struct why *why) MUST_USE;
/* Each metric comes once, its rows ascending by (source, time). lead: a metric written before, whose rows
 * many of the coming ones share source and time with; or NAME_NONE. */
enum err segment_writer_metric(struct segment_writer *writer, uint32_t metric, uint32_t lead,
                               struct why *why) MUST_USE;
/* Which metric written so far stands at most of these places, if it does at half of them and has not many
 * more rows? keys: some of the rows', by row_sort.h. NAME_NONE when none does. */
uint32_t segment_writer_find_lead(const struct segment_writer *writer, const uint64_t *keys, uint32_t count,
                                  uint64_t rows);
enum err segment_writer_add(struct segment_writer *writer, uint32_t source, int64_t time_ms, double value,
                            struct why *why) MUST_USE;
uint64_t segment_writer_rows(const struct segment_writer *writer); /* added so far */
/* Minutes in which the host (at == NULL: any) was there, besides those that the rows say. */
void segment_writer_presence(struct segment_writer *writer, struct str host, int64_t minute,
                             uint64_t minutes);
void segment_writer_cover(struct segment_writer *writer, struct segment_cover cover);
void segment_writer_replaces(struct segment_writer *writer, const char *name);
/* Writes what is left, syncs, gives the file its name and syncs the folder. */
enum err segment_writer_finish(struct segment_writer *writer, struct segment **out, struct why *why) MUST_USE;
/* After a failure: may the file have its final name all the same? */
bool segment_writer_named(const struct segment_writer *writer);
const char *segment_writer_name(const struct segment_writer *writer);
void segment_writer_free(struct segment_writer *writer); /* also removes a file that was not finished */

/* The order of sources in files, the same in every process: by names of fields, then values. order[i] is the
 * index of the i-th. */
void segment_sort_sources(const struct names *names, const struct str *sources, uint32_t count,
                          uint32_t *order);

/* ---- lists ---- */

/* What is in service at one moment; immutable once others can see it. Ascending by (day, from_ms, name). */
struct segment_list {
    _Atomic uint32_t refs;
    uint32_t count;
    struct segment **at;
};

struct segment_list *segment_list_new(struct segment **segments,
                                      uint32_t count); /* takes its own references */
struct segment_list *segment_list_ref(struct segment_list *list);
void segment_list_unref(struct segment_list *list); /* NULL is fine */
/* A copy without the first set and with the second. */
struct segment_list *segment_list_change(const struct segment_list *list, struct segment *const *without,
                                         uint32_t without_count, struct segment *const *with,
                                         uint32_t with_count);

#endif
