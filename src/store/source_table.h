/* source_table.h: the sources of a file as columns, a field each, in chunks of 1,024 sources. Pure.
 *
 * A field all of whose values are numbers keeps them as such; any other has a dictionary of its values, and
 * its columns hold places in it. A chunk is, per field of the file: varint size of the column, then the
 * column:
 *
 *   u8 form
 *   0 nothing: no source of the chunk has the field
 *   1 all:     every source has it: values (int_column.h)
 *   2 some:    a bit a source that has it, then the values of those
 *
 * and behind the fields: varint size and the rows of each source (int_column.h); then, per field, varint size
 * and a filter of its values (value_filter.h; nothing for a field of few values). The dictionaries of a file
 * are, per field: varint count of values (0: the field keeps numbers), each: u8 type (source.h), varint
 * number or text; ascending by type, then value.
 */
#ifndef STORE_SOURCE_TABLE_H
#define STORE_SOURCE_TABLE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "scheme/names.h"
#include "scheme/source.h"
#include "store/segment_block.h"
#include "store/source_values.h"
#include "store/value_counts.h"

enum { SOURCES_PER_CHUNK = 1024 };

/* count 0: numbers. */
struct source_dictionary {
    uint32_t count;
    struct source_value *values; /* their texts live with the table that was read */
};

/* What a chunk's column of one field may hold: numbers, or places in the dictionary. */
struct source_zone {
    uint64_t low, high; /* low > high: no source of the chunk has the field */
};

/* ---- writing ---- */

struct source_table;

/* The values stay the caller's. */
struct source_table *source_table_new(const struct names *names, const struct source_values *values);
void source_table_free(struct source_table *table); /* NULL is fine */
uint32_t source_table_field_count(const struct source_table *table);
uint32_t source_table_field(const struct source_table *table, uint32_t index); /* in names.h, by its name */
void source_table_put_dictionaries(const struct source_table *table, struct buf *out);
/* count sources from first on; zones: one a field. */
void source_table_put_chunk(const struct source_table *table, uint32_t first, uint32_t count,
                            const uint32_t *rows, struct buf *out, struct source_zone *zones);

/* The values of a field with their rows; false when they are not worth keeping. */
bool source_table_count_values(const struct source_table *table, uint32_t index, const uint32_t *rows,
                               struct value_counts *out);

/* ---- reading ---- */

/* false: no such bytes. dictionaries: one a field; texts point into raw. */
bool source_table_get_dictionaries(struct str raw, uint32_t field_count, struct arena *arena,
                                   struct source_dictionary *dictionaries);

/* One field of a chunk. value[i] is a number or a place in the dictionary where has[i]. */
struct source_column {
    bool none; /* no source has it; the rest is not set */
    bool all;  /* all have it; has is not set */
    bool has[SOURCES_PER_CHUNK];
    int64_t value[SOURCES_PER_CHUNK];
};

/* The column of field in a chunk of count sources. */
bool source_chunk_get_column(struct str chunk, uint32_t field_count, uint32_t field, uint32_t count,
                             const struct source_dictionary *dictionary, struct source_column *out);
/* May any source of the chunk have this (as the column holds it)? */
bool source_chunk_may_hold(struct str chunk, uint32_t field_count, uint32_t field, uint64_t stored);
bool source_chunk_get_rows(struct str chunk, uint32_t field_count, uint32_t count, uint32_t *rows);

static inline struct source_value source_column_value(const struct source_column *column,
                                                      const struct source_dictionary *dictionary, uint32_t i)
{
    if (column->none || (!column->all && !column->has[i]))
        return (struct source_value){.type = SOURCE_UNSET};
    if (dictionary->count)
        return dictionary->values[column->value[i]];
    return (struct source_value){.type = SOURCE_NUMBER, .number = (uint64_t)column->value[i]};
}

#endif
