/* Lines with the dialer's scheme: a case a line, as source and remarks are spelled by show(). */
#include "scheme/resolve.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    struct names *names;
    struct scheme *scheme;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct scheme_report report = {0};
    struct why why = {0};
    fixture->names = names_new();
    if (scheme_load(NULL, STR_NONE, fixture->names, &fixture->scheme, &report, &why))
        fail_msg("%.*s", STR_ARG(buf_view(&report.text)));
    scheme_report_done(&report);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    scheme_unref(fixture->scheme);
    names_free(fixture->names);
    free(fixture);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* field=value ..., by name */
static void put_source(struct names *names, struct str source, struct buf *out)
{
    struct source_set set;
    char *texts[SOURCE_FIELDS_MAX];
    assert_true(source_decode(source, &set));
    for (uint32_t i = 0; i < set.count; i++) {
        struct buf one = {0};
        buf_str(&one, names_field(names, set.fields[i].field));
        buf_char(&one, '=');
        source_value_print(set.fields[i].value, &one);
        buf_char(&one, 0);
        texts[i] = one.at;
    }
    qsort(texts, set.count, sizeof *texts, by_name);
    for (uint32_t i = 0; i < set.count; i++) {
        buf_printf(out, "%s%s", i ? " " : "", texts[i]);
        free(texts[i]);
    }
}

/* "METRIC KIND VALUEunit | source | remarks" of the first measurement, or "refused REASON". */
static void show(struct fixture *fixture, struct resolver *resolver, const char *text,
                 const struct reporter *reporter, struct buf *out)
{
    struct line line;
    enum reason refused;
    struct remarks remarks = {0};
    struct resolved_metric metric;
    line_init(&line);
    assert_true(line_parse(&line, str_of(text), &(struct line_options){0}, &refused));
    assert_true(line.measurement_count > 0);
    const struct measurement *m = &line.measurements[0];
    enum reason reason =
        m->refused != REASON_NONE ? m->refused : resolve_metric(resolver, m, &remarks, &metric);
    if (reason != REASON_NONE) {
        buf_printf(out, "refused %.*s", STR_ARG(reason_name(reason)));
    } else if (metric.parked) {
        buf_str(out, STR("parked"));
    } else {
        double value = resolve_value(m, &metric, &remarks);
        struct resolved_source *source = resolve_source(resolver, &metric, &line, reporter, &remarks);
        buf_printf(out, "%.*s %.*s ", STR_ARG(names_metric(fixture->names, metric.metric)),
                   STR_ARG(kind_text(metric.kind)));
        buf_number(out, value);
        buf_printf(out, "%.*s | ", STR_ARG(unit_text(metric.unit)));
        put_source(fixture->names, source->bytes, out);
        for (unsigned r = 0; r < REASON_COUNT; r++)
            if (remarks.counts[r])
                buf_printf(out, " | %.*s", STR_ARG(reason_name((enum reason)r)));
    }
    buf_char(out, 0);
    line_done(&line);
}

static void must_resolve_as(struct fixture *fixture, enum undeclared undeclared,
                            const struct reporter *reporter, const char *text, const char *want)
{
    struct resolver *resolver = resolver_new(fixture->scheme, fixture->names, undeclared);
    for (int twice = 0; twice < 2; twice++) { /* the second time from memory */
        struct buf got = {0};
        show(fixture, resolver, text, reporter, &got);
        if (strcmp(got.at, want))
            fail_msg("%s\n  got  %s\n  want %s", text, got.at, want);
        buf_done(&got);
    }
    resolver_free(resolver);
}

static void must_resolve(void **state, const char *text, const char *want)
{
    must_resolve_as(*state, UNDECLARED_ACCEPT, &(struct reporter){.id = 1}, text, want);
}

static void positional_sources(void **state)
{
    must_resolve(state, "source=web01.42.7.9001 sample#dialer.contact.answered=812.4ms",
                 "dialer.contact.answered measure 812.4ms | account_id=42 caller_session_id=9001 "
                 "campaign_id=7 host=web01 "
                 "| verb_differs");
    must_resolve(
        state, "source=web.1.42.7.9001 measure#dialer.contact.busy=5ms",
        "dialer.contact.busy measure 5ms | account_id=42 caller_session_id=9001 campaign_id=7 host=web.1");
    must_resolve(
        state, "source=web01.42.7.9001.predictive.webui.mobile measure#dialer.contact.busy=5ms",
        "dialer.contact.busy measure 5ms | account_id=42 caller_phone_type=mobile caller_session_id=9001 "
        "caller_session_type=webui campaign_id=7 campaign_type=predictive host=web01");
    must_resolve(state, "source=web01.-.7 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | campaign_id=7 host=web01");
    must_resolve(state, "source=web01..7 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | campaign_id=7 host=web01");
    must_resolve(state, "source=db%2E1.42 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | account_id=42 host=db.1");
    must_resolve(state, "source=web01.1.2.3.surprise measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | account_id=1 caller_session_id=3 campaign_id=2 "
                 "campaign_type=surprise "
                 "host=web01 | enum_unknown");
}

static void sources_that_do_not_fit(void **state)
{
    must_resolve(state, "source=web01.042 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | source=web01.042 | source_unfit");
    must_resolve(state, "source=a.1.2.3.power.phone.sip.more measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | source=a.1.2.3.power.phone.sip.more | source_unfit");
    must_resolve(state, "source=web01.prod.example.com count#un.declared=1",
                 "un.declared count 1 | source=web01.prod.example.com");
    must_resolve(state, "source=http://x/y?z count#host.cpu=1", "host.cpu count 1 | source=http://x/y?z");
    must_resolve(state, "source=db.example.com level#load_avg_1m=1",
                 "load_avg_1m level 1 | source=db.example.com | source_unfit");
}

static void keyed_sources(void **state)
{
    must_resolve(state, "source=preview.ac-1.ca-2.cs-3 measure#dialer.contact.error=5ms",
                 "dialer.contact.error measure 5ms | account_id=1 caller_session_id=3 campaign_id=2 "
                 "campaign_type=preview");
    must_resolve(state, "source=cs-3.ca-2.ac-1.preview count#any.thing",
                 "any.thing count 1 | account_id=1 caller_session_id=3 campaign_id=2 campaign_type=preview");
    must_resolve(state, "source=ac-1.ca-2.dm-preview.cl-7.cs-3 count#any.thing",
                 "any.thing count 1 | account_id=1 caller_session_id=3 campaign_id=2 source=dm-preview.cl-7 "
                 "| source_rest");
    must_resolve(state, "source=ac-1.phone-5551234 count#any.thing",
                 "any.thing count 1 | account_id=1 phone=db9db50b8e04809e");
    must_resolve(state, "source=ac-x.ca-2 count#any.thing",
                 "any.thing count 1 | campaign_id=2 source=ac-x | source_rest");
    must_resolve(state, "source=ac-x.foo count#any.thing", "any.thing count 1 | source=ac-x.foo");
    /* of two values for one field the first stays, and the other is not lost */
    must_resolve(state, "source=ac-1.ac-2.preview.power count#any.thing",
                 "any.thing count 1 | account_id=1 campaign_type=preview source=ac-2.power | source_rest");
    /* a phone number is hashed whole, dots and all, and a second one is not kept in the clear */
    must_resolve(state, "source=phone-555.1234 count#any.thing",
                 "any.thing count 1 | phone=046bf120e951c4f6");
    must_resolve(state, "phone=555.1234 count#any.thing", "any.thing count 1 | phone=046bf120e951c4f6");
    must_resolve(state, "source=phone-555.1234.phone-7 count#any.thing",
                 "any.thing count 1 | phone=046bf120e951c4f6 | field_value_bad");
}

static void pairs_and_reporters(void **state)
{
    must_resolve(state, "source=web01 account_id=42 measure#dialer.contact.busy=5ms other=1",
                 "dialer.contact.busy measure 5ms | account_id=42 host=web01");
    must_resolve(state, "source=web01.41 account_id=42 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | account_id=41 host=web01 | contradiction");
    must_resolve(state, "source=web01.42 account_id=42 measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms | account_id=42 host=web01");
    must_resolve(state, "account_id=x measure#dialer.contact.busy=5ms",
                 "dialer.contact.busy measure 5ms |  | field_value_bad");
    struct reporter dyno = {.id = 2, .process = STR("web.3"), .host = STR_NONE};
    must_resolve_as(*state, UNDECLARED_ACCEPT, &dyno, "account_id=4 count#any.thing",
                    "any.thing count 1 | account_id=4 dyno=web.3 host=web.3 process=web.3");
    must_resolve_as(*state, UNDECLARED_ACCEPT, &dyno, "source=web.1 level#memory_total=21.0MB",
                    "memory_total level 21MB | dyno=web.3 host=web.1 process=web.3");
    struct pair env = {STR("env"), STR("production"), 0};
    struct reporter token = {.id = 0, .host = STR("h9"), .fields = &env, .field_count = 1};
    must_resolve_as(*state, UNDECLARED_ACCEPT, &token, "env=test count#any.thing",
                    "any.thing count 1 | env=production host=h9 | contradiction");
}

static void kinds_and_units(void **state)
{
    must_resolve(state, "measure#dialer.contact.busy=1.5s", "dialer.contact.busy measure 1500ms | ");
    must_resolve(state, "sample#memory_total=1GB", "memory_total level 1000MB |  | verb_differs");
    must_resolve(state, "count#memory_total=1", "refused kind_conflict");
    must_resolve(state, "count#dialer.contact.busy=1", "refused kind_conflict");
    must_resolve(state, "measure#dialer.requests.total=3", "dialer.requests.total count 3 |  | verb_differs");
    must_resolve(state, "count#dialer.requests.total=3ms", "dialer.requests.total count 3 |  | unit_differs");
    must_resolve(state, "measure#dialer.contact.busy=3parsec",
                 "dialer.contact.busy measure 3ms |  | unit_unknown");
    must_resolve(state, "measure#dialer.contact.busy=3MB",
                 "dialer.contact.busy measure 3ms |  | unit_differs");
    must_resolve(state, "sample#first.seen=3s", "first.seen value 3s | ");
    must_resolve(state, "sample#first.seen=4ms", "first.seen value 0.004s | ");
    must_resolve(state, "measure#first.seen=4", "first.seen value 4s |  | verb_differs");
    must_resolve(state, "unique#some.users=bob", "some.users unique 352101624509595 | ");
    must_resolve(state, "level#memory_pgpgin=7pages", "memory_pgpgin level 7 | ");
    must_resolve(state, "level#memory_pgpgin=7sheets", "memory_pgpgin level 7 |  | unit_unknown");
    must_resolve(state, "count#some.users=12", "some.users unique 2230715373766985 |  | verb_differs");
    must_resolve(state, "unique#dialer.requests.total=3", "dialer.requests.total count 3 |  | verb_differs");
    must_resolve(state, "unique#dialer.requests.total=bob", "refused kind_conflict");
    must_resolve(state, "start#dialer.contact=CA1", "refused verb_not_served");
}

static void names_that_are_rewritten_or_not_declared(void **state)
{
    must_resolve(state, "source=h count#heroku.logs.dialer.requests.total",
                 "dialer.requests.total count 1 | host=h");
    must_resolve_as(*state, UNDECLARED_REFUSE, &(struct reporter){.id = 1}, "count#never.seen=1",
                    "refused undeclared");
    must_resolve_as(*state, UNDECLARED_PARK, &(struct reporter){.id = 1}, "count#never.seen=1", "parked");
    must_resolve(state, "count#billing.dunning.jobs", "billing.dunning.jobs count 1 | ");
    must_resolve(state, "source=w1.7 measure#billing.dunning.run_ms=5",
                 "billing.dunning.run_ms measure 5ms | account_id=7 host=w1");
}

/* Own schemes, for what the dialer's has not. */
static void must_resolve_with(const char *scheme_text, const char *text, const char *want)
{
    struct fixture fixture = {.names = names_new()};
    struct scheme_report report = {0};
    if (scheme_parse(str_of(scheme_text), STR("f"), fixture.names, &fixture.scheme, &report, NULL))
        fail_msg("%.*s", STR_ARG(buf_view(&report.text)));
    must_resolve_as(&fixture, UNDECLARED_ACCEPT, &(struct reporter){.id = 1}, text, want);
    scheme_report_done(&report);
    scheme_unref(fixture.scheme);
    names_free(fixture.names);
}

static void rewritten_names(void **state)
{
    static const char scheme[] = "scheme: x\n"
                                 "fields: {host: {type: dyno}, account_id: {type: id}}\n"
                                 "templates: {w: host}\n"
                                 "metrics: {a.b.c: {kind: count, template: w}, d.e: {kind: count}}\n"
                                 "rewrite:\n"
                                 "  - {from: \"heroku.logs.**\", to: \"**\"}\n"
                                 "  - {from: \"a.b.{account_id}.c\", to: a.b.c}\n"
                                 "  - {from: \"x.{part}.{more}\", to: \"d.{part}\"}\n";
    must_resolve_with(scheme, "source=h count#a.b.42.c", "a.b.c count 1 | account_id=42 host=h");
    must_resolve_with(scheme, "source=h count#heroku.logs.a.b.42.c", "a.b.c count 1 | account_id=42 host=h");
    must_resolve_with(scheme, "count#a.b.none.c", "a.b.none.c count 1 | "); /* no id: would be lost */
    must_resolve_with(scheme, "count#x.e.z", "d.e count 1 | more=z");
    must_resolve_with(scheme, "count#heroku.logs", "heroku.logs count 1 | ");
    must_resolve_with(scheme, "count#a.b.42.c account_id=7", "a.b.c count 1 | account_id=42 | contradiction");
}

static void templates_of_an_own_scheme(void **state)
{
    static const char scheme[] =
        "scheme: x\n"
        "fields: {host: {type: dyno}, n: {type: id, key: n}, u: {type: uuid, key: u},\n"
        "         gone: {type: word, keep: none}, m: {enum: [p, q], key: m}, o: {enum: [q, r]}}\n"
        "templates: {t: host.u.gone, i: n}\n"
        "default_template: t\n"
        "metrics: {a: {kind: count, template: [i, t]}}\n";
    must_resolve_with(scheme, "source=7 count#a", "a count 1 | n=7"); /* the first that fits */
    must_resolve_with(scheme, "source=h7 count#a", "a count 1 | host=h7");
    must_resolve_with(scheme, "source=h7.-.secret count#a", "a count 1 | host=h7");
    must_resolve_with(scheme, "source=h7 count#undeclared", "undeclared count 1 | host=h7");
    must_resolve_with(scheme, "source=a.b.c.d count#undeclared",
                      "undeclared count 1 | source=a.b.c.d | source_unfit");
    must_resolve_with(scheme, "source=h.6BA7B810-9dad-11d1-80b4-00c04fd430c8 count#a",
                      "a count 1 | host=h u=6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    must_resolve_with(scheme, "source=18446744073709551615 count#a", "a count 1 | n=18446744073709551615");
    must_resolve_with(scheme, "source=18446744073709551616 count#a", "a count 1 | host=18446744073709551616");
    /* q is a word of two fields, so it is no one's; r is o's; m is keyed, and a whole word is not continued
     */
    must_resolve_with(scheme, "source=n-1.q count#a", "a count 1 | n=1 source=q | source_rest");
    must_resolve_with(scheme, "source=n-1.r count#a", "a count 1 | n=1 o=r");
    must_resolve_with(scheme, "source=m-p.x.n-1 count#a", "a count 1 | m=p n=1 source=x | source_rest");
    must_resolve_with(scheme, "source=m-s.x count#a", "a count 1 | m=s.x | enum_unknown");
}

static void pairs_of_a_former_name(void **state)
{
    static const char scheme[] = "scheme: x\nfields: {account: {type: id}}\n"
                                 "changes: [{field: acct, renamed: account}]\n";
    must_resolve_with(scheme, "count#a acct=7", "a count 1 | account=7");
    must_resolve_with(scheme, "count#a acct=7 account=8", "a count 1 | account=7 | contradiction");
}

static void many_sources_start_afresh_and_stay_right(void **state)
{
    struct fixture *fixture = *state;
    struct resolver *resolver = resolver_new(fixture->scheme, fixture->names, UNDECLARED_ACCEPT);
    struct reporter reporter = {.id = 1};
    for (unsigned i = 0; i < RESOLVE_SOURCES_MAX + 1000; i++) {
        struct line line;
        enum reason refused;
        struct remarks remarks = {0};
        struct resolved_metric metric;
        char text[100];
        snprintf(text, sizeof text, "source=h1.%u count#dialer.requests.total", i);
        line_init(&line);
        assert_true(line_parse(&line, str_of(text), &(struct line_options){0}, &refused));
        assert_int_equal(resolve_metric(resolver, &line.measurements[0], &remarks, &metric), REASON_NONE);
        struct resolved_source *source = resolve_source(resolver, &metric, &line, &reporter, &remarks);
        uint32_t account = names_find_field(fixture->names, STR("account_id"));
        if (i % 1000 == 0 || i > RESOLVE_SOURCES_MAX)
            assert_true(source_get(source->bytes, account).number == i);
        assert_true(source->mark == 0);
        line_done(&line);
    }
    resolver_free(resolver);
}

/* A source that is too long to be remembered is read anew every time. */
static void long_sources_are_not_remembered(void **state)
{
    char text[2100];
    int size = snprintf(text, sizeof text, "account_id=7 count#dialer.requests.total source=");
    memset(text + size, 'x', sizeof text - 1 - (size_t)size);
    text[sizeof text - 1] = 0;
    char want[400];
    snprintf(want, sizeof want,
             "dialer.requests.total count 1 | account_id=7 source=%.255s | source_unfit | field_value_bad",
             text + size);
    must_resolve(state, text, want);
}

/* Pairs are told apart from a source that looks like them. */
static void keys_of_sources_are_not_mixed_up(void **state)
{
    struct fixture *fixture = *state;
    struct resolver *resolver = resolver_new(fixture->scheme, fixture->names, UNDECLARED_ACCEPT);
    struct reporter reporter = {.id = 1};
    static const char *const texts[] = {
        "count#any.thing source=a env=b", "count#any.thing source=\"a\\u0000env\\u0000b\"",
        "count#any.thing source=a env=\"b\\u0000host\\u0000c\"", "count#any.thing source=a env=b host=c"};
    struct str seen[4];
    struct arena arena = {0};
    for (unsigned i = 0; i < 4; i++) {
        struct line line;
        enum reason refused;
        struct remarks remarks = {0};
        struct resolved_metric metric;
        line_init(&line);
        assert_true(line_parse(&line, str_of(texts[i]), NULL, &refused));
        assert_int_equal(resolve_metric(resolver, &line.measurements[0], &remarks, &metric), REASON_NONE);
        seen[i] = arena_str(&arena, resolve_source(resolver, &metric, &line, &reporter, &remarks)->bytes);
        for (unsigned j = 0; j < i; j++)
            assert_false(str_eq(seen[i], seen[j]));
        line_done(&line);
    }
    arena_done(&arena);
    resolver_free(resolver);
}

/* Beyond the limit a segment that varies becomes a field; names that are like no others are refused. */
static void names_beyond_the_limit(void **state)
{
    struct fixture *fixture = *state;
    struct resolver *resolver = resolver_new(fixture->scheme, fixture->names, UNDECLARED_ACCEPT);
    unsigned made = 0;
    for (unsigned i = 0; i < NAMES_UNDECLARED_MAX; i++) {
        struct measurement m = {.verb = VERB_COUNT, .refused = REASON_NONE, .number = 1};
        struct remarks remarks = {0};
        struct resolved_metric metric;
        char name[40];
        if (i < 100)
            snprintf(name, sizeof name, "user.%u.login", i);
        else
            snprintf(name, sizeof name, "odd%u.%u.x%u", i, i, i);
        m.name = str_of(name);
        assert_int_equal(resolve_metric(resolver, &m, &remarks, &metric), REASON_NONE);
        assert_true(str_eq(names_metric(fixture->names, metric.metric), m.name));
        made++;
    }
    assert_int_equal(names_undeclared_count(fixture->names), made);
    resolver_free(resolver);
    must_resolve(state, "count#user.7.login", "user.7.login count 1 | "); /* known before */
    must_resolve(state, "count#user.4711.login", "user._.login count 1 | inferred=4711");
    must_resolve(state, "source=ac-5 measure#user.4712.login=3",
                 "user._.login count 3 | account_id=5 inferred=4712 | verb_differs");
    must_resolve(state, "count#no.other.like.it", "refused too_many_names");
    must_resolve(state, "count#user.4711.logout", "refused too_many_names");
    must_resolve(state, "count#worker.mail.jobs", "worker.mail.jobs count 1 | "); /* declared */
    assert_int_equal(names_undeclared_count(fixture->names), made + 1);
}

/* A table of names that is full refuses, and never takes another name's number. */
static void a_full_table_refuses(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = names_metric_count(fixture->names); i < NAMES_METRICS_MAX; i++) {
        char name[40];
        snprintf(name, sizeof name, "p%u.%u.jobs", i, i);
        uint32_t metric = names_resolve_metric(fixture->names, str_of(name), KIND_COUNT, UNIT_NONE);
        names_declare(fixture->names, metric, KIND_COUNT, UNIT_NONE);
    }
    must_resolve(state, "count#worker.mail.jobs", "refused too_many_names");
    must_resolve(state, "count#never.seen", "refused too_many_names");
    must_resolve(state, "count#p7.7.jobs", "p7.7.jobs count 1 | ");
}

static const char *docs; /* docs/scheme.md */

/* Blocks tagged `resolve`: a line, then `=> ` and what it becomes. */
static void the_examples_of_the_document_are_true(void **state)
{
    struct buf text = {0};
    struct why why;
    if (sys_read_file(sys_real(), str_of(docs), 1 << 20, &text, &why))
        fail_msg("%s", why.text);
    char line[1024] = "", now[1024];
    bool inside = false;
    unsigned count = 0;
    for (struct str rest = buf_view(&text), one; rest.at;) {
        rest = str_cut(rest, '\n', &one);
        snprintf(now, sizeof now, "%.*s", STR_ARG(one));
        if (str_starts(one, STR("```")))
            inside = str_eq(one, STR("```resolve"));
        else if (inside && str_starts(one, STR("=> "))) {
            must_resolve(state, line, now + 3);
            count++;
        } else if (inside)
            memcpy(line, now, sizeof line);
    }
    assert_true(count > 10);
    buf_done(&text);
}

int main(int argc, char **argv)
{
    docs = argc > 1 ? argv[1] : "docs/scheme.md";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(positional_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sources_that_do_not_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keyed_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pairs_and_reporters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_and_units, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_are_rewritten_or_not_declared, set_up, tear_down),
        cmocka_unit_test(rewritten_names),
        cmocka_unit_test(pairs_of_a_former_name),
        cmocka_unit_test_setup_teardown(the_examples_of_the_document_are_true, set_up, tear_down),
        cmocka_unit_test(templates_of_an_own_scheme),
        cmocka_unit_test_setup_teardown(many_sources_start_afresh_and_stay_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_sources_are_not_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_of_sources_are_not_mixed_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_table_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_beyond_the_limit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
