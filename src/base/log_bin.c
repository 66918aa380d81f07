#include "base/log_bin.h"

#include <math.h>
#include <stdlib.h>

/* Bins of doubles lie between ln(5e-324) / ln(gamma) = -37,222 and 35,489; the shift keeps signs apart. */
enum { KEY_SHIFT = 40000, BIN_MAX = 36000 };

static double log_gamma_of_base(void)
{
    return log((1 + LOG_BIN_ALPHA) / (1 - LOG_BIN_ALPHA));
}

int32_t log_bin_key(double value)
{
    if (value == 0 || isnan(value))
        return 0;
    int32_t bin = isinf(value) ? BIN_MAX : (int32_t)ceil(log(fabs(value)) / log_gamma_of_base());
    return value < 0 ? -(bin + KEY_SHIFT) : bin + KEY_SHIFT;
}

double log_bin_value(int32_t key)
{
    if (key == 0)
        return 0;
    double gamma = (1 + LOG_BIN_ALPHA) / (1 - LOG_BIN_ALPHA);
    double value = 2 * exp((abs(key) - KEY_SHIFT) * log_gamma_of_base()) / (gamma + 1);
    return key < 0 ? -value : value;
}
