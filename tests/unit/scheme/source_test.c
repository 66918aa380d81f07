#include "scheme/source.h"

#include "../cmocka_all.h"

static struct source_value number(uint64_t n)
{
    return (struct source_value){.type = SOURCE_NUMBER, .number = n};
}

static struct source_value text(const char *s)
{
    return (struct source_value){.type = SOURCE_TEXT, .text = str_of(s)};
}

static void bytes_are_as_the_header_says(void **state)
{
    struct source_set set = {0};
    struct buf out = {0};
    source_encode(&set, &out);
    assert_int_equal(out.size, 1);
    assert_int_equal(out.at[0], 0);
    out.size = 0;
    assert_true(source_set_put(&set, 0x0102, text("ab")));
    assert_true(source_set_put(&set, 3, number(0x1122)));
    source_encode(&set, &out);
    const char want[] = "\x02"
                        "\x03\x00\x01\x22\x11\0\0\0\0\0\0"
                        "\x02\x01\x02\x02"
                        "ab";
    assert_int_equal(out.size, sizeof want - 1);
    assert_memory_equal(out.at, want, sizeof want - 1);
    buf_done(&out);
}

static void order_of_putting_does_not_matter(void **state)
{
    struct source_set a = {0}, b = {0};
    struct buf one = {0}, two = {0};
    source_set_put(&a, 1, text("x"));
    source_set_put(&a, 5, number(7));
    source_set_put(&a, 3, text("y"));
    source_set_put(&b, 3, text("old"));
    source_set_put(&b, 5, number(7));
    source_set_put(&b, 1, text("x"));
    source_set_put(&b, 3, text("y"));
    source_encode(&a, &one);
    source_encode(&b, &two);
    assert_true(str_eq(buf_view(&one), buf_view(&two)));
    assert_true(str_eq(source_get(buf_view(&one), 3).text, STR("y")));
    assert_int_equal(source_get(buf_view(&one), 5).number, 7);
    assert_int_equal(source_get(buf_view(&one), 4).type, SOURCE_UNSET);
    assert_int_equal(source_set_get(&a, 2).type, SOURCE_UNSET);
    assert_int_equal(source_set_get(&a, 5).number, 7);
    struct source_set back = {0};
    assert_true(source_decode(buf_view(&one), &back));
    assert_int_equal(back.count, 3);
    assert_int_equal(back.fields[2].value.number, 7);
    buf_done(&one);
    buf_done(&two);
}

static void limits_hold(void **state)
{
    struct source_set set = {0};
    char long_text[256];
    memset(long_text, 'x', sizeof long_text);
    struct source_value value = {.type = SOURCE_TEXT, .text = {long_text, 256}};
    assert_false(source_set_put(&set, 1, value));
    value.text.size = 255;
    assert_true(source_set_put(&set, 1, value));
    for (uint32_t f = 2; f <= SOURCE_FIELDS_MAX; f++)
        assert_true(source_set_put(&set, f, number(f)));
    assert_false(source_set_put(&set, 100, number(1)));
    assert_true(source_set_put(&set, 7, number(1))); /* replaces */
    struct buf out = {0};
    source_encode(&set, &out);
    struct source_set back = {0};
    assert_true(source_decode(buf_view(&out), &back));
    for (size_t cut = 0; cut < out.size; cut++)
        assert_false(source_decode(str_first(buf_view(&out), cut), &back));
    buf_done(&out);
}

#define must_not_decode(literal) assert_false(source_decode(STR(literal), &(struct source_set){0}))

static void what_is_no_source_is_refused(void **state)
{
    must_not_decode("");
    must_not_decode("\0x");                                    /* a byte too many */
    must_not_decode("\x01\x01\0\x00");                         /* an unset value */
    must_not_decode("\x01\x01\0\x03\0");                       /* no such type */
    must_not_decode("\x02\x05\0\x02\x01y\x05\0\x02\x01x");     /* twice the same field */
    must_not_decode("\x02\x05\0\x02\x01y\x04\0\x02\x01x");     /* descending */
    must_not_decode("\x41\x05\0\x02\x01y\x06\0\x02\x01x\0\0"); /* 65 fields */
}

static void values_compare_and_print(void **state)
{
    assert_true(source_value_eq(number(42), text("42")));
    assert_true(source_value_eq(text("42"), number(42)));
    assert_false(source_value_eq(text("042"), number(42)));
    assert_true(source_value_eq(text("a"), text("a")));
    assert_false(source_value_eq(text("a"), (struct source_value){0}));
    assert_true(source_value_eq((struct source_value){0}, (struct source_value){0}));
    struct buf out = {0};
    source_value_print(number(UINT64_MAX), &out);
    source_value_print(text(" x"), &out);
    source_value_print((struct source_value){0}, &out);
    assert_true(str_eq(buf_view(&out), STR("18446744073709551615 x")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_as_the_header_says),
        cmocka_unit_test(order_of_putting_does_not_matter),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(what_is_no_source_is_refused),
        cmocka_unit_test(values_compare_and_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
