/* int_column.h: some whole numbers in the fewest bits of three ways. Pure; the count is known from elsewhere.
 *
 *   u8 form
 *   0 constant: zigzag value
 *   1 offset:   zigzag least, u8 width, packed differences from the least
 *   2 steps:    zigzag first, zigzag least step, u8 width, packed differences of the steps from the least
 * step
 *
 * All arithmetic wraps at 64 bits, so every sequence of 64-bit numbers comes back.
 */
#ifndef STORE_INT_COLUMN_H
#define STORE_INT_COLUMN_H

#include "base/bytes.h"
#include "base/buf.h"

enum { INT_COLUMN_MAX = 4096 };

/* count: at most INT_COLUMN_MAX; 0 writes nothing. */
void int_column_encode(const int64_t *values, uint32_t count, struct buf *out);
/* Sets in->bad when the bytes are no such column. */
void int_column_decode(struct bytes *in, uint32_t count, int64_t *values);

#endif
