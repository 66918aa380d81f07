/* fleet_random.h: chance with the same result on every machine: only +, -, *, / and the bits of a double are
 * used, never libm, and the compiler is told not to fuse them.
 */
#ifndef CLI_FLEET_RANDOM_H
#define CLI_FLEET_RANDOM_H

#include "base/rng.h"

double fleet_exp(double x); /* e^x for |x| < 40, relative error below 1e-12 */
double fleet_log(double x); /* ln x for 0 < x < 1e300 */

double fleet_normal(struct rng *rng);      /* mean 0, deviation 1: twelve uniforms less six (Irwin-Hall) */
double fleet_exponential(struct rng *rng); /* mean 1 */
/* Log-normal with this median; sigma is the deviation of its logarithm. */
double fleet_log_normal(struct rng *rng, double median, double sigma);

/* Weights as running sums: index of the one that a throw in [0, last) falls into. */
uint32_t fleet_pick(struct rng *rng, const double *sums, uint32_t count);

#endif
