#include "base/buf.h"
#include "base/hash.h"
#include "wire/time_text.h"

#include "../cmocka_all.h"

#include <stdlib.h>

static void must_be(const char *text, int64_t want)
{
    int64_t got = 0;
    if (!time_parse(str_of(text), &got))
        fail_msg("%s is refused", text);
    if (got != want)
        fail_msg("%s: %lld, not %lld", text, (long long)got, (long long)want);
}

static void must_not_be(const char *text)
{
    int64_t got = 42;
    if (time_parse(str_of(text), &got))
        fail_msg("%s is read as %lld", text, (long long)got);
    assert_int_equal(got, 42);
}

static void stamps(void **state)
{
    must_be("1970-01-01T00:00:00Z", 0);
    must_be("1970-01-01t00:00:00z", 0);
    must_be("1970-01-01 00:00:00Z", 0);
    must_be("1969-12-31T23:59:59.999Z", -1);
    must_be("2026-11-23T12:00:00Z", 1795435200000);
    must_be("2026-11-23T12:00:00.2Z", 1795435200200);
    must_be("2026-11-23T12:00:00.25Z", 1795435200250);
    must_be("2026-11-23T12:00:00.2509999999999999999999Z", 1795435200250);
    must_be("2026-11-23T14:30:00+02:30", 1795435200000);
    must_be("2026-11-23T04:00:00-08:00", 1795435200000);
    must_be("2026-11-24T11:59:00+23:59", 1795435200000);
    must_be("2016-12-31T23:59:60Z", 1483228799999); /* a leap second is the last millisecond before */
    must_be("2016-12-31T23:59:60.5Z", 1483228799999);
    must_be("2000-02-29T00:00:00Z", 951782400000);
    must_be("2024-02-29T00:00:00Z", 1709164800000);
    must_be("0000-01-01T00:00:00Z", -62167219200000);
    must_be("9999-12-31T23:59:59.999Z", 253402300799999);
    must_be("1900-03-01T00:00:00Z", -2203891200000);
}

static void no_stamps(void **state)
{
    static const char *const texts[] = {
        "2026-11-23T12:00:00",      "2026-11-23T12:00Z",         "2026-11-23",
        "2026-11-23T12:00:00.Z",    "2026-11-23T12:00:00,5Z",    "2026-11-23T12:00:00+2",
        "2026-11-23T12:00:00+0200", "2026-11-23T12:00:00+24:00", "2026-11-23T12:00:00+02:60",
        "2026-13-23T12:00:00Z",     "2026-00-23T12:00:00Z",      "2026-11-00T12:00:00Z",
        "2026-11-31T12:00:00Z",     "2026-02-29T12:00:00Z",      "1900-02-29T12:00:00Z",
        "2026-11-23T24:00:00Z",     "2026-11-23T12:60:00Z",      "2026-11-23T12:00:61Z",
        "2026/11/23T12:00:00Z",     "2026-11-23X12:00:00Z",      "2026-11-23T12.00.00Z",
        "26-11-23T12:00:00Z",       "+2026-11-23T12:00:00Z",     "2026-11-23T12:00:00Zz",
        "2026-11-23T12:00:00Z ",    " 2026-11-23T12:00:00Z",     "2026-1a-23T12:00:00Z",
        "20\3776-11-23T12:00:00Z",
    };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        must_not_be(texts[i]);
}

static void epochs(void **state)
{
    must_be("0", 0);
    must_be("1", 1000);
    must_be("1795435200", 1795435200000);
    must_be("1795435200.25", 1795435200250);
    must_be("1795435200.2509", 1795435200250);
    must_be("1795435200250", 1795435200250);
    must_be("1795435200250.9", 1795435200250);
    must_be("99999999999", 99999999999000);
    must_be("100000000000", 100000000000);
    must_be("99999999999999999", 99999999999999999);
    must_not_be("");
    must_not_be("100000000000000000");
    must_not_be("99999999999999999999999999");
    must_not_be("-1");
    must_not_be("+1");
    must_not_be("1.");
    must_not_be(".5");
    must_not_be("1e9");
    must_not_be("1 ");
    must_not_be("now");
}

static void uses_only_the_stamp(void **state)
{
    int64_t ms;
    assert_int_equal(time_rfc3339(STR("2026-11-23T12:00:00Z app"), &ms), 20);
    assert_int_equal(time_rfc3339(STR("2026-11-23T12:00:00.5+01:00x"), &ms), 27);
    assert_int_equal(time_rfc3339(STR("1795435200"), &ms), 0);
}

/* Every time printed by buf_time is read back, from an exactly sized block. */
static void reads_what_is_printed(void **state)
{
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        int64_t want = (int64_t)(hash_mix(seed) % 315537897600000) - 62135596800000; /* years 1 to 9999 */
        struct buf text = {0};
        buf_time(&text, want);
        char *exact = malloc(text.size);
        memcpy(exact, text.at, text.size);
        int64_t got = 0;
        if (time_rfc3339(str_make(exact, text.size), &got) != text.size || got != want)
            fail_msg("seed %llu: %.*s: %lld", (unsigned long long)seed, (int)text.size, text.at,
                     (long long)got);
        free(exact);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps),
        cmocka_unit_test(no_stamps),
        cmocka_unit_test(epochs),
        cmocka_unit_test(uses_only_the_stamp),
        cmocka_unit_test(reads_what_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
