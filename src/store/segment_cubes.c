/* Cubes of a file (cube.h). */
#include "store/segment.h"

const struct segment_cube *segment_find_cube(const struct segment_index *index,
                                             const struct segment_column *column, uint32_t field)
{
    if (field != NAME_NONE && segment_only_field(index, field) == index->field_count)
        return NULL;
    for (uint32_t c = column->first_cube; c < column->first_cube + column->cube_count; c++) {
        const struct segment_cube *cube = &index->cubes[c];
        bool whole = cube->field == index->cube_field_count;
        if (whole ? field == NAME_NONE : field != NAME_NONE && index->cube_fields[cube->field].field == field)
            return cube;
    }
    return NULL;
}

enum err segment_read_cube(const struct segment_index *index, const struct segment_cube *cube,
                           struct cube_cell *cells, struct why *why)
{
    bool whole = cube->field == index->cube_field_count;
    struct packer packer = {0};
    struct buf bytes = {0};
    enum err err = segment_read(index, cube->at, cube->size, cube->check, &bytes, why);
    if (!err)
        err = cube_decode(&packer, buf_view(&bytes), cube->cells,
                          whole ? 0 : index->cube_fields[cube->field].value_count, cells, why);
    packer_done(&packer);
    buf_done(&bytes);
    return err;
}

enum err segment_read_bins(const struct segment_index *index, const struct segment_cube *cube,
                           const struct cube_cell *cells, struct cube_bins *out, struct why *why)
{
    struct packer packer = {0};
    struct buf bytes = {0};
    enum err err = segment_read(index, cube->bins_at, cube->bins_size, cube->bins_check, &bytes, why);
    if (!err)
        err = cube_bins_decode(&packer, buf_view(&bytes), cells, cube->cells, out, why);
    packer_done(&packer);
    buf_done(&bytes);
    return err;
}
