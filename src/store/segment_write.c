/* A segment file, version 2. Little-endian; varints are LEB128, texts a varint size and the bytes. Every
 * check is xxh3 of the bytes as stored, seeded by the first half of the uuid.
 *
 *   header, 64 bytes:
 *      0  u64  magic "DTSEG\0\0\1"
 *      8  u32  version 2
 *     12  u32  0
 *     16  16   uuid
 *     32  24   0
 *     56  u64  xxh3 of bytes 0 to 55, unseeded
 *   blocks: at most 1,024 rows of one metric each (segment_block.h). A metric has two sequences of them, each
 *     ascending by (source, time) through all its blocks: its own, and followers, whose rows stand where
 *     own rows of its lead do, a metric that comes before it and follows nobody. All own blocks of a lead but
 *     its last have as many rows as its first.
 *     Behind the blocks of a metric, its cubes (cube.h), each with its bins behind it (cube_bins.h) if it
 *     has any.
 *   dictionaries of sources, packed by zstd
 *   source chunks (source_table.h): 1,024 sources each but the last
 *   counts of rows by value (value_counts.h), of some fields
 *   presence, packed by zstd: count of hosts, each:
 *     text host (the first is empty: any), count of runs, each:
 *     zigzag minutes since the end of the run before (the first since 1970), minutes in the run
 *   footer, packed by zstd, in which a place is:
 *     zigzag bytes from the end of the place told before (the first from byte 64), bytes stored;
 *     text directory (segment.c), zigzag day, sources
 *     count of fields, each: text name, ascending
 *     count of fields with cubes, each: text name, count of values, each: u8 type; varint number or text
 *     count of metrics, each:
 *       text name, its lead's number in this list from 1 or 0
 *       twice, own blocks and followers: count, each:
 *         place, rows, zigzag from, to - from, first source, last - first source, u64 check
 *       count of cubes, each:
 *         its field's number in the list of those from 1, or 0: of all rows
 *         place, cells, u64 check
 *         has it bins: 0, or 1, place, u64 check
 *     dictionaries: place, unpacked size, u64 check
 *     count of source chunks, each:
 *       place, sources, u64 check; per field: lowest and highest value (lowest above highest: none)
 *     per field: count of values that rows are counted by; if there are any: place, u64 check
 *     presence: place, unpacked size, u64 check
 *   trailer, 48 bytes:
 *      0  u64  where the footer begins
 *      8  u32  its stored size
 *     12  u32  its unpacked size
 *     16  u64  its check
 *     24  u64  size of the file
 *     32  u64  xxh3 of bytes 0 to 31, unseeded
 *     40  u64  magic "DTSGEND\0"
 *
 * Sources are numbered from 0 in the order of segment_sort_sources. A file is valid when header and trailer
 * are, and then each part by its own check: one bad block costs its rows and those that follow it. A file
 * without a valid trailer was never finished. Readers refuse another version.
 */
#include "store/segment_writer.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/cube_bins.h"
#include "store/day.h"
#include "store/log_format.h"
#include "store/row_sort.h"
#include "store/segment_format.h"

#include <stdlib.h>

enum {
    FLUSH_BYTES = 256 * 1024,
    KEYS_MAX = 6 << 20,  /* of all leads together: 48 MiB */
    KEYS_FEW = 16,       /* fewer rows lead nobody */
    LEAD_ROWS_RATIO = 8, /* a lead has at most so many times its follower's rows: reading decodes both */
};

enum err writer_flush(struct segment_writer *writer, struct why *why)
{
    enum err err =
        sys_write_at(writer->sys, writer->file, writer->flushed, writer->out.at, writer->out.size, why);
    if (!err) {
        writer->flushed += writer->out.size;
        writer->out.size = 0;
    }
    return err;
}

static void put_header(struct segment_writer *writer)
{
    unsigned char uuid[16];
    sys_random(writer->sys, uuid, sizeof uuid);
    writer->seed = log_seed(uuid);
    buf_u64(&writer->out, SEGMENT_MAGIC);
    buf_u32(&writer->out, SEGMENT_VERSION);
    buf_u32(&writer->out, 0);
    buf_put(&writer->out, uuid, sizeof uuid);
    for (int i = 0; i < 3; i++)
        buf_u64(&writer->out, 0);
    buf_u64(&writer->out, hash_bytes(buf_view(&writer->out)));
    CHECK(writer->out.size == SEGMENT_HEADER_BYTES);
}

/* Host in presence, by source. */
static uint32_t *find_hosts(struct segment_writer *writer)
{
    uint32_t sources = writer->options.source_count,
             none = presence_set_host_named(&writer->presence, STR_NONE);
    uint32_t *host = mem_alloc(sources * sizeof *host);
    const struct source_field_values *field =
        source_values_find(&writer->values, writer->options.origin->host_field);
    for (uint32_t i = 0; i < sources; i++) {
        if (!field)
            host[i] = none;
        else if (i && !field->many && field->number[i] == field->number[i - 1])
            host[i] = host[i - 1];
        else
            host[i] = presence_set_host_of(&writer->presence, source_values_get(&writer->values, field, i));
    }
    return host;
}

static void make_arrays(struct segment_writer *writer)
{
    source_values_init(&writer->values, writer->options.sources, writer->options.source_count);
    cube_builder_init(&writer->cubes, &writer->values);
    bins_builder_init(&writer->bins, &writer->cubes);
    writer->source_rows = mem_zero(writer->options.source_count, sizeof(uint32_t));
    writer->source_host = find_hosts(writer);
}

enum err segment_writer_new(const struct segment_writer_options *options, struct segment_writer **out,
                            struct why *why)
{
    CHECK(options->block_rows > 0 && options->block_rows <= BLOCK_ROWS_MAX);
    struct segment_writer *writer = MEM_NEW(struct segment_writer);
    writer->options = *options;
    writer->sys = options->origin->sys;
    writer->from_ms = INT64_MAX;
    writer->to_ms = INT64_MIN;
    uint64_t random = sys_random_u64(writer->sys);
    snprintf(writer->name, sizeof writer->name, "%016llx", (unsigned long long)random);
    writer->folder = store_path(options->origin->dir, "seg/%08lld", (long long)day_number(options->day));
    writer->temporary = store_path(store_path_str(&writer->folder), "%s.tmp", writer->name);
    enum err err = sys_make_dir(writer->sys, store_path_str(&writer->folder), why);
    if (!err)
        err = sys_open(writer->sys, store_path_str(&writer->temporary), SYS_CREATE, &writer->file, why);
    if (err) {
        segment_writer_free(writer);
        return err;
    }
    make_arrays(writer);
    put_header(writer);
    *out = writer;
    return ERR_OK;
}

void segment_writer_free(struct segment_writer *writer)
{
    if (!writer)
        return;
    if (writer->file) {
        sys_close(writer->sys, writer->file);
        /* What cannot be removed now is an unfinished file, which the next start removes. */
        enum err err = sys_unlink(writer->sys, store_path_str(&writer->temporary), NULL);
        (void)err;
    }
    buf_done(&writer->out);
    packer_done(&writer->packer);
    mem_free(writer->source_rows);
    mem_free(writer->source_host);
    presence_set_done(&writer->presence);
    bins_builder_done(&writer->bins);
    cube_builder_done(&writer->cubes);
    source_values_done(&writer->values);
    for (uint32_t m = 0; m < writer->metric_count; m++) {
        mem_free(writer->metrics[m].own.at);
        mem_free(writer->metrics[m].followers.at);
        mem_free(writer->metrics[m].cubes);
        mem_free(writer->metrics[m].keys);
    }
    mem_free(writer->metrics);
    mem_free(writer->covers);
    mem_free(writer->replaces);
    mem_free(writer);
}

bool segment_writer_named(const struct segment_writer *writer)
{
    return writer->named;
}

const char *segment_writer_name(const struct segment_writer *writer)
{
    return writer->name;
}

/* ---- rows ---- */

static struct segment_block_entry *add_entry(struct writer_blocks *blocks)
{
    if (blocks->count == blocks->cap) {
        blocks->cap = blocks->cap ? blocks->cap * 2 : 4;
        blocks->at = mem_resize(blocks->at, blocks->cap, sizeof *blocks->at);
    }
    return &blocks->at[blocks->count++];
}

static void widen(struct segment_metric *directory, const struct segment_block_entry *block)
{
    directory->rows += block->rows;
    directory->from_ms = block->from_ms < directory->from_ms ? block->from_ms : directory->from_ms;
    directory->to_ms = block->to_ms > directory->to_ms ? block->to_ms : directory->to_ms;
}

static enum err end_block(struct segment_writer *writer, struct writer_block *rows, bool follows,
                          struct why *why)
{
    if (!rows->count)
        return ERR_OK;
    struct writer_metric *metric = &writer->metrics[writer->metric_count - 1];
    struct segment_block_entry *block = add_entry(follows ? &metric->followers : &metric->own);
    *block = (struct segment_block_entry){.at = writer->flushed + writer->out.size,
                                          .rows = rows->count,
                                          .first_source = rows->source[0],
                                          .last_source = rows->source[rows->count - 1],
                                          .from_ms = INT64_MAX,
                                          .to_ms = INT64_MIN};
    for (uint32_t i = 0; i < rows->count; i++) {
        int64_t time_ms = rows->time_ms[i];
        block->from_ms = time_ms < block->from_ms ? time_ms : block->from_ms;
        block->to_ms = time_ms > block->to_ms ? time_ms : block->to_ms;
    }
    size_t start = writer->out.size;
    struct block_columns columns = {rows->source, rows->time_ms, rows->value, follows ? rows->place : NULL};
    block_encode(&writer->packer, &columns, rows->count, writer->options.day * DAY_MS, &writer->out);
    block->size = (uint32_t)(writer->out.size - start);
    block->check = hash_seeded(str_make(writer->out.at + start, block->size), writer->seed);
    widen(&metric->directory, block);
    rows->count = 0;
    return writer->out.size >= FLUSH_BYTES ? writer_flush(writer, why) : ERR_OK;
}

/* A metric of few rows, or beyond the limit of keys, leads nobody. */
static void drop_keys(struct segment_writer *writer, struct writer_metric *metric)
{
    writer->keys_kept -= metric->key_count;
    mem_free(metric->keys);
    metric->leads = false;
    metric->keys = NULL;
    metric->key_count = metric->key_cap = 0;
}

static void put_bins(struct segment_writer *writer, struct writer_cube *cube, const struct cube_cell *cells)
{
    size_t start = writer->out.size;
    cube->bins_at = writer->flushed + start;
    if (writer->has_bins &&
        bins_builder_put(&writer->bins, cube->field, cells, cube->cells, &writer->packer, &writer->out)) {
        cube->bins_size = (uint32_t)(writer->out.size - start);
        cube->bins_check = hash_seeded(str_make(writer->out.at + start, cube->bins_size), writer->seed);
    }
}

static void put_cubes(struct segment_writer *writer, struct writer_metric *metric)
{
    struct cube_builder *builder = &writer->cubes;
    struct segment_metric *directory = &metric->directory;
    directory->has_total =
        writer->has_cubes && cube_builder_total(builder, &directory->sum, &directory->min, &directory->max);
    for (uint32_t i = 0; i <= builder->field_count && writer->has_cubes; i++) {
        uint32_t f = i ? i - 1 : builder->field_count;
        struct cube_cell *cells;
        struct writer_cube cube = {.field = f, .at = writer->flushed + writer->out.size};
        size_t start = writer->out.size;
        cube_builder_take(builder, f, &cells, &cube.cells);
        cube_encode(&writer->packer, cells, cube.cells, f < builder->field_count, &writer->out);
        cube.size = (uint32_t)(writer->out.size - start);
        cube.check = hash_seeded(str_make(writer->out.at + start, cube.size), writer->seed);
        put_bins(writer, &cube, cells);
        mem_free(cells);
        if (!cube.cells)
            continue;
        metric->cubes = mem_resize(metric->cubes, metric->cube_count + 1, sizeof cube);
        metric->cubes[metric->cube_count++] = cube;
    }
    cube_builder_clear(builder);
    bins_builder_clear(&writer->bins);
}

static enum err end_metric(struct segment_writer *writer, struct why *why)
{
    if (!writer->metric_count)
        return ERR_OK;
    struct writer_metric *metric = &writer->metrics[writer->metric_count - 1];
    if (metric->key_count < KEYS_FEW)
        drop_keys(writer, metric);
    enum err err = end_block(writer, &writer->own, false, why);
    if (!err)
        err = end_block(writer, &writer->followers, true, why);
    if (!err)
        put_cubes(writer, metric);
    return err;
}

static uint32_t find_metric(const struct segment_writer *writer, uint32_t metric)
{
    for (uint32_t m = 0; m < writer->metric_count; m++)
        if (writer->metrics[m].directory.metric == metric)
            return m;
    return UINT32_MAX;
}

enum err segment_writer_metric(struct segment_writer *writer, uint32_t metric, uint32_t lead, struct why *why)
{
    enum err err = end_metric(writer, why);
    uint32_t leading = lead == NAME_NONE ? UINT32_MAX : find_metric(writer, lead);
    if (leading != UINT32_MAX && !writer->metrics[leading].leads)
        leading = UINT32_MAX;
    if (writer->metric_count == writer->metric_cap) {
        writer->metric_cap = writer->metric_cap ? writer->metric_cap * 2 : 64;
        writer->metrics = mem_resize(writer->metrics, writer->metric_cap, sizeof *writer->metrics);
    }
    struct writer_metric *next = &writer->metrics[writer->metric_count++];
    *next = (struct writer_metric){.lead = leading, .leads = leading == UINT32_MAX};
    next->directory = (struct segment_metric){.metric = metric, .from_ms = INT64_MAX, .to_ms = INT64_MIN};
    writer->lead_at = 0;
    enum kind kind = names_kind(writer->options.origin->names, metric);
    writer->has_cubes = kind != KIND_LEVEL;
    writer->has_bins = writer->options.bins && (kind == KIND_MEASURE || kind == KIND_VALUE);
    return err;
}

static bool stands_at(const struct writer_metric *metric, uint64_t key)
{
    uint32_t low = 0, high = metric->key_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (metric->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < metric->key_count && metric->keys[low] == key;
}

uint32_t segment_writer_find_lead(const struct segment_writer *writer, const uint64_t *keys, uint32_t count,
                                  uint64_t rows)
{
    uint32_t best = NAME_NONE, most = 0;
    for (uint32_t m = 0; m < writer->metric_count; m++) {
        const struct writer_metric *metric = &writer->metrics[m];
        uint32_t found = 0;
        bool fits = metric->leads && metric->key_count / LEAD_ROWS_RATIO <= rows;
        for (uint32_t i = 0; i < count && fits; i++) {
            found += stands_at(metric, keys[i]);
            if (i == 7 && found < 3)
                break;
        }
        if (found > most && found * 2 >= count) {
            most = found;
            best = metric->directory.metric;
        }
    }
    return best;
}

static void keep_key(struct segment_writer *writer, struct writer_metric *metric, uint64_t key)
{
    if (metric->key_count == metric->key_cap) {
        if (writer->keys_kept >= KEYS_MAX) {
            drop_keys(writer, metric);
            return;
        }
        metric->key_cap = metric->key_cap ? metric->key_cap * 2 : KEYS_FEW;
        metric->keys = mem_resize(metric->keys, metric->key_cap, sizeof *metric->keys);
    }
    metric->keys[metric->key_count++] = key;
    writer->keys_kept++;
}

static void put_row(struct writer_block *rows, uint32_t source, int64_t time_ms, double value, int64_t place)
{
    uint32_t at = rows->count++;
    rows->source[at] = source;
    rows->time_ms[at] = time_ms;
    rows->value[at] = value;
    rows->place[at] = place;
}

enum err segment_writer_add(struct segment_writer *writer, uint32_t source, int64_t time_ms, double value,
                            struct why *why)
{
    struct writer_metric *metric = &writer->metrics[writer->metric_count - 1];
    int64_t ms_of_day = time_ms - writer->options.day * DAY_MS;
    uint64_t key = sort_key(source, ms_of_day);
    writer->source_rows[source]++;
    presence_set_mark(&writer->presence, writer->source_host[source], writer->options.day, ms_of_day);
    if (writer->has_cubes)
        cube_builder_add(&writer->cubes, source, ms_of_day, value);
    if (writer->has_bins)
        bins_builder_add(&writer->bins, source, ms_of_day, value);
    if (metric->lead != UINT32_MAX) {
        const struct writer_metric *lead = &writer->metrics[metric->lead];
        uint32_t at = writer->lead_at;
        while (at < lead->key_count && lead->keys[at] < key)
            at++;
        bool follows = at < lead->key_count && lead->keys[at] == key;
        writer->lead_at = at + follows;
        struct writer_block *rows = follows ? &writer->followers : &writer->own;
        put_row(rows, source, time_ms, value, at);
        return rows->count == writer->options.block_rows ? end_block(writer, rows, follows, why) : ERR_OK;
    }
    if (metric->leads)
        keep_key(writer, metric, key);
    put_row(&writer->own, source, time_ms, value, 0);
    return writer->own.count == writer->options.block_rows ? end_block(writer, &writer->own, false, why)
                                                           : ERR_OK;
}

uint64_t segment_writer_rows(const struct segment_writer *writer)
{
    uint64_t rows = writer->own.count + writer->followers.count;
    for (uint32_t m = 0; m < writer->metric_count; m++)
        rows += writer->metrics[m].directory.rows;
    return rows;
}

void segment_writer_cover(struct segment_writer *writer, struct segment_cover cover)
{
    for (uint32_t i = 0; i < writer->cover_count; i++) {
        struct segment_cover *known = &writer->covers[i];
        if (known->lane == cover.lane && known->class == cover.class) {
            known->lsn = cover.lsn > known->lsn ? cover.lsn : known->lsn;
            return;
        }
    }
    writer->covers = mem_resize(writer->covers, writer->cover_count + 1, sizeof cover);
    writer->covers[writer->cover_count++] = cover;
}

void segment_writer_presence(struct segment_writer *writer, struct str host, int64_t minute, uint64_t minutes)
{
    int64_t first = writer->options.day * (DAY_MS / MINUTE_MS), end = first + DAY_MS / MINUTE_MS;
    uint32_t number = presence_set_host_named(&writer->presence, host);
    for (int64_t at = minute < first ? first : minute; at < end && (uint64_t)(at - minute) < minutes; at++) {
        presence_set_mark(&writer->presence, number, writer->options.day, (at - first) * MINUTE_MS);
        writer->from_ms = at * MINUTE_MS < writer->from_ms ? at * MINUTE_MS : writer->from_ms;
        writer->to_ms = at * MINUTE_MS > writer->to_ms ? at * MINUTE_MS : writer->to_ms;
    }
}

void segment_writer_replaces(struct segment_writer *writer, const char *name)
{
    writer->replaces = mem_resize(writer->replaces, writer->replaces_count + 1, sizeof *writer->replaces);
    memset(writer->replaces[writer->replaces_count], 0, sizeof *writer->replaces);
    strncpy(writer->replaces[writer->replaces_count++], name, SEGMENT_NAME_MAX);
}

/* ---- the end ---- */

static int by_metric(const void *a, const void *b)
{
    const struct segment_metric *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static void sort_metrics(struct segment *segment)
{
    if (segment->metric_count)
        qsort(segment->metrics, segment->metric_count, sizeof *segment->metrics, by_metric);
}

static struct segment *make_segment(struct segment_writer *writer)
{
    struct segment *segment = MEM_NEW(struct segment);
    segment->refs = 1;
    segment->origin = writer->options.origin;
    memcpy(segment->name, writer->name, sizeof segment->name);
    segment->day = writer->options.day;
    segment->source_count = writer->options.source_count;
    segment->from_ms = writer->from_ms;
    segment->to_ms = writer->to_ms;
    segment->metrics = mem_alloc(writer->metric_count * sizeof *segment->metrics);
    segment->metric_count = writer->metric_count;
    for (uint32_t i = 0; i < writer->metric_count; i++) {
        const struct segment_metric *metric = &writer->metrics[i].directory;
        segment->metrics[i] = *metric;
        segment->rows += metric->rows;
        segment->from_ms = metric->from_ms < segment->from_ms ? metric->from_ms : segment->from_ms;
        segment->to_ms = metric->to_ms > segment->to_ms ? metric->to_ms : segment->to_ms;
    }
    if (segment->from_ms > segment->to_ms)
        segment->from_ms = segment->to_ms = segment->day * DAY_MS; /* there is nothing in it */
    sort_metrics(segment);
    segment->covers = mem_alloc(writer->cover_count * sizeof *segment->covers);
    if (writer->cover_count)
        memcpy(segment->covers, writer->covers, writer->cover_count * sizeof *segment->covers);
    segment->cover_count = writer->cover_count;
    segment->replaces = mem_alloc(writer->replaces_count * sizeof *segment->replaces);
    if (writer->replaces_count)
        memcpy(segment->replaces, writer->replaces, writer->replaces_count * sizeof *segment->replaces);
    segment->replaces_count = writer->replaces_count;
    return segment;
}

/* The name appears only when all bytes are durable; durable itself once both folders are synced. */
static enum err publish(struct segment_writer *writer, struct why *why)
{
    struct store_path path = store_path(store_path_str(&writer->folder), "%s.seg", writer->name);
    struct store_path parent = store_path(writer->options.origin->dir, "seg");
    enum err err = sys_sync(writer->sys, writer->file, why);
    if (!err)
        err = sys_rename(writer->sys, store_path_str(&writer->temporary), store_path_str(&path), why);
    if (!err) {
        writer->named = true;
        writer->temporary = path; /* a failure from here on removes it again */
        err = sys_sync_dir(writer->sys, store_path_str(&writer->folder), why);
    }
    if (!err)
        err = sys_sync_dir(writer->sys, store_path_str(&parent), why);
    return err;
}

enum err segment_writer_finish(struct segment_writer *writer, struct segment **out, struct why *why)
{
    enum err err = end_metric(writer, why);
    if (err)
        return err;
    struct segment *segment = make_segment(writer);
    err = writer_put_rest(writer, segment, why);
    if (!err)
        err = publish(writer, why);
    if (err) {
        segment_unref(segment);
        return err;
    }
    segment->bytes = writer->flushed;
    sys_close(writer->sys, writer->file);
    writer->file = NULL;
    *out = segment;
    return ERR_OK;
}
