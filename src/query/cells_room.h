/* cells_room.h: between cells.c and cells_add.c. */
#ifndef QUERY_CELLS_ROOM_H
#define QUERY_CELLS_ROOM_H

#include "query/cells.h"

/* The greatest time wins; of two rows with one time the greater value, so that no order of parts matters. */
static inline void cells_last_take(struct last_value *last, int64_t time_ms, double value)
{
    if (time_ms > last->time_ms || (time_ms == last->time_ms && value > last->value))
        *last = (struct last_value){time_ms, value};
}

/* n values into the sketch of a cell. */
void cells_sketch_run(struct cells *cells, uint32_t cell, const double *value, uint32_t n);

#endif
