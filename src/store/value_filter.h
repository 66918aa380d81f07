/* value_filter.h: a set of numbers in some bits each, which never denies what it holds and seldom affirms
 * what it does not (some 1 in 200): a split block Bloom filter (Putze, Sanders, Singler: WEA 2007). Pure.
 *
 * Bytes: blocks of 32, each eight little-endian words, one bit of each set per value.
 */
#ifndef STORE_VALUE_FILTER_H
#define STORE_VALUE_FILTER_H

#include "base/buf.h"

void value_filter_put(const uint64_t *values, uint32_t count, struct buf *out);
/* No filter (empty) holds everything. */
bool value_filter_may_hold(struct str filter, uint64_t value);

#endif
