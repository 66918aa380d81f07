/* What follows the blocks in a segment file: sources, presence, footer, trailer (format: segment_write.c). */
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/day.h"
#include "store/segment_format.h"
#include "store/segment_writer.h"

#include <stdlib.h>

struct footer {
    struct segment_writer *writer;
    struct buf raw;
    uint64_t at; /* where the section told last ends */
};

static uint64_t end_of_file(const struct segment_writer *writer)
{
    return writer->flushed + writer->out.size;
}

static void tell_place(struct footer *footer, uint64_t at, uint32_t size)
{
    buf_varint(&footer->raw, zigzag((int64_t)(at - footer->at)));
    buf_varint(&footer->raw, size);
    footer->at = at + size;
}

static struct segment_section put_section(struct segment_writer *writer, struct str raw)
{
    struct segment_section section = {.at = end_of_file(writer), .raw_size = (uint32_t)raw.size};
    size_t start = writer->out.size;
    pack(&writer->packer, raw, 3, &writer->out);
    section.size = (uint32_t)(writer->out.size - start);
    section.check = hash_seeded(str_make(writer->out.at + start, section.size), writer->seed);
    return section;
}

static void tell_section(struct footer *footer, struct segment_section section)
{
    tell_place(footer, section.at, section.size);
    buf_varint(&footer->raw, section.raw_size);
    buf_u64(&footer->raw, section.check);
}

/* ---- sources ---- */

static enum err put_sources(struct footer *footer, const struct source_table *table, struct why *why)
{
    struct segment_writer *writer = footer->writer;
    uint32_t count = writer->options.source_count, fields = source_table_field_count(table);
    struct source_zone *zones = mem_zero(fields, sizeof *zones);
    enum err err = ERR_OK;
    buf_varint(&footer->raw, (count + SOURCES_PER_CHUNK - 1) / SOURCES_PER_CHUNK);
    for (uint32_t first = 0; first < count && !err; first += SOURCES_PER_CHUNK) {
        uint32_t some = count - first > SOURCES_PER_CHUNK ? SOURCES_PER_CHUNK : count - first;
        uint64_t at = end_of_file(writer);
        size_t start = writer->out.size;
        source_table_put_chunk(table, first, some, writer->source_rows + first, &writer->out, zones);
        struct str chunk = str_make(writer->out.at + start, writer->out.size - start);
        tell_place(footer, at, (uint32_t)chunk.size);
        buf_varint(&footer->raw, some);
        buf_u64(&footer->raw, hash_seeded(chunk, writer->seed));
        for (uint32_t f = 0; f < fields; f++) {
            buf_varint(&footer->raw, zones[f].low);
            buf_varint(&footer->raw, zones[f].high);
        }
        err = writer_flush(writer, why);
    }
    mem_free(zones);
    return err;
}

/* ---- rows by value ---- */

/* One entry a field of the file: nothing, when its values are not worth counting. */
static void put_counts(struct footer *footer, const struct source_table *table)
{
    struct segment_writer *writer = footer->writer;
    for (uint32_t f = 0; f < source_table_field_count(table); f++) {
        struct value_counts counts = {0};
        bool keep = source_table_count_values(table, f, writer->source_rows, &counts);
        buf_varint(&footer->raw, keep ? counts.count : 0);
        if (keep) {
            uint64_t at = end_of_file(writer);
            size_t start = writer->out.size;
            value_counts_encode(&counts, &writer->out);
            struct str bytes = str_make(writer->out.at + start, writer->out.size - start);
            tell_place(footer, at, (uint32_t)bytes.size);
            buf_u64(&footer->raw, hash_seeded(bytes, writer->seed));
        }
        value_counts_done(&counts);
    }
}

/* ---- presence ---- */

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

static struct segment_section put_presence(struct segment_writer *writer)
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
    struct segment_section section = put_section(writer, buf_view(&raw));
    buf_done(&raw);
    mem_free(pairs);
    return section;
}

/* ---- footer ---- */

static void tell_blocks(struct footer *footer, const struct writer_blocks *blocks)
{
    buf_varint(&footer->raw, blocks->count);
    for (uint32_t b = 0; b < blocks->count; b++) {
        const struct segment_block_entry *block = &blocks->at[b];
        tell_place(footer, block->at, block->size);
        buf_varint(&footer->raw, block->rows);
        buf_varint(&footer->raw, zigzag(block->from_ms));
        buf_varint(&footer->raw, (uint64_t)block->to_ms - (uint64_t)block->from_ms);
        buf_varint(&footer->raw, block->first_source);
        buf_varint(&footer->raw, block->last_source - block->first_source);
        buf_u64(&footer->raw, block->check);
    }
}

static void tell_cube_fields(struct footer *footer)
{
    const struct cube_builder *builder = &footer->writer->cubes;
    buf_varint(&footer->raw, builder->field_count);
    for (uint32_t f = 0; f < builder->field_count; f++) {
        const struct cube_field *field = &builder->fields[f];
        buf_sized_str(&footer->raw, names_field(footer->writer->options.origin->names, field->field));
        buf_varint(&footer->raw, field->value_count);
        for (uint32_t v = 0; v < field->value_count; v++) {
            buf_u8(&footer->raw, (uint8_t)field->values[v].type);
            if (field->values[v].type == SOURCE_NUMBER)
                buf_varint(&footer->raw, field->values[v].number);
            else
                buf_sized_str(&footer->raw, field->values[v].text);
        }
    }
}

static void tell_cubes(struct footer *footer, const struct writer_metric *metric)
{
    uint32_t fields = footer->writer->cubes.field_count;
    buf_varint(&footer->raw, metric->cube_count);
    for (uint32_t c = 0; c < metric->cube_count; c++) {
        const struct writer_cube *cube = &metric->cubes[c];
        buf_varint(&footer->raw, cube->field == fields ? 0 : cube->field + 1);
        tell_place(footer, cube->at, cube->size);
        buf_varint(&footer->raw, cube->cells);
        buf_u64(&footer->raw, cube->check);
        buf_varint(&footer->raw, cube->bins_size > 0);
        if (cube->bins_size) {
            tell_place(footer, cube->bins_at, cube->bins_size);
            buf_u64(&footer->raw, cube->bins_check);
        }
    }
}

static void tell_columns(struct footer *footer)
{
    const struct segment_writer *writer = footer->writer;
    buf_varint(&footer->raw, writer->metric_count);
    for (uint32_t m = 0; m < writer->metric_count; m++) {
        const struct writer_metric *metric = &writer->metrics[m];
        buf_sized_str(&footer->raw, names_metric(writer->options.origin->names, metric->directory.metric));
        buf_varint(&footer->raw, metric->lead == UINT32_MAX ? 0 : metric->lead + 1);
        tell_blocks(footer, &metric->own);
        tell_blocks(footer, &metric->followers);
        tell_cubes(footer, metric);
    }
}

static void put_trailer(struct segment_writer *writer, struct segment_section footer)
{
    size_t start = writer->out.size;
    buf_u64(&writer->out, footer.at);
    buf_u32(&writer->out, footer.size);
    buf_u32(&writer->out, footer.raw_size);
    buf_u64(&writer->out, footer.check);
    buf_u64(&writer->out, footer.at + footer.size + SEGMENT_TRAILER_BYTES);
    buf_u64(&writer->out, hash_bytes(str_make(writer->out.at + start, 32)));
    buf_u64(&writer->out, SEGMENT_END_MAGIC);
}

static void tell_fields(struct footer *footer, const struct source_table *table)
{
    uint32_t fields = source_table_field_count(table);
    buf_varint(&footer->raw, fields);
    for (uint32_t f = 0; f < fields; f++)
        buf_sized_str(&footer->raw,
                      names_field(footer->writer->options.origin->names, source_table_field(table, f)));
}

enum err writer_put_rest(struct segment_writer *writer, const struct segment *segment, struct why *why)
{
    struct footer footer = {writer, {0}, SEGMENT_HEADER_BYTES};
    struct source_table *table = source_table_new(writer->options.origin->names, &writer->values);
    struct buf some = {0};
    segment_encode_directory(segment, &some);
    buf_sized_str(&footer.raw, buf_view(&some));
    buf_varint(&footer.raw, zigzag(segment->day));
    buf_varint(&footer.raw, segment->source_count);
    tell_fields(&footer, table);
    tell_cube_fields(&footer);
    tell_columns(&footer);
    some.size = 0;
    source_table_put_dictionaries(table, &some);
    tell_section(&footer, put_section(writer, buf_view(&some)));
    enum err err = put_sources(&footer, table, why);
    if (!err) {
        put_counts(&footer, table);
        tell_section(&footer, put_presence(writer));
        put_trailer(writer, put_section(writer, buf_view(&footer.raw)));
        err = writer_flush(writer, why);
    }
    source_table_free(table);
    buf_done(&some);
    buf_done(&footer.raw);
    return err;
}
