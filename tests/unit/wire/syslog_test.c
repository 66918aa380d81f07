/* Frames, a case a line: the printed form is PRI time=MS host app process id | text, "." for what is empty.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "wire/syslog.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t NOW_MS = 1795435200000; /* 2026-11-23T12:00:00Z */

static void put_word(struct buf *out, struct str word)
{
    buf_char(out, ' ');
    buf_str(out, word.size ? word : STR("."));
}

static void parse_as(struct str message, const char *want, bool logplex, int64_t now_ms, int at)
{
    char *exact = malloc(message.size ? message.size : 1);
    memcpy(exact, message.at, message.size);
    struct frame frame;
    struct str copy = str_make(exact, message.size);
    bool good = logplex ? syslog_parse_logplex(copy, now_ms, &frame) : syslog_parse(copy, now_ms, &frame);
    struct buf got = {0};
    if (!good)
        buf_str(&got, STR("bad"));
    else if (!frame.framed)
        buf_str(&got, STR("bare"));
    else
        buf_printf(&got, "%u", frame.priority);
    assert_true(good || !frame.framed);
    if (frame.framed) {
        if (frame.has_time)
            buf_printf(&got, " time=%lld", (long long)frame.time_ms);
        put_word(&got, frame.host);
        put_word(&got, frame.app);
        put_word(&got, frame.process);
        put_word(&got, frame.message_id);
    }
    buf_printf(&got, " | %.*s", STR_ARG(frame.text));
    if (!str_eq(buf_view(&got), str_of(want))) {
        print_error("%s:%d: %.*s\n  want: %s\n  got:  %.*s\n", __FILE__, at, STR_ARG(message), want,
                    STR_ARG(buf_view(&got)));
        fail();
    }
    buf_done(&got);
    free(exact);
}

#define must_be(text, want)         parse_as(STR(text), want, false, NOW_MS, __LINE__)
#define must_be_logplex(text, want) parse_as(STR(text), want, true, NOW_MS, __LINE__)

static void rfc5424(void **state)
{
    must_be("<13>1 2026-11-23T12:00:00.250Z web01 app web.1 ID47 - count#a=1",
            "13 time=1795435200250 web01 app web.1 ID47 | count#a=1");
    must_be("<13>1 2026-11-23T12:00:00.250123+01:00 web01 app 77 - - count#a=1\n",
            "13 time=1795431600250 web01 app 77 . | count#a=1");
    must_be("<0>1 - - - - - - text", "0 . . . . | text");
    must_be("<191>1 - - - - - -", "191 . . . . | ");
    must_be("<13>1 - - - - - - ", "13 . . . . | ");
    must_be("<13>1 - h a p m - \xef\xbb\xbf"
            "count#a=1\r\n",
            "13 h a p m | count#a=1");
    must_be("<13>1 - h a p m [x@1 k=\"v\"] count#a=1", "13 h a p m | count#a=1");
    must_be("<13>1 - h a p m [x@1 k=\"v\" l=\"\"][y] count#a=1", "13 h a p m | count#a=1");
    must_be("<13>1 - h a p m [x@1 k=\"a \\] b\\\" c\\\\\" l=\"]\"] count#a=1", "13 h a p m | count#a=1");
    must_be("<13>1 - h a p m [x@1 k=\"v\"]", "13 h a p m | ");
    must_be("<13>1 2026-11-23T12:00:00+00:00 host user - - [timeQuality tzKnown=\"1\" isSynced=\"1\"] "
            "source=w count#a=1",
            "13 time=1795435200000 host user . . | source=w count#a=1");
    must_be("<13>1 - h a p m -\xef\xbb\xbf", "13 h a p m | -\xef\xbb\xbf");
    /* no structured data at all, as logplex drains over TCP */
    must_be("<13>1 - h a p m count#a=1", "13 h a p m | count#a=1");
    must_be("<13>1 - h a p m", "13 h a p m | ");
    must_be("<13>1 - h a p m [broken count#a=1", "13 h a p m | [broken count#a=1");
    must_be("<13>1 - h a p m [x@1 k=\"open] count#a=1", "13 h a p m | [x@1 k=\"open] count#a=1");
    must_be("<13>1 - h\xff a\x01 p m - x", "13 . . p m | x");
    must_be("<13>1 yesterday h a p m - x", "bad | 1 yesterday h a p m - x");
    must_be("<13>1 - h a p", "bad | 1 - h a p");
    must_be("<13>1  - h a p m x", "bad | 1  - h a p m x");
    must_be("<13>2 - h a p m - x", "bad | 2 - h a p m - x");
}

static void bare_lines(void **state)
{
    must_be("count#a=1", "bare | count#a=1");
    must_be("count#a=1\r\n", "bare | count#a=1");
    must_be("", "bare | ");
    must_be("\n", "bare | ");
    must_be("<", "bare | <");
    must_be("<html>", "bare | <html>");
    must_be("<>x", "bare | <>x");
    must_be("<192>1 - - - - - - x", "bare | <192>1 - - - - - - x");
    must_be("<1234>x", "bare | <1234>x");
    must_be("<13", "bare | <13");
}

static void rfc3164(void **state)
{
    must_be("<13>Nov 23 12:00:00 web01 app[77]: count#a=1",
            "13 time=1795435200000 web01 app 77 . | count#a=1");
    must_be("<13>Nov 23 12:00:00 web01 app: count#a=1", "13 time=1795435200000 web01 app . . | count#a=1");
    must_be("<13>Nov 23 12:00:00 app[web.1]: count#a=1", "13 time=1795435200000 . app web.1 . | count#a=1");
    must_be("<13>Nov 23 12:00:00 app: count#a=1", "13 time=1795435200000 . app . . | count#a=1");
    must_be("<13>Nov 23 12:00:00 web01 app[77] count#a=1",
            "13 time=1795435200000 web01 app 77 . | count#a=1");
    must_be("<13>Nov 23 12:00:00 web01 count#a=1", "13 time=1795435200000 web01 . . . | count#a=1");
    must_be("<13>Nov 23 12:00:00 source=x count#a=1", "13 time=1795435200000 . . . . | source=x count#a=1");
    must_be("<13>Nov 23 12:00:00 web01", "13 time=1795435200000 web01 . . . | ");
    must_be("<13>Nov 23 12:00:00", "13 time=1795435200000 . . . . | ");
    must_be("<13>Nov  3 12:00:00 10.0.0.1 app: x", "13 time=1793707200000 10.0.0.1 app . . | x");
    must_be("<13>Nov 03 12:00:00 fe80::1 app: x", "13 time=1793707200000 fe80::1 app . . | x");
    must_be("<13>2026-11-23T12:00:00.25Z web01 app[77]: x", "13 time=1795435200250 web01 app 77 . | x");
    must_be("<13>Nov 23 12:00:00 - app: x", "13 time=1795435200000 . app . . | x");
    must_be("<13>count#a=1", "bad | count#a=1");
    must_be("<13>", "bad | ");
    must_be("<13>Nov 31 12:00:00 web01 app: x", "bad | Nov 31 12:00:00 web01 app: x");
    must_be("<13>Nov 23 24:00:00 web01 app: x", "bad | Nov 23 24:00:00 web01 app: x");
    must_be("<13>Nov 23 12:00:00x app: x", "bad | Nov 23 12:00:00x app: x");
    must_be("<13>Foo 23 12:00:00 web01 app: x", "bad | Foo 23 12:00:00 web01 app: x");
}

static void the_nearest_year(void **state)
{
    const int64_t new_year_ms = 1798761600000; /* 2027-01-01T00:00:00Z */
    parse_as(STR("<13>Dec 31 23:59:59 h a: x"), "13 time=1798761599000 h a . . | x", false, new_year_ms,
             __LINE__);
    parse_as(STR("<13>Jan  1 00:00:01 h a: x"), "13 time=1798761601000 h a . . | x", false, new_year_ms - 1,
             __LINE__);
    parse_as(STR("<13>Jan  5 00:00:00 h a: x"), "13 time=1799107200000 h a . . | x", false, NOW_MS, __LINE__);
    parse_as(STR("<13>Jun 15 00:00:00 h a: x"), "13 time=1781481600000 h a . . | x", false, 1795435200000,
             __LINE__);
    parse_as(STR("<13>Feb 29 12:00:00 h a: x"), "13 time=1835438400000 h a . . | x", false, 1835438400000,
             __LINE__);
    parse_as(STR("<13>Feb 29 12:00:00 h a: x"), "bad | Feb 29 12:00:00 h a: x", false, 1771934400000,
             __LINE__);
}

static void logplex(void **state)
{
    must_be_logplex("<174>1 2012-07-22T00:06:26+00:00 host erlang console - Hi from erlang\n",
                    "174 time=1342915586000 host erlang console . | Hi from erlang");
    must_be_logplex("<190>1 2026-11-23T12:00:00.123456+00:00 shuttle token shuttle - - count#a=1",
                    "190 time=1795435200123 shuttle token shuttle . | count#a=1");
    must_be_logplex("<158>1 2026-11-23T12:00:00+00:00 host heroku router - at=info service=18ms",
                    "158 time=1795435200000 host heroku router . | at=info service=18ms");
    must_be_logplex("<174>1 - d.0123 app web.1 - [INFO] count#a=1",
                    "174 d.0123 app web.1 . | [INFO] count#a=1");
    must_be_logplex("<174>1 - h app web.1 - [x k=\"v\"] count#a=1", "174 h app web.1 . | count#a=1");
    must_be_logplex("<174>1 - h app web.1 - [x@32473] count#a=1", "174 h app web.1 . | count#a=1");
    must_be_logplex("<174>1 - h app web.1 - -5 degrees", "174 h app web.1 . | -5 degrees");
    must_be_logplex("count#a=1", "bare | count#a=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5424),          cmocka_unit_test(bare_lines), cmocka_unit_test(rfc3164),
        cmocka_unit_test(the_nearest_year), cmocka_unit_test(logplex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
