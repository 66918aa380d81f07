#include "../cmocka_all.h"

#include "net/address.h"

static void must_parse(const char *text, const char *printed, bool loopback, bool any)
{
    struct address address;
    struct why why = {0};
    if (address_parse(str_of(text), &address, &why) != ERR_OK)
        fail_msg("%s: %s", text, why.text);
    struct buf out = {0};
    address_print(&address, &out);
    assert_true(str_eq(buf_view(&out), str_of(printed)));
    assert_int_equal(address_is_loopback(&address), loopback);
    assert_int_equal(address_is_any(&address), any);
    buf_done(&out);
}

static void must_not_parse(const char *text)
{
    struct address address;
    struct why why = {0};
    assert_int_equal(address_parse(str_of(text), &address, &why), ERR_SYNTAX);
    assert_non_null(strstr(why.text, "ADDRESS:PORT"));
}

static void addresses_are_read(void **state)
{
    must_parse("127.0.0.1:7411", "127.0.0.1:7411", true, false);
    must_parse("localhost:0", "127.0.0.1:0", true, false);
    must_parse("127.9.9.9:65535", "127.9.9.9:65535", true, false);
    must_parse(":80", "0.0.0.0:80", false, true);
    must_parse("*:80", "0.0.0.0:80", false, true);
    must_parse("10.0.0.1:1", "10.0.0.1:1", false, false);
    must_parse("[::1]:80", "[::1]:80", true, false);
    must_parse("[::]:80", "[::]:80", false, true);
    must_parse("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true, false);
    must_parse("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]:80", false, false);
    must_not_parse("");
    must_not_parse("127.0.0.1");
    must_not_parse("7411");
    must_not_parse("127.0.0.1:");
    must_not_parse("127.0.0.1:65536");
    must_not_parse("127.0.0.1:-1");
    must_not_parse("127.0.0.1:+1");
    must_not_parse("127.0.0:80");
    must_not_parse("example.org:80");
    must_not_parse("::1:80");
    must_not_parse("[::1]80");
    must_not_parse("[::1:80");
    must_not_parse("[127.0.0.1]:80");
    must_not_parse("[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222:3333:4444]:80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
