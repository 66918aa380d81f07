/* cube.h: what the rows of a metric come to, minute by minute: all of them together, and by the values of
 * each field that has few in a file. Zooming out reads these instead of rows. Levels have none: a level is
 * read source by source.
 *
 * Stored in pieces of at most 1,024 cells, ascending by value, then minute: the values' places in the cube's
 * list (unless it is of all rows), the minutes since the day began, the counts (int_column.h), then sums,
 * least and greatest values (value_column.h).
 */
#ifndef STORE_CUBE_H
#define STORE_CUBE_H

#include "base/err.h"
#include "scheme/names.h"
#include "scheme/source.h"
#include "store/int_column.h"
#include "store/source_values.h"
#include "store/value_column.h"

enum {
    CUBE_VALUES_MAX = 256, /* of a field, "unset" among them; more, and the field has no cubes */
    CUBE_SLOTS_MAX = 512,  /* of all fields together; 29 MB while a file of a whole day is written */
    CUBE_MINUTES = 24 * 60,
    CUBE_PIECE = 1024,
    CUBE_CELLS_MAX = CUBE_MINUTES * CUBE_VALUES_MAX,
};

struct cube_cell {
    uint32_t value; /* place in the list; 0 when the cube is of all rows */
    uint32_t minute;
    uint64_t count;
    double sum, min, max;
};

/* ---- building ---- */

struct cube_field {
    uint32_t field; /* in names.h */
    uint32_t first; /* its first slot */
    uint32_t value_count;
    struct source_value values[CUBE_VALUES_MAX];
};

struct cube_sum {
    uint64_t count;
    double sum, rest, min, max;
};

struct cube_builder {
    struct cube_field *fields;
    uint32_t field_count;
    uint32_t slot_count;                 /* slot 0: all rows */
    uint16_t *slots;                     /* source * field_count + field */
    struct cube_sum *sums[CUBE_MINUTES]; /* by slot; NULL until a row falls into the minute */
    uint32_t from, end;                  /* minutes in use; from > end: none */
    uint64_t rows;
};

/* Chooses the fields. The sources stay the caller's. */
void cube_builder_init(struct cube_builder *builder, const struct source_values *values);
void cube_builder_done(struct cube_builder *builder);
void cube_builder_add(struct cube_builder *builder, uint32_t source, int64_t ms_of_day, double value);
/* The cells of all rows (field: field_count) or of a field since the last clear; *count is 0 when the cube is
 * not worth keeping: then the rows say it as cheaply. *cells is to be freed. */
void cube_builder_take(const struct cube_builder *builder, uint32_t field, struct cube_cell **cells,
                       uint32_t *count);
/* Of all rows together; false when there are none. */
bool cube_builder_total(const struct cube_builder *builder, double *sum, double *min, double *max);
void cube_builder_clear(struct cube_builder *builder);

/* ---- bytes ---- */

void cube_encode(struct packer *packer, const struct cube_cell *cells, uint32_t count, bool has_values,
                 struct buf *out);
/* value_count: how many values the cube's list has; 0: it is of all rows. */
enum err cube_decode(struct packer *packer, struct str bytes, uint32_t count, uint32_t value_count,
                     struct cube_cell *cells, struct why *why) MUST_USE;

#endif
