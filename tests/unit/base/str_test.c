#include "base/rng.h"
#include "base/str.h"

#include "../cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>

static void glob_matches_runs(void **state)
{
    assert_true(str_glob(STR("web*"), STR("web01")));
    assert_true(str_glob(STR("*.error"), STR("a.b.error")));
    assert_true(str_glob(STR("a*b*c"), STR("axxbyyc")));
    assert_false(str_glob(STR("a*b*c"), STR("axxbyy")));
    assert_true(str_glob(STR("*"), STR("")));
    assert_false(str_glob(STR(""), STR("a")));
}

static void u64_is_canonical(void **state)
{
    uint64_t v;
    assert_true(str_u64(STR("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(str_u64(STR("18446744073709551616"), &v));
    assert_false(str_u64(STR("01"), &v));
    assert_false(str_u64(STR("+1"), &v));
    assert_false(str_u64(STR(""), &v));
    assert_true(str_u64(STR("0"), &v));
}

static void cut_walks_segments(void **state)
{
    struct str seg, rest = STR("a..b");
    const char *want[] = {"a", "", "b"};
    unsigned n = 0;
    while (rest.at) {
        rest = str_cut(rest, '.', &seg);
        assert_true(n < 3 && str_eq(seg, str_of(want[n])));
        n++;
    }
    assert_int_equal(n, 3);
}

static void views_are_clamped(void **state)
{
    assert_true(str_eq(str_from(STR("abc"), 1), STR("bc")));
    assert_true(str_eq(str_from(STR("abc"), 9), STR("")));
    assert_true(str_from(STR_NONE, 0).at == NULL && str_from(STR_NONE, 3).size == 0);
    assert_true(str_eq(str_first(STR("abc"), 2), STR("ab")));
    assert_true(str_eq(str_first(STR("abc"), 9), STR("abc")));
    assert_true(str_eq(STR_NONE, STR("")) && str_of(NULL).at == NULL);
}

static void order_is_by_bytes(void **state)
{
    assert_true(str_compare(STR("a"), STR("ab")) < 0);
    assert_true(str_compare(STR("b"), STR("ab")) > 0);
    assert_true(str_compare(STR("a\xff"), STR("a\x01")) > 0); /* unsigned */
    assert_int_equal(str_compare(STR("a\0b"), STR("a\0b")), 0);
    assert_true(str_compare(STR_NONE, STR("a")) < 0 && str_compare(STR_NONE, STR_NONE) == 0);
}

static void both_ends_are_looked_at(void **state)
{
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_true(str_starts(STR_NONE, STR_NONE) && str_ends(STR_NONE, STR("")));
    assert_true(str_eq(str_trim(STR(" \t a b\r\n")), STR("a b")));
    assert_true(str_trim(STR(" \n")).size == 0 && str_trim(STR_NONE).size == 0);
    assert_true(str_eq_fold(STR("MixEd-1"), STR("mIXeD-1")));
    assert_false(str_eq_fold(STR("["), STR("{"))); /* 0x20 apart, but no letters */
    assert_false(str_eq_fold(STR("a"), STR("ab")));
    assert_int_equal(str_find(STR("a\0b"), 0), 1);
    assert_int_equal(str_find(STR("abc"), 'x'), 3);
    assert_int_equal(str_find(STR_NONE, 'x'), 0);
}

/* The definition, by recursion. */
static bool naive_glob(struct str pattern, struct str s)
{
    if (!pattern.size)
        return s.size == 0;
    if (pattern.at[0] == '*')
        return naive_glob(str_from(pattern, 1), s) || (s.size && naive_glob(pattern, str_from(s, 1)));
    return s.size && s.at[0] == pattern.at[0] && naive_glob(str_from(pattern, 1), str_from(s, 1));
}

static void random_globs_agree_with_the_definition(void **state)
{
    struct rng rng = {1};
    unsigned hits = 0;
    for (int i = 0; i < 50000; i++) {
        char p[6], t[8];
        struct str pattern = {p, (size_t)rng_below(&rng, sizeof p)},
                   s = {t, (size_t)rng_below(&rng, sizeof t)};
        for (size_t b = 0; b < pattern.size; b++)
            p[b] = "ab*"[rng_below(&rng, 3)];
        for (size_t b = 0; b < s.size; b++)
            t[b] = "ab"[rng_below(&rng, 2)];
        hits += naive_glob(pattern, s);
        assert_int_equal(str_glob(pattern, s), naive_glob(pattern, s));
    }
    assert_true(hits > 1000);
}

static void random_u64_come_back(void **state)
{
    struct rng rng = {1};
    for (int i = 0; i < 20000; i++) {
        uint64_t v = rng_next(&rng) >> rng_below(&rng, 64), got;
        char text[24];
        int size = snprintf(text, sizeof text, "%" PRIu64, v);
        assert_true(str_u64(str_make(text, (size_t)size), &got) && got == v);
        text[rng_below(&rng, (uint64_t)size)] = "/:- x"[rng_below(&rng, 5)];
        assert_false(str_u64(str_make(text, (size_t)size), &got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_matches_runs),
        cmocka_unit_test(u64_is_canonical),
        cmocka_unit_test(cut_walks_segments),
        cmocka_unit_test(views_are_clamped),
        cmocka_unit_test(order_is_by_bytes),
        cmocka_unit_test(both_ends_are_looked_at),
        cmocka_unit_test(random_globs_agree_with_the_definition),
        cmocka_unit_test(random_u64_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
