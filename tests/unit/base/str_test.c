#include "base/str.h"

#include "../cmocka_all.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_matches_runs),
        cmocka_unit_test(u64_is_canonical),
        cmocka_unit_test(cut_walks_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
