/* The map made with vector instructions equals the one made byte by byte, which equals the rule. */
#include "base/hash.h"
#include "wire/line_map.h"

#include "../cmocka_all.h"

#include <stdlib.h>

static bool in_name(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.:/-", c));
}

static struct line_map map, portable;

static void compare(struct str bytes)
{
    line_map_make(&map, bytes);
    line_map_make_portable(&portable, bytes);
    assert_int_equal(map.size, bytes.size);
    assert_int_equal(portable.size, bytes.size);
    assert_int_equal(map.has_high, portable.has_high);
    for (size_t i = 0; i <= bytes.size; i++) {
        bool name_end = line_map_name_end(&map, i) == i, token_end = line_map_token_end(&map, i) == i;
        unsigned char c = i < bytes.size ? (unsigned char)bytes.at[i] : ' ';
        if (name_end != !in_name(c) || token_end != (c <= 0x20 || c == '"'))
            fail_msg("byte %u (0x%02x) of %u", (unsigned)i, c, (unsigned)bytes.size);
        assert_int_equal(line_map_name_end(&portable, i), line_map_name_end(&map, i));
        assert_int_equal(line_map_token_end(&portable, i), line_map_token_end(&map, i));
    }
}

static void every_byte_at_every_place(void **state)
{
    for (size_t size = 0; size <= 200; size++) {
        unsigned char *bytes = malloc(size ? size : 1);
        for (unsigned shift = 0; shift < 256; shift += 7) {
            for (size_t i = 0; i < size; i++)
                bytes[i] = (unsigned char)(shift + i * 11);
            compare(str_make((char *)bytes, size));
        }
        free(bytes);
    }
}

static void long_runs(void **state)
{
    static const char fills[] = "a \"=\x80";
    for (unsigned f = 0; f < sizeof fills - 1; f++) {
        char *bytes = malloc(LINE_BYTES_MAX);
        memset(bytes, fills[f], LINE_BYTES_MAX);
        line_map_make(&map, str_make(bytes, LINE_BYTES_MAX));
        assert_int_equal(line_map_name_end(&map, 0), in_name((unsigned char)fills[f]) ? LINE_BYTES_MAX : 0);
        assert_int_equal(line_map_token_end(&map, 5),
                         fills[f] == ' ' || fills[f] == '"' ? 5 : LINE_BYTES_MAX);
        assert_int_equal(line_map_token_end(&map, LINE_BYTES_MAX), LINE_BYTES_MAX);
        assert_int_equal(map.has_high, fills[f] == '\x80');
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
