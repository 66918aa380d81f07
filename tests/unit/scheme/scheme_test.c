/* Scheme files: what loads, and every complaint with its line and column; a case a line. */
#include "scheme/scheme.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

/* Loads; the scheme's and the registry's are the caller's. */
static struct scheme *load(const char *text, struct names *names, struct scheme_report *report)
{
    struct scheme *scheme = NULL;
    struct why why = {0};
    enum err err = scheme_parse(str_of(text), STR("f"), names, &scheme, report, &why);
    assert_true(err == ERR_OK ? scheme != NULL && report->errors == 0
                              : scheme == NULL && report->errors > 0 && why.err == err && why.line > 0);
    return scheme;
}

static void must_load(const char *text, const char *warnings)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = load(text, names, &report);
    buf_char(&report.text, 0);
    if (!scheme || strcmp(report.text.at, warnings))
        fail_msg("%s\n  got  %s\n  want %s", text, report.text.at, warnings);
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
}

/* All complaints, a line each. */
static void must_complain(const char *text, const char *want)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = load(text, names, &report);
    buf_char(&report.text, 0);
    if (scheme || strcmp(report.text.at, want))
        fail_msg("%s\n  got  %s  want %s", text, report.text.at, want);
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
}

#define HEAD   "scheme: x\n"
#define FIELDS HEAD "fields: {host: {type: dyno}, account_id: {type: id, key: ac}, kind_of: {enum: [a, b]}}\n"
#define CALL   FIELDS "templates: {call: host.account_id, worker: host}\n"

static void the_file_itself(void **state)
{
    must_load("scheme: x\n", "");
    must_complain("", "f:1:1: the first line must be `scheme: NAME`\n");
    must_complain("- a\n", "f:1:1: expected {key: value, ...}\n");
    must_complain("scheme: [x]\n", "f:1:9: expected the scheme's name\n");
    must_complain("scheme: x\nfeilds: {}\n", "f:2:1: unknown key feilds; did you mean fields?\n");
    must_complain("scheme: x\nscheme: y\n", "f:2:1: scheme stands here twice\n");
    must_complain("scheme: x\nqqqqqqqq: 1\n", "f:2:1: unknown key qqqqqqqq\n");
    must_complain("scheme: x\nfields: {a: &b {type: id}, c: *b}\n",
                  "f:2:13: anchors, aliases and tags are not understood here\n");
    must_complain("scheme: x\nfields: *b\n", "f:2:9: anchors, aliases and tags are not understood here\n");
    must_complain("scheme: !!str x\n", "f:1:9: anchors, aliases and tags are not understood here\n");
    must_complain("scheme: x\n[a]: b\n", "f:2:1: a key must be one word\n");
    must_complain("scheme: x\n---\nscheme: y\n", "f:3:1: one document only\n");
    must_complain("scheme: {x\n", "f:2:1: did not find expected ',' or '}'\n");
    must_complain("scheme: x\n\tfields: {}\n", "f:2:1: found a tab character that violates indentation\n");
    must_complain("scheme: [[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]\n", "f:1:24: nested too deeply\n");
}

static void files_have_a_limit(void **state)
{
    struct buf text = {0};
    buf_str(&text, STR("scheme: x\n#"));
    while (text.size <= 1 << 20)
        buf_str(&text, STR("xxxxxxxxxxxxxxxx"));
    buf_char(&text, 0);
    must_complain(text.at, "f:1:1: the file has 1048587 bytes, more than 1048576\n");
    buf_done(&text);
}

static void only_a_hundred_complaints_are_shown(void **state)
{
    struct buf text = {0}, want = {0};
    buf_str(&text, STR("scheme: x\n"));
    for (unsigned i = 0; i < 150; i++)
        buf_printf(&text, "zzzzzzzz%u: 1\n", i);
    buf_char(&text, 0);
    for (unsigned i = 0; i < 100; i++)
        buf_printf(&want, "f:%u:1: unknown key zzzzzzzz%u\n", i + 2, i);
    buf_str(&want, STR("f: there may be more; only 100 are shown\n"));
    buf_char(&want, 0);
    must_complain(text.at, want.at);
    buf_done(&text);
    buf_done(&want);
}

static void fields(void **state)
{
    must_load(FIELDS, "");
    must_complain(HEAD "fields: 7\n", "f:2:9: expected `name: {type: ...}` lines\n");
    must_complain(HEAD "fields: {a: {tipe: id}}\n", "f:2:13: a field needs a type or an enum\n"
                                                    "f:2:14: unknown key tipe; did you mean type?\n");
    must_complain(HEAD "fields: {a: {type: idd}}\n", "f:2:20: unknown type idd; did you mean id?\n");
    must_complain(HEAD "fields: {a: {type: enum}}\n", "f:2:13: an enum needs its words: {enum: [a, b]}\n");
    must_complain(HEAD "fields: {a: {enum: []}}\n",
                  "f:2:20: expected a list of words: [predictive, power]\n");
    must_complain(HEAD "fields: {a: {enum: [x, y, x]}}\n", "f:2:27: x stands here twice\n");
    must_complain(HEAD "fields: {a: {enum: [x.y]}}\n",
                  "f:2:21: a word of an enum has no dot and at most 255 bytes\n");
    must_complain(HEAD "fields: {a: {type: id, enum: [x]}}\n",
                  "f:2:30: words are for an enum, and this is of type id\n");
    must_complain(HEAD "fields: {A: {type: id}}\n",
                  "f:2:10: a field is named a-z, then a-z 0-9 _, at most 64; not metric, stat or time\n");
    must_complain(HEAD "fields: {metric: {type: id}}\n",
                  "f:2:10: a field is named a-z, then a-z 0-9 _, at most 64; not metric, stat or time\n");
    must_complain(HEAD "fields: {a: {type: id}, a: {type: id}}\n", "f:2:25: field a stands here twice\n");
    must_complain(HEAD "fields: {a: {type: id, key: k}, b: {type: id, key: k}}\n",
                  "f:2:52: key k belongs to field a already\n");
    must_complain(HEAD "fields: {a: {type: id, key: k-1}}\n", "f:2:29: a key has no dash and no dot\n");
    must_complain(HEAD "fields: {a: {type: id, expect: many}}\n",
                  "f:2:32: expected a whole number: how many values are usual\n");
    must_complain(HEAD "fields: {a: {type: id, link: \"http://x/\"}}\n",
                  "f:2:30: a link says where the value goes: https://example.org/{value}\n");
    must_complain(HEAD "fields: {a: {type: id, keep: hush}}\n",
                  "f:2:30: unknown keep hush; did you mean hash?\n");
    must_complain(HEAD "fields: {aaa: {type: id}, b: {type: id, under: aab}}\n",
                  "f:2:48: unknown field aab; did you mean aaa?\n");
    must_complain(HEAD "fields: {a: {type: id, under: a}}\n", "f:2:31: a lies under itself\n");
    must_complain(HEAD "fields: {a: {type: id, under: b}, b: {type: id, under: a}}\n",
                  "f:2:31: a lies under itself\nf:2:56: b lies under itself\n");
}

static void templates(void **state)
{
    must_load(CALL, "");
    must_complain(FIELDS "templates: {t: host.acount_id}\n",
                  "f:3:16: unknown field acount_id; did you mean account_id?\n");
    must_complain(FIELDS "templates: {t: host.host}\n", "f:3:16: field host stands in the template twice\n");
    must_complain(FIELDS "templates: {t: host, t: host}\n", "f:3:22: template t stands here twice\n");
    must_complain(FIELDS "templates: {t: }\n", "f:3:16: expected fields joined by dots: host.account_id\n");
    must_complain(CALL "default_template: cal\n", "f:4:19: unknown template cal; did you mean call?\n");
}

static void metrics(void **state)
{
    must_load(CALL
              "metrics: {a: {kind: count}, \"{p}.b\": {kind: level, unit: \"%\", template: [call, worker], "
              "every: 90s, lasts: 4m, across: avg, doc: \"d\"}}\n",
              "");
    must_complain(CALL "metrics: {a: {kind: counter}}\n",
                  "f:4:21: unknown kind counter; did you mean count?\n");
    must_complain(CALL "metrics: {a: {unit: ms}}\n",
                  "f:4:14: a metric needs a kind: count, level, value, measure or unique\n");
    must_complain(CALL "metrics: {a: {kind: count, template: wroker}}\n",
                  "f:4:38: unknown template wroker; did you mean worker?\n");
    must_complain(CALL "metrics: {a: {kind: count, template: []}}\n",
                  "f:4:38: expected a template's name or a list of 1 to 16 of them\n");
    must_complain(CALL "metrics: {a: {kind: count, every: 90}}\n",
                  "f:4:35: every expects a time such as 10s, 90s, 5m\n");
    must_complain(CALL "metrics: {a: {kind: count, lasts: 90s}}\n",
                  "f:4:28: lasts is for levels, and this is a count\n");
    must_complain(CALL "metrics: {a: {kind: level, across: mean}}\n",
                  "f:4:36: unknown across mean; there are sum, avg, max\n");
    must_complain(CALL "metrics: {a: {kind: count, kind: count}}\n", "f:4:28: kind stands here twice\n");
    must_complain(CALL "metrics: {a: {kind: count}, a: {kind: count}}\n",
                  "f:4:29: metric a stands here twice\n");
    must_complain(CALL "metrics: {\"a b\": {kind: count}}\n",
                  "f:4:11: a metric is named by 1 to 255 of A-Z a-z 0-9 _ . : / -\n");
    must_complain(CALL "metrics: {\"a.{P}\": {kind: count}}\n",
                  "f:4:11: a placeholder is {field_name} and takes a whole segment\n");
    must_complain(CALL "metrics: {\"a.x{p}\": {kind: count}}\n",
                  "f:4:11: a placeholder is {field_name} and takes a whole segment\n");
    must_complain(CALL "metrics: {\"a..{p}\": {kind: count}}\n",
                  "f:4:11: a segment is made of A-Z a-z 0-9 _ : / - and is not empty\n");
    must_complain(CALL "metrics: {\"{p}.{p}\": {kind: count}}\n", "f:4:11: {p} stands here twice\n");
    must_complain(CALL "metrics: {\"{host}.up\": {kind: count, template: call}}\n",
                  "f:4:11: {host} is a field of template call already\n");
    must_complain(CALL "metrics: {\"{p}.up\": {kind: count}, \"{q}.up\": {kind: level}}\n",
                  "f:4:36: {q}.up and {p}.up tie: a name could belong to either\n");
    must_load(CALL
              "metrics: {\"{p}.up\": {kind: count}, \"a.{q}\": {kind: level}, \"{q}.b\": {kind: level}}\n",
              "");
    must_load(CALL "metrics: {a: {kind: count, unit: mb}}\n",
              "f:4:34: warning: mb is a label here and does not convert; did you mean MB?\n");
    must_load(CALL "metrics: {a: {kind: count, unit: callers}}\n", "");
}

static void the_smaller_sections(void **state)
{
#define METRICS CALL "metrics: {a.b: {kind: measure}, \"{p}.run\": {kind: measure}}\n"
    must_load(METRICS
              "stopwatches: {a: {ends: [b], ttl: 2m, late: 5m, template: call}, \"{p}\": {ends: [run]}}\n"
              "yardstick: {callers: a.b, jobs: x.run}\n"
              "rewrite: [{from: \"l.**\", to: \"**\"}, {from: \"a.{account_id}.b\", to: a.b}]\n"
              "changes: [{field: acc, renamed: account_id}]\n"
              "default_template: call\n",
              "");
    must_complain(METRICS "stopwatches: {a: {ends: [c]}}\n", "f:5:26: a.c is not declared under metrics\n");
    must_complain(METRICS "stopwatches: {a: {ttl: 2m}}\n",
                  "f:5:18: a stopwatch needs its ends: {ends: [answered, busy]}\n");
    must_complain(METRICS "stopwatches: {a: {ends: [b], ttl: soon}}\n",
                  "f:5:35: ttl expects a time such as 90s, 2m, 1h\n");
    must_complain(METRICS "stopwatches: {a: {ends: [b], template: kall}}\n",
                  "f:5:40: unknown template kall; did you mean call?\n");
    must_complain(METRICS "yardstick: {callers: a.bb}\n", "f:5:22: unknown metric a.bb; did you mean a.b?\n");
    must_complain(METRICS "rewrite: {from: a, to: b}\n",
                  "f:5:10: expected a list of {from: pattern, to: name}, at most 1000\n");
    must_complain(METRICS "rewrite: [{from: a}]\n", "f:5:11: a rewrite needs from and to\n");
    must_complain(METRICS "rewrite: [{from: \"a.**\", to: b}]\n",
                  "f:5:11: ** must end both from and to, or neither\n");
    must_complain(METRICS "rewrite: [{from: \"**.a\", to: \"**\"}]\n", "f:5:11: ** stands at the end only\n");
    must_complain(METRICS "rewrite: [{from: \"a.{x}\", to: \"b.{y}\"}]\n",
                  "f:5:11: to has a placeholder that from lacks\n");
    must_complain(METRICS "rewrite: [{from: \"{x}.{x}\", to: b}]\n",
                  "f:5:11: a placeholder stands there twice\n");
    must_complain(METRICS "rewrite: [{from: \"a.{X}\", to: b}]\n",
                  "f:5:11: a segment is a word, {field} or **\n");
    must_complain(METRICS "rewrite: [{from: \"a*\", to: b}]\n",
                  "f:5:11: a segment is a word, {field} or **\n");
    must_complain(METRICS "changes: [{field: old, renamed: acount_id}]\n",
                  "f:5:33: unknown field acount_id; did you mean account_id?\n");
    must_complain(METRICS "changes: [{field: host, renamed: account_id}]\n",
                  "f:5:19: host is still declared under fields\n");
    must_complain(METRICS "changes: [{field: o, renamed: host}, {field: o, renamed: host}]\n",
                  "f:5:46: o was renamed above\n");
    must_complain(METRICS "changes: [{renamed: host}]\n", "f:5:11: a change needs field and renamed\n");
}

/* Sections are read in an order of their own, but the report follows the file. */
static void all_complaints_come_in_the_order_of_the_file(void **state)
{
    must_complain("metrics: {a: {kind: cuont, template: t}}\n"
                  "fields: {a: {type: wrd}}\n"
                  "schema: x\n",
                  "f:1:1: the first line must be `scheme: NAME`\n"
                  "f:1:21: unknown kind cuont; did you mean count?\n"
                  "f:1:38: unknown template t\n"
                  "f:2:20: unknown type wrd; did you mean word?\n"
                  "f:3:1: unknown key schema; did you mean scheme?\n");
}

static void must_match(const struct scheme *scheme, const char *name, const char *want)
{
    struct metric_match match;
    struct buf got = {0};
    scheme_match(scheme, str_of(name), &match);
    buf_str(&got, match.def ? match.def->pattern : STR("none"));
    for (uint32_t i = 0; i < match.count; i++)
        buf_printf(&got, " %.*s=%.*s", STR_ARG(match.placeholders[i].field),
                   STR_ARG(match.placeholders[i].value));
    buf_char(&got, 0);
    if (strcmp(got.at, want))
        fail_msg("%s\n  got  %s\n  want %s", name, got.at, want);
    buf_done(&got);
}

static void a_name_belongs_to_one_declaration(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = load(HEAD "metrics:\n"
                                      "  \"{a}.{b}\": {kind: count}\n"
                                      "  \"{a}.{b}.z\": {kind: count}\n"
                                      "  \"{a}.y.{c}\": {kind: count}\n"
                                      "  \"x.{b}.{c}\": {kind: count}\n"
                                      "  \"{a}.y.z\": {kind: count}\n"
                                      "  x.y.z: {kind: count}\n",
                                 names, &report);
    must_match(scheme, "x.y.z", "x.y.z");
    must_match(scheme, "w.y.z", "{a}.y.z a=w"); /* two literals before one */
    must_match(scheme, "x.w.z", "x.{b}.{c} b=w c=z");
    must_match(scheme, "x.y.w", "x.{b}.{c} b=y c=w"); /* the leftmost literal */
    must_match(scheme, "w.y.v", "{a}.y.{c} a=w c=v");
    must_match(scheme, "w.v.z", "{a}.{b}.z a=w b=v");
    must_match(scheme, "w.v.u", "none");
    must_match(scheme, "w.v", "{a}.{b} a=w b=v");
    must_match(scheme, "w.", "none"); /* no placeholder is empty */
    must_match(scheme, ".", "none");
    must_match(scheme, "w", "none");
    must_match(scheme, "", "none");
    must_match(scheme, "x.y.z.", "none");
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
}

static void declarations_carry_what_was_written(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme =
        load("scheme: full\n"
             "fields:\n"
             "  host: {type: dyno}\n"
             "  id: {type: id, key: k, expect: 5000, link: \"https://example.org/{value}\"}\n"
             "  sub: {type: uuid, under: id, keep: none}\n"
             "  e: {enum: [u, v]}\n"
             "templates: {t: host.id, w: host}\n"
             "metrics:\n"
             "  l: {kind: level, every: 90s, unit: callers, template: [w, t], across: max, doc: \"People\"}\n"
             "  m: {kind: level, lasts: 2h}\n"
             "  n: {kind: level}\n"
             "  o: {kind: measure, unit: ms}\n"
             "changes: [{field: old, renamed: id}, {field: older, renamed: id}]\n",
             names, &report);
    assert_true(str_eq(scheme_name(scheme), STR("full")));
    assert_int_equal(scheme_field_count(scheme), 4);
    const struct field_def *id = scheme_find_field(scheme, STR("id"));
    assert_true(id == scheme_field(scheme, 1) && id->type == FIELD_ID && id->expect == 5000);
    assert_true(str_eq(id->key, STR("k")) && str_eq(id->link, STR("https://example.org/{value}")));
    assert_int_equal(id->id, names_find_field(names, STR("id")));
    const struct field_def *sub = scheme_find_field(scheme, STR("sub"));
    assert_true(str_eq(sub->under, STR("id")) && sub->keep == KEEP_NONE && sub->type == FIELD_UUID);
    const struct field_def *e = scheme_find_field(scheme, STR("e"));
    assert_true(e->type == FIELD_ENUM && e->word_count == 2 && str_eq(e->words[1], STR("v")));
    const struct metric_def *l = scheme_metric(scheme, 0);
    assert_true(l->kind == KIND_LEVEL && l->unit == UNIT_NONE && str_eq(l->unit_text, STR("callers")));
    assert_true(l->every_ms == 90000 && l->lasts_ms == 270000 && l->across == ACROSS_MAX);
    assert_true(l->template_count == 2 && l->templates[0] == 1 && l->templates[1] == 0);
    assert_true(str_eq(l->doc, STR("People")));
    assert_int_equal(scheme_metric(scheme, 1)->lasts_ms, 7200000);
    assert_int_equal(scheme_metric(scheme, 2)->lasts_ms, 300000);
    assert_int_equal(scheme_metric(scheme, 3)->unit, UNIT_ms);
    assert_true(str_eq(scheme_renamed_field(scheme, STR("old")), STR("id")));
    assert_true(scheme_renamed_field(scheme, STR("id")).at == NULL);
    assert_true(str_eq(scheme_nearest_metric(scheme, STR("ll")), STR("l")));
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
}

/* What is stored under an old name is found under the new one, until a scheme declares the old name again. */
static void renamed_fields_have_one_number(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    uint32_t old = names_resolve_field(names, STR("acct"));
    struct scheme *scheme =
        load("scheme: a\nfields: {account: {type: id}}\n"
             "changes: [{field: acct, renamed: account}, {field: ac, renamed: account}]\n",
             names, &report);
    uint32_t account = scheme_field(scheme, 0)->id;
    assert_int_equal(names_resolve_field(names, STR("acct")), account);
    assert_int_equal(names_find_field(names, STR("ac")), account);
    assert_int_equal(names_find_field(names, STR("account")), account);
    assert_true(str_eq(names_field(names, old), STR("acct")));
    struct scheme *again =
        load("scheme: a\nfields: {account: {type: id}, acct: {type: word}}", names, &report);
    assert_int_equal(scheme_find_field(again, STR("acct"))->id, old);
    assert_int_equal(names_resolve_field(names, STR("acct")), old);
    scheme_unref(scheme);
    scheme_unref(again);
    scheme_report_done(&report);
    names_free(names);
}

static void what_is_stored_keeps_its_meaning(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct buf problems = {0};
    struct why why = {0};
    names_resolve_metric(names, STR("a"), KIND_MEASURE, UNIT_ms);
    names_resolve_metric(names, STR("b"), KIND_VALUE, UNIT_NONE);
    names_resolve_metric(names, STR("c"), KIND_UNIQUE, UNIT_NONE);
    names_resolve_metric(names, STR("d"), KIND_COUNT, UNIT_s);
    struct scheme *good =
        load("scheme: x\nmetrics: {a: {kind: level, unit: ms}, b: {kind: measure, unit: s}, "
             "c: {kind: unique}}",
             names, &report);
    assert_int_equal(scheme_check_stored(good, names, &problems, &why), ERR_OK);
    assert_int_equal(problems.size, 0);
    struct scheme *bad = load("scheme: x\nmetrics: {a: {kind: measure, unit: s}, c: {kind: count}, "
                              "\"{x}\": {kind: count}}",
                              names, &report);
    assert_int_equal(scheme_check_stored(bad, names, &problems, &why), ERR_REFUSED);
    assert_true(str_eq(buf_view(&problems),
                       STR("a is stored in ms and cannot be declared in s: give it a new name\n"
                           "c is stored as a unique and cannot be declared as a count: give it a new name\n"
                           "d is stored in s and cannot be declared in no unit: give it a new name\n")));
    assert_string_equal(why.text, "a is stored in ms and cannot be declared in s: give it a new name");
    scheme_unref(good);
    scheme_unref(bad);
    scheme_report_done(&report);
    buf_done(&problems);
    names_free(names);
}

static void every_scheme_has_its_generation(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *a = load("scheme: a", names, &report), *b = load("scheme: a", names, &report);
    assert_true(scheme_generation(a) != scheme_generation(b));
    scheme_unref(scheme_ref(a));
    scheme_unref(a);
    scheme_unref(b);
    scheme_unref(NULL);
    scheme_report_done(&report);
    names_free(names);
}

static void the_dialer_pack_declares_the_dialer(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = NULL;
    assert_int_equal(scheme_load(NULL, STR_NONE, names, &scheme, &report, NULL), ERR_OK);
    assert_int_equal(report.text.size, 0);
    static const char *const words[] = {"autoscale.web.total",
                                        "autoscale.web.error",
                                        "autoscale.web.up",
                                        "autoscale.web.down",
                                        "worker.jobs",
                                        "worker.mail.jobs",
                                        "worker.mail.failed",
                                        "worker.mail.run_ms",
                                        "dialer.caller_sessions.on_call",
                                        "dialer.caller_sessions.hold",
                                        "dialer.caller_sessions.wrap_up",
                                        "dialer.requests.total",
                                        "dialer.requests.error",
                                        "dialer.requests.completed",
                                        "dialer.responses.completed",
                                        "dialer.responses.error",
                                        "dialer.contact.answered",
                                        "dialer.contact.busy",
                                        "dialer.contact.error",
                                        "dialer.contact.redirect",
                                        "dialer.transfer.answered",
                                        "dialer.transfer.busy",
                                        "dialer.transfer.error",
                                        "dialer.transfer.redirect",
                                        "dialer.caller.redirect",
                                        "job_status.worker.started",
                                        "job_status.worker.completed",
                                        "job_status.worker.error",
                                        "job_status.worker.sigterm",
                                        "host.cpu.busy",
                                        "host.memory.used",
                                        "host.load.1m",
                                        "router.connect",
                                        "router.service",
                                        "router.bytes",
                                        "memory_total",
                                        "load_avg_1m"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        struct metric_match match;
        scheme_match(scheme, str_of(words[i]), &match);
        if (!match.def || !match.def->doc.size || !match.def->template_count)
            fail_msg("%s is not declared with a doc and a template", words[i]);
        if (match.def->kind == KIND_LEVEL && !match.def->every_ms)
            fail_msg("%s is a level without every", words[i]);
    }
    static const char *const field_words[] = {"method", "status", "process", "dyno", "env", "source"};
    for (unsigned i = 0; i < sizeof field_words / sizeof *field_words; i++)
        assert_non_null(scheme_find_field(scheme, str_of(field_words[i])));
    scheme_report_done(&report);
    scheme_unref(scheme);
    names_free(names);
}

static void a_folder_without_a_file_says_so(void **state)
{
    struct names *names = names_new();
    struct scheme_report report = {0};
    struct scheme *scheme = NULL;
    struct why why = {0};
    assert_int_not_equal(scheme_load(sys_real(), STR("no/such/pack"), names, &scheme, &report, &why), ERR_OK);
    assert_non_null(strstr(why.text, "no/such/pack/scheme.yaml"));
    scheme_report_done(&report);
    names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_itself),
        cmocka_unit_test(files_have_a_limit),
        cmocka_unit_test(only_a_hundred_complaints_are_shown),
        cmocka_unit_test(fields),
        cmocka_unit_test(templates),
        cmocka_unit_test(metrics),
        cmocka_unit_test(the_smaller_sections),
        cmocka_unit_test(all_complaints_come_in_the_order_of_the_file),
        cmocka_unit_test(a_name_belongs_to_one_declaration),
        cmocka_unit_test(declarations_carry_what_was_written),
        cmocka_unit_test(renamed_fields_have_one_number),
        cmocka_unit_test(what_is_stored_keeps_its_meaning),
        cmocka_unit_test(every_scheme_has_its_generation),
        cmocka_unit_test(the_dialer_pack_declares_the_dialer),
        cmocka_unit_test(a_folder_without_a_file_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
