#include "base/utf8.h"

#include "../cmocka_all.h"

/* The definition: decode, and ask whether encoding gives the same bytes. */
static unsigned encode(uint32_t c, unsigned char *to)
{
    if (c < 0x80) {
        to[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (unsigned char)(0xc0 | c >> 6);
        to[1] = (unsigned char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (unsigned char)(0xe0 | c >> 12);
        to[1] = (unsigned char)(0x80 | (c >> 6 & 63));
        to[2] = (unsigned char)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (unsigned char)(0xf0 | c >> 18);
    to[1] = (unsigned char)(0x80 | (c >> 12 & 63));
    to[2] = (unsigned char)(0x80 | (c >> 6 & 63));
    to[3] = (unsigned char)(0x80 | (c & 63));
    return 4;
}

static void every_character_is_known(void **state)
{
    for (uint32_t c = 0; c <= 0x110000; c++) {
        unsigned char bytes[4];
        unsigned size = encode(c, bytes);
        bool valid = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
        assert_int_equal(utf8_next(str_make((char *)bytes, size)), valid ? size : 0);
        if (size > 1)
            assert_int_equal(utf8_next(str_make((char *)bytes, size - 1)), 0); /* cut short */
    }
}

/* Of all 2^24 starts of three bytes, the number of valid ones is known. */
static void nothing_else_is_valid(void **state)
{
    unsigned one = 0, two = 0, three = 0;
    for (uint32_t v = 0; v < 1u << 24; v++) {
        char bytes[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};
        unsigned size = utf8_next(str_make(bytes, 3));
        one += size == 1;
        two += size == 2;
        three += size == 3;
    }
    assert_int_equal(one, 128u << 16);
    assert_int_equal(two, (0x800u - 0x80) << 8);
    assert_int_equal(three, 0x10000u - 0x800 - 2048); /* without surrogates */
}

static void texts_are_checked_whole(void **state)
{
    assert_true(utf8_valid(STR_NONE));
    assert_true(utf8_valid(STR("plain")));
    assert_true(utf8_valid(STR("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_false(utf8_valid(STR("plain\xff")));
    assert_false(utf8_valid(STR("\xc0\x80")));         /* NUL, overlong */
    assert_false(utf8_valid(STR("\xed\xa0\x80")));     /* a surrogate */
    assert_false(utf8_valid(STR("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
    assert_false(utf8_valid(STR("a\xe2\x82")));        /* cut short */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_known),
        cmocka_unit_test(nothing_else_is_valid),
        cmocka_unit_test(texts_are_checked_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
