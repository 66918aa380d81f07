/* Numbers: the fast path must round as strtod does; the syntax is stricter than strtod's. */
#include "base/hash.h"
#include "wire/line.h"
#include "wire/number.h"

#include "../cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void must_read(const char *text, double want)
{
    double got = 0;
    assert_int_equal(line_number(str_of(text), &got), REASON_NONE);
    if (memcmp(&got, &want, sizeof got) != 0)
        fail_msg("%s: %.17g, not %.17g", text, got, want);
}

static void must_not_read(const char *text, enum reason want)
{
    double got = 42;
    if (line_number(str_of(text), &got) != want)
        fail_msg("%s is not refused as it should be", text);
    assert_true(got == 42); /* untouched */
}

static void good(void **state)
{
    must_read("0", 0);
    must_read("-0", -0.0);
    must_read("+1", 1);
    must_read(".5", 0.5);
    must_read("5.", 5);
    must_read("5.e2", 500);
    must_read("00012", 12);
    must_read("812.4", 812.4);
    must_read("0.1", 0.1);
    must_read("-1e-3", -0.001);
    must_read("1E+22", 1e22);
    must_read("1e23", 1e23); /* no longer exact as a power of ten */
    must_read("9007199254740992", 9007199254740992.0);
    must_read("9007199254740993", 9007199254740993.0); /* halfway: to even */
    must_read("9007199254740993.0000000000000000000001", 9007199254740994.0);
    must_read("18446744073709551617", 18446744073709551617.0); /* wraps a 64-bit mantissa */
    must_read("0.000000000000000000000000000001", 1e-30);
    must_read("1.7976931348623157e308", 1.7976931348623157e308);
    must_read("4.9e-324", 4.9e-324);
    must_read("2.2250738585072011e-308", 2.2250738585072011e-308);
    must_read("1e-400", 0);
    must_read("0e999999999999999999", 0);
    must_read("1e-999999999999999999999", 0);
}

static void bad(void **state)
{
    static const char *const texts[] = {"",      "-",   "+",   ".",    "-.",  "e5",   "1e",  "1e+",
                                        "--1",   "+-1", "1 ",  " 1",   "1ms", "0x10", "1_0", "1,5",
                                        "1.2.3", "٣",   "one", "nanx", "i",   "1e5.5"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        must_not_read(texts[i], REASON_number_bad);
    static const char *const words[] = {
        "nan", "NaN", "-nan", "inf", "+Inf", "-INFINITY", "1e309", "-1e309", "1e99999999999999999999"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        must_not_read(words[i], REASON_not_finite);
}

/* A double printed in some way, read back, must be what strtod makes of it. */
static void rounds_like_strtod(void **state)
{
    static const char *const formats[] = {"%.17g", "%.15g", "%.3f", "%.6e", "%.25g", "%.0f"};
    for (uint64_t seed = 1; seed <= 200000; seed++) {
        uint64_t bits = hash_mix(seed);
        double value;
        if (seed % 2)
            memcpy(&value, &bits, sizeof value);
        else
            value = (double)(bits >> (bits % 60)) / 1000;
        char text[400];
        if (!isfinite(value))
            continue;
        snprintf(text, sizeof text, formats[hash_mix(bits) % 6], value);
        double want = strtod(text, NULL), got = 0;
        assert_int_equal(line_number(str_of(text), &got), REASON_NONE);
        if (memcmp(&got, &want, sizeof got) != 0)
            fail_msg("seed %llu: %s: %.17g, not %.17g", (unsigned long long)seed, text, got, want);
    }
}

static void reads_the_front(void **state)
{
    double value = 0;
    assert_int_equal(number_read(STR("12ms"), &value), 2);
    assert_true(value == 12);
    assert_int_equal(number_read(STR("1e5s"), &value), 3);
    assert_true(value == 1e5);
    assert_int_equal(number_read(STR("1e+s"), &value), 1);
    assert_true(value == 1);
    assert_int_equal(number_read(STR("-.5.5"), &value), 3);
    assert_true(value == -.5);
    assert_int_equal(number_read(STR("x"), &value), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good),
        cmocka_unit_test(bad),
        cmocka_unit_test(rounds_like_strtod),
        cmocka_unit_test(reads_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
