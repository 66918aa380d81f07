/* The sources of a file: the chunks as they are stored, which is enough to look at a field of some; and all
 * of them in their canonical spelling, for those who go through them all. */
#include "store/segment.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/day.h"

static void table_free(struct cache_entry *entry)
{
    struct segment_table *table = (struct segment_table *)entry;
    buf_done(&table->bytes);
    mem_free(table);
}

/* Chunks stand one behind the other. */
static enum err read_table(const struct segment_index *index, struct segment_table *table, struct why *why)
{
    uint64_t end = 0;
    table->at = UINT64_MAX;
    for (uint32_t c = 0; c < index->chunk_count; c++) {
        const struct segment_chunk *chunk = &index->chunks[c];
        table->at = chunk->at < table->at ? chunk->at : table->at;
        end = chunk->at + chunk->size > end ? chunk->at + chunk->size : end;
    }
    size_t size = index->chunk_count ? (size_t)(end - table->at) : 0, got = 0;
    buf_reserve(&table->bytes, size);
    enum err err = sys_read_at(index->sys, index->file, index->chunk_count ? table->at : 0, table->bytes.at,
                               size, &got, why);
    if (!err && got < size)
        err = why_set(why, ERR_CORRUPT, "the file ends within the sources");
    table->bytes.size = size;
    for (uint32_t c = 0; c < index->chunk_count && !err && !index->unchecked; c++)
        if (hash_seeded(segment_table_chunk(table, &index->chunks[c]), index->seed) != index->chunks[c].check)
            err = why_set(why, ERR_CORRUPT, "the checksum of a table of sources is wrong");
    return err;
}

enum err segment_load_table(struct segment *segment, struct segment_index *index, struct segment_table **out,
                            struct why *why)
{
    struct cache_entry *entry = cache_get(segment->origin->cache, &segment->table);
    if (!entry) {
        struct segment_table *table = MEM_NEW(struct segment_table);
        table->entry.free = table_free;
        enum err err = read_table(index, table, why);
        if (err) {
            table_free(&table->entry);
            return segment_failed(segment, err, why);
        }
        table->entry.bytes = sizeof *table + table->bytes.cap;
        entry = cache_put(segment->origin->cache, &segment->table, &table->entry);
    }
    *out = (struct segment_table *)entry;
    return ERR_OK;
}

static void sources_free(struct cache_entry *entry)
{
    struct segment_sources *sources = (struct segment_sources *)entry;
    buf_done(&sources->bytes);
    mem_free(sources->ends);
    mem_free(sources->rows);
    mem_free(sources);
}

static void append_chunk(const struct segment_index *index, const struct source_column *columns,
                         uint32_t count, struct segment_sources *sources)
{
    for (uint32_t i = 0; i < count; i++) {
        struct source_set set = {0};
        for (uint32_t f = 0; f < index->field_count; f++) {
            struct source_value value = source_column_value(&columns[f], &index->dictionaries[f], i);
            if (value.type != SOURCE_UNSET && index->fields[f] != NAME_NONE)
                source_set_put(&set, index->fields[f], value);
        }
        source_encode(&set, &sources->bytes);
        sources->ends[sources->count++] = (uint32_t)sources->bytes.size;
    }
}

static enum err read_chunk(const struct segment_index *index, const struct segment_chunk *chunk,
                           struct source_column *columns, struct segment_sources *sources, struct why *why)
{
    struct buf bytes = {0};
    enum err err = segment_read(index, chunk->at, chunk->size, chunk->check, &bytes, why);
    bool good = !err;
    for (uint32_t f = 0; f < index->field_count && good; f++)
        good = source_chunk_get_column(buf_view(&bytes), index->field_count, f, chunk->count,
                                       &index->dictionaries[f], &columns[f]);
    good = good && source_chunk_get_rows(buf_view(&bytes), index->field_count, chunk->count,
                                         sources->rows + sources->count);
    if (good)
        append_chunk(index, columns, chunk->count, sources);
    if (!err && (!good || sources->bytes.size > UINT32_MAX))
        err = why_set(why, ERR_CORRUPT, "a table of sources is no such thing");
    buf_done(&bytes);
    return err;
}

enum err segment_load_sources(struct segment *segment, struct segment_index *index,
                              struct segment_sources **out, struct why *why)
{
    struct cache_entry *entry = cache_get(segment->origin->cache, &segment->sources);
    if (!entry) {
        struct segment_sources *sources = MEM_NEW(struct segment_sources);
        struct source_column *columns = mem_alloc(index->field_count * sizeof *columns);
        enum err err = ERR_OK;
        sources->entry.free = sources_free;
        sources->ends = mem_alloc(index->source_count * sizeof *sources->ends);
        sources->rows = mem_alloc(index->source_count * sizeof *sources->rows);
        for (uint32_t i = 0; i < index->chunk_count && !err; i++)
            err = read_chunk(index, &index->chunks[i], columns, sources, why);
        mem_free(columns);
        if (err) {
            sources_free(&sources->entry);
            return segment_failed(segment, err, why);
        }
        sources->entry.bytes = sizeof *sources + sources->bytes.cap +
                               sources->count * (sizeof *sources->ends + sizeof *sources->rows);
        entry = cache_put(segment->origin->cache, &segment->sources, &sources->entry);
    }
    *out = (struct segment_sources *)entry;
    return ERR_OK;
}

uint32_t segment_only_field(const struct segment_index *index, uint32_t field)
{
    uint32_t found = index->field_count, times = 0;
    for (uint32_t f = 0; f < index->field_count; f++)
        if (index->fields[f] == field) {
            found = f;
            times++;
        }
    return times == 1 ? found : index->field_count;
}

enum err segment_read_counts(const struct segment_index *index, uint32_t field,
                             struct value_count_entry *entries, struct why *why)
{
    const struct segment_counts *counts = &index->counts[field];
    struct buf bytes = {0};
    enum err err = segment_read(index, counts->at, counts->size, counts->check, &bytes, why);
    if (!err && !value_counts_decode(buf_view(&bytes), counts->count, entries))
        err = why_set(why, ERR_CORRUPT, "the rows by value of a field are no such thing");
    buf_done(&bytes);
    return err;
}
