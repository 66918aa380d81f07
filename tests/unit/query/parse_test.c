/* A case is a line: text -> tree, or text -> column and words of the complaint. */
#include "query/parse.h"

#include "../cmocka_all.h"

#include "query/query_error.h"

#include <stdio.h>

struct parsed {
    const char *text, *tree;
};

static const struct parsed PARSED[] = {
    {"dialer.contact.answered", "(query dialer.contact.answered)"},
    {"  a.b  ", "(query a.b)"},
    {"a_b-c/d.e", "(query a_b-c/d.e)"},
    {"web*.*.**.error", "(query web*.*.**.error)"},
    {":process.:job.jobs", "(query {process}.{job}.jobs)"},
    {"{process}.{job}.jobs", "(query {process}.{job}.jobs)"},
    {"'it''s a'.b", "(query it's a.b)"},
    {"'a.b:c'.d", "(query a.b:c.d)"},
    {"a @account_id:42", "(query a (@ account_id 42))"},
    {"a@account_id:42", "(query a (@ account_id 42))"},
    {"a @account_id:42,host:web*", "(query a (@ account_id 42) (@ host ~web*))"},
    {"a @account_id:42, host:web1", "(query a (@ account_id 42) (@ host web1))"},
    {"a @f:1 @g:2", "(query a (@ f 1) (@ g 2))"},
    {"a @f:(1,2,x*)", "(query a (@ f 1 2 ~x*))"},
    {"a @f!:(1,2)", "(query a (@ f! 1 2))"},
    {"a @f:1..100", "(query a (@ f 1..100))"},
    {"a @f:10.0.0.1", "(query a (@ f 10.0.0.1))"},
    {"a @f:x..y", "(query a (@ f x..y))"},
    {"a @f:-", "(query a (@ f unset))"},
    {"a @f!:-", "(query a (@ f! unset))"},
    {"a @f:'-'", "(query a (@ f -))"},
    {"a @f:'x, (y)*'", "(query a (@ f x, (y)*))"},
    {"a @f:'it''s'", "(query a (@ f it's))"},
    {"a @f:a:b@c", "(query a (@ f a:b@c))"},
    {"a sum count avg min max last stddev",
     "(query a (stat sum) (stat count) (stat avg) (stat min) (stat max) "
     "(stat last) (stat stddev))"},
    {"a p50 p95 p99.9", "(query a (stat p50) (stat p95) (stat p99.9))"},
    {"a p0 p100", "(query a (stat p0) (stat p100))"},
    {"a uniq", "(query a (stat uniq))"},
    {"a uniq account_id by host", "(query a (stat uniq account_id) (by host))"},
    {"a uniq by host", "(query a (stat uniq) (by host))"},
    {"a dist", "(query a (stat dist))"},
    {"a over 5m", "(query a (over 300000))"},
    {"a rate", "(query a (rate 1000))"},
    {"a rate 1m by process", "(query a (rate 60000) (by process))"},
    {"a rate by process", "(query a (rate 1000) (by process))"},
    {"a by metric,job every 1m", "(query a (by metric job) (every 60000))"},
    {"a by metric, job", "(query a (by metric job))"},
    {"a vs 1d,1w", "(query a (vs 86400000) (vs 604800000))"},
    {"a per callers", "(query a (per callers))"},
    {"a fill zero", "(query a (fill zero))"},
    {"a smooth 5m fill last as x", "(query a (smooth 300000) (fill last) (as x))"},
    {"a top 10 other", "(query a (top 10) (other))"},
    {"a bottom 5", "(query a (bottom 5))"},
    {"a band 1w", "(query a (band 604800000))"},
    {"a + b * c", "(query (+ a (* b c)))"},
    {"a - b - c", "(query (- (- a b) c))"},
    {"a / b / 2", "(query (/ (/ a b) 2))"},
    {"a * -1.5e3", "(query (* a -1500))"},
    {"100 * a", "(query (* 100 a))"},
    {"* * *", "(query (* * *))"}, /* one segment of any name, times another */
    {"(a + b) / c", "(query (/ (query (+ a b)) c))"},
    {"((a count) / b) by account_id bottom 5",
     "(query (query (/ (query a (stat count)) b)) (by account_id) (bottom 5))"},
    {"share(a by f) top 10 other", "(query (share (query a (by f))) (top 10) (other))"},
    {"max(a, b sum, 3)", "(query (max (query a) (query b (stat sum)) (query 3)))"},
    {"max", "(query max)"},
    {"if(a, b, c)", "(query (if (query a) (query b) (query c)))"},
    {"abs(a - b) max", "(query (abs (query (- a b))) (stat max))"},
    {"a over 5m by p,j above 0", "(query a (over 300000) (by p j) (above 0))"},
    {"a below -2.5", "(query a (below -2.5))"},
    {"a outside 1..5", "(query a (outside 1..5))"},
    {"a outside -1.5..2.5", "(query a (outside -1.5..2.5))"},
    {"a absent 5m", "(query a (absent in 300000))"},
    {"a overdue x3", "(query a (overdue 3))"},
    {"a spike 1w x4", "(query a (spike 4 in 604800000))"},
    {"a valley 1w", "(query a (valley in 604800000))"},
    {"a rises 50pct in 5m", "(query a (rises 50pct in 300000))"},
    {"a rises 50 pct in 5m", "(query a (rises 50pct in 300000))"},
    {"a rises 5 in 5m", "(query a (rises 5 in 300000))"},
    {"queue.depth reaches 10000 within 4h", "(query queue.depth (reaches 10000 in 14400000))"},
};

struct refused {
    const char *text;
    uint32_t column;
    const char *words; /* in the text, the expected or the nearest */
};

static const struct refused REFUSED[] = {
    {"", 1, "empty"},
    {"   ", 1, "empty"},
    {"a + ", 5, "ends too early"},
    {"a +b", 3, "blanks on both sides"},
    {"a b", 3, "not understood"},
    {"a cuont", 3, "count"},
    {"a evry 1m", 3, "every"},
    {"a every 1x", 9, "duration"},
    {"a every 0m", 9, "duration"},
    {"a every", 8, "duration"},
    {"a every 1m every 2m", 12, "twice"},
    {"a by f by g", 8, "twice"},
    {"a by f,f", 8, "twice"},
    {"a by Account", 6, "no name of a field"},
    {"a by", 5, "no name of a field"},
    {"a count / b", 9, "(a count) / b"},
    {"a / b count / c", 13, "(a / b count) / c"},
    {"x + (a count * 2)", 14, "(a count) * 2"},
    {"(a by f) / b", 4, "end of the query"},
    {"(a every 1m) / b", 4, "end of the query"},
    {"(a vs 1d)", 4, "end of the query"},
    {"(a + b", 7, "`)`"},
    {"a)", 2, "not understood"},
    {"a, b", 2, "not understood"},
    {"max(a, b", 9, "`)` or `,`"},
    {"shore(a)", 1, "share"},
    {"share(a, b)", 1, "1 to 1"},
    {"if(a)", 1, "3 to 3"},
    {"a..b", 3, "empty segment"},
    {".a", 1, "empty segment"},
    {"a.", 3, "empty segment"},
    {"a.b$c", 4, "cannot stand"},
    {"a.b**.c", 3, "alone"},
    {"{job.x", 1, "does not end"},
    {":Job.x", 2, "no name of a field"},
    {":job.:job", 6, "twice"},
    {"'abc", 1, "quote does not end"},
    {"'abc'd.e", 6, "quoted whole"},
    {"a @", 4, "no name of a field"},
    {"a @host", 8, "no value"},
    {"a @host:", 9, "value"},
    {"a @host:(1,2", 13, "does not end"},
    {"a @f:5..1", 4, "range is empty"},
    {"a @f:(1,2..3)", 9, "stands alone"},
    {"a @f:(-,2)", 7, "stands alone"},
    {"a p101", 3, "no percentile"},
    {"a count count", 9, "twice"},
    {"a top 0", 7, "1 to 10000"},
    {"a top", 6, "1 to 10000"},
    {"a top 3 bottom 3", 9, "already"},
    {"a fill blue", 8, "zero, gap, last or linear"},
    {"a above x", 9, "number"},
    {"a above 1 by f", 11, "not understood"},
    {"a overdue 3", 11, "factor"},
    {"a outside 5", 11, "range"},
    {"a rises 5 on 5m", 11, "`in`"},
    {"()", 2, "no metric"},
};

static void texts_become_trees(void **state)
{
    for (size_t i = 0; i < sizeof(PARSED) / sizeof(PARSED[0]); i++) {
        struct arena arena = {0};
        struct query_error error = {0};
        struct node *node = NULL;
        struct buf out = {0};
        if (query_parse(str_of(PARSED[i].text), &arena, &node, &error) != ERR_OK)
            buf_printf(&out, "column %u: %s", error.column, error.text);
        else
            ast_dump(node, &out);
        if (!str_eq(buf_view(&out), str_of(PARSED[i].tree)))
            fail_msg("%s\n  want %s\n  have %.*s", PARSED[i].text, PARSED[i].tree, STR_ARG(buf_view(&out)));
        buf_done(&out);
        arena_done(&arena);
    }
}

static void errors_name_the_column(void **state)
{
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        struct arena arena = {0};
        struct query_error error = {0};
        struct node *node = NULL;
        struct buf out = {0};
        if (query_parse(str_of(REFUSED[i].text), &arena, &node, &error) == ERR_OK)
            fail_msg("`%s` was understood", REFUSED[i].text);
        query_error_text(&error, str_of(REFUSED[i].text), &out);
        if (error.column != REFUSED[i].column ||
            !memmem(out.at, out.size, REFUSED[i].words, strlen(REFUSED[i].words)))
            fail_msg("`%s`: want column %u and `%s`, have column %u:\n%.*s", REFUSED[i].text,
                     REFUSED[i].column, REFUSED[i].words, error.column, STR_ARG(buf_view(&out)));
        buf_done(&out);
        arena_done(&arena);
    }
}

static void depth_and_size_are_bounded(void **state)
{
    static char text[QUERY_TEXT_MAX + 2];
    struct arena arena = {0};
    struct query_error error = {0};
    struct node *node = NULL;
    memset(text, '(', sizeof(text));
    assert_int_equal(query_parse(str_make(text, QUERY_TEXT_MAX), &arena, &node, &error), ERR_LIMIT);
    error = (struct query_error){0};
    assert_int_equal(query_parse(str_make(text, sizeof(text)), &arena, &node, &error), ERR_LIMIT);
    for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
        memcpy(text + i, "1 + ", 4);
    error = (struct query_error){0};
    assert_int_equal(query_parse(str_make(text, QUERY_TEXT_MAX), &arena, &node, &error), ERR_LIMIT);
    arena_done(&arena);
}

static void durations_and_times(void **state)
{
    int64_t v;
    assert_true(query_duration(STR("1w"), &v) && v == 604800000);
    assert_true(query_duration(STR("250ms"), &v) && v == 250);
    assert_false(query_duration(STR("1"), &v));
    assert_false(query_duration(STR("m"), &v));
    assert_false(query_duration(STR("-1m"), &v));
    assert_false(query_duration(STR("999999999999w"), &v));
    assert_true(query_time(STR("now"), 5000, &v) && v == 5000);
    assert_true(query_time(STR("-3s"), 5000, &v) && v == 2000);
    assert_true(query_time(STR("1700000000"), 0, &v) && v == 1700000000000);
    assert_true(query_time(STR("1700000000123"), 0, &v) && v == 1700000000123);
    assert_true(query_time(STR("2026-11-23T12:00:00Z"), 0, &v) && v == 1795435200000);
    assert_false(query_time(STR("yesterday"), 0, &v));
    assert_false(query_time(STR(""), 0, &v));
}

static void carets_count_characters(void **state)
{
    struct buf out = {0};
    struct query_error error = {0};
    query_fail(&error, ERR_SYNTAX, 4, "a metric", "wrong");
    query_error_text(&error, STR("\xc3\xa4 x"), &out);
    assert_true(str_eq(buf_view(&out), STR("\xc3\xa4 x\n  ^\nwrong; expected a metric\n")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_trees),         cmocka_unit_test(errors_name_the_column),
        cmocka_unit_test(depth_and_size_are_bounded), cmocka_unit_test(durations_and_times),
        cmocka_unit_test(carets_count_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
