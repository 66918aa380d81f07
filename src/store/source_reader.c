#include "base/check.h"
#include "base/mem.h"
#include "store/part.h"
#include "store/segment.h"

struct source_reader {
    struct part *part;
    struct segment_index *index; /* of a file */
    struct segment_table *table;
    uint32_t chunk; /* whose columns are at hand; UINT32_MAX: none */
    struct source_column *columns;
    struct buf bytes;
};

struct source_reader *source_reader_new(struct snapshot *snapshot, struct part *part)
{
    struct source_reader *reader = MEM_NEW(struct source_reader);
    reader->part = part;
    reader->chunk = UINT32_MAX;
    return reader;
}

void source_reader_free(struct source_reader *reader)
{
    if (!reader)
        return;
    mem_free(reader->columns);
    buf_done(&reader->bytes);
    mem_free(reader);
}

static enum err read_chunk(struct source_reader *reader, uint32_t chunk, struct why *why)
{
    enum err err =
        reader->index ? ERR_OK : part_load_table(reader->part, &reader->index, &reader->table, why);
    if (err)
        return err;
    const struct segment_index *index = reader->index;
    if (!reader->columns)
        reader->columns = mem_alloc(index->field_count * sizeof *reader->columns);
    struct str bytes = segment_table_chunk(reader->table, &index->chunks[chunk]);
    for (uint32_t f = 0; f < index->field_count; f++)
        if (!source_chunk_get_column(bytes, index->field_count, f, index->chunks[chunk].count,
                                     &index->dictionaries[f], &reader->columns[f]))
            return segment_failed(reader->part->segment,
                                  why_set(why, ERR_CORRUPT, "a column of sources is no such thing"), why);
    reader->chunk = chunk;
    return ERR_OK;
}

enum err source_reader_get(struct source_reader *reader, uint32_t source, struct str *out, struct why *why)
{
    struct part *part = reader->part;
    CHECK(source < part->source_count);
    if (part->head) {
        *out = intern_get(&part->head->sources, source);
        return ERR_OK;
    }
    enum err err = ERR_OK;
    if (source / FIELD_CHUNK != reader->chunk)
        err = read_chunk(reader, source / FIELD_CHUNK, why);
    if (err)
        return err;
    struct source_set set = {0};
    for (uint32_t f = 0; f < reader->index->field_count; f++) {
        struct source_value value =
            source_column_value(&reader->columns[f], &reader->index->dictionaries[f], source % FIELD_CHUNK);
        if (value.type != SOURCE_UNSET && reader->index->fields[f] != NAME_NONE)
            source_set_put(&set, reader->index->fields[f], value);
    }
    reader->bytes.size = 0;
    source_encode(&set, &reader->bytes);
    *out = buf_view(&reader->bytes);
    return ERR_OK;
}
