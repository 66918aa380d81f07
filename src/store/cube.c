#include "store/cube.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { WHOLE_ROWS_MIN = 4, FIELD_ROWS_MIN = 16 }; /* per cell: below, a cube is not kept */

/* ---- which fields ---- */

static int by_values(const void *a, const void *b)
{
    const struct source_field_values *x = *(const struct source_field_values *const *)a;
    const struct source_field_values *y = *(const struct source_field_values *const *)b;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    return x->field < y->field ? -1 : x->field > y->field;
}

/* Those with few values, the fewest first. */
static uint32_t find_candidates(const struct source_values *values, const struct source_field_values **out)
{
    uint32_t found = 0;
    for (uint32_t f = 0; f < values->field_count && found < SOURCE_FIELDS_MAX; f++)
        if (!values->fields[f].many && values->fields[f].count <= CUBE_VALUES_MAX)
            out[found++] = &values->fields[f];
    if (found)
        qsort(out, found, sizeof *out, by_values);
    return found;
}

static void add_field(struct cube_builder *builder, const struct source_field_values *values)
{
    struct cube_field *field = &builder->fields[builder->field_count++];
    field->field = values->field;
    field->first = builder->slot_count;
    field->value_count = values->count;
    memcpy(field->values, values->values, values->count * sizeof *values->values);
    builder->slot_count += values->count;
}

void cube_builder_init(struct cube_builder *builder, const struct source_values *values)
{
    const struct source_field_values *candidates[SOURCE_FIELDS_MAX];
    uint32_t found = find_candidates(values, candidates), chosen = 0;
    *builder = (struct cube_builder){.slot_count = 1, .from = CUBE_MINUTES};
    builder->fields = mem_zero(found, sizeof *builder->fields);
    for (uint32_t c = 0; c < found; c++) {
        if (builder->slot_count + candidates[c]->count > CUBE_SLOTS_MAX)
            continue;
        add_field(builder, candidates[c]);
        candidates[chosen++] = candidates[c];
    }
    builder->slots = mem_alloc((size_t)values->source_count * builder->field_count * sizeof *builder->slots);
    for (uint32_t f = 0; f < builder->field_count; f++)
        for (uint32_t i = 0; i < values->source_count; i++)
            builder->slots[(size_t)i * builder->field_count + f] =
                (uint16_t)(builder->fields[f].first + candidates[f]->number[i]);
}

void cube_builder_done(struct cube_builder *builder)
{
    mem_free(builder->fields);
    mem_free(builder->slots);
    for (uint32_t minute = 0; minute < CUBE_MINUTES; minute++)
        mem_free(builder->sums[minute]);
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
    struct cube_sum *sums = builder->sums[minute];
    const uint16_t *slots = builder->slots + (size_t)source * builder->field_count;
    builder->from = minute < builder->from ? minute : builder->from;
    builder->end = minute >= builder->end ? minute + 1 : builder->end;
    builder->rows++;
    if (!sums)
        sums = builder->sums[minute] = mem_zero(builder->slot_count, sizeof *sums);
    add(&sums[0], value);
    for (uint32_t f = 0; f < builder->field_count; f++)
        add(&sums[slots[f]], value);
}

static uint32_t count_cells(const struct cube_builder *builder, uint32_t first, uint32_t slots)
{
    uint32_t cells = 0;
    for (uint32_t minute = builder->from; minute < builder->end; minute++)
        for (uint32_t s = first; builder->sums[minute] && s < first + slots; s++)
            cells += builder->sums[minute][s].count != 0;
    return cells;
}

void cube_builder_take(const struct cube_builder *builder, uint32_t field, struct cube_cell **cells,
                       uint32_t *count)
{
    bool whole = field == builder->field_count;
    uint32_t first = whole ? 0 : builder->fields[field].first;
    uint32_t slots = whole ? 1 : builder->fields[field].value_count;
    uint32_t rows_min = whole ? WHOLE_ROWS_MIN : FIELD_ROWS_MIN, at = 0;
    *cells = NULL;
    *count = 0;
    if (builder->rows < rows_min)
        return;
    uint32_t most = count_cells(builder, first, slots);
    if (builder->rows < (uint64_t)most * rows_min)
        return;
    *cells = mem_alloc(most * sizeof **cells);
    for (uint32_t s = 0; s < slots; s++)
        for (uint32_t minute = builder->from; minute < builder->end; minute++) {
            const struct cube_sum *sum = builder->sums[minute] ? &builder->sums[minute][first + s] : NULL;
            if (sum && sum->count)
                (*cells)[at++] =
                    (struct cube_cell){s, minute, sum->count, sum->sum + sum->rest, sum->min, sum->max};
        }
    *count = at;
}

bool cube_builder_total(const struct cube_builder *builder, double *sum, double *min, double *max)
{
    struct cube_sum all = {0};
    for (uint32_t minute = builder->from; minute < builder->end; minute++) {
        const struct cube_sum *sums = builder->sums[minute];
        if (!sums || !sums->count)
            continue;
        double least = all.count && all.min < sums->min ? all.min : sums->min;
        double most = all.count && all.max > sums->max ? all.max : sums->max;
        uint64_t count = all.count + sums->count;
        add(&all, sums->sum);
        all.rest += sums->rest;
        all.count = count;
        all.min = least;
        all.max = most;
    }
    *sum = all.sum + all.rest;
    *min = all.min;
    *max = all.max;
    return all.count > 0;
}

void cube_builder_clear(struct cube_builder *builder)
{
    for (uint32_t minute = builder->from; minute < builder->end; minute++)
        if (builder->sums[minute])
            memset(builder->sums[minute], 0, builder->slot_count * sizeof **builder->sums);
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
