/* What is said of emitted lines, with the dialer's scheme; a case a line. */
#include "scheme/lint.h"

#include "../cmocka_all.h"

#include <string.h>

static void must_say(const char *line, const char *want)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = NULL;
    assert_int_equal(scheme_load(NULL, STR_NONE, names, &scheme, &report, NULL), ERR_OK);
    struct lint *lint = lint_new(scheme, names, STR("f"));
    struct buf out = {0};
    uint32_t count = lint_line(lint, str_of(line), &out), lines = 0;
    for (size_t i = 0; i < out.size; i++)
        lines += out.at[i] == '\n';
    buf_char(&out, 0);
    if (strcmp(out.at, want))
        fail_msg("%s\n  got  %s\n  want %s", line, out.at, want);
    assert_int_equal(count, lines);
    struct lint_totals totals;
    lint_totals(lint, &totals);
    assert_true(totals.lines == 1 && totals.problems == count);
    buf_done(&out);
    lint_free(lint);
    scheme_unref(scheme);
    scheme_report_done(&report);
    names_free(names);
}

static void good_lines_are_passed_in_silence(void **state)
{
    must_say("plain text, even with a \" in it", "");
    must_say("source=web01.42.7.9001.predictive.webui.mobile measure#dialer.contact.answered=812.4ms "
             "count#dialer.requests.total=1",
             "");
    must_say("<13>1 2026-11-23T12:00:00Z web01 app web.1 - - source=web01 count#worker.jobs", "");
    must_say("account_id=42 count#dialer.requests.total colour=red", "");
    must_say("source=web.1 level#memory_pgpgin=12pages", "");
}

static void names_verbs_and_units(void **state)
{
    must_say("source=web01 count#dialer.requests.totl=1",
             "f:1:14: unknown metric dialer.requests.totl; did you mean dialer.requests.total?\n");
    must_say("count#zzzzzzzzzzzzzzzz=1", "f:1:1: unknown metric zzzzzzzzzzzzzzzz\n");
    must_say("sample#dialer.contact.busy=1ms",
             "f:1:1: dialer.contact.busy is a measure, so it is written measure#, not sample#\n");
    must_say("count#dialer.contact.busy=1",
             "f:1:1: dialer.contact.busy: count# on a metric that is a level, a value or a measure\n");
    must_say("measure#dialer.contact.busy=1parsec",
             "f:1:1: dialer.contact.busy: 1parsec has an unknown unit; the number is kept as ms\n");
    must_say("measure#dialer.contact.busy=1MB",
             "f:1:1: dialer.contact.busy: 1MB cannot be turned into ms; the number is kept\n");
    must_say("count#dialer.requests.total=1ms", "f:1:1: dialer.requests.total: 1ms cannot be turned into a "
                                                "metric without a unit; the number is kept\n");
    must_say("count#dialer.requests.total=--1", "f:1:1: dialer.requests.total: the value is not a number\n");
    must_say("x=1 measure#a=2 count#b=3", "f:1:5: unknown metric a\nf:1:17: unknown metric b\n");
}

static void sources_and_pairs(void **state)
{
    must_say("source=web01.x count#dialer.requests.total",
             "f:1:1: source web01.x does not fit host.account_id.campaign_id.caller_session_id.campaign_type."
             "caller_session_type.caller_phone_type\n");
    must_say("source=a.b.c count#worker.jobs",
             "f:1:1: source a.b.c does not fit host or host.account_id.campaign_id.caller_session_id."
             "campaign_type.caller_session_type.caller_phone_type\n");
    must_say("source=web01.1.2.3.previw count#dialer.requests.total",
             "f:1:1: campaign_type has no word previw; did you mean preview?\n");
    must_say("source=ac-1.xyz count#dialer.requests.total",
             "f:1:1: ac-1.xyz: part of a keyed source fits no field; kept in field source\n");
    must_say("account_id=x count#dialer.requests.total",
             "f:1:1: account_id=x: not a value of type id; left out\n");
    must_say("source=web01.41 account_id=42 count#dialer.requests.total count#dialer.requests.error",
             "f:1:17: account_id=42 contradicts what the line says already; left out\n");
    must_say("acount_id=42 count#dialer.requests.total",
             "f:1:1: acount_id= is no field and ignored; did you mean account_id?\n");
}

static void frames_times_and_quotes(void **state)
{
    must_say("<13>1 2026-11-23T12:00:00Z web01 app - - - count#b=3", "f:1:44: unknown metric b\n");
    must_say("ts=soon count#dialer.requests.total", "f:1:1: ts= is neither RFC 3339 nor epoch seconds or "
                                                    "milliseconds\n");
    must_say("count#dialer.requests.total msg=\"open", "f:1:1: a stray or unterminated quote; one token left "
                                                       "out\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_are_passed_in_silence),
        cmocka_unit_test(names_verbs_and_units),
        cmocka_unit_test(sources_and_pairs),
        cmocka_unit_test(frames_times_and_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
