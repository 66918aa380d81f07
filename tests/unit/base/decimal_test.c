#include "base/decimal.h"
#include "base/rng.h"

#include "../cmocka_all.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool reads(double v, const char *want)
{
    char text[DECIMAL_BYTES_MAX];
    size_t size = decimal_f64(text, v);
    if (size != strlen(want) || memcmp(text, want, size) != 0)
        print_error("%.17g is written %.*s, not %s\n", v, (int)size, text, want);
    return size == strlen(want) && memcmp(text, want, size) == 0;
}

static void numbers_are_written_short(void **state)
{
    assert_true(reads(0, "0"));
    assert_true(reads(-0.0, "0"));
    assert_true(reads(1, "1"));
    assert_true(reads(-1, "-1"));
    assert_true(reads(812.4, "812.4"));
    assert_true(reads(-0.5, "-0.5"));
    assert_true(reads(0.05, "0.05"));
    assert_true(reads(0.001, "0.001"));
    assert_true(reads(0.1 + 0.2, "0.30000000000000004"));
    assert_true(reads(1.0 / 3, "0.3333333333333333"));
    assert_true(reads(2.0 / 3, "0.6666666666666666"));
    assert_true(reads(100.0 / 7, "14.285714285714286"));
    assert_true(reads(0.0001, "0.0001"));
    assert_true(reads(0.00002, "0.00002"));
    assert_true(reads(1e-5, "1e-05"));
    assert_true(reads(9007199254740991, "9007199254740991"));
    assert_true(reads(4503599627370495.5, "4503599627370495.5"));
    assert_true(reads(9007199254740992, "9007199254740992"));
    assert_true(reads(1e15, "1000000000000000"));
    assert_true(reads(1e20, "1e+20"));
    assert_true(reads(5e-324, "5e-324"));
    assert_true(reads(DBL_MAX, "1.7976931348623157e+308"));
    assert_true(reads(-DBL_MAX, "-1.7976931348623157e+308"));
    assert_true(reads(0x1p-16, "0.0000152587890625"));
}

static unsigned count_significant(const char *text)
{
    unsigned count = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && !count))
            continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

/* Reads back, and no text of printf that reads back is shorter or, at the same size, nearer. */
static void check_exact(double v)
{
    char text[DECIMAL_BYTES_MAX + 1] = {0}, other[40];
    size_t size = decimal_f64(text, v);
    unsigned digits = 1;
    assert_true(size <= DECIMAL_BYTES_MAX);
    do
        snprintf(other, sizeof other, "%.*e", (int)digits - 1, v);
    while (strtod(other, NULL) != v && ++digits < 18);
    bool same =
        count_significant(text) < count_significant(other) || strtold(text, NULL) == strtold(other, NULL);
    if (strtod(text, NULL) != v || count_significant(text) > count_significant(other) || !same) {
        print_error("%a is written %s, not %s\n", v, text, other);
        fail();
    }
}

static void random_doubles_come_back(void **state)
{
    struct rng rng = {1};
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_next(&rng);
        double any, v = rng_unit(&rng) * (double)(UINT64_C(1) << rng_below(&rng, 54));
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any))
            check_exact(any);
        check_exact(v);
        check_exact(round(v * 10) / 10);
        check_exact(-round(v * 1000) / 1000);
        check_exact(round(v * 1e6) / 1e6);
        check_exact(v / 70000);
        check_exact((double)rng_below(&rng, 100000) / (double)(1 + rng_below(&rng, 1000)));
    }
}

/* Where the neighbours are near each other on one side only, and where the power of ten is chosen anew. */
static void borders_come_back(void **state)
{
    for (int e = -1074; e < 1024; e++)
        for (int step = -3; step <= 3; step++) {
            double v = ldexp(1, e);
            for (int i = 0; i < abs(step); i++)
                v = nextafter(v, step < 0 ? 0 : INFINITY);
            if (isfinite(v))
                check_exact(v);
        }
    for (int e = -30; e < 30; e++)
        for (int step = -3; step <= 3; step++) {
            double v = pow(10, e);
            for (int i = 0; i < abs(step); i++)
                v = nextafter(v, step < 0 ? 0 : INFINITY);
            check_exact(v);
        }
}

static void integers_are_written_as_printf_does(void **state)
{
    struct rng rng = {2};
    char text[DECIMAL_BYTES_MAX], want[40];
    for (int i = 0; i < 100000; i++) {
        uint64_t v = i ? rng_next(&rng) >> rng_below(&rng, 64) : UINT64_C(1) << 63;
        int size = snprintf(want, sizeof want, "%" PRIu64, v);
        assert_int_equal(decimal_u64(text, v), size);
        assert_memory_equal(text, want, (size_t)size);
        size = snprintf(want, sizeof want, "%" PRId64, (int64_t)v);
        assert_int_equal(decimal_i64(text, (int64_t)v), size);
        assert_memory_equal(text, want, (size_t)size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_short),
        cmocka_unit_test(random_doubles_come_back),
        cmocka_unit_test(borders_come_back),
        cmocka_unit_test(integers_are_written_as_printf_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
