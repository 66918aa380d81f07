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
        uint32_t version = bytes_u32(&in);
        in.at = bytes.at + 56;
        good &= bytes_u64(&in) == hash_bytes(str_first(buf_view(&bytes), 56));
        place->seed = log_seed((const unsigned char *)bytes.at + 16);
        if (!good)
            err = why_set(why, ERR_CORRUPT, "the header is damaged");
        else if (version != SEGMENT_VERSION)
            err = why_set(why, ERR_CORRUPT,
                          "it has version %u of the format, and this dialtone reads %d: read it with the "
                          "dialtone that wrote it, or load its lines again",
                          version, SEGMENT_VERSION);
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

static enum err unpack_section(const struct segment_index *index, const struct segment_section *section,
                               struct buf *raw, struct why *why)
{
    struct buf packed = {0};
    struct packer packer = {0};
    enum err err = segment_read(index, section->at, section->size, section->check, &packed, why);
    if (!err)
        err = unpack(&packer, buf_view(&packed), section->raw_size, raw, why);
    buf_done(&packed);
    packer_done(&packer);
    return err;
}

enum err segment_read(const struct segment_index *index, uint64_t at, uint32_t size, uint64_t check,
                      struct buf *out, struct why *why)
{
    enum err err = read_exactly(index->sys, index->file, at, size, out, why);
    if (!err && !index->unchecked && hash_seeded(buf_view(out), index->seed) != check)
        err = why_set(why, ERR_CORRUPT, "a section's checksum is wrong");
    return err;
}

/* ---- the index from the footer ---- */

struct footer {
    struct bytes in;
    struct names *names;
    uint64_t limit; /* where the footer begins: all else lies before */
    uint64_t at;    /* where the section read last ends */
    struct segment_index *index;
    struct segment_section dictionaries;
};

/* A place in the file, told from the end of the one before. */
static uint64_t parse_place(struct footer *footer, uint32_t *size)
{
    uint64_t at = footer->at + (uint64_t)unzigzag(bytes_varint(&footer->in));
    uint64_t bytes = bytes_varint(&footer->in);
    if (at < SEGMENT_HEADER_BYTES || at > footer->limit || bytes > footer->limit - at) {
        footer->in.bad = true;
        return 0;
    }
    *size = (uint32_t)bytes;
    footer->at = at + bytes;
    return at;
}

static void parse_section(struct footer *footer, struct segment_section *section)
{
    section->at = parse_place(footer, &section->size);
    uint64_t raw_size = bytes_varint(&footer->in);
    section->raw_size = (uint32_t)raw_size;
    section->check = bytes_u64(&footer->in);
    footer->in.bad |= raw_size > SEGMENT_FOOTER_MAX;
}

static void parse_fields(struct footer *footer)
{
    struct segment_index *index = footer->index;
    index->field_count = bytes_count(&footer->in, 1);
    index->fields = mem_alloc(index->field_count * sizeof *index->fields);
    index->dictionaries = arena_array(&index->arena, index->field_count, sizeof *index->dictionaries);
    for (uint32_t i = 0; i < index->field_count; i++) {
        struct str name = bytes_sized_str(&footer->in);
        index->fields[i] =
            footer->in.bad || name.size == 0 ? NAME_NONE : names_resolve_field(footer->names, name);
    }
}

static void parse_block(struct footer *footer, struct segment_block_entry *block)
{
    struct bytes *in = &footer->in;
    uint32_t sources = footer->index->source_count;
    block->at = parse_place(footer, &block->size);
    uint64_t rows = bytes_varint(in);
    block->from_ms = unzigzag(bytes_varint(in));
    block->to_ms = (int64_t)((uint64_t)block->from_ms + bytes_varint(in));
    uint64_t first = bytes_varint(in), more = bytes_varint(in);
    block->check = bytes_u64(in);
    in->bad |= rows < 1 || rows > BLOCK_ROWS_MAX || block->size > BLOCK_BYTES_MAX;
    in->bad |= first >= sources || more >= sources - first;
    block->rows = (uint32_t)rows;
    block->first_source = (uint32_t)first;
    block->last_source = (uint32_t)(first + more);
}

static uint32_t parse_blocks(struct footer *footer, uint32_t *cap)
{
    struct segment_index *index = footer->index;
    uint32_t count = bytes_count(&footer->in, 7 + 8);
    if (index->block_count + count > *cap) {
        *cap = (index->block_count + count) * 2;
        index->blocks = mem_resize(index->blocks, *cap, sizeof *index->blocks);
    }
    for (uint32_t b = 0; b < count && !footer->in.bad; b++)
        parse_block(footer, &index->blocks[index->block_count++]);
    return footer->in.bad ? 0 : count;
}

/* A follower's place is a block and a row in it: all but the last have as many. */
static bool is_even(const struct segment_index *index, const struct segment_column *lead)
{
    bool even = true;
    for (uint32_t b = 1; b < lead->own; b++) {
        uint32_t first = index->blocks[lead->first].rows, rows = index->blocks[lead->first + b].rows;
        even &= b + 1 < lead->own ? rows == first : rows <= first;
    }
    return even;
}

static void parse_cube_field(struct footer *footer, struct segment_cube_field *field)
{
    struct bytes *in = &footer->in;
    struct str name = bytes_sized_str(in);
    uint64_t count = bytes_varint(in);
    in->bad |= name.size == 0 || count < 1 || count > CUBE_VALUES_MAX;
    if (in->bad)
        return;
    field->field = names_resolve_field(footer->names, name);
    field->value_count = (uint32_t)count;
    field->values = arena_array(&footer->index->arena, count, sizeof *field->values);
    for (uint64_t v = 0; v < count && !in->bad; v++) {
        struct source_value *value = &field->values[v];
        value->type = bytes_u8(in);
        if (value->type == SOURCE_NUMBER)
            value->number = bytes_varint(in);
        else
            value->text = arena_str(&footer->index->arena, bytes_sized_str(in));
        in->bad |= value->type > SOURCE_TEXT;
    }
}

static void parse_cube_fields(struct footer *footer)
{
    struct segment_index *index = footer->index;
    uint32_t count = bytes_count(&footer->in, 4);
    index->cube_fields = arena_array(&index->arena, count, sizeof *index->cube_fields);
    for (uint32_t f = 0; f < count && !footer->in.bad; f++)
        parse_cube_field(footer, &index->cube_fields[f]);
    index->cube_field_count = count;
}

static void parse_cubes(struct footer *footer, struct segment_column *column)
{
    struct segment_index *index = footer->index;
    struct bytes *in = &footer->in;
    uint32_t count = bytes_count(in, 5 + 8);
    column->first_cube = index->cube_count;
    column->cube_count = count;
    if (count)
        index->cubes = mem_resize(index->cubes, index->cube_count + count, sizeof *index->cubes);
    for (uint32_t c = 0; c < count && !in->bad; c++) {
        struct segment_cube *cube = &index->cubes[index->cube_count++];
        *cube = (struct segment_cube){0};
        uint64_t field = bytes_varint(in);
        cube->at = parse_place(footer, &cube->size);
        uint64_t cells = bytes_varint(in);
        cube->check = bytes_u64(in);
        uint64_t has_bins = bytes_varint(in);
        if (has_bins) {
            cube->bins_at = parse_place(footer, &cube->bins_size);
            cube->bins_check = bytes_u64(in);
        }
        in->bad |= has_bins != (cube->bins_size > 0);
        in->bad |= field > index->cube_field_count || cells < 1 || cells > CUBE_CELLS_MAX;
        cube->field = field ? (uint32_t)field - 1 : index->cube_field_count;
        cube->cells = (uint32_t)cells;
    }
    index->cube_count = in->bad ? 0 : index->cube_count;
}

static void parse_columns(struct footer *footer)
{
    struct segment_index *index = footer->index;
    struct bytes *in = &footer->in;
    uint32_t count = bytes_count(in, 4), cap = 0;
    index->columns = mem_alloc(count * sizeof *index->columns);
    for (uint32_t c = 0; c < count && !in->bad; c++) {
        struct segment_column *column = &index->columns[c];
        struct str name = bytes_sized_str(in);
        uint64_t lead = bytes_varint(in);
        *column = (struct segment_column){.first = index->block_count, .lead_metric = NAME_NONE};
        column->metric = names_find_metric(footer->names, name);
        column->own = parse_blocks(footer, &cap);
        column->followers = parse_blocks(footer, &cap);
        parse_cubes(footer, column);
        in->bad |= lead > c || (column->followers && !lead);
        if (in->bad || !lead)
            continue;
        const struct segment_column *led = &index->columns[lead - 1];
        column->lead_metric = led->metric;
        column->lead_first = led->first;
        column->lead_own = led->own;
        in->bad |= !is_even(index, led);
    }
    index->column_count = in->bad ? 0 : count;
}

static int by_metric(const void *a, const void *b)
{
    const struct segment_column *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

/* Those without a name stand last, and are left out. */
static void sort_columns(struct segment_index *index)
{
    if (index->column_count)
        qsort(index->columns, index->column_count, sizeof *index->columns, by_metric);
    while (index->column_count && index->columns[index->column_count - 1].metric == NAME_NONE)
        index->column_count--;
}

static void parse_chunks(struct footer *footer)
{
    struct segment_index *index = footer->index;
    struct bytes *in = &footer->in;
    uint64_t sources = 0;
    index->chunk_count = bytes_count(in, 3 + 8);
    size_t zones = (size_t)index->chunk_count * index->field_count;
    if (zones > bytes_left(in) / 2)
        in->bad = true;
    index->chunks = mem_zero(index->chunk_count, sizeof *index->chunks);
    index->zones = mem_zero(in->bad ? 0 : zones, sizeof *index->zones);
    for (uint32_t c = 0; c < index->chunk_count && !in->bad; c++) {
        struct segment_chunk *chunk = &index->chunks[c];
        chunk->at = parse_place(footer, &chunk->size);
        uint64_t count = bytes_varint(in);
        bool last = c + 1 == index->chunk_count;
        in->bad |= count < 1 || (last ? count > SOURCES_PER_CHUNK : count != SOURCES_PER_CHUNK);
        chunk->count = (uint32_t)count;
        sources += count;
        chunk->check = bytes_u64(in);
        for (uint32_t f = 0; f < index->field_count; f++) {
            struct source_zone *zone = &index->zones[(size_t)c * index->field_count + f];
            zone->low = bytes_varint(in);
            zone->high = bytes_varint(in);
        }
    }
    in->bad |= sources != index->source_count;
}

static void parse_counts(struct footer *footer)
{
    struct segment_index *index = footer->index;
    struct bytes *in = &footer->in;
    index->counts = arena_array(&index->arena, index->field_count, sizeof *index->counts);
    for (uint32_t f = 0; f < index->field_count && !in->bad; f++) {
        struct segment_counts *counts = &index->counts[f];
        uint64_t count = bytes_varint(in);
        in->bad |= count > VALUE_COUNTS_MAX;
        if (in->bad || !count)
            continue;
        counts->count = (uint32_t)count;
        counts->at = parse_place(footer, &counts->size);
        counts->check = bytes_u64(in);
    }
}

/* limit: where the footer begins. */
static enum err parse_footer(struct str raw, const struct segment_origin *origin, uint64_t limit,
                             struct segment_index *index, struct str *directory, struct why *why)
{
    struct footer footer = {bytes_of(raw), origin->names, limit, SEGMENT_HEADER_BYTES, index, {0}};
    *directory = bytes_sized_str(&footer.in);
    int64_t day = unzigzag(bytes_varint(&footer.in));
    uint64_t sources = bytes_varint(&footer.in);
    footer.in.bad |= day < -4000000 || day > 4000000 || sources > UINT32_MAX - 1;
    index->day_ms = footer.in.bad ? 0 : day * DAY_MS;
    index->source_count = (uint32_t)sources;
    parse_fields(&footer);
    parse_cube_fields(&footer);
    parse_columns(&footer);
    parse_section(&footer, &footer.dictionaries);
    index->dictionaries_size = footer.dictionaries.size;
    parse_chunks(&footer);
    parse_counts(&footer);
    parse_section(&footer, &index->presence);
    sort_columns(index);
    if (footer.in.bad || bytes_left(&footer.in) != 0)
        return why_set(why, ERR_CORRUPT, "the footer does not fit the file");
    enum err err = unpack_section(index, &footer.dictionaries, &index->dictionary_raw, why);
    if (!err && !source_table_get_dictionaries(buf_view(&index->dictionary_raw), index->field_count,
                                               &index->arena, index->dictionaries))
        err = why_set(why, ERR_CORRUPT, "the dictionaries of sources are no such thing");
    return err;
}

static void index_free(struct cache_entry *entry)
{
    struct segment_index *index = (struct segment_index *)entry;
    sys_close(index->sys, index->file);
    mem_free(index->fields);
    mem_free(index->columns);
    mem_free(index->blocks);
    mem_free(index->cubes);
    mem_free(index->chunks);
    mem_free(index->zones);
    arena_done(&index->arena);
    buf_done(&index->dictionary_raw);
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
        struct segment_section footer = {place.at, place.size, place.raw_size, place.check};
        index->seed = place.seed;
        index->file_bytes = place.file_bytes;
        err = unpack_section(index, &footer, raw, why);
    }
    if (!err)
        err = parse_footer(buf_view(raw), origin, place.at, index, directory, why);
    if (err) {
        index_free(&index->entry);
        return err;
    }
    index->presence_bad = unpack_section(index, &index->presence, &index->presence_raw, NULL) != ERR_OK;
    index->entry.bytes = sizeof *index + index->block_count * sizeof *index->blocks +
                         index->column_count * sizeof *index->columns + index->presence_raw.cap +
                         index->dictionary_raw.cap + index->arena.size +
                         index->chunk_count * sizeof *index->chunks +
                         index->cube_count * sizeof *index->cubes +
                         (size_t)index->chunk_count * index->field_count * sizeof *index->zones;
    *out = index;
    return ERR_OK;
}

enum err segment_failed(struct segment *segment, enum err err, struct why *why)
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
            return segment_failed(segment, err, why);
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

/* ---- presence ---- */

/* all: of every host; host is not looked at. */
static enum err each_run(const struct segment_index *index, bool all, struct str host,
                         segment_host_run_fn *each, void *ctx, struct why *why)
{
    if (index->presence_bad)
        return why_set(why, ERR_CORRUPT, "the presence section is damaged");
    struct bytes in = bytes_of(buf_view(&index->presence_raw));
    uint32_t hosts = bytes_count(&in, 2);
    for (uint32_t h = 0; h < hosts && !in.bad; h++) {
        struct str name = bytes_sized_str(&in);
        bool wanted = all || (host.at ? h > 0 && str_eq(name, host) : h == 0);
        uint64_t at = 0;
        for (uint64_t runs = bytes_varint(&in); runs && !in.bad; runs--) {
            at += (uint64_t)unzigzag(bytes_varint(&in));
            uint64_t minutes = bytes_varint(&in);
            if (wanted && !in.bad)
                each(ctx, h ? name : STR_NONE, (int64_t)at, minutes);
            at += minutes;
        }
        if (wanted && !all)
            break;
    }
    return in.bad ? why_set(why, ERR_CORRUPT, "the presence section is no such thing") : ERR_OK;
}

struct one_host {
    segment_run_fn *each;
    void *ctx;
};

static void run_of_one(void *ctx, struct str host, int64_t minute, uint64_t minutes)
{
    const struct one_host *one = ctx;
    one->each(one->ctx, minute, minutes);
}

enum err segment_presence(const struct segment_index *index, struct str host, segment_run_fn *each, void *ctx,
                          struct why *why)
{
    struct one_host one = {each, ctx};
    return each_run(index, false, host, run_of_one, &one, why);
}

enum err segment_each_presence(const struct segment_index *index, segment_host_run_fn *each, void *ctx,
                               struct why *why)
{
    return each_run(index, true, STR_NONE, each, ctx, why);
}
