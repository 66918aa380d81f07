/* log_bin.h: the bins of sketches: DDSketch (Masson, Rim, Lee: VLDB 2019).
 *
 * A value v falls into bin ceil(log_gamma |v|) with gamma = (1 + a) / (1 - a), a = LOG_BIN_ALPHA; negative
 * values and zero have their own. Whatever lies in a bin is within a of the bin's value. Keys ascend with the
 * values; they are stored in files, so what they mean does not change.
 */
#ifndef BASE_LOG_BIN_H
#define BASE_LOG_BIN_H

#include <stdint.h>

#define LOG_BIN_ALPHA 0.01

enum { LOG_BIN_KEY_MAX = 76000 }; /* every key lies between it and its negative */

struct log_bin {
    int32_t key; /* 0 is the value zero */
    uint64_t count;
};

/* Infinite values lie beyond all others; NaN counts as zero. */
int32_t log_bin_key(double value);
double log_bin_value(int32_t key);

#endif
