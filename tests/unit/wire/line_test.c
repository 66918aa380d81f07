/* The line grammar, a case a line. must_parse compares a printed form of everything that was understood:
 *
 *   [source=S] [process=P] [time=MS] [key:value]... then per measurement  VERB NAME NUMBER[UNIT] | 'TEXT' |
 * !REASON
 */
#include "base/buf.h"
#include "base/hash.h"
#include "wire/line.h"

#include "../cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned cases;

static void print_measurement(struct buf *out, const struct measurement *m)
{
    buf_printf(out, "%s%.*s %.*s ", out->size ? " " : "", STR_ARG(verb_text(m->verb)), STR_ARG(m->name));
    if (m->refused != REASON_NONE) {
        buf_printf(out, "!%.*s", STR_ARG(reason_name(m->refused)));
    } else if (m->verb >= VERB_START) {
        buf_printf(out, "'%.*s'", STR_ARG(m->text));
    } else if (m->verb == VERB_UNIQUE) {
        assert_true(m->number == (double)(hash_bytes(m->text) >> 12));
        buf_printf(out, "#%.*s", STR_ARG(m->text));
    } else {
        buf_number(out, m->number);
        if (m->unit == UNIT_UNKNOWN)
            buf_str(out, STR("?"));
        buf_str(out, unit_text(m->unit));
    }
}

static void print_line(struct buf *out, const struct line *line)
{
    if (line->source.at)
        buf_printf(out, "source=%.*s", STR_ARG(line->source));
    if (line->process.at)
        buf_printf(out, "%sprocess=%.*s", out->size ? " " : "", STR_ARG(line->process));
    if (line->has_time)
        buf_printf(out, "%stime=%lld", out->size ? " " : "", (long long)line->time_ms);
    if (line->has_bad_time)
        buf_printf(out, "%stime=bad", out->size ? " " : "");
    for (uint32_t i = 0; i < line->pair_count; i++)
        buf_printf(out, "%s%.*s:%.*s", out->size ? " " : "", STR_ARG(line->pairs[i].key),
                   STR_ARG(line->pairs[i].value));
    for (uint32_t i = 0; i < line->measurement_count; i++)
        print_measurement(out, &line->measurements[i]);
    if (line->quote_stray)
        buf_printf(out, "%sstray*%u", out->size ? " " : "", line->quote_stray);
    if (line->pairs_bad)
        buf_printf(out, "%sbad_pairs*%u", out->size ? " " : "", line->pairs_bad);
}

/* The line is parsed from a block of exactly its size, so that the address sanitizer guards its end. */
static void parse_as(struct str text, const char *want, bool router, const char *file, int at)
{
    struct line line;
    line_init(&line);
    struct line_options options = {.router = router};
    enum reason refused = REASON_NONE;
    char *exact = malloc(text.size ? text.size : 1);
    memcpy(exact, text.at, text.size);
    struct buf got = {0};
    if (line_parse(&line, str_make(exact, text.size), &options, &refused))
        print_line(&got, &line);
    else
        buf_printf(&got, "!%.*s", STR_ARG(reason_name(refused)));
    uint32_t bad = 0;
    for (uint32_t i = 0; i < line.measurement_count; i++)
        bad += line.measurements[i].refused != REASON_NONE;
    if (refused == REASON_NONE && bad != line.refused_count)
        print_error("%s:%d: refused_count %u, but %u are\n", file, at, line.refused_count, bad);
    if (!str_eq(buf_view(&got), str_of(want)) || (refused == REASON_NONE && bad != line.refused_count)) {
        print_error("%s:%d: %.*s\n  want: %s\n  got:  %.*s\n", file, at, STR_ARG(text), want,
                    STR_ARG(buf_view(&got)));
        fail();
    }
    cases++;
    free(exact);
    buf_done(&got);
    line_done(&line);
}

#define must_parse(text, want)  parse_as(STR(text), want, false, __FILE__, __LINE__)
#define must_router(text, want) parse_as(STR(text), want, true, __FILE__, __LINE__)
/* count#a=VALUE is refused for the reason. */
#define must_not_parse(value, reason) \
    parse_as(STR("count#a=" value), "count a !" #reason, false, __FILE__, __LINE__)

static void verbs(void **state)
{
    must_parse("count#a=2", "count a 2");
    must_parse("sample#a=2", "sample a 2");
    must_parse("measure#a=2", "measure a 2");
    must_parse("level#a=2", "level a 2");
    must_parse("unique#a=CA12", "unique a #CA12");
    must_parse("start#dialer.contact=CA12", "start dialer.contact 'CA12'");
    must_parse("stop#dialer.contact.answered=CA12", "stop dialer.contact.answered 'CA12'");
    must_parse("state#dialer.caller_sessions=hold id=9001", "id:9001 state dialer.caller_sessions 'hold'");
    must_parse("state#dialer.caller_sessions=- id=9001", "id:9001 state dialer.caller_sessions '-'");
    must_parse("note#deploy=\"v42 is out\"", "note deploy 'v42 is out'");
    must_parse("measure.db.query=12ms", "measure db.query 12ms");
    must_parse("measure.=12ms", "measure  !name_bad");
    must_parse("measure.db=", "measure db !number_bad");
    must_parse("measure.db", "");
    must_parse("measure=a val=1 units=ms", "measure:a val:1 units:ms");
    must_parse("Count#a=1", "");
    must_parse("counter#a=1 x#b=2 #c=3 ##", "");
    must_parse("count#a=1 count#a=1", "count a 1 count a 1");
    must_parse("", "");
    must_parse(" \t\r\n ", "");
    must_parse("just some text, nothing to see", "");
    must_parse("  count#a=1\t\tcount#b=2\r", "count a 1 count b 2");
    must_parse("count#a=1\0count#b=2", "count a 1 count b 2");
}

static void empty_values(void **state)
{
    must_parse("count#a", "count a 1");
    must_parse("count#a=", "count a 1");
    must_parse("count#a=\"\"", "count a 1");
    must_parse("count#a count#b", "count a 1 count b 1");
    must_parse("sample#a", "sample a !number_bad");
    must_parse("sample#a=", "sample a !number_bad");
    must_parse("measure#a=", "measure a !number_bad");
    must_parse("level#a=\"\"", "level a !number_bad");
    must_parse("unique#a=", "unique a !id_missing");
    must_parse("start#a", "start a !id_missing");
    must_parse("stop#a=", "stop a !id_missing");
    must_parse("state#a=\"\"", "state a !id_missing");
    must_parse("note#a", "note a !id_missing");
}

static void numbers(void **state)
{
    must_parse("count#a=0", "count a 0");
    must_parse("count#a=-5", "count a -5");
    must_parse("count#a=+5", "count a 5");
    must_parse("count#a=.5", "count a 0.5");
    must_parse("count#a=5.", "count a 5");
    must_parse("count#a=007", "count a 7");
    must_parse("count#a=1e5", "count a 100000");
    must_parse("count#a=1E+5", "count a 100000");
    must_parse("count#a=-1.5e-3", "count a -0.0015");
    must_parse("count#a=812.4", "count a 812.4");
    must_parse("count#a=1e-999", "count a 0");
    must_parse("count#a=1.7976931348623157e308", "count a 1.7976931348623157e+308");
    must_parse("count#a=\"5\"", "count a 5");
    must_parse("count#a=18446744073709551616", "count a 1.8446744073709552e+19");
    must_not_parse("--1", number_bad); /* two signs are no number */
    must_not_parse("-", number_bad);
    must_not_parse("+", number_bad);
    must_not_parse(".", number_bad);
    must_not_parse("-.", number_bad);
    must_not_parse("abc", number_bad);
    must_not_parse("e5", number_bad);
    must_not_parse("1.2.3", number_bad);
    must_not_parse("1,5", number_bad);
    must_not_parse("0x10", number_bad);
    must_not_parse("1=2", number_bad);
    must_not_parse("1#b", number_bad);
    must_not_parse("12ms,", number_bad);
    must_not_parse("1e+", number_bad);
    must_not_parse("\"1 2\"", number_bad);
    must_not_parse("12m5", number_bad);
    must_not_parse("NaN", not_finite);
    must_not_parse("-inf", not_finite);
    must_not_parse("Infinity", not_finite);
    must_not_parse("1e999", not_finite);
    must_not_parse("-1e309ms", not_finite);
}

static void units(void **state)
{
    must_parse("sample#a=12ns", "sample a 12ns");
    must_parse("sample#a=12us", "sample a 12us");
    must_parse("sample#a=12ms", "sample a 12ms");
    must_parse("sample#a=12mS", "sample a 12ms");
    must_parse("sample#a=12MS", "sample a 12ms");
    must_parse("sample#a=12Ms", "sample a 12ms");
    must_parse("sample#a=12s", "sample a 12s");
    must_parse("sample#a=12S", "sample a 12s");
    must_parse("sample#a=12min", "sample a 12min");
    must_parse("sample#a=12h", "sample a 12h");
    must_parse("sample#a=12d", "sample a 12d");
    must_parse("sample#memory_total=21.0MB", "sample memory_total 21MB");
    must_parse("sample#a=1B", "sample a 1B");
    must_parse("sample#a=1kB", "sample a 1kB");
    must_parse("sample#a=1GB", "sample a 1GB");
    must_parse("sample#a=1TB", "sample a 1TB");
    must_parse("sample#a=1KiB", "sample a 1KiB");
    must_parse("sample#a=1MiB", "sample a 1MiB");
    must_parse("sample#a=1GiB", "sample a 1GiB");
    must_parse("sample#a=99.5%", "sample a 99.5%");
    must_parse("sample#a=1e3ms", "sample a 1000ms");
    must_parse("sample#a=1e", "sample a 1?");
    must_parse("sample#memory_pgin=7pages", "sample memory_pgin 7?");
    must_parse("sample#a=7req/s", "sample a 7?");
    must_parse("sample#a=7req_s", "sample a 7?");
    must_parse("sample#a=7KB", "sample a 7?");
    must_parse("sample#a=7\xc2\xb5s", "sample a 7?");
}

static void names(void **state)
{
    must_parse("count#A-z/0.9:_=1", "count A-z/0.9:_ 1");
    must_parse("count#heroku.logs.a=1", "count heroku.logs.a 1");
    must_parse("count#=1", "count  !name_bad");
    must_parse("count#", "count  !name_bad");
    must_parse("count#a{b}=1 count#c=2", "count a{b} !name_bad count c 2");
    must_parse("count#a#b=1", "count a#b !name_bad");
    must_parse("count#a,b", "count a,b !name_bad");
    must_parse("count#caf\xc3\xa9=1", "count caf\xc3\xa9 !name_bad");
    char text[300] = "count#", want[300];
    memset(text + 6, 'n', 256);
    snprintf(want, sizeof want, "count %s !name_bad", text + 6);
    parse_as(str_make(text, 6 + 256), want, false, __FILE__, __LINE__);
    snprintf(want, sizeof want, "count %.255s 1", text + 6);
    parse_as(str_make(text, 6 + 255), want, false, __FILE__, __LINE__);
}

static void sources(void **state)
{
    must_parse("count#a=1 source=web01.42", "source=web01.42 count a 1");
    must_parse("source=web01.42 count#a=1", "source=web01.42 count a 1");
    must_parse("count#a=1 source=web01.42 count#b=2", "source=web01.42 count a 1 count b 2");
    must_parse("source=first source=second count#a=1", "source=first count a 1");
    must_parse("source= source=second count#a=1", "source= count a 1");
    must_parse("source=\"a b\" count#a=1", "source=a b count a 1");
    must_parse("source=ac-1.ca-2.dm-preview.cl-7.cs-3 count#a=1",
               "source=ac-1.ca-2.dm-preview.cl-7.cs-3 count a 1");
    must_parse("source=preview.ac-1.ca-2.cs-3.phone-5551234.seq-2 count#a=1",
               "source=preview.ac-1.ca-2.cs-3.phone-5551234.seq-2 count a 1");
    must_parse("source=http://x.example/a?b=c&d=e count#a=1", "source=http://x.example/a?b=c&d=e count a 1");
    must_parse("source=a%2Eb count#a=1", "source=a%2Eb count a 1");
    must_parse("mysource=a count#a=1", "mysource:a count a 1");
    must_parse("source count#a=1", "count a 1");
    must_parse("source=caf\xc3\xa9 count#a=1", "source=caf\xc3\xa9 count a 1");
}

static void pairs(void **state)
{
    must_parse("count#a=1 account_id=42 campaign_id=7", "account_id:42 campaign_id:7 count a 1");
    must_parse("account_id=\"4 2\" count#a=1", "account_id:4 2 count a 1");
    must_parse("a1_=x count#a=1", "a1_:x count a 1");
    must_parse("path=/x?y=z count#a=1", "path:/x?y=z count a 1");
    must_parse("Account=1 1a=2 _a=3 a-b=4 a.b=5 =6 a= b count#a=1", "count a 1");
    must_parse("a=1 a=2 count#c=1", "a:1 a:2 count c 1");
    char text[160], want[160];
    for (int size = 64; size <= 65; size++) {
        char key[66] = {0};
        memset(key, 'k', (size_t)size);
        snprintf(text, sizeof text, "%s=1 count#a=1", key);
        snprintf(want, sizeof want, "%s%s", size == 64 ? key : "", size == 64 ? ":1 count a 1" : "count a 1");
        parse_as(str_of(text), want, false, __FILE__, __LINE__);
    }
}

static void quotes(void **state)
{
    must_parse("m=\"a \\\"b\\\" \\\\ c\" count#a=1", "m:a \"b\" \\ c count a 1");
    must_parse("m=\"\\n\\t\\r\\b\\f\\/\\x\" count#a=1", "m:\n\t\r\b\f/x count a 1");
    must_parse("m=\"\\u00e9\\u20ac\\ud83d\\ude00\" count#a=1",
               "m:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 count a 1");
    must_parse("m=\"\\ud83d\\u00zz\" count#a=1", "m:\xef\xbf\xbdu00zz count a 1");
    must_parse("m=\"\\udc00\\udc00\" count#a=1", "m:\xef\xbf\xbd\xef\xbf\xbd count a 1");
    must_parse("m=\"text count#b=2 source=x\" count#a=1", "m:text count#b=2 source=x count a 1");
    must_parse("m=\"\\\\\" count#a=1", "m:\\ count a 1");
    must_parse("it's fine' count#a=1", "count a 1");
    /* a stray or unterminated quote costs its token */
    must_parse("say \"hi count#a=1", "count a 1 stray*1");
    must_parse("m=\"never closed count#a=1 source=x", "source=x count a 1 stray*1");
    must_parse("m=\"a count#x=1 source=\"b c\" y", "source=b c count x 1 stray*1");
    must_parse("count#a=1 \"", "count a 1 stray*1");
    must_parse("\" count#a=1", "count a 1 stray*1");
    must_parse("count#a=1\" count#b=2", "count b 2 stray*1");
    must_parse("count#a\"b=1 count#b=2", "count b 2 stray*1");
    must_parse("count#a{\"b=1 count#b=2", "count b 2 stray*1");
    must_parse("count#a=\"1", "stray*1");
    must_parse("count#a=\"1 count#b=2", "count b 2 stray*1");
    must_parse("measure.a=\"1", "stray*1");
    must_parse("source=\"x count#a=1", "count a 1 stray*1");
    must_parse("source=\"x source=y count#a=1", "source=y count a 1 stray*1");
    must_parse("m=\"ab\"c count#a=1", "count a 1 stray*1");
    must_parse("m=\"ab\\\" count#a=1", "count a 1 stray*1");
    must_parse("x\"y\"z count#a=1", "count a 1 stray*1");
    must_parse("ts=\"2026 count#a=1", "count a 1 stray*1");
    /* nobody lost a measurement here, so there is nothing to remark */
    must_parse("{\"a\":\"b c\",\"d\":1}", "");
    must_parse("he said \"hello world\"", "");
    must_parse("m=\"open", "");
}

static void times(void **state)
{
    must_parse("ts=2026-11-23T12:00:00.250Z count#a=1", "time=1795435200250 count a 1");
    must_parse("ts=\"2026-11-23 12:00:00Z\" count#a=1", "time=1795435200000 count a 1");
    must_parse("count#a=1 ts=1795435200", "time=1795435200000 count a 1");
    must_parse("count#a=1 ts=1795435200.25", "time=1795435200250 count a 1");
    must_parse("count#a=1 ts=1795435200250", "time=1795435200250 count a 1");
    must_parse("ts=1 ts=2 count#a=1", "time=1000 count a 1");
    must_parse("ts=yesterday count#a=1 sample#b=x", "time=bad count a !time_bad sample b !number_bad");
    must_parse("count#a=1 ts=", "time=bad count a !time_bad");
    must_parse("count#a=1 ts=-5", "time=bad count a !time_bad");
    must_parse("ts=2026-02-29T00:00:00Z count#a=1", "time=bad count a !time_bad");
    must_parse("ts=yesterday", "time=bad");
    must_parse("2026-11-23T12:00:00.250Z count#a=1", "time=1795435200250 count a 1");
    must_parse("  2026-11-23T14:00:00+02:00 count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z", "time=1795435200000");
    must_parse("2026-11-23T12:00:00Z ts=1 count#a=1", "time=1000 count a 1");
    must_parse("2026-11-23T12:00:00Z ts=no count#a=1", "time=bad count a !time_bad");
    must_parse("2026-11-23T12:00:00Zx count#a=1", "count a 1");
    must_parse("2026-11-23T12:00:00 count#a=1", "count a 1");
    must_parse("2026-13-23T12:00:00Z count#a=1", "count a 1");
    must_parse("x 2026-11-23T12:00:00Z count#a=1", "count a 1");
    must_parse("1900-01-01T00:00:00Z count#a=1", "time=-2208988800000 count a 1");
    must_parse("3000-01-01T00:00:00Z count#a=1", "time=32503680000000 count a 1");
}

static void processes(void **state)
{
    must_parse("2026-11-23T12:00:00.250Z app[web.1]: source=web01.42.7.9001.predictive.webui.mobile "
               "sample#dialer.contact.answered=812.4ms count#dialer.requests.total=1",
               "source=web01.42.7.9001.predictive.webui.mobile process=web.1 time=1795435200250 "
               "sample dialer.contact.answered 812.4ms count dialer.requests.total 1");
    must_parse("2026-11-23T12:00:00Z app[worker.2]:", "process=worker.2 time=1795435200000");
    must_parse("2026-11-23T12:00:00Z app[]: count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z [web.1]: count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z app[web.1] count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z app[a[b]: count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z app: count#a=1", "time=1795435200000 count a 1");
    must_parse("2026-11-23T12:00:00Z app[\xff]: count#a=1", "time=1795435200000 count a 1");
    must_parse("app[web.1]: count#a=1", "count a 1");
    must_parse("2026-11-23T12:00:00Z heroku[router]: at=info method=GET service=18ms status=200",
               "process=router time=1795435200000 method:GET status:200 measure router.service 18ms");
}

static void router_lines(void **state)
{
    must_router("at=info method=GET path=\"/x\" host=caller.example.com request_id=8601b555 fwd=\"1.2.3.4\" "
                "dyno=web.1 connect=0ms service=18ms status=200 bytes=1548 protocol=https",
                "method:GET status:200 measure router.connect 0ms measure router.service 18ms "
                "measure router.bytes 1548");
    must_router("at=error code=H12 desc=\"Request timeout\" method=GET path=\"/?connect=9\" connect=1ms "
                "service=30000ms status=503 bytes=0",
                "method:GET status:503 measure router.connect 1ms measure router.service 30000ms "
                "measure router.bytes 0");
    must_router("at=error code=H10 connect= service= status=503 bytes=", "status:503");
    must_router("connect=x", "measure router.connect !number_bad");
    must_router("source=a count#b=1 host=c", "source=a count b 1");
    must_parse("method=GET connect=0ms service=18ms bytes=1548",
               "method:GET connect:0ms service:18ms bytes:1548");
}

static void bytes_that_are_not_text(void **state)
{
    must_parse("count#a\xff=1 count#b=2", "count a\xff !utf8_bad count b 2");
    must_parse("count#a=\xff count#b=2", "count a !utf8_bad count b 2");
    must_parse("start#a=\xc0\x80", "start a !utf8_bad");
    must_parse("note#a=\"\xed\xa0\x80\"", "note a !utf8_bad");
    must_parse("source=\xff count#a=1 start#b=x", "count a !utf8_bad start b !utf8_bad");
    must_parse("source=\xff source=b count#a=1", "count a !utf8_bad");
    must_parse("user=Jos\xe9 count#a=1", "count a 1 bad_pairs*1");
    must_parse("user=Jos\xc3\xa9 count#a=1", "user:Jos\xc3\xa9 count a 1");
    must_parse("\xff\xfe free \x80text count#a=1", "count a 1");
    must_parse("\xff=1 count#a=1", "count a 1");
    must_parse("\x7f\x01\x02 count#a=1", "count a 1");
}

/* Lines of real emitters. */
static void in_the_wild(void **state)
{
    must_parse("source=web.1 dyno=heroku.2808254.d97d0ea7 sample#load_avg_1m=0.01 sample#load_avg_5m=0.10",
               "source=web.1 dyno:heroku.2808254.d97d0ea7 sample load_avg_1m 0.01 sample load_avg_5m 0.1");
    must_parse(
        "source=web.1 sample#memory_total=21.00MB sample#memory_rss=20.5MB sample#memory_pgpgin=348836pages",
        "source=web.1 sample memory_total 21MB sample memory_rss 20.5MB sample memory_pgpgin 348836?");
    must_parse("source=DATABASE sample#current_transaction=1873 sample#db_size=26219348792bytes "
               "sample#index-cache-hit-rate=0.99723",
               "source=DATABASE sample current_transaction 1873 sample db_size 26219348792? "
               "sample index-cache-hit-rate 0.99723");
    must_parse(
        "method=GET path=/jobs/833552.json format=json controller=JobsController action=show status=200 "
        "duration=58.33 view=40.43 measure#page.total=58.33ms measure#rails.db=15.26ms",
        "method:GET path:/jobs/833552.json format:json controller:JobsController action:show status:200 "
        "duration:58.33 view:40.43 measure page.total 58.33ms measure rails.db 15.26ms");
    must_parse("at=metrics count#a=3 measure#b.p99=0.0012000000000000001",
               "at:metrics count a 3 measure b.p99 0.0012000000000000001");
    must_parse("count#resque.high.DialJob.Timeout::Error=1 source=worker.3",
               "source=worker.3 count resque.high.DialJob.Timeout::Error 1");
    must_parse("I, [2026-11-23T12:00:00.5 #4] INFO -- : source=s count#a=1", "source=s count a 1");
    must_parse("source=dialer.ac-4.ca-1 count#heroku.logs.dialer.dials=1",
               "source=dialer.ac-4.ca-1 "
               "count heroku.logs.dialer.dials 1");
}

static void columns(void **state)
{
    struct line line;
    line_init(&line);
    enum reason refused;
    assert_true(line_parse(&line, STR(" ts=1  source=s k=v count#a=1 sample#b=x"), NULL, &refused));
    assert_int_equal(line.source_column, 8);
    assert_int_equal(line.pairs[0].column, 17);
    assert_int_equal(line.measurements[0].column, 21);
    assert_int_equal(line.measurements[1].column, 31);
    assert_true(str_eq(line.measurements[1].text, STR("x")));
    line_done(&line);
}

/* A fixed text again and again, to a whole line. */
static char *repeat(const char *text, size_t size)
{
    char *all = malloc(size + 1);
    size_t unit = strlen(text);
    for (size_t i = 0; i < size; i++)
        all[i] = text[i % unit];
    return all;
}

static void limits(void **state)
{
    struct line line;
    line_init(&line);
    enum reason refused = REASON_NONE;
    char *spaces = repeat(" ", LINE_BYTES_MAX + 1);
    memcpy(spaces + LINE_BYTES_MAX - 9, "count#a=1", 9);
    assert_true(line_parse(&line, str_make(spaces, LINE_BYTES_MAX), NULL, &refused));
    assert_int_equal(line.measurement_count, 1);
    assert_false(line_parse(&line, str_make(spaces, LINE_BYTES_MAX + 1), NULL, &refused));
    assert_int_equal(refused, REASON_line_too_long);
    free(spaces);

    char *many = repeat("stop# ", LINE_BYTES_MAX);
    assert_true(line_parse(&line, str_make(many, LINE_BYTES_MAX), NULL, &refused));
    assert_int_equal(line.measurement_count, LINE_BYTES_MAX / 6); /* all are found and counted */
    assert_int_equal(line.measurements[LINE_MEASUREMENTS_MAX - 1].refused, REASON_name_bad);
    assert_int_equal(line.measurements[LINE_MEASUREMENTS_MAX].refused, REASON_too_many_measurements);
    free(many);
    many = repeat("count#a ", LINE_BYTES_MAX);
    assert_true(line_parse(&line, str_make(many, LINE_BYTES_MAX), NULL, &refused));
    assert_int_equal(line.measurement_count, LINE_BYTES_MAX / 8);
    assert_int_equal(line.refused_count, 0);
    free(many);
    many = repeat("k=v ", 4 * (LINE_PAIRS_MAX + 10));
    assert_true(line_parse(&line, str_make(many, 4 * (LINE_PAIRS_MAX + 10)), NULL, &refused));
    assert_int_equal(line.pair_count, LINE_PAIRS_MAX);
    free(many);
    assert_true(line_parse(&line, STR("count#a=1"), NULL, &refused)); /* nothing is left of the line before */
    assert_int_equal(line.measurement_count, 1);
    assert_int_equal(line.pair_count, 0);
    line_done(&line);
}

/* 64 KiB that invite a parser to search the rest of the line again at every token: each must be read about
 * once, which shows as a test that ends. */
static void long_lines_are_read_once(void **state)
{
    static const char *const texts[] = {"a=\"b ",       "a=\"\\\" ",  "\" ", "count#a=\"",
                                        "a=\"\\\\\\\"", "count#a={ ", "\"\\"};
    struct line line;
    line_init(&line);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *all = repeat(texts[i], LINE_BYTES_MAX);
        enum reason refused;
        for (unsigned round = 0; round < 50; round++)
            assert_true(line_parse(&line, str_make(all, LINE_BYTES_MAX), NULL, &refused));
        free(all);
    }
    char *digits = repeat("1234567890", LINE_BYTES_MAX);
    memcpy(digits, "count#a=", 8);
    enum reason refused;
    assert_true(line_parse(&line, str_make(digits, LINE_BYTES_MAX), NULL, &refused));
    assert_int_equal(line.measurements[0].refused, REASON_not_finite);
    digits[8] = '.';
    assert_true(line_parse(&line, str_make(digits, LINE_BYTES_MAX), NULL, &refused));
    assert_true(line.measurements[0].number == .0123456789012345678901234567);
    free(digits);
    line_done(&line);
}

static void every_verb_has_its_text(void **state)
{
#define X(name, text) assert_true(str_eq(verb_text(VERB_##name), STR(text)));
    VERB_LIST(X)
#undef X
#define X(name, class, text)                                                                              \
    assert_true(str_eq(reason_name(REASON_##name), STR(#name)) && reason_text(REASON_##name).size > 10 && \
                reason_class(REASON_##name) == REASON_##class);
    REASON_LIST(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verbs),
        cmocka_unit_test(empty_values),
        cmocka_unit_test(numbers),
        cmocka_unit_test(units),
        cmocka_unit_test(names),
        cmocka_unit_test(sources),
        cmocka_unit_test(pairs),
        cmocka_unit_test(quotes),
        cmocka_unit_test(times),
        cmocka_unit_test(processes),
        cmocka_unit_test(router_lines),
        cmocka_unit_test(bytes_that_are_not_text),
        cmocka_unit_test(in_the_wild),
        cmocka_unit_test(columns),
        cmocka_unit_test(limits),
        cmocka_unit_test(long_lines_are_read_once),
        cmocka_unit_test(every_verb_has_its_text),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("%u lines of the tables were compared\n", cases);
    return failed;
}
