/* Partials of a part: the cubes of a file. */
#include "base/mem.h"
#include "store/day.h"
#include "store/part.h"
#include "store/segment.h"

void partials_done(struct partials *partials)
{
    mem_free(partials->at);
    mem_free(partials->bins);
    *partials = (struct partials){0};
}

bool part_total(const struct part *part, uint32_t metric, struct part_total *out)
{
    const struct segment_metric *found = part->segment ? segment_find_metric(part->segment, metric) : NULL;
    if (!found || !found->has_total || part_is_touched(part, metric, INT64_MIN, INT64_MAX))
        return false;
    *out = (struct part_total){found->from_ms, found->to_ms, found->rows, found->sum, found->min, found->max};
    return true;
}

/* bins: taken over; empty when there are none. */
static void put_partials(const struct segment_index *index, const struct segment_cube *cube,
                         const struct cube_cell *cells, struct cube_bins *bins, struct partials *out)
{
    bool whole = cube->field == index->cube_field_count;
    if (out->cap < cube->cells) {
        out->cap = cube->cells;
        mem_free(out->at);
        out->at = mem_alloc(out->cap * sizeof *out->at);
    }
    out->count = cube->cells;
    for (uint32_t c = 0; c < cube->cells; c++) {
        const struct cube_cell *cell = &cells[c];
        out->at[c] = (struct partial){.minute_ms = index->day_ms + cell->minute * MINUTE_MS,
                                      .count = cell->count,
                                      .sum = cell->sum,
                                      .min = cell->min,
                                      .max = cell->max};
        if (!whole)
            out->at[c].value = index->cube_fields[cube->field].values[cell->value];
        if (bins->at) {
            uint32_t first = c ? bins->ends[c - 1] : 0;
            out->at[c].bins = bins->at + first;
            out->at[c].bin_count = bins->ends[c] - first;
        }
    }
    mem_free(out->bins);
    out->bins = bins->at;
    bins->at = NULL;
}

int part_partials(struct snapshot *snapshot, struct part *part, const struct partials_wanted *wanted,
                  struct partials *out, struct why *why)
{
    struct segment_index *index;
    if (part->head || part_is_touched(part, wanted->metric, INT64_MIN, INT64_MAX))
        return 0; /* what was deleted is still in them */
    if (part_load_index(part, &index, why))
        return -1;
    const struct segment_column *column = segment_find_column(index, wanted->metric);
    const struct segment_cube *cube = column ? segment_find_cube(index, column, wanted->field) : NULL;
    if (!cube || (wanted->bins && !cube->bins_size))
        return 0;
    struct cube_cell *cells = mem_alloc(cube->cells * sizeof *cells);
    struct cube_bins bins = {0};
    enum err err = segment_read_cube(index, cube, cells, why);
    if (!err && wanted->bins)
        err = segment_read_bins(index, cube, cells, &bins, why);
    if (!err)
        put_partials(index, cube, cells, &bins, out);
    cube_bins_done(&bins);
    mem_free(cells);
    return err ? (segment_failed(part->segment, err, why), -1) : 1;
}
