/* cube_bins.h: how the values in the cells of a cube are distributed: a sketch a cell, that is counts by bins
 * of log_bin.h. Kept for values and measurements, where cells have many rows and all bins of a metric take at
 * most a quarter of a byte a row; a cube has them in all cells or in none. In a piece of its own, so that
 * whoever wants no percentiles does not read it:
 *
 *   three texts, each varint size, varint size as stored, and the bytes packed by zstd:
 *     per cell: varint bins, zigzag varint first key - first key of the cell before (of the first: 0)
 *     per bin but the first of its cell: varint key - key before - 1
 *     per bin but the last of its cell: varint rows - 1; the last one has the rest of the cell's rows
 */
#ifndef STORE_CUBE_BINS_H
#define STORE_CUBE_BINS_H

#include "store/bin_list.h"
#include "store/cube.h"

enum {
    CUBE_BINS_MAX = 1 << 22, /* of a cube */
    BINS_VALUES_MAX = 64,    /* a field of more has no bins: its cells would have few rows */
};

/* ---- building, beside a cube builder ---- */

struct bins_builder {
    const struct cube_builder *cubes;
    uint32_t *source, *minute; /* of rows set aside */
    int32_t *key;
    uint32_t count, cap;
    struct bin_list *lists; /* by field; the last one of all rows */
    uint32_t *place;        /* scratch */
    struct bin_scratch scratch;
    uint32_t list_count; /* lists from here on were given up, but for the last: there was no room */
    bool full;           /* and the last one, too */
    uint64_t bytes;      /* put so far */
};

/* The cube builder stays the caller's, and gets the same rows. */
void bins_builder_init(struct bins_builder *builder, const struct cube_builder *cubes);
void bins_builder_done(struct bins_builder *builder);
void bins_builder_add(struct bins_builder *builder, uint32_t source, int64_t ms_of_day, double value);
/* The bins of cells that the cube builder has given, of all rows first; false: not worth their bytes. */
bool bins_builder_put(struct bins_builder *builder, uint32_t field, const struct cube_cell *cells,
                      uint32_t count, struct packer *packer, struct buf *out);
void bins_builder_clear(struct bins_builder *builder);

/* ---- bytes ---- */

/* The bins of all cells, those of cell i ending before ends[i]. */
struct cube_bins {
    struct log_bin *at;
    uint32_t *ends;
};

void cube_bins_done(struct cube_bins *bins);

/* The list has the bins of these cells, at places value * CUBE_MINUTES + minute. */
void cube_bins_encode(struct packer *packer, const struct cube_cell *cells, uint32_t count,
                      const struct bin_list *list, struct buf *out);
/* cells: of the same cube. */
enum err cube_bins_decode(struct packer *packer, struct str bytes, const struct cube_cell *cells,
                          uint32_t count, struct cube_bins *out, struct why *why) MUST_USE;

#endif
