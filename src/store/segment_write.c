/* A segment file, version 1. Little-endian; varints are LEB128, texts a varint size and the bytes. Every
 * check is xxh3 of the bytes as stored, seeded by the first half of the uuid.
 *
 *   header, 64 bytes:
 *      0  u64  magic "DTSEG\0\0\1"
 *      8  u32  version 1
 *     12  u32  0
 *     16  16   uuid
 *     32  24   0
 *     56  u64  xxh3 of bytes 0 to 55, unseeded
 *   blocks, back to back: at most 4,096 rows of one metric each, rows ascending by (source, time) through all
 *     blocks of the metric (segment_block.h)
 *   source chunks, packed by zstd: 1,024 sources each: count of its fields, then per field its index, u8
 * type, varint number or text; then varint, the rows that the source has presence, packed by zstd: count of
 * hosts, each: text host (the first is empty: any), count of runs, each: zigzag minutes since the end of the
 * run before (the first since 1970), minutes in the run footer, packed by zstd: text directory (segment.c),
 * count of fields, each: text name, ascending count of metrics, each: text name, count of blocks, each:
 * stored size, unpacked size, rows, zigzag from, to - from, u64 check. Blocks follow each other from byte 64
 * in this order count of source chunks, each: stored size, unpacked size, sources, u64 check; they follow the
 * blocks presence: stored size, unpacked size, u64 check; it follows the chunks trailer, 48 bytes: 0  u64
 * where the footer begins 8  u32  its stored size 12  u32  its unpacked size 16  u64  its check 24  u64  size
 * of the file 32  u64  xxh3 of bytes 0 to 31, unseeded 40  u64  magic "DTSGEND\0"
 *
 * Sources are numbered from 0 in the order of segment_sort_sources. A file is valid when header and trailer
 * are, and then each part by its own check: one bad block costs its rows only. A file without a valid trailer
 * was never finished. Readers refuse a higher version.
 */
#include "store/segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scheme/source.h"
#include "store/day.h"
#include "store/frame.h"
#include "store/log_format.h"
#include "store/segment_format.h"

#include <stdlib.h>

enum { FLUSH_BYTES = 256 * 1024 };

struct writer_metric {
    struct segment_metric directory;
    uint32_t first_block, block_count;
};

struct segment_writer {
    struct segment_writer_options options;
    struct sys *sys;
    struct sys_file *file;
    struct store_path temporary, folder;
    char name[SEGMENT_NAME_MAX + 1];
    uint64_t seed;
    uint64_t flushed; /* bytes in the file */
    struct buf out;   /* bytes that follow */
    struct block_coder coder;
    struct block_rows rows; /* the block being filled */
    uint32_t row_count;
    uint32_t *source_rows, *source_host;
    struct presence_set presence;
    struct writer_metric *metrics;
    uint32_t metric_count, metric_cap;
    struct segment_block_entry *blocks;
    uint32_t block_count, block_cap;
    struct segment_section *chunks;
    uint32_t chunk_count;
    struct segment_section presence_section;
    struct segment_cover *covers;
    uint32_t cover_count;
    char (*replaces)[SEGMENT_NAME_MAX + 1];
    uint32_t replaces_count;
    struct frame_table fields;
    bool named;
};

static enum err flush(struct segment_writer *writer, struct why *why)
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

static void make_arrays(struct segment_writer *writer)
{
    uint32_t rows = writer->options.block_rows, sources = writer->options.source_count;
    writer->rows.source = mem_alloc(rows * sizeof(uint32_t));
    writer->rows.time_ms = mem_alloc(rows * sizeof(int64_t));
    writer->rows.value = mem_alloc(rows * sizeof(double));
    writer->source_rows = mem_zero(sources, sizeof(uint32_t));
    writer->source_host = mem_alloc(sources * sizeof(uint32_t));
    for (uint32_t i = 0; i < sources; i++)
        writer->source_host[i] = presence_set_host(&writer->presence, writer->options.origin->host_field,
                                                   writer->options.sources[i]);
}

enum err segment_writer_new(const struct segment_writer_options *options, struct segment_writer **out,
                            struct why *why)
{
    CHECK(options->block_rows > 0 && options->block_rows <= BLOCK_ROWS_MAX);
    struct segment_writer *writer = MEM_NEW(struct segment_writer);
    writer->options = *options;
    writer->sys = options->origin->sys;
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
    block_coder_done(&writer->coder);
    mem_free(writer->rows.source);
    mem_free(writer->rows.time_ms);
    mem_free(writer->rows.value);
    mem_free(writer->source_rows);
    mem_free(writer->source_host);
    presence_set_done(&writer->presence);
    mem_free(writer->metrics);
    mem_free(writer->blocks);
    mem_free(writer->chunks);
    mem_free(writer->covers);
    mem_free(writer->replaces);
    frame_table_done(&writer->fields);
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

static enum err end_block(struct segment_writer *writer, struct why *why)
{
    if (!writer->row_count)
        return ERR_OK;
    if (writer->block_count == writer->block_cap) {
        writer->block_cap = writer->block_cap ? writer->block_cap * 2 : 64;
        writer->blocks = mem_resize(writer->blocks, writer->block_cap, sizeof *writer->blocks);
    }
    struct segment_block_entry *block = &writer->blocks[writer->block_count++];
    *block =
        (struct segment_block_entry){.from_ms = INT64_MAX, .to_ms = INT64_MIN, .rows = writer->row_count};
    for (uint32_t i = 0; i < writer->row_count; i++) {
        int64_t time_ms = writer->rows.time_ms[i];
        block->from_ms = time_ms < block->from_ms ? time_ms : block->from_ms;
        block->to_ms = time_ms > block->to_ms ? time_ms : block->to_ms;
    }
    size_t start = writer->out.size;
    block->raw_size = block_encode(&writer->coder, &writer->rows, writer->row_count, &writer->out);
    block->size = (uint32_t)(writer->out.size - start);
    block->check = hash_seeded(str_make(writer->out.at + start, block->size), writer->seed);
    struct writer_metric *metric = &writer->metrics[writer->metric_count - 1];
    struct segment_metric *directory = &metric->directory;
    metric->block_count++;
    directory->rows += writer->row_count;
    directory->from_ms = block->from_ms < directory->from_ms ? block->from_ms : directory->from_ms;
    directory->to_ms = block->to_ms > directory->to_ms ? block->to_ms : directory->to_ms;
    writer->row_count = 0;
    return writer->out.size >= FLUSH_BYTES ? flush(writer, why) : ERR_OK;
}

enum err segment_writer_metric(struct segment_writer *writer, uint32_t metric, struct why *why)
{
    enum err err = end_block(writer, why);
    if (writer->metric_count == writer->metric_cap) {
        writer->metric_cap = writer->metric_cap ? writer->metric_cap * 2 : 64;
        writer->metrics = mem_resize(writer->metrics, writer->metric_cap, sizeof *writer->metrics);
    }
    struct writer_metric *next = &writer->metrics[writer->metric_count++];
    *next = (struct writer_metric){.first_block = writer->block_count};
    next->directory = (struct segment_metric){metric, 0, INT64_MAX, INT64_MIN};
    return err;
}

enum err segment_writer_add(struct segment_writer *writer, uint32_t source, int64_t time_ms, double value,
                            struct why *why)
{
    uint32_t at = writer->row_count++;
    writer->rows.source[at] = source;
    writer->rows.time_ms[at] = time_ms;
    writer->rows.value[at] = value;
    writer->source_rows[source]++;
    presence_set_mark(&writer->presence, writer->source_host[source], time_ms);
    return writer->row_count == writer->options.block_rows ? end_block(writer, why) : ERR_OK;
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

void segment_writer_replaces(struct segment_writer *writer, const char *name)
{
    writer->replaces = mem_resize(writer->replaces, writer->replaces_count + 1, sizeof *writer->replaces);
    memset(writer->replaces[writer->replaces_count], 0, sizeof *writer->replaces);
    strncpy(writer->replaces[writer->replaces_count++], name, SEGMENT_NAME_MAX);
}

/* ---- the other sections ---- */

static struct segment_section end_section(struct segment_writer *writer, struct str raw, uint32_t count)
{
    struct segment_section section = {.raw_size = (uint32_t)raw.size, .count = count};
    size_t start = writer->out.size;
    block_pack(&writer->coder, raw, 3, &writer->out);
    section.size = (uint32_t)(writer->out.size - start);
    section.check = hash_seeded(str_make(writer->out.at + start, section.size), writer->seed);
    return section;
}

static int by_field_name(const void *a, const void *b, void *names)
{
    return str_compare(names_field(names, *(const uint32_t *)a), names_field(names, *(const uint32_t *)b));
}

/* Numbers the fields that occur by their names. */
static void number_fields(struct segment_writer *writer)
{
    struct names *names = writer->options.origin->names;
    for (uint32_t i = 0; i < writer->options.source_count; i++) {
        struct bytes in = bytes_of(writer->options.sources[i]);
        for (uint8_t left = bytes_u8(&in); left; left--) {
            frame_table_local(&writer->fields, bytes_u16(&in));
            if (bytes_u8(&in) == SOURCE_NUMBER)
                bytes_u64(&in);
            else
                bytes_str(&in, bytes_u8(&in));
        }
    }
    uint32_t count = writer->fields.count;
    uint32_t *fields = mem_alloc(count * sizeof *fields);
    if (count) /* rows without any source have no fields */
        memcpy(fields, writer->fields.global, count * sizeof *fields);
    qsort_r(fields, count, sizeof *fields, by_field_name, names);
    frame_table_clear(&writer->fields);
    for (uint32_t i = 0; i < count; i++)
        frame_table_local(&writer->fields, fields[i]);
    mem_free(fields);
}

static enum err put_sources(struct segment_writer *writer, struct why *why)
{
    uint32_t count = writer->options.source_count;
    struct buf raw = {0};
    enum err err = ERR_OK;
    number_fields(writer);
    writer->chunks = mem_zero(count / SEGMENT_SOURCES_PER_CHUNK + 1, sizeof *writer->chunks);
    for (uint32_t first = 0; first < count && !err; first += SEGMENT_SOURCES_PER_CHUNK) {
        uint32_t end = count - first > SEGMENT_SOURCES_PER_CHUNK ? first + SEGMENT_SOURCES_PER_CHUNK : count;
        raw.size = 0;
        for (uint32_t i = first; i < end; i++) {
            frame_source_encode(&writer->fields, writer->options.sources[i], &raw);
            buf_varint(&raw, writer->source_rows[i]);
        }
        writer->chunks[writer->chunk_count++] = end_section(writer, buf_view(&raw), end - first);
        if (writer->out.size >= FLUSH_BYTES)
            err = flush(writer, why);
    }
    buf_done(&raw);
    return err;
}

static int by_host_and_minute(const void *a, const void *b)
{
    const struct host_minute *x = a, *y = b;
    if (x->host != y->host)
        return x->host < y->host ? -1 : 1;
    return x->minute < y->minute ? -1 : x->minute > y->minute;
}

static struct host_minute *sorted_presence(const struct presence_set *set)
{
    struct host_minute *pairs = mem_alloc(set->count * sizeof *pairs);
    uint32_t at = 0;
    for (const struct presence_chunk *chunk = set->first; chunk && at < set->count; chunk = chunk->next) {
        uint32_t count = set->count - at < PRESENCE_CHUNK ? set->count - at : PRESENCE_CHUNK;
        memcpy(pairs + at, chunk->pairs, count * sizeof *pairs);
        at += count;
    }
    if (at)
        qsort(pairs, at, sizeof *pairs, by_host_and_minute);
    return pairs;
}

/* The runs of one host, whose pairs these are. */
static void put_runs(const struct host_minute *pairs, uint32_t count, struct buf *raw)
{
    uint32_t runs = 0;
    for (uint32_t i = 0; i < count; i++)
        runs += i == 0 || pairs[i].minute != pairs[i - 1].minute + 1;
    buf_varint(raw, runs);
    int64_t end = 0;
    for (uint32_t i = 0, j; i < count; i = j) {
        for (j = i + 1; j < count && pairs[j].minute == pairs[j - 1].minute + 1; j++)
            ;
        buf_varint(raw, zigzag(pairs[i].minute - end));
        buf_varint(raw, j - i);
        end = (int64_t)pairs[j - 1].minute + 1;
    }
}

static void put_presence(struct segment_writer *writer)
{
    struct presence_set *set = &writer->presence;
    struct host_minute *pairs = sorted_presence(set);
    struct buf raw = {0};
    buf_varint(&raw, set->hosts.count);
    for (uint32_t host = 0, at = 0, end; host < set->hosts.count; host++, at = end) {
        for (end = at; end < set->count && pairs[end].host == host; end++)
            ;
        buf_sized_str(&raw, intern_get(&set->hosts, host));
        put_runs(pairs + at, end - at, &raw);
    }
    writer->presence_section = end_section(writer, buf_view(&raw), set->hosts.count);
    buf_done(&raw);
    mem_free(pairs);
}

static struct segment *make_segment(struct segment_writer *writer)
{
    struct segment *segment = MEM_NEW(struct segment);
    segment->refs = 1;
    segment->origin = writer->options.origin;
    memcpy(segment->name, writer->name, sizeof segment->name);
    segment->day = writer->options.day;
    segment->source_count = writer->options.source_count;
    segment->from_ms = INT64_MAX;
    segment->to_ms = INT64_MIN;
    segment->metrics = mem_alloc(writer->metric_count * sizeof *segment->metrics);
    segment->metric_count = writer->metric_count;
    for (uint32_t i = 0; i < writer->metric_count; i++) {
        const struct segment_metric *metric = &writer->metrics[i].directory;
        segment->metrics[i] = *metric;
        segment->rows += metric->rows;
        segment->from_ms = metric->from_ms < segment->from_ms ? metric->from_ms : segment->from_ms;
        segment->to_ms = metric->to_ms > segment->to_ms ? metric->to_ms : segment->to_ms;
    }
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

static void put_block_entries(const struct segment_writer *writer, struct buf *raw)
{
    buf_varint(raw, writer->metric_count);
    for (uint32_t m = 0; m < writer->metric_count; m++) {
        const struct writer_metric *metric = &writer->metrics[m];
        buf_sized_str(raw, names_metric(writer->options.origin->names, metric->directory.metric));
        buf_varint(raw, metric->block_count);
        for (uint32_t b = metric->first_block; b < metric->first_block + metric->block_count; b++) {
            const struct segment_block_entry *block = &writer->blocks[b];
            buf_varint(raw, block->size);
            buf_varint(raw, block->raw_size);
            buf_varint(raw, block->rows);
            buf_varint(raw, zigzag(block->from_ms));
            buf_varint(raw, (uint64_t)block->to_ms - (uint64_t)block->from_ms);
            buf_u64(raw, block->check);
        }
    }
}

static void put_footer(struct segment_writer *writer, const struct segment *segment)
{
    struct buf raw = {0}, directory = {0};
    segment_encode_directory(segment, &directory);
    buf_sized_str(&raw, buf_view(&directory));
    buf_varint(&raw, writer->fields.count);
    for (uint32_t i = 0; i < writer->fields.count; i++)
        buf_sized_str(&raw, names_field(writer->options.origin->names, writer->fields.global[i]));
    put_block_entries(writer, &raw);
    buf_varint(&raw, writer->chunk_count);
    for (uint32_t i = 0; i < writer->chunk_count; i++) {
        buf_varint(&raw, writer->chunks[i].size);
        buf_varint(&raw, writer->chunks[i].raw_size);
        buf_varint(&raw, writer->chunks[i].count);
        buf_u64(&raw, writer->chunks[i].check);
    }
    buf_varint(&raw, writer->presence_section.size);
    buf_varint(&raw, writer->presence_section.raw_size);
    buf_u64(&raw, writer->presence_section.check);
    uint64_t at = writer->flushed + writer->out.size;
    struct segment_section footer = end_section(writer, buf_view(&raw), 0);
    size_t start = writer->out.size;
    buf_u64(&writer->out, at);
    buf_u32(&writer->out, footer.size);
    buf_u32(&writer->out, footer.raw_size);
    buf_u64(&writer->out, footer.check);
    buf_u64(&writer->out, at + footer.size + SEGMENT_TRAILER_BYTES);
    buf_u64(&writer->out, hash_bytes(str_make(writer->out.at + start, 32)));
    buf_u64(&writer->out, SEGMENT_END_MAGIC);
    buf_done(&raw);
    buf_done(&directory);
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
    enum err err = end_block(writer, why);
    if (!err)
        err = put_sources(writer, why);
    if (err)
        return err;
    put_presence(writer);
    struct segment *segment = make_segment(writer);
    put_footer(writer, segment);
    err = flush(writer, why);
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
