/* The reader of segment files (format: head of segment_write.c). Everything is bounded by the size of the
 * file and by its own check before it is believed. */
#include "store/segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/day.h"
#include "store/frame.h"
#include "store/log_format.h"
#include "store/segment_format.h"

#include <stdlib.h>

static enum err read_exactly(struct sys *sys, struct sys_file *file, uint64_t at, size_t size,
                             struct buf *out, struct why *why)
{
    size_t got = 0;
    out->size = 0;
    buf_reserve(out, size);
    enum err err = sys_read_at(sys, file, at, out->at, size, &got, why);
    if (!err && got < size)
        err = why_set(why, ERR_CORRUPT, "the file ends %zu bytes too early", size - got);
    if (!err)
        out->size = size;
    return err;
}

struct footer_place {
    uint64_t at, file_bytes, seed;
    uint32_t size, raw_size;
    uint64_t check;
};

/* Header and trailer. */
static enum err find_footer(struct sys *sys, struct sys_file *file, struct footer_place *place,
                            struct why *why)
{
    struct buf bytes = {0};
    uint64_t size;
    enum err err = sys_size(sys, file, &size, why);
    if (!err && size < SEGMENT_HEADER_BYTES + SEGMENT_TRAILER_BYTES)
        err = why_set(why, ERR_CORRUPT, "%llu bytes are too few for a segment", (unsigned long long)size);
    if (!err)
        err = read_exactly(sys, file, 0, SEGMENT_HEADER_BYTES, &bytes, why);
    if (!err) {
        struct bytes in = bytes_of(buf_view(&bytes));
        bool good = bytes_u64(&in) == SEGMENT_MAGIC;
        good &= bytes_u32(&in) == SEGMENT_VERSION;
        in.at = bytes.at + 56;
        good &= bytes_u64(&in) == hash_bytes(str_first(buf_view(&bytes), 56));
        place->seed = log_seed((const unsigned char *)bytes.at + 16);
        if (!good)
            err = why_set(why, ERR_CORRUPT, "the header is damaged");
    }
    if (!err)
        err = read_exactly(sys, file, size - SEGMENT_TRAILER_BYTES, SEGMENT_TRAILER_BYTES, &bytes, why);
    if (!err) {
        struct bytes in = bytes_of(buf_view(&bytes));
        place->at = bytes_u64(&in);
        place->size = bytes_u32(&in);
        place->raw_size = bytes_u32(&in);
        place->check = bytes_u64(&in);
        place->file_bytes = bytes_u64(&in);
        bool good = bytes_u64(&in) == hash_bytes(str_first(buf_view(&bytes), 32));
        good &= bytes_u64(&in) == SEGMENT_END_MAGIC && place->file_bytes == size &&
                place->at >= SEGMENT_HEADER_BYTES && place->raw_size <= SEGMENT_FOOTER_MAX &&
                place->at + place->size + SEGMENT_TRAILER_BYTES == size;
        if (!good)
            err = why_set(why, ERR_CORRUPT, "the trailer is damaged");
    }
    buf_done(&bytes);
    return err;
}

static enum err read_section(const struct segment_index *index, const struct segment_section *section,
                             struct buf *raw, struct why *why)
{
    struct buf packed = {0};
    struct block_coder coder = {0};
    enum err err = read_exactly(index->sys, index->file, section->at, section->size, &packed, why);
    if (!err && !index->unchecked && hash_seeded(buf_view(&packed), index->seed) != section->check)
        err = why_set(why, ERR_CORRUPT, "a section's checksum is wrong");
    if (!err)
        err = block_unpack(&coder, buf_view(&packed), section->raw_size, raw, why);
    buf_done(&packed);
    block_coder_done(&coder);
    return err;
}

/* ---- the index from the footer ---- */

static uint32_t bounded_count(struct bytes *in, size_t size)
{
    uint64_t count = bytes_varint(in);
    if (count > bytes_left(in) / size)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)count;
}

static void parse_fields(struct bytes *in, struct names *names, struct segment_index *index)
{
    index->field_count = bounded_count(in, 1);
    index->fields = mem_alloc(index->field_count * sizeof *index->fields);
    for (uint32_t i = 0; i < index->field_count; i++) {
        struct str name = bytes_sized_str(in);
        index->fields[i] = in->bad || name.size == 0 ? NAME_NONE : names_resolve_field(names, name);
    }
}

static void parse_block(struct bytes *in, struct segment_block_entry *block, uint64_t *at, uint64_t limit)
{
    uint64_t size = bytes_varint(in), raw_size = bytes_varint(in), rows = bytes_varint(in);
    block->at = *at;
    block->from_ms = unzigzag(bytes_varint(in));
    block->to_ms = (int64_t)((uint64_t)block->from_ms + bytes_varint(in));
    block->check = bytes_u64(in);
    if (size > limit - *at || raw_size > BLOCK_RAW_MAX || rows > BLOCK_ROWS_MAX) {
        in->bad = true;
        return;
    }
    block->size = (uint32_t)size;
    block->raw_size = (uint32_t)raw_size;
    block->rows = (uint32_t)rows;
    *at += size;
}

static int by_metric(const void *a, const void *b)
{
    const struct segment_column *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static void parse_columns(struct bytes *in, struct names *names, struct segment_index *index, uint64_t *at,
                          uint64_t limit)
{
    uint32_t count = bounded_count(in, 2), cap = 0;
    index->columns = mem_alloc(count * sizeof *index->columns);
    for (uint32_t c = 0; c < count && !in->bad; c++) {
        struct str name = bytes_sized_str(in);
        uint32_t blocks = bounded_count(in, 5 + 8);
        struct segment_column column = {names_find_metric(names, name), index->block_count, blocks};
        if (index->block_count + blocks > cap) {
            cap = (index->block_count + blocks) * 2;
            index->blocks = mem_resize(index->blocks, cap, sizeof *index->blocks);
        }
        for (uint32_t b = 0; b < blocks && !in->bad; b++)
            parse_block(in, &index->blocks[index->block_count++], at, limit);
        if (column.metric != NAME_NONE)
            index->columns[index->column_count++] = column;
    }
    if (index->column_count)
        qsort(index->columns, index->column_count, sizeof *index->columns, by_metric);
}

static void parse_section(struct bytes *in, bool has_count, struct segment_section *section, uint64_t *at,
                          uint64_t limit)
{
    uint64_t size = bytes_varint(in), raw_size = bytes_varint(in), count = has_count ? bytes_varint(in) : 0;
    section->check = bytes_u64(in);
    section->at = *at;
    if (size > limit - *at || raw_size > SEGMENT_FOOTER_MAX || count > SEGMENT_SOURCES_PER_CHUNK) {
        in->bad = true;
        return;
    }
    section->size = (uint32_t)size;
    section->raw_size = (uint32_t)raw_size;
    section->count = (uint32_t)count;
    *at += size;
}

/* limit: where the footer begins. */
static enum err parse_footer(struct str raw, const struct segment_origin *origin, uint64_t limit,
                             struct segment_index *index, struct str *directory, struct why *why)
{
    struct bytes in = bytes_of(raw);
    uint64_t at = SEGMENT_HEADER_BYTES, sources = 0;
    *directory = bytes_sized_str(&in);
    parse_fields(&in, origin->names, index);
    parse_columns(&in, origin->names, index, &at, limit);
    index->source_chunk_count = bounded_count(&in, 3 + 8);
    index->source_chunks = mem_zero(index->source_chunk_count, sizeof *index->source_chunks);
    for (uint32_t i = 0; i < index->source_chunk_count && !in.bad; i++) {
        parse_section(&in, true, &index->source_chunks[i], &at, limit);
        sources += index->source_chunks[i].count;
    }
    parse_section(&in, false, &index->presence, &at, limit);
    index->source_count = (uint32_t)sources;
    if (in.bad || bytes_left(&in) != 0 || at != limit || sources > UINT32_MAX - 1)
        return why_set(why, ERR_CORRUPT, "the footer does not fit the file");
    return ERR_OK;
}

static void index_free(struct cache_entry *entry)
{
    struct segment_index *index = (struct segment_index *)entry;
    sys_close(index->sys, index->file);
    mem_free(index->fields);
    mem_free(index->columns);
    mem_free(index->blocks);
    mem_free(index->source_chunks);
    buf_done(&index->presence_raw);
    mem_free(index);
}

/* Opens the file and reads its footer; *raw keeps the footer, which *directory points into. */
static enum err open_index(const struct segment_origin *origin, struct str path, struct segment_index **out,
                           struct buf *raw, struct str *directory, struct why *why)
{
    struct segment_index *index = MEM_NEW(struct segment_index);
    struct footer_place place = {0};
    index->sys = origin->sys;
    index->unchecked = origin->unchecked;
    index->entry.free = index_free;
    enum err err = sys_open(origin->sys, path, SYS_READ, &index->file, why);
    if (!err)
        err = find_footer(origin->sys, index->file, &place, why);
    if (!err) {
        struct segment_section footer = {place.at, place.size, place.raw_size, 0, place.check};
        index->seed = place.seed;
        index->file_bytes = place.file_bytes;
        err = read_section(index, &footer, raw, why);
    }
    if (!err)
        err = parse_footer(buf_view(raw), origin, place.at, index, directory, why);
    if (err) {
        index_free(&index->entry);
        return err;
    }
    index->presence_bad = read_section(index, &index->presence, &index->presence_raw, NULL) != ERR_OK;
    index->entry.bytes = sizeof *index + index->block_count * sizeof *index->blocks +
                         index->column_count * sizeof *index->columns + index->presence_raw.cap +
                         index->source_chunk_count * sizeof *index->source_chunks;
    *out = index;
    return ERR_OK;
}

static enum err failed(struct segment *segment, enum err err, struct why *why)
{
    if (err == ERR_CORRUPT || err == ERR_MISSING)
        segment->damaged = true;
    return why_wrap(why, err, "seg/%08lld/%s.seg", (long long)day_number(segment->day), segment->name);
}

enum err segment_load_index(struct segment *segment, struct segment_index **out, struct why *why)
{
    const struct segment_origin *origin = segment->origin;
    struct cache_entry *entry = cache_get(origin->cache, &segment->index);
    if (!entry) {
        struct store_path path = segment_path(segment);
        struct segment_index *index;
        struct buf raw = {0};
        struct str directory;
        enum err err = open_index(origin, store_path_str(&path), &index, &raw, &directory, why);
        if (!err && index->source_count != segment->source_count) {
            index_free(&index->entry);
            err = why_set(why, ERR_CORRUPT, "it is not the file that the catalog knows");
        }
        buf_done(&raw);
        if (err)
            return failed(segment, err, why);
        entry = cache_put(origin->cache, &segment->index, &index->entry);
    }
    *out = (struct segment_index *)entry;
    return ERR_OK;
}

void segment_release(struct segment *segment, struct cache_entry *entry)
{
    cache_release(segment->origin->cache, entry);
}

enum err segment_open_file(const struct segment_origin *origin, struct str day_folder, struct str name,
                           struct segment **out, struct why *why)
{
    struct store_path path = store_path(origin->dir, "seg/%.*s/%.*s.seg", STR_ARG(day_folder), STR_ARG(name));
    struct segment_index *index;
    struct buf raw = {0};
    struct str directory;
    enum err err = open_index(origin, store_path_str(&path), &index, &raw, &directory, why);
    if (!err) {
        struct segment *segment = segment_decode_directory(origin, name, directory, why);
        if (segment) {
            segment->bytes = index->file_bytes;
            char folder[16];
            snprintf(folder, sizeof folder, "%08lld", (long long)day_number(segment->day));
            if (segment->source_count != index->source_count || !str_eq(str_of(folder), day_folder)) {
                segment_unref(segment);
                segment = NULL;
                why_set(why, ERR_CORRUPT, "the footer contradicts the file or its folder");
            }
        }
        if (segment)
            *out = segment;
        else
            err = ERR_CORRUPT;
        index_free(&index->entry);
    }
    buf_done(&raw);
    return err;
}

const struct segment_column *segment_find_column(const struct segment_index *index, uint32_t metric)
{
    uint32_t low = 0, high = index->column_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->columns[middle].metric < metric)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < index->column_count && index->columns[low].metric == metric;
    return found ? &index->columns[low] : NULL;
}

enum err segment_read_block(const struct segment_index *index, uint32_t block, struct block_coder *coder,
                            struct buf *packed, const struct block_rows *rows, struct why *why)
{
    const struct segment_block_entry *entry = &index->blocks[block];
    enum err err = read_exactly(index->sys, index->file, entry->at, entry->size, packed, why);
    if (!err && !index->unchecked && hash_seeded(buf_view(packed), index->seed) != entry->check)
        err = why_set(why, ERR_CORRUPT, "the checksum of a block is wrong");
    if (!err)
        err = block_decode(coder, buf_view(packed), entry->raw_size, entry->rows, index->source_count, rows,
                           why);
    return err;
}

/* ---- sources ---- */

static void sources_free(struct cache_entry *entry)
{
    struct segment_sources *sources = (struct segment_sources *)entry;
    buf_done(&sources->bytes);
    mem_free(sources->ends);
    mem_free(sources->rows);
    mem_free(sources);
}

static enum err read_chunk(const struct segment_index *index, const struct segment_section *chunk,
                           struct segment_sources *sources, struct why *why)
{
    struct buf raw = {0};
    enum err err = read_section(index, chunk, &raw, why);
    if (!err) {
        struct bytes in = bytes_of(buf_view(&raw));
        for (uint32_t i = 0; i < chunk->count && !in.bad; i++) {
            in.bad |= !frame_source_decode(&in, index->fields, index->field_count, &sources->bytes);
            uint64_t rows = bytes_varint(&in);
            sources->rows[sources->count] = (uint32_t)rows;
            sources->ends[sources->count++] = (uint32_t)sources->bytes.size;
        }
        if (in.bad || bytes_left(&in) || sources->bytes.size > UINT32_MAX)
            err = why_set(why, ERR_CORRUPT, "a table of sources is no such thing");
    }
    buf_done(&raw);
    return err;
}

enum err segment_load_sources(struct segment *segment, struct segment_index *index,
                              struct segment_sources **out, struct why *why)
{
    struct cache_entry *entry = cache_get(segment->origin->cache, &segment->sources);
    if (!entry) {
        struct segment_sources *sources = MEM_NEW(struct segment_sources);
        enum err err = ERR_OK;
        sources->entry.free = sources_free;
        sources->ends = mem_alloc(index->source_count * sizeof *sources->ends);
        sources->rows = mem_alloc(index->source_count * sizeof *sources->rows);
        for (uint32_t i = 0; i < index->source_chunk_count && !err; i++)
            err = read_chunk(index, &index->source_chunks[i], sources, why);
        if (err) {
            sources_free(&sources->entry);
            return failed(segment, err, why);
        }
        sources->entry.bytes = sizeof *sources + sources->bytes.cap +
                               sources->count * (sizeof *sources->ends + sizeof *sources->rows);
        entry = cache_put(segment->origin->cache, &segment->sources, &sources->entry);
    }
    *out = (struct segment_sources *)entry;
    return ERR_OK;
}

/* ---- presence ---- */

enum err segment_presence(const struct segment_index *index, struct str host, segment_run_fn *each, void *ctx,
                          struct why *why)
{
    if (index->presence_bad)
        return why_set(why, ERR_CORRUPT, "the presence section is damaged");
    struct bytes in = bytes_of(buf_view(&index->presence_raw));
    uint32_t hosts = bounded_count(&in, 2);
    for (uint32_t h = 0; h < hosts && !in.bad; h++) {
        struct str name = bytes_sized_str(&in);
        bool wanted = host.at ? h > 0 && str_eq(name, host) : h == 0;
        uint64_t at = 0;
        for (uint64_t runs = bytes_varint(&in); runs && !in.bad; runs--) {
            at += (uint64_t)unzigzag(bytes_varint(&in));
            uint64_t minutes = bytes_varint(&in);
            if (wanted && !in.bad)
                each(ctx, (int64_t)at, minutes);
            at += minutes;
        }
        if (wanted)
            break;
    }
    return in.bad ? why_set(why, ERR_CORRUPT, "the presence section is no such thing") : ERR_OK;
}

/* ---- every byte ---- */

enum err segment_verify(struct segment *segment, struct why *why)
{
    struct segment_index *index;
    struct segment_sources *sources = NULL;
    enum err err = segment_load_index(segment, &index, why);
    if (err)
        return err;
    err = segment_load_sources(segment, index, &sources, why);
    struct block_coder coder = {0};
    struct buf packed = {0};
    struct block_rows rows = {mem_alloc(BLOCK_ROWS_MAX * sizeof(uint32_t)),
                              mem_alloc(BLOCK_ROWS_MAX * sizeof(int64_t)),
                              mem_alloc(BLOCK_ROWS_MAX * sizeof(double))};
    uint64_t count = 0;
    for (uint32_t b = 0; b < index->block_count && !err; b++) {
        err = segment_read_block(index, b, &coder, &packed, &rows, why);
        count += index->blocks[b].rows;
    }
    if (!err && count != segment->rows)
        err = why_set(why, ERR_CORRUPT, "%llu rows in blocks where the directory says %llu",
                      (unsigned long long)count, (unsigned long long)segment->rows);
    if (!err && index->presence_bad)
        err = why_set(why, ERR_CORRUPT, "the presence section is damaged");
    block_coder_done(&coder);
    buf_done(&packed);
    mem_free(rows.source);
    mem_free(rows.time_ms);
    mem_free(rows.value);
    segment_release(segment, sources ? &sources->entry : NULL);
    segment_release(segment, &index->entry);
    return err;
}
