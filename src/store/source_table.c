#include "store/source_table.h"

#include "base/mem.h"
#include "store/value_filter.h"

#include <stdlib.h>

enum form { FORM_NONE, FORM_ALL, FORM_SOME };

struct table_field {
    const struct source_field_values *values;
    /* Of a field that has a dictionary, since some value is a text. */
    uint32_t *order; /* numbers of its values, as the file has them */
    uint32_t *place; /* by number: where it stands in order */
    uint32_t count;
};

struct source_table {
    const struct source_values *values;
    struct table_field *fields; /* by name */
    uint32_t field_count;
};

/* ---- which fields, and which values ---- */

static int by_name(const void *a, const void *b, void *names)
{
    const struct table_field *x = a, *y = b;
    return str_compare(names_field(names, x->values->field), names_field(names, y->values->field));
}

static int by_value(const void *a, const void *b, void *values)
{
    const struct source_value *x = (struct source_value *)values + *(const uint32_t *)a;
    const struct source_value *y = (struct source_value *)values + *(const uint32_t *)b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->type == SOURCE_NUMBER)
        return x->number < y->number ? -1 : x->number > y->number;
    return str_compare(x->text, y->text);
}

static void make_dictionary(struct table_field *field)
{
    const struct source_field_values *values = field->values;
    field->order = mem_alloc(values->count * sizeof *field->order);
    field->place = mem_alloc(values->count * sizeof *field->place);
    for (uint32_t v = 0; v < values->count; v++)
        if (values->values[v].type != SOURCE_UNSET)
            field->order[field->count++] = v;
    qsort_r(field->order, field->count, sizeof *field->order, by_value, values->values);
    for (uint32_t i = 0; i < field->count; i++)
        field->place[field->order[i]] = i;
}

struct source_table *source_table_new(const struct names *names, const struct source_values *values)
{
    struct source_table *table = MEM_NEW(struct source_table);
    *table = (struct source_table){values, mem_zero(values->field_count, sizeof(struct table_field)), 0};
    for (uint32_t f = 0; f < values->field_count; f++) {
        if (values->fields[f].field >= names_field_count(names))
            continue;
        struct table_field *field = &table->fields[table->field_count++];
        field->values = &values->fields[f];
        if (field->values->has_texts)
            make_dictionary(field);
    }
    if (table->field_count)
        qsort_r(table->fields, table->field_count, sizeof *table->fields, by_name, (void *)names);
    return table;
}

void source_table_free(struct source_table *table)
{
    if (!table)
        return;
    for (uint32_t f = 0; f < table->field_count; f++) {
        mem_free(table->fields[f].order);
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
    return table->fields[index].values->field;
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
        buf_varint(out, field->count);
        for (uint32_t i = 0; i < field->count; i++)
            put_value(field->values->values[field->order[i]], out);
    }
}

/* ---- chunks ---- */

/* The column's values stay in values. Returns how many there are. */
static uint32_t put_column(const struct source_table *table, const struct table_field *field, uint32_t first,
                           uint32_t count, struct buf *out, struct source_zone *zone, int64_t *values)
{
    uint8_t has[SOURCES_PER_CHUNK / 8] = {0};
    uint32_t kept = 0;
    *zone = (struct source_zone){UINT64_MAX, 0};
    for (uint32_t i = 0; i < count; i++) {
        struct source_value value = source_values_get(table->values, field->values, first + i);
        if (value.type == SOURCE_UNSET)
            continue;
        has[i / 8] |= (uint8_t)(1u << (i % 8));
        uint64_t v = field->place ? field->place[field->values->number[first + i]] : value.number;
        values[kept++] = (int64_t)v;
        zone->low = v < zone->low ? v : zone->low;
        zone->high = v > zone->high ? v : zone->high;
    }
    buf_u8(out, kept == 0 ? FORM_NONE : kept == count ? FORM_ALL : FORM_SOME);
    if (kept && kept < count)
        buf_put(out, has, (count + 7) / 8);
    int_column_encode(values, kept, out);
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
    const struct source_field_values *values = field->values;
    if (values->many)
        return false;
    uint64_t *sums = mem_zero(values->count, sizeof *sums);
    for (uint32_t i = 0; i < table->values->source_count; i++)
        sums[values->number[i]] += rows[i];
    for (uint32_t v = 0; v < values->count && !out->over; v++)
        if (values->values[v].type != SOURCE_UNSET)
            value_counts_add(out, field->place ? field->place[v] : (int64_t)values->values[v].number,
                             sums[v]);
    mem_free(sums);
    return !out->over && out->count && out->count <= table->values->source_count / 2 + 64;
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
