#include "store/cube.h"

#include "base/check.h"
#include "base/intern.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { WHOLE_ROWS_MIN = 4, FIELD_ROWS_MIN = 16 }; /* per cell: below, a cube is not kept */

/* ---- which fields ---- */

/* A field on trial: gives up when it has too many values. */
struct candidate {
    uint32_t field;
    bool out;
    struct intern values;
};

static void put_key(struct source_value value, struct buf *key)
{
    key->size = 0;
    buf_u8(key, (uint8_t)value.type);
    if (value.type == SOURCE_NUMBER)
        buf_u64(key, value.number);
    else if (value.type == SOURCE_TEXT)
        buf_str(key, value.text);
}

static uint32_t find_candidates(const struct str *sources, uint32_t count, struct candidate **out)
{
    struct candidate *candidates = NULL;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct bytes in = bytes_of(sources[i]);
        for (uint8_t left = bytes_u8(&in); left; left--) {
            uint32_t field = bytes_u16(&in), at = 0;
            if (bytes_u8(&in) == SOURCE_NUMBER)
                bytes_u64(&in);
            else
                bytes_str(&in, bytes_u8(&in));
            while (at < found && candidates[at].field != field)
                at++;
            if (at == found && found < SOURCE_FIELDS_MAX) {
                candidates = mem_resize(candidates, found + 1, sizeof *candidates);
                candidates[found++] = (struct candidate){.field = field};
            }
        }
    }
    *out = candidates;
    return found;
}

static void count_values(struct candidate *candidate, const struct str *sources, uint32_t count)
{
    struct buf key = {0};
    for (uint32_t i = 0; i < count && !candidate->out; i++) {
        put_key(source_get(sources[i], candidate->field), &key);
        intern_resolve(&candidate->values, buf_view(&key));
        candidate->out = candidate->values.count > CUBE_VALUES_MAX;
    }
    buf_done(&key);
}

static int by_values(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->out != y->out)
        return x->out ? 1 : -1;
    if (x->values.count != y->values.count)
        return x->values.count < y->values.count ? -1 : 1;
    return x->field < y->field ? -1 : x->field > y->field;
}

static void add_field(struct cube_builder *builder, const struct candidate *candidate)
{
    struct cube_field *field = &builder->fields[builder->field_count++];
    field->field = candidate->field;
    field->first = builder->slot_count;
    field->value_count = candidate->values.count;
    builder->slot_count += candidate->values.count;
}

/* The values as the sources spell them, and the slot of each source. */
static void fill_slots(struct cube_builder *builder, uint32_t f, struct intern *values,
                       const struct str *sources, uint32_t count)
{
    struct cube_field *field = &builder->fields[f];
    struct buf key = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct source_value value = source_get(sources[i], field->field);
        put_key(value, &key);
        uint32_t place = intern_find(values, buf_view(&key));
        field->values[place] = value;
        builder->slots[(size_t)i * builder->field_count + f] = (uint8_t)(field->first + place);
    }
    buf_done(&key);
}

void cube_builder_init(struct cube_builder *builder, const struct str *sources, uint32_t count)
{
    struct candidate *candidates;
    uint32_t found = find_candidates(sources, count, &candidates);
    *builder = (struct cube_builder){.slot_count = 1, .from = CUBE_MINUTES};
    for (uint32_t c = 0; c < found; c++)
        count_values(&candidates[c], sources, count);
    if (found)
        qsort(candidates, found, sizeof *candidates, by_values);
    builder->fields = mem_zero(found, sizeof *builder->fields);
    for (uint32_t c = 0; c < found && !candidates[c].out; c++)
        if (builder->slot_count + candidates[c].values.count <= CUBE_SLOTS_MAX)
            add_field(builder, &candidates[c]);
    builder->slots = mem_alloc((size_t)count * builder->field_count);
    for (uint32_t f = 0, c = 0; f < builder->field_count; c++)
        if (candidates[c].field == builder->fields[f].field)
            fill_slots(builder, f++, &candidates[c].values, sources, count);
    builder->sums = mem_zero((size_t)CUBE_MINUTES * builder->slot_count, sizeof *builder->sums);
    for (uint32_t c = 0; c < found; c++)
        intern_done(&candidates[c].values);
    mem_free(candidates);
}

void cube_builder_done(struct cube_builder *builder)
{
    mem_free(builder->fields);
    mem_free(builder->slots);
    mem_free(builder->sums);
    *builder = (struct cube_builder){0};
}

/* ---- rows ---- */

/* Neumaier's sum: the rounding errors are summed beside it. */
static inline void add(struct cube_sum *into, double value)
{
    double sum = into->sum + value;
    into->rest += fabs(into->sum) >= fabs(value) ? into->sum - sum + value : value - sum + into->sum;
    into->sum = sum;
    into->min = !into->count || value < into->min ? value : into->min;
    into->max = !into->count || value > into->max ? value : into->max;
    into->count++;
}

void cube_builder_add(struct cube_builder *builder, uint32_t source, int64_t ms_of_day, double value)
{
    uint32_t minute = (uint32_t)ms_of_day / 60000;
    struct cube_sum *sums = builder->sums + (size_t)minute * builder->slot_count;
    const uint8_t *slots = builder->slots + (size_t)source * builder->field_count;
    builder->from = minute < builder->from ? minute : builder->from;
    builder->end = minute >= builder->end ? minute + 1 : builder->end;
    builder->rows++;
    add(&sums[0], value);
    for (uint32_t f = 0; f < builder->field_count; f++)
        add(&sums[slots[f]], value);
}

static uint32_t count_cells(const struct cube_builder *builder, uint32_t first, uint32_t slots)
{
    uint32_t cells = 0;
    for (uint32_t minute = builder->from; minute < builder->end; minute++)
        for (uint32_t s = first; s < first + slots; s++)
            cells += builder->sums[(size_t)minute * builder->slot_count + s].count != 0;
    return cells;
}

void cube_builder_take(const struct cube_builder *builder, uint32_t field, struct cube_cell **cells,
                       uint32_t *count)
{
    bool whole = field == builder->field_count;
    uint32_t first = whole ? 0 : builder->fields[field].first;
    uint32_t slots = whole ? 1 : builder->fields[field].value_count;
    uint32_t most = count_cells(builder, first, slots), at = 0;
    *cells = NULL;
    *count = 0;
    if (builder->rows < (uint64_t)most * (whole ? WHOLE_ROWS_MIN : FIELD_ROWS_MIN) || !builder->rows)
        return;
    *cells = mem_alloc(most * sizeof **cells);
    for (uint32_t s = 0; s < slots; s++)
        for (uint32_t minute = builder->from; minute < builder->end; minute++) {
            const struct cube_sum *sum = &builder->sums[(size_t)minute * builder->slot_count + first + s];
            if (sum->count)
                (*cells)[at++] =
                    (struct cube_cell){s, minute, sum->count, sum->sum + sum->rest, sum->min, sum->max};
        }
    *count = at;
}

void cube_builder_clear(struct cube_builder *builder)
{
    if (builder->from < builder->end)
        memset(builder->sums + (size_t)builder->from * builder->slot_count, 0,
               (size_t)(builder->end - builder->from) * builder->slot_count * sizeof *builder->sums);
    builder->from = CUBE_MINUTES;
    builder->end = 0;
    builder->rows = 0;
}

/* ---- bytes ---- */

static void encode_piece(struct packer *packer, const struct cube_cell *cells, uint32_t count,
                         bool has_values, struct buf *out)
{
    int64_t whole[CUBE_PIECE];
    double values[CUBE_PIECE];
    for (uint32_t i = 0; i < count; i++)
        whole[i] = cells[i].value;
    if (has_values)
        int_column_encode(whole, count, out);
    for (uint32_t i = 0; i < count; i++)
        whole[i] = cells[i].minute;
    int_column_encode(whole, count, out);
    for (uint32_t i = 0; i < count; i++)
        whole[i] = (int64_t)cells[i].count;
    int_column_encode(whole, count, out);
    for (uint32_t i = 0; i < count; i++)
        values[i] = cells[i].sum;
    value_column_encode(packer, values, count, out);
    for (uint32_t i = 0; i < count; i++)
        values[i] = cells[i].min;
    value_column_encode(packer, values, count, out);
    for (uint32_t i = 0; i < count; i++)
        values[i] = cells[i].max;
    value_column_encode(packer, values, count, out);
}

void cube_encode(struct packer *packer, const struct cube_cell *cells, uint32_t count, bool has_values,
                 struct buf *out)
{
    for (uint32_t first = 0; first < count; first += CUBE_PIECE)
        encode_piece(packer, cells + first, count - first < CUBE_PIECE ? count - first : CUBE_PIECE,
                     has_values, out);
}

static void decode_piece(struct packer *packer, struct bytes *in, uint32_t count, uint32_t value_count,
                         struct cube_cell *cells)
{
    int64_t whole[CUBE_PIECE] = {0};
    double values[CUBE_PIECE];
    if (value_count)
        int_column_decode(in, count, whole);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        in->bad |= value_count ? whole[i] < 0 || whole[i] >= value_count : false;
        cells[i].value = (uint32_t)whole[i];
    }
    int_column_decode(in, count, whole);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        in->bad |= whole[i] < 0 || whole[i] >= CUBE_MINUTES;
        cells[i].minute = (uint32_t)whole[i];
    }
    int_column_decode(in, count, whole);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        in->bad |= whole[i] < 1;
        cells[i].count = (uint64_t)whole[i];
    }
    value_column_decode(packer, in, count, values);
    for (uint32_t i = 0; i < count && !in->bad; i++)
        cells[i].sum = values[i];
    value_column_decode(packer, in, count, values);
    for (uint32_t i = 0; i < count && !in->bad; i++)
        cells[i].min = values[i];
    value_column_decode(packer, in, count, values);
    for (uint32_t i = 0; i < count && !in->bad; i++)
        cells[i].max = values[i];
}

static bool is_behind(const struct cube_cell *cell, const struct cube_cell *before)
{
    return cell->value > before->value || (cell->value == before->value && cell->minute > before->minute);
}

enum err cube_decode(struct packer *packer, struct str bytes, uint32_t count, uint32_t value_count,
                     struct cube_cell *cells, struct why *why)
{
    struct bytes in = bytes_of(bytes);
    for (uint32_t first = 0; first < count && !in.bad; first += CUBE_PIECE)
        decode_piece(packer, &in, count - first < CUBE_PIECE ? count - first : CUBE_PIECE, value_count,
                     cells + first);
    for (uint32_t i = 1; i < count && !in.bad; i++)
        in.bad = !is_behind(&cells[i], &cells[i - 1]);
    if (in.bad || bytes_left(&in))
        return why_set(why, ERR_CORRUPT, "a cube is no such thing");
    return ERR_OK;
}
