/* Bins of cubes while a file is written: see cube_bins.h. */
#include "base/check.h"
#include "base/mem.h"
#include "store/cube_bins.h"

enum {
    WHOLE_ROWS_MIN = 64, /* per cell */
    FIELD_ROWS_MIN = 1024,
    ROWS_PER_BYTE = 4, /* of a metric; below, reading its rows costs about as much as its bins */
    FIRST_ROWS = 1024,
    BINS_MAX = 3 << 19, /* of all lists together: 12 MiB, and as much while one is united */
};

_Static_assert((int)BINS_VALUES_MAX *(int)CUBE_MINUTES <= (int)BIN_PLACES_MAX, "a place for every cell");

/* Fields ascend by how many values they have. */
static uint32_t count_fields(const struct cube_builder *cubes)
{
    uint32_t count = 0;
    while (count < cubes->field_count && cubes->fields[count].value_count <= BINS_VALUES_MAX)
        count++;
    return count;
}

void bins_builder_init(struct bins_builder *builder, const struct cube_builder *cubes)
{
    *builder = (struct bins_builder){.cubes = cubes, .list_count = count_fields(cubes)};
    builder->lists = mem_zero(cubes->field_count + 1, sizeof *builder->lists);
}

void bins_builder_done(struct bins_builder *builder)
{
    if (builder->lists)
        bins_builder_clear(builder);
    mem_free(builder->lists);
    mem_free(builder->source);
    mem_free(builder->minute);
    mem_free(builder->key);
    mem_free(builder->place);
    bin_scratch_done(&builder->scratch);
    *builder = (struct bins_builder){0};
}

void bins_builder_clear(struct bins_builder *builder)
{
    for (uint32_t f = 0; f <= builder->cubes->field_count; f++)
        bin_list_done(&builder->lists[f]);
    builder->count = 0;
    builder->list_count = count_fields(builder->cubes);
    builder->full = false;
    builder->bytes = 0;
}

/* Rows set aside go into a list; they stay there for the others. */
static void take_rows(struct bins_builder *builder, uint32_t f)
{
    const struct cube_builder *cubes = builder->cubes;
    bool whole = f == cubes->field_count;
    uint32_t values = whole ? 1 : cubes->fields[f].value_count, first = whole ? 0 : cubes->fields[f].first;
    for (uint32_t i = 0; i < builder->count; i++) {
        uint32_t slot = whole ? 0 : cubes->slots[(size_t)builder->source[i] * cubes->field_count + f];
        builder->place[i] = (slot - first) * CUBE_MINUTES + builder->minute[i];
    }
    bin_list_add(&builder->lists[f], &builder->scratch, builder->place, builder->key, builder->count,
                 values * CUBE_MINUTES);
}

/* Fields of most values go first. */
static void give_up_some(struct bins_builder *builder)
{
    uint64_t bins = builder->lists[builder->cubes->field_count].count;
    for (uint32_t f = 0; f < builder->list_count; f++)
        bins += builder->lists[f].count;
    while (bins > BINS_MAX && builder->list_count) {
        bins -= builder->lists[--builder->list_count].count;
        bin_list_done(&builder->lists[builder->list_count]);
    }
    builder->full |= bins > BINS_MAX;
}

static void take_chunk(struct bins_builder *builder)
{
    for (uint32_t f = 0; f < builder->list_count; f++)
        take_rows(builder, f);
    if (!builder->full)
        take_rows(builder, builder->cubes->field_count);
    give_up_some(builder);
    builder->count = 0;
}

static void make_room(struct bins_builder *builder)
{
    builder->cap = builder->cap ? builder->cap * 2 : FIRST_ROWS;
    builder->source = mem_resize(builder->source, builder->cap, sizeof *builder->source);
    builder->minute = mem_resize(builder->minute, builder->cap, sizeof *builder->minute);
    builder->key = mem_resize(builder->key, builder->cap, sizeof *builder->key);
    builder->place = mem_resize(builder->place, builder->cap, sizeof *builder->place);
}

void bins_builder_add(struct bins_builder *builder, uint32_t source, int64_t ms_of_day, double value)
{
    if (builder->count == BIN_ROWS_MAX)
        take_chunk(builder);
    if (builder->count == builder->cap)
        make_room(builder);
    uint32_t at = builder->count++;
    builder->source[at] = source;
    builder->minute[at] = (uint32_t)ms_of_day / 60000;
    builder->key[at] = log_bin_key(value);
}

bool bins_builder_put(struct bins_builder *builder, uint32_t field, const struct cube_cell *cells,
                      uint32_t count, struct packer *packer, struct buf *out)
{
    const struct cube_builder *cubes = builder->cubes;
    bool whole = field == cubes->field_count, kept = whole ? !builder->full : field < builder->list_count;
    if (!count || !kept || cubes->rows < (uint64_t)count * (whole ? WHOLE_ROWS_MIN : FIELD_ROWS_MIN))
        return false;
    size_t start = out->size;
    take_rows(builder, field);
    cube_bins_encode(packer, cells, count, &builder->lists[field], out);
    bin_list_done(&builder->lists[field]);
    uint64_t bytes = builder->bytes + (out->size - start);
    if (bytes * ROWS_PER_BYTE > cubes->rows) {
        out->size = start;
        return false;
    }
    builder->bytes = bytes;
    return true;
}
