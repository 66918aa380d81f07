#include "base/err.h"

#include "../cmocka_all.h"

#include <string.h>

static void every_error_has_its_own_text(void **state)
{
    for (unsigned a = 0; a < ERR_COUNT; a++) {
        assert_string_not_equal(err_text(a), "unknown error");
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(err_text(a), err_text(b));
    }
    assert_string_equal(err_text(ERR_COUNT), "unknown error");
}

static void why_says_what_and_where(void **state)
{
    struct why why = {0};
    assert_int_equal(why_set_at(&why, ERR_SYNTAX, 3, 7, "no %s", "bracket"), ERR_SYNTAX);
    assert_true(why.err == ERR_SYNTAX && why.line == 3 && why.column == 7);
    assert_string_equal(why.text, "no bracket");
    assert_int_equal(why_wrap(&why, ERR_CORRUPT, "file %d", 9), ERR_CORRUPT);
    assert_string_equal(why.text, "file 9: no bracket");
    assert_true(why.err == ERR_CORRUPT && why.line == 3 && why.column == 7);
    assert_int_equal(why_set(&why, ERR_IO, "x"), ERR_IO);
    assert_true(why.line == 0 && why.column == 0);
}

static void why_may_be_absent(void **state)
{
    assert_int_equal(why_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(why_set_at(NULL, ERR_FULL, 1, 1, "x"), ERR_FULL);
    assert_int_equal(why_wrap(NULL, ERR_BUSY, "x"), ERR_BUSY);
}

static void long_texts_are_cut(void **state)
{
    struct why why;
    char text[1000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    why_set(&why, ERR_IO, "%s", text);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    why_wrap(&why, ERR_IO, "before");
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    assert_memory_equal(why.text, "before: aaa", 11);
    why_wrap(&why, ERR_IO, "%s", text);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_text),
        cmocka_unit_test(why_says_what_and_where),
        cmocka_unit_test(why_may_be_absent),
        cmocka_unit_test(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
