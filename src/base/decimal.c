/* Three ways, by how often they are needed:
 * 1. integers below 2^53, and numbers with one to three decimals: if n = round(v * 1000) is below 2^53 and
 *    n / 1000 == v, then n / 1000 is v in decimal, for both are exact and a division rounds as a reader does;
 *    and with at most 15 digits it is the only decimal that short;
 * 2. 2^-16 <= v < 2^53: v and the two borders half way to its neighbours, times a power of ten that gives 17
 * or 18 digits, fit in 128 bits. Between the borders lie the decimals that read back as v; the shortest is
 * the multiple of the largest power of ten that has one there. (Steele and White, PLDI 1990, without big
 * numbers);
 * 3. all others: printf with more and more digits until it reads back.
 */
#include "base/decimal.h"

#include "base/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

static unsigned count_digits(uint64_t v)
{
    unsigned count = 1;
    for (; v >= 10000; v /= 10000)
        count += 4;
    return count + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* The last count digits of v, with leading zeros, ending before end. */
static void put_digits(char *end, uint64_t v, unsigned count)
{
    for (; count >= 2; count -= 2, v /= 100)
        memcpy(end -= 2, pairs + v % 100 * 2, 2);
    if (count)
        end[-1] = (char)('0' + v % 10);
}

size_t decimal_u64(char *text, uint64_t v)
{
    unsigned count = count_digits(v);
    put_digits(text + count, v, count);
    return count;
}

size_t decimal_i64(char *text, int64_t v)
{
    if (v >= 0)
        return decimal_u64(text, (uint64_t)v);
    *text = '-';
    return 1 + decimal_u64(text + 1, -(uint64_t)v);
}

/* digits / 10^decimals, without zeros at the end. */
static size_t put_fixed(char *text, uint64_t digits, unsigned decimals)
{
    for (; decimals && digits % 10 == 0; decimals--)
        digits /= 10;
    unsigned count = count_digits(digits);
    if (!decimals) {
        put_digits(text + count, digits, count);
        return count;
    }
    unsigned whole = count > decimals ? count - decimals : 1; /* "0." before small ones */
    char *end = text + whole + 1 + decimals;
    put_digits(end, digits, decimals);
    text[whole] = '.';
    uint64_t before = digits;
    for (unsigned i = 0; i < decimals; i++)
        before /= 10;
    put_digits(text + whole, before, whole);
    return (size_t)(end - text);
}

static const uint64_t tens[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

/* The multiple of unit nearest to exact / 2^shift, which lies between two of them. */
static uint64_t nearest_multiple(unsigned __int128 exact, unsigned shift, uint64_t unit, uint64_t low,
                                 uint64_t high)
{
    uint64_t below = (uint64_t)(exact >> shift) / unit * unit;
    unsigned __int128 over = exact - ((unsigned __int128)below << shift),
                      half = ((unsigned __int128)unit << shift) >> 1; /* shift >= 2: exact */
    bool up = over > half || (over == half && below / unit % 2);
    if (below < low)
        return below + unit;
    return up && below + unit <= high ? below + unit : below;
}

/* 2^-16 <= v < 2^53, not an integer. */
static size_t put_shortest(char *text, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    unsigned biased = (unsigned)(bits >> 52);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1), m = fraction | UINT64_C(1) << 52;
    int log2 = (int)biased - 1023;                            /* 2^log2 <= v < 2^(log2 + 1) */
    unsigned shift = (unsigned)(52 - log2) + 2;               /* v = 4 m / 2^shift */
    int log10 = (log2 * 1233 - (log2 < 0 ? 4095 : 0)) / 4096; /* floor(log2 * log10(2)): 10^log10 <= 2^log2 */
    unsigned k = (unsigned)(16 - log10);                      /* 10^16 <= v * 10^k < 2 * 10^17 */
    unsigned __int128 ten = k < 20 ? (unsigned __int128)tens[k] : (unsigned __int128)tens[19] * tens[k - 19];
    unsigned __int128 exact = (unsigned __int128)(4 * m) * ten, one = ((unsigned __int128)1 << shift) - 1;
    unsigned __int128 border_low = exact - (fraction ? 2 : 1) * ten, border_high = exact + 2 * ten;
    bool even = m % 2 == 0; /* then a reader rounds the borders to v as well */
    uint64_t low = (uint64_t)((border_low + (even ? one : one + 1)) >> shift);
    uint64_t high = (uint64_t)((border_high - !even) >> shift);
    unsigned p = 0;
    while (high / tens[p + 1] * tens[p + 1] >= low)
        p++;
    uint64_t digits = nearest_multiple(exact, shift, tens[p], low, high) / tens[p];
    return put_fixed(text, digits, k - p);
}

static size_t put_any(char *text, double v)
{
    char with_nul[DECIMAL_BYTES_MAX + 1];
    int size = 0;
    for (int digits = 1; digits <= 17; digits++) {
        size = snprintf(with_nul, sizeof with_nul, "%.*g", digits, v);
        if (strtod(with_nul, NULL) == v)
            break;
    }
    memcpy(text, with_nul, (size_t)size);
    return (size_t)size;
}

size_t decimal_f64(char *text, double v)
{
    CHECK(isfinite(v));
    size_t sign = v < 0;
    if (sign)
        *text++ = '-';
    v = fabs(v);
    if (v < 0x1p53) {
        uint64_t whole = (uint64_t)v, thousand = (uint64_t)(v * 1000 + 0.5);
        if ((double)whole == v)
            return sign + decimal_u64(text, whole);
        if (thousand < 1000000000000000 && (double)thousand / 1000 == v)
            return sign + put_fixed(text, thousand, 3);
        if (v >= 0x1p-16)
            return sign + put_shortest(text, v);
    }
    return sign + put_any(text, v);
}
