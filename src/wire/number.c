/* A mantissa below 2^53 and a power of ten up to 10^22 are both exact as doubles, so one multiplication or
 * division of them rounds once and rightly (Clinger 1990, "How to read floating point numbers accurately").
 * That is nearly every number people measure; the rest goes to strtod, on a copy that ends. */
#include "wire/number.h"

#include "base/mem.h"
#include "wire/line.h"

#include <math.h>
#include <stdlib.h>

enum { EXACT_POWER_MAX = 22, MANTISSA_DIGITS_MAX = 19, EXPONENT_MAX = 100000, COPY_BYTES = 128 };

static const uint64_t EXACT_MANTISSA_MAX = (uint64_t)1 << 53;

static const double powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static double slow_read(struct str s)
{
    char small[COPY_BYTES];
    char *copy = s.size < sizeof small ? small : mem_alloc(s.size + 1);
    memcpy(copy, s.at, s.size);
    copy[s.size] = '\0';
    double value = strtod(copy, NULL);
    if (copy != small)
        mem_free(copy);
    return value;
}

/* "e-3" at s[i]: the index behind it and the exponent; i itself when it is none ("5e" is a number and an e).
 */
static size_t read_exponent(struct str s, size_t i, int *exponent)
{
    size_t at = i + 1;
    bool negative = false;
    if (at < s.size && (s.at[at] == '-' || s.at[at] == '+'))
        negative = s.at[at++] == '-';
    if (at >= s.size || !is_digit(s.at[at]))
        return i;
    int value = 0;
    for (; at < s.size && is_digit(s.at[at]); at++)
        if (value < EXPONENT_MAX)
            value = value * 10 + (s.at[at] - '0');
    *exponent = negative ? -value : value;
    return at;
}

size_t number_read(struct str s, double *out)
{
    size_t i = 0;
    bool negative = false;
    if (s.size && (s.at[0] == '-' || s.at[0] == '+'))
        negative = s.at[i++] == '-';
    uint64_t mantissa = 0;
    size_t start = i;
    for (; i < s.size && is_digit(s.at[i]); i++)
        mantissa = mantissa * 10 + (uint64_t)(s.at[i] - '0');
    size_t digits = i - start, behind = 0;
    if (i < s.size && s.at[i] == '.') {
        start = ++i;
        for (; i < s.size && is_digit(s.at[i]); i++)
            mantissa = mantissa * 10 + (uint64_t)(s.at[i] - '0');
        behind = i - start;
        digits += behind;
    }
    if (digits == 0)
        return 0;
    int exponent = 0;
    if (i < s.size && (s.at[i] | 0x20) == 'e')
        i = read_exponent(s, i, &exponent);
    /* With more digits the mantissa may have wrapped around. */
    if (__builtin_expect(digits <= MANTISSA_DIGITS_MAX && mantissa <= EXACT_MANTISSA_MAX, 1)) {
        int power = exponent - (int)behind;
        double value = (double)mantissa;
        if (power >= -EXACT_POWER_MAX && power <= EXACT_POWER_MAX) {
            value = power < 0 ? value / powers[-power] : value * powers[power];
            *out = negative ? -value : value;
            return i;
        }
    }
    *out = slow_read(str_first(s, i));
    return i;
}

bool number_is_word(struct str s)
{
    if (s.size && (s.at[0] == '-' || s.at[0] == '+'))
        s = str_from(s, 1);
    return str_eq_fold(s, STR("nan")) || str_eq_fold(s, STR("inf")) || str_eq_fold(s, STR("infinity"));
}

enum reason line_number(struct str s, double *out)
{
    double value;
    size_t used = number_read(s, &value);
    if (used == 0 || used != s.size)
        return number_is_word(s) ? REASON_not_finite : REASON_number_bad;
    if (!isfinite(value))
        return REASON_not_finite;
    *out = value;
    return REASON_NONE;
}
