#include "query/exact_sum.h"

#include <math.h>

enum { RUN_MOST = 1024 }; /* then the four meet, which keeps the errors of `rest` small */

/* Four sums side by side: one would wait for each addition before the next. */
static void add_some(struct exact_sum *to, const double *values, uint32_t n)
{
    double sum[4] = {0}, rest[4] = {0};
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (uint32_t k = 0; k < 4; k++) {
            double v = values[i + k], more = sum[k] + v, taken = more - sum[k];
            rest[k] += (sum[k] - (more - taken)) + (v - taken);
            sum[k] = more;
        }
    for (uint32_t k = 0; i > 0 && k < 4; k++)
        exact_merge(to, (struct exact_sum){sum[k], rest[k]});
    for (; i < n; i++)
        exact_merge(to, (struct exact_sum){values[i], 0});
}

void exact_add_run(struct exact_sum *to, const double *values, uint32_t n)
{
    for (uint32_t done = 0, some; done < n; done += some) {
        some = n - done < RUN_MOST ? n - done : RUN_MOST;
        add_some(to, values + done, some);
    }
}

void exact_add_squares(struct exact_sum *to, const double *values, uint32_t n)
{
    struct exact_sum sum = *to;
    for (uint32_t i = 0; i < n; i++)
        exact_merge(&sum, exact_square(values[i]));
    *to = sum;
}

/* a * b, both double-double. */
static struct exact_sum product(struct exact_sum a, struct exact_sum b)
{
    double high = a.sum * b.sum;
    return (struct exact_sum){high, fma(a.sum, b.sum, -high) + (a.sum * b.rest + a.rest * b.sum)};
}

double exact_deviation(struct exact_sum sum, struct exact_sum squares, uint64_t count)
{
    /* count * squares - sum^2 needs no division before the difference is taken. What is less than the error
     * of the squares is nothing: equal values have no deviation. */
    struct exact_sum all = product((struct exact_sum){(double)count, 0}, squares);
    struct exact_sum square = product(sum, sum);
    double nothing = all.sum * (double)count * 0x1p-98;
    exact_merge(&all, (struct exact_sum){-square.sum, -square.rest});
    double difference = all.sum + all.rest;
    return difference <= nothing ? 0 : sqrt(difference) / (double)count; /* NAN stays NAN */
}
