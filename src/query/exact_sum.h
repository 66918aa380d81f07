/* exact_sum.h: a sum that keeps what rounding takes from it: the error of every addition goes into `rest`
 * (Knuth's TwoSum, the branch-free form of Neumaier's method).
 *
 * sum + rest is within n * 2^-98 * (sum of |v|) of the true sum, n^2 * 2^-106 where n values went through
 * exact_add. So it rounds to the right double, in whatever order the values came, unless they cancel out
 * almost wholly.
 */
#ifndef QUERY_EXACT_SUM_H
#define QUERY_EXACT_SUM_H

#include <stdint.h>

struct exact_sum {
    double sum, rest;
};

static inline void exact_add(struct exact_sum *to, double v)
{
    double sum = to->sum + v, taken = sum - to->sum;
    to->rest += (to->sum - (sum - taken)) + (v - taken);
    to->sum = sum;
}

/* Also leaves in `rest` only what is too small for `sum`, so that the errors of `rest` itself do not grow. */
static inline void exact_merge(struct exact_sum *to, struct exact_sum from)
{
    exact_add(to, from.sum);
    double rest = to->rest + from.rest, sum = to->sum + rest;
    to->rest = rest - (sum - to->sum);
    to->sum = sum;
}

/* The square as two doubles (Dekker): 2^27 + 1 splits a factor into halves whose products are exact. */
static inline struct exact_sum exact_square(double v)
{
    double wide = v * 134217729.0, high = wide - (wide - v), low = v - high, square = v * v;
    return (struct exact_sum){square, ((high * high - square) + 2 * high * low) + low * low};
}

void exact_add_run(struct exact_sum *to, const double *values, uint32_t n);
/* Adds the squares of the values. */
void exact_add_squares(struct exact_sum *to, const double *values, uint32_t n);

/* sqrt((squares - sum^2 / count) / count), worked out in double-double: of a deviation of less than about
 * sqrt(count) * 10^-15 of the mean nothing is left, and it is 0. */
double exact_deviation(struct exact_sum sum, struct exact_sum squares, uint64_t count);

#endif
