#include "cli/fleet_random.h"

static const double ln2 = 0.6931471805599453;

double fleet_exp(double x)
{
    int halvings = (int)(x / ln2 + (x < 0 ? -0.5 : 0.5));
    double rest = x - halvings * ln2, term = 1, sum = 1;
    for (int n = 1; n < 18; n++) {
        term = term * rest / n;
        sum += term;
    }
    uint64_t bits = (uint64_t)(1023 + halvings) << 52;
    double scale;
    memcpy(&scale, &bits, sizeof scale);
    return sum * scale;
}

/* ln m for m in [1, 2) by the series of artanh((m - 1) / (m + 1)), plus the exponent times ln 2. */
double fleet_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (bits & 0x000fffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    double q = (m - 1) / (m + 1), power = q, sum = 0;
    for (int n = 1; n < 40; n += 2) {
        sum += power / n;
        power = power * q * q;
    }
    return 2 * sum + exponent * ln2;
}

double fleet_normal(struct rng *rng)
{
    double sum = -6;
    for (int i = 0; i < 6; i++) {
        uint64_t bits = rng_next(rng); /* two uniforms of 32 bits each */
        sum += (double)(bits >> 32) * 0x1p-32 + (double)(bits & 0xffffffff) * 0x1p-32;
    }
    return sum;
}

double fleet_exponential(struct rng *rng)
{
    return -fleet_log(1 - rng_unit(rng));
}

double fleet_log_normal(struct rng *rng, double median, double sigma)
{
    return median * fleet_exp(sigma * fleet_normal(rng));
}

uint32_t fleet_pick(struct rng *rng, const double *sums, uint32_t count)
{
    double thrown = rng_unit(rng) * sums[count - 1];
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sums[middle] > thrown)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
