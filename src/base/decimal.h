/* decimal.h: numbers as text, fast and exact: they are most of every answer. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_BYTES_MAX = 32 };

/* Each writes at most DECIMAL_BYTES_MAX bytes to text, without a NUL, and returns how many. */
size_t decimal_u64(char *text, uint64_t v);
size_t decimal_i64(char *text, int64_t v);
/* The shortest decimal that reads back as the same double, and of those the nearest to it; "0" for both
 * zeros. v is finite. Plain digits from 2^-16 (0.000015) up to 2^53, beyond that with an exponent ("1e+20",
 * "2.5e-07").
 */
size_t decimal_f64(char *text, double v);

#endif
