/* int_column.h: some whole numbers in the fewest bits of five ways. Pure; the count is known from elsewhere.
 *
 *   u8 form
 *   0 constant: zigzag value
 *   1 offset:   zigzag least, u8 width, packed differences from the least
 *   2 steps:    zigzag first, zigzag least step, u8 width, packed differences of the steps from the least
 * step
 *   3 mixed:    zigzag least, two widths: see below, of the differences from the least
 *   4 mixed steps: zigzag first, zigzag usual step, two widths, of the zigzag differences of the steps from
 * the usual one
 *
 * Two widths: u8 small width, u8 large width; a bit a number, set for the large ones; the small ones packed,
 * the large ones packed. Waiting times are mostly short and sometimes long: one width would be that of the
 * longest.
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
