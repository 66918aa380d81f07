/* Every byte of a file. */
#include "base/mem.h"
#include "store/segment_cursor.h"

static enum err verify_column(struct segment_cursor *cursor, const struct segment_index *index,
                              const struct segment_column *column, uint64_t *rows, struct why *why)
{
    enum err err = ERR_OK;
    segment_cursor_set(cursor, index, column);
    for (uint32_t b = column->first; b < segment_column_end(column) && !err; b++) {
        err = segment_cursor_read(cursor, b, why);
        *rows += index->blocks[b].rows;
    }
    return err;
}

static enum err verify_cubes(const struct segment_index *index, struct why *why)
{
    enum err err = ERR_OK;
    for (uint32_t c = 0; c < index->cube_count && !err; c++) {
        struct cube_cell *cells = mem_alloc(index->cubes[c].cells * sizeof *cells);
        struct cube_bins bins = {0};
        err = segment_read_cube(index, &index->cubes[c], cells, why);
        if (!err && index->cubes[c].bins_size)
            err = segment_read_bins(index, &index->cubes[c], cells, &bins, why);
        cube_bins_done(&bins);
        mem_free(cells);
    }
    return err;
}

static enum err verify_counts(const struct segment_index *index, struct why *why)
{
    enum err err = ERR_OK;
    for (uint32_t f = 0; f < index->field_count && !err; f++) {
        if (!index->counts[f].count)
            continue;
        struct value_count_entry *entries = mem_alloc(index->counts[f].count * sizeof *entries);
        err = segment_read_counts(index, f, entries, why);
        mem_free(entries);
    }
    return err;
}

enum err segment_verify(struct segment *segment, struct why *why)
{
    struct segment_index *index;
    struct segment_sources *sources = NULL;
    struct segment_cursor cursor = {0};
    uint64_t rows = 0;
    enum err err = segment_load_index(segment, &index, why);
    if (err)
        return err;
    err = segment_load_sources(segment, index, &sources, why);
    for (uint32_t c = 0; c < index->column_count && !err; c++)
        err = verify_column(&cursor, index, &index->columns[c], &rows, why);
    if (!err)
        err = verify_cubes(index, why);
    if (!err)
        err = verify_counts(index, why);
    if (!err && rows != segment->rows)
        err = why_set(why, ERR_CORRUPT, "%llu rows in blocks where the directory says %llu",
                      (unsigned long long)rows, (unsigned long long)segment->rows);
    if (!err && index->presence_bad)
        err = why_set(why, ERR_CORRUPT, "the presence section is damaged");
    segment_cursor_done(&cursor);
    segment_release(segment, sources ? &sources->entry : NULL);
    segment_release(segment, &index->entry);
    return err;
}
