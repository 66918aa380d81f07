/* value_column.h: the values of a block, bit by bit, in the cheapest of three ways. Pure; one thread a
 * packer.
 *
 *   u8 form
 *   0 decimal:    u8 e, varint exceptions; whole numbers v * 10^e (int_column.h), each of which divided by
 * 10^e is the double again; then per exception: u16 place, 8 bytes 1 dictionary: u8 values - 1, 8 bytes each;
 * packed places of each row's value 2 planes:     varint stored size; the first bytes of all doubles, then
 * the second ones and so on, by zstd
 *
 * (Decimal and exceptions: after ALP, Afroozeh, Kuffo and Boncz, SIGMOD 2024.)
 */
#ifndef STORE_VALUE_COLUMN_H
#define STORE_VALUE_COLUMN_H

#include "store/pack.h"

/* count: 1 to INT_COLUMN_MAX. */
void value_column_encode(struct packer *packer, const double *values, uint32_t count, struct buf *out);
void value_column_decode(struct packer *packer, struct bytes *in, uint32_t count, double *values);

#endif
