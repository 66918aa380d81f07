#include "wire/unit.h"

#include "../cmocka_all.h"

#include <float.h>

static void every_unit_reads_back(void **state)
{
#define X(name, text, dimension, factor)                  \
    assert_int_equal(unit_parse(STR(text)), UNIT_##name); \
    assert_true(str_eq(unit_text(UNIT_##name), STR(text)));
    UNIT_LIST(X)
#undef X
    assert_int_equal(unit_parse(STR("")), UNIT_NONE);
    assert_int_equal(unit_parse(STR_NONE), UNIT_NONE);
    assert_int_equal(unit_text(UNIT_NONE).size, 0);
    assert_int_equal(unit_text(UNIT_UNKNOWN).size, 0);
}

static void only_ms_and_s_fold(void **state)
{
    static const char *const folded[] = {"ms", "mS", "Ms", "MS"};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(unit_parse(str_of(folded[i])), UNIT_ms);
    assert_int_equal(unit_parse(STR("S")), UNIT_s);
    static const char *const unknown[] = {"NS", "US", "H",   "D",     "Min",       "KB", "kb",
                                          "b",  "gb", "mib", "pages", "msx",       "m",  "sec",
                                          "x",  "xs", "ks",  " ms",   "\xc2\xb5s", "%%"};
    for (unsigned i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(unit_parse(str_of(unknown[i])), UNIT_UNKNOWN);
}

static void must_convert(double value, enum unit from, enum unit to, double want)
{
    double got = 0;
    assert_true(unit_convert(value, from, to, &got));
    if (got != want)
        fail_msg("%g %s in %s: %.17g, not %.17g", value, unit_text(from).at, unit_text(to).at, got, want);
}

static void converts(void **state)
{
    must_convert(812.4, UNIT_ms, UNIT_ms, 812.4);
    must_convert(1.5, UNIT_s, UNIT_ms, 1500);
    must_convert(1500, UNIT_ms, UNIT_s, 1.5);
    must_convert(7, UNIT_us, UNIT_ms, 0.007); /* 7 / 1000, not 7 * 0.001 */
    must_convert(3, UNIT_ns, UNIT_s, 3e-9);
    must_convert(3, UNIT_ns, UNIT_d, 3 / 8.64e13);
    must_convert(2, UNIT_min, UNIT_s, 120);
    must_convert(1, UNIT_h, UNIT_ms, 3600000);
    must_convert(1, UNIT_d, UNIT_h, 24);
    must_convert(2, UNIT_d, UNIT_ns, 1.728e14);
    must_convert(21, UNIT_MB, UNIT_B, 21e6);
    must_convert(1, UNIT_GiB, UNIT_MiB, 1024);
    must_convert(1, UNIT_KiB, UNIT_kB, 1.024);
    must_convert(1.024, UNIT_kB, UNIT_KiB, 1);
    must_convert(-5, UNIT_TB, UNIT_GB, -5000);
    must_convert(50, UNIT_percent, UNIT_percent, 50);
}

static void does_not_convert(void **state)
{
    double out = 42;
    assert_false(unit_convert(1, UNIT_ms, UNIT_B, &out));
    assert_false(unit_convert(1, UNIT_percent, UNIT_s, &out));
    assert_false(unit_convert(1, UNIT_NONE, UNIT_s, &out));
    assert_false(unit_convert(1, UNIT_s, UNIT_NONE, &out));
    assert_false(unit_convert(1, UNIT_UNKNOWN, UNIT_s, &out));
    assert_false(unit_convert(1, UNIT_s, UNIT_UNKNOWN, &out));
    assert_false(unit_convert(DBL_MAX, UNIT_d, UNIT_ns, &out)); /* would be infinite */
    assert_true(out == 42);
}

/* Within a dimension every unit converts into every other and back. */
static void there_and_back(void **state)
{
    for (unsigned a = UNIT_NONE + 1; a < UNIT_COUNT; a++)
        for (unsigned b = UNIT_NONE + 1; b < UNIT_COUNT; b++) {
            double there, back;
            if (!unit_convert(1234.5, (enum unit)a, (enum unit)b, &there))
                continue;
            assert_true(unit_convert(there, (enum unit)b, (enum unit)a, &back));
            assert_true(back / 1234.5 - 1 < 1e-12 && back / 1234.5 - 1 > -1e-12);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unit_reads_back),
        cmocka_unit_test(only_ms_and_s_fold),
        cmocka_unit_test(converts),
        cmocka_unit_test(does_not_convert),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
