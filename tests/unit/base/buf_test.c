#include "base/buf.h"

#include "../cmocka_all.h"

#include <math.h>

static bool says(struct buf *buf, const char *want)
{
    bool same = str_eq(buf_view(buf), str_of(want));
    if (!same)
        print_error("%.*s is not %s\n", STR_ARG(buf_view(buf)), want);
    buf_done(buf);
    return same;
}

static void text_grows_at_the_end(void **state)
{
    struct buf buf = {0};
    buf_str(&buf, STR_NONE);
    buf_put(&buf, NULL, 0);
    assert_true(buf_view(&buf).size == 0);
    for (int i = 0; i < 100; i++)
        buf_printf(&buf, "%d,", i);
    assert_int_equal(buf.size, 10 * 2 + 90 * 3);
    assert_memory_equal(buf.at + buf.size - 6, "98,99,", 6);
    buf_drop(&buf, buf.size - 3);
    assert_true(says(&buf, "99,"));
    buf_str(&buf, STR("ab"));
    buf_char(&buf, 'c');
    buf_drop(&buf, 0);
    memcpy(buf_grow(&buf, 2), "de", 2);
    assert_true(says(&buf, "abcde"));
    buf_str(&buf, STR("x"));
    buf_drop(&buf, 1);
    assert_true(says(&buf, ""));
}

/* Around every size at which the room is just enough or just not. */
static void printf_fits_any_room(void **state)
{
    char text[301];
    for (size_t before = 0; before < 200; before++)
        for (size_t more = 0; more < 300; more += 1 + before % 7) {
            struct buf buf = {0};
            memset(text, 'x', sizeof text);
            buf_put(&buf, text, before);
            text[more] = 0;
            buf_printf(&buf, "%s", text);
            assert_true(buf.size == before + more && buf.size <= buf.cap);
            for (size_t i = 0; i < buf.size; i++)
                assert_int_equal(buf.at[i], 'x');
            buf_done(&buf);
        }
}

static void integers_are_little_endian(void **state)
{
    struct buf buf = {0};
    buf_u8(&buf, 0x12);
    buf_u16(&buf, 0x1234);
    buf_u32(&buf, 0x12345678);
    buf_u64(&buf, 0x123456789abcdef0);
    assert_true(says(&buf, "\x12\x34\x12\x78\x56\x34\x12\xf0\xde\xbc\x9a\x78\x56\x34\x12"));
    buf_f64(&buf, -2);
    assert_int_equal(buf.size, 8);
    assert_memory_equal(buf.at, "\0\0\0\0\0\0\0\xc0", 8);
    buf_done(&buf);
    buf_varint(&buf, 300);
    buf_sized_str(&buf, STR("ab"));
    assert_true(says(&buf, "\xac\x02\x02"
                           "ab"));
}

static void numbers_are_decimal(void **state)
{
    struct buf buf = {0};
    const double all[] = {1.5, NAN, INFINITY, -INFINITY, -0.0};
    for (int i = 0; i < 5; i++) {
        buf_number(&buf, all[i]);
        buf_char(&buf, ' ');
    }
    buf_u64_text(&buf, UINT64_MAX);
    buf_i64_text(&buf, INT64_MIN);
    assert_true(says(&buf, "1.5 nan inf -inf 0 18446744073709551615-9223372036854775808"));
}

static void times_are_rfc_3339(void **state)
{
    struct buf buf = {0};
    buf_time(&buf, 0);
    assert_true(says(&buf, "1970-01-01T00:00:00.000Z"));
    buf_time(&buf, -1);
    assert_true(says(&buf, "1969-12-31T23:59:59.999Z"));
    buf_time(&buf, 1795521845250);
    assert_true(says(&buf, "2026-11-24T12:04:05.250Z"));
    buf_time(&buf, 951782400007);
    assert_true(says(&buf, "2000-02-29T00:00:00.007Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_at_the_end),      cmocka_unit_test(printf_fits_any_room),
        cmocka_unit_test(integers_are_little_endian), cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(times_are_rfc_3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
