#include "store/source_table.h"

#include "base/intern.h"
#include "base/mem.h"
#include "store/value_filter.h"

#include <stdlib.h>

enum form { FORM_NONE, FORM_ALL, FORM_SOME };

struct table_field {
    uint32_t field;       /* in names.h */
    bool has_texts;       /* then it has a dictionary */
    struct intern values; /* keys: u8 type, then eight bytes of the number or the text */
    uint32_t *place;      /* by number in values: in the file's order */
};

struct source_table {
    const struct names *names;
    const struct str *sources;
    uint32_t count;
    struct table_field *fields; /* by name */
    uint32_t field_count;
};

/* ---- which fields, and which values ---- */

static int by_name(const void *a, const void *b, void *names)
{
    const struct table_field *x = a, *y = b;
    return str_compare(names_field(names, x->field), names_field(names, y->field));
}

/* Fields that occur, and whether any value of theirs is a text. */
static void find_fields(struct source_table *table)
{
    uint32_t known = names_field_count(table->names);
    uint8_t *seen = mem_zero(known, 1); /* 1: numbers, 2: texts */
    for (uint32_t i = 0; i < table->count; i++) {
        struct bytes in = bytes_of(table->sources[i]);
        for (uint8_t left = bytes_u8(&in); left; left--) {
            uint16_t field = bytes_u16(&in);
            bool number = bytes_u8(&in) == SOURCE_NUMBER;
            if (number)
                bytes_u64(&in);
            else
                bytes_str(&in, bytes_u8(&in));
            if (field < known)
                seen[field] |= number ? 1 : 2;
        }
    }
    for (uint32_t f = 0; f < known; f++)
        table->field_count += seen[f] != 0;
    table->fields = mem_zero(table->field_count, sizeof *table->fields);
    for (uint32_t f = 0, at = 0; f < known; f++)
        if (seen[f])
            table->fields[at++] = (struct table_field){.field = f, .has_texts = (seen[f] & 2) != 0};
    if (table->field_count)
        qsort_r(table->fields, table->field_count, sizeof *table->fields, by_name, (void *)table->names);
    mem_free(seen);
}

static void put_key(struct source_value value, struct buf *key)
{
    key->size = 0;
    buf_u8(key, (uint8_t)value.type);
    if (value.type == SOURCE_NUMBER)
        buf_u64(key, value.number);
    else
        buf_str(key, value.text);
}

static struct source_value value_of(struct str key)
{
    struct bytes in = bytes_of(key);
    struct source_value value = {.type = bytes_u8(&in)};
    if (value.type == SOURCE_NUMBER)
        value.number = bytes_u64(&in);
    else
        value.text = str_make(in.at, bytes_left(&in));
    return value;
}

static int by_value(const void *a, const void *b, void *values)
{
    struct source_value x = value_of(intern_get(values, *(const uint32_t *)a));
    struct source_value y = value_of(intern_get(values, *(const uint32_t *)b));
    if (x.type != y.type)
        return x.type < y.type ? -1 : 1;
    if (x.type == SOURCE_NUMBER)
        return x.number < y.number ? -1 : x.number > y.number;
    return str_compare(x.text, y.text);
}

static void make_dictionary(const struct source_table *table, struct table_field *field)
{
    struct buf key = {0};
    for (uint32_t i = 0; i < table->count; i++) {
        struct source_value value = source_get(table->sources[i], field->field);
        if (value.type == SOURCE_UNSET)
            continue;
        put_key(value, &key);
        intern_resolve(&field->values, buf_view(&key));
    }
    uint32_t count = field->values.count;
    uint32_t *order = mem_alloc(count * sizeof *order);
    field->place = mem_alloc(count * sizeof *field->place);
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, count, sizeof *order, by_value, &field->values);
    for (uint32_t i = 0; i < count; i++)
        field->place[order[i]] = i;
    mem_free(order);
    buf_done(&key);
}

struct source_table *source_table_new(const struct names *names, const struct str *sources, uint32_t count)
{
    struct source_table *table = MEM_NEW(struct source_table);
    *table = (struct source_table){names, sources, count, NULL, 0};
    find_fields(table);
    for (uint32_t f = 0; f < table->field_count; f++)
        if (table->fields[f].has_texts)
            make_dictionary(table, &table->fields[f]);
    return table;
}

void source_table_free(struct source_table *table)
{
    if (!table)
        return;
    for (uint32_t f = 0; f < table->field_count; f++) {
        intern_done(&table->fields[f].values);
        mem_free(table->fields[f].place);
    }
    mem_free(table->fields);
    mem_free(table);
}

uint32_t source_table_field_count(const struct source_table *table)
{
    return table->field_count;
}

uint32_t source_table_field(const struct source_table *table, uint32_t index)
{
    return table->fields[index].field;
}

static void put_value(struct source_value value, struct buf *out)
{
    buf_u8(out, (uint8_t)value.type);
    if (value.type == SOURCE_NUMBER)
        buf_varint(out, value.number);
    else
        buf_sized_str(out, value.text);
}

void source_table_put_dictionaries(const struct source_table *table, struct buf *out)
{
    for (uint32_t f = 0; f < table->field_count; f++) {
        const struct table_field *field = &table->fields[f];
        uint32_t count = field->values.count, *at = mem_alloc(count * sizeof *at);
        buf_varint(out, count);
        for (uint32_t i = 0; i < count; i++)
            at[field->place[i]] = i;
        for (uint32_t i = 0; i < count; i++)
            put_value(value_of(intern_get(&field->values, at[i])), out);
        mem_free(at);
    }
}

/* ---- chunks ---- */

/* What a chunk's column holds for a value. */
static int64_t stored(const struct table_field *field, struct source_value value, struct buf *key)
{
    if (!field->has_texts)
        return (int64_t)value.number;
    put_key(value, key);
    return field->place[intern_find(&field->values, buf_view(key))];
}

/* The column's values stay in values. Returns how many there are. */
static uint32_t put_column(const struct source_table *table, const struct table_field *field, uint32_t first,
                           uint32_t count, struct buf *out, struct source_zone *zone, int64_t *values)
{
    uint8_t has[SOURCES_PER_CHUNK / 8] = {0};
    uint32_t kept = 0;
    struct buf key = {0};
    *zone = (struct source_zone){UINT64_MAX, 0};
    for (uint32_t i = 0; i < count; i++) {
        struct source_value value = source_get(table->sources[first + i], field->field);
        if (value.type == SOURCE_UNSET)
            continue;
        has[i / 8] |= (uint8_t)(1u << (i % 8));
        uint64_t v = (uint64_t)(values[kept++] = stored(field, value, &key));
        zone->low = v < zone->low ? v : zone->low;
        zone->high = v > zone->high ? v : zone->high;
    }
    buf_u8(out, kept == 0 ? FORM_NONE : kept == count ? FORM_ALL : FORM_SOME);
    if (kept && kept < count)
        buf_put(out, has, (count + 7) / 8);
    int_column_encode(values, kept, out);
    buf_done(&key);
    return kept;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of many values that lie far apart: of others the zone says as much. */
static void put_filter(int64_t *values, uint32_t count, const struct source_zone *zone, struct buf *out)
{
    enum { FEW = 64, SPARSE = 4 };
    uint32_t kept = 0;
    if (count)
        qsort(values, count, sizeof *values, by_number);
    for (uint32_t i = 0; i < count; i++)
        if (i == 0 || values[i] != values[kept - 1])
            values[kept++] = values[i];
    if (kept >= FEW && zone->high - zone->low > (uint64_t)kept * SPARSE)
        value_filter_put((const uint64_t *)values, kept, out);
}

void source_table_put_chunk(const struct source_table *table, uint32_t first, uint32_t count,
                            const uint32_t *rows, struct buf *out, struct source_zone *zones)
{
    struct buf part = {0}, filters = {0};
    int64_t values[SOURCES_PER_CHUNK];
    for (uint32_t f = 0; f < table->field_count; f++) {
        part.size = 0;
        uint32_t kept = put_column(table, &table->fields[f], first, count, &part, &zones[f], values);
        buf_sized_str(out, buf_view(&part));
        part.size = 0;
        put_filter(values, kept, &zones[f], &part);
        buf_sized_str(&filters, buf_view(&part));
    }
    for (uint32_t i = 0; i < count; i++)
        values[i] = rows[i];
    part.size = 0;
    int_column_encode(values, count, &part);
    buf_sized_str(out, buf_view(&part));
    buf_str(out, buf_view(&filters));
    buf_done(&part);
    buf_done(&filters);
}

bool source_table_count_values(const struct source_table *table, uint32_t index, const uint32_t *rows,
                               struct value_counts *out)
{
    const struct table_field *field = &table->fields[index];
    struct buf key = {0};
    for (uint32_t i = 0; i < table->count && !out->over; i++) {
        struct source_value value = source_get(table->sources[i], field->field);
        if (value.type != SOURCE_UNSET)
            value_counts_add(out, stored(field, value, &key), rows[i]);
    }
    buf_done(&key);
    return !out->over && out->count && out->count <= table->count / 2 + 64;
}

/* ---- reading ---- */

bool source_table_get_dictionaries(struct str raw, uint32_t field_count, struct arena *arena,
                                   struct source_dictionary *dictionaries)
{
    struct bytes in = bytes_of(raw);
    for (uint32_t f = 0; f < field_count && !in.bad; f++) {
        uint64_t count = bytes_varint(&in);
        if (count > bytes_left(&in) / 2)
            return false;
        dictionaries[f].count = (uint32_t)count;
        dictionaries[f].values = arena_array(arena, count, sizeof(struct source_value));
        for (uint64_t i = 0; i < count && !in.bad; i++) {
            struct source_value *value = &dictionaries[f].values[i];
            value->type = bytes_u8(&in);
            if (value->type == SOURCE_NUMBER)
                value->number = bytes_varint(&in);
            else
                value->text = bytes_sized_str(&in);
            in.bad |= value->type != SOURCE_NUMBER && value->type != SOURCE_TEXT;
            in.bad |= value->text.size > SOURCE_TEXT_MAX;
        }
    }
    return !in.bad && bytes_left(&in) == 0;
}

/* The values of the sources that have the field, spread to their places. */
static bool get_some(struct bytes *in, uint32_t count, struct source_column *out)
{
    struct str bits = bytes_str(in, (count + 7) / 8);
    int64_t values[SOURCES_PER_CHUNK];
    uint32_t kept = 0, at = 0;
    for (uint32_t i = 0; i < count && !in->bad; i++)
        kept += out->has[i] = (unsigned char)bits.at[i / 8] >> (i % 8) & 1;
    int_column_decode(in, kept, values);
    for (uint32_t i = 0; i < count && !in->bad; i++)
        out->value[i] = out->has[i] ? values[at++] : 0;
    return kept > 0;
}

static bool inside(const struct source_column *column, uint32_t count, uint32_t limit)
{
    bool good = true;
    for (uint32_t i = 0; i < count; i++)
        good &= column->value[i] >= 0 && column->value[i] < limit;
    return good;
}

bool source_chunk_get_column(struct str chunk, uint32_t field_count, uint32_t field, uint32_t count,
                             const struct source_dictionary *dictionary, struct source_column *out)
{
    struct bytes in = bytes_of(chunk);
    if (count > SOURCES_PER_CHUNK || field >= field_count)
        return false;
    for (uint32_t f = 0; f < field; f++)
        bytes_sized_str(&in);
    struct bytes column = bytes_of(bytes_sized_str(&in));
    enum form form = bytes_u8(&column);
    out->none = form == FORM_NONE;
    out->all = form == FORM_ALL;
    if (form > FORM_SOME || in.bad)
        return false;
    if (form == FORM_ALL)
        int_column_decode(&column, count, out->value);
    else if (form == FORM_SOME && !get_some(&column, count, out))
        return false;
    if (column.bad || bytes_left(&column))
        return false;
    return out->none || !dictionary->count || inside(out, count, dictionary->count);
}

static struct str nth(struct str chunk, uint32_t n)
{
    struct bytes in = bytes_of(chunk);
    for (uint32_t i = 0; i < n && !in.bad; i++)
        bytes_sized_str(&in);
    return bytes_sized_str(&in);
}

bool source_chunk_may_hold(struct str chunk, uint32_t field_count, uint32_t field, uint64_t stored)
{
    return value_filter_may_hold(nth(chunk, field_count + 1 + field), stored);
}

bool source_chunk_get_rows(struct str chunk, uint32_t field_count, uint32_t count, uint32_t *rows)
{
    struct bytes in = bytes_of(nth(chunk, field_count));
    int64_t values[SOURCES_PER_CHUNK];
    if (count > SOURCES_PER_CHUNK)
        return false;
    int_column_decode(&in, count, values);
    if (in.bad || bytes_left(&in))
        return false;
    for (uint32_t i = 0; i < count; i++)
        rows[i] = (uint32_t)values[i];
    return true;
}
