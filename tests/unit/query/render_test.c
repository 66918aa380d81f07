/* What answers and errors look like: JSON, CSV, tables; and what stops a query. */
#include "world.h"

#include "../cmocka_all.h"

#include <math.h>

#include "query/query_error.h"

static const char SCHEME[] = "scheme: test\n"
                             "fields:\n"
                             "  host: {type: dyno}\n"
                             "  account_id: {type: id, key: ac, under: host}\n"
                             "templates:\n"
                             "  call: host.account_id\n"
                             "metrics:\n"
                             "  req.total: {kind: count, template: call, doc: x}\n"
                             "  \"{job}.run\": {kind: measure, unit: ms, template: call, doc: x}\n";

static struct world world;

static void put_row(const char *metric, const char *host, const char *account, int64_t time_ms, double value)
{
    struct source_set set = {0};
    if (host)
        world_put(&set, &world, STR("host"), str_of(host));
    if (account)
        world_put(&set, &world, STR("account_id"), str_of(account));
    batch_add(world.batch, world_metric(&world, str_of(metric), KIND_COUNT), world_source(&world, &set),
              WORLD_DAY_MS + time_ms, value);
}

static int make_world(void **state)
{
    world_init(&world, str_of(SCHEME));
    put_row("req.total", "web,1", "42", 1000, 1.5);
    put_row("req.total", "web\"2", "42", 61000, 2);
    put_row("req.total", NULL, "7", 62000, 4);
    put_row("mail.run", "web3", "7", 3000, 250);
    put_row("sync.run", "web3", "42", 4000, 300);
    world_commit(&world, 0);
    store_tidy(world.store, true);
    put_row("req.total", "web,1", "42", 63000, 8);
    world_commit(&world, 1);
    return 0;
}

static int end_world(void **state)
{
    world_done(&world);
    return 0;
}

static struct query_options options_of(void)
{
    return (struct query_options){.scheme = world.scheme,
                                  .names = world.names,
                                  .sys = world.sys,
                                  .now_ms = WORLD_DAY_MS + 180000,
                                  .from_ms = WORLD_DAY_MS,
                                  .to_ms = WORLD_DAY_MS + 180000,
                                  .step_ms = 60000};
}

static void must_render(const char *query, void (*render)(const struct answer *answer, struct buf *out),
                        const char *want)
{
    struct query_options options = options_of();
    struct snapshot *snapshot = store_snapshot(world.store);
    struct query_error error;
    struct answer *answer;
    struct buf out = {0};
    if (query_run(str_of(query), &options, snapshot, &answer, &error) != ERR_OK)
        fail_msg("%s: %s", query, error.text);
    render(answer, &out);
    if (!str_eq(buf_view(&out), str_of(want)))
        fail_msg("%s\n--- want\n%s\n--- have\n%.*s", query, want, STR_ARG(buf_view(&out)));
    buf_done(&out);
    answer_free(answer);
    snapshot_unref(snapshot);
}

static void table_80(const struct answer *answer, struct buf *out)
{
    answer_table(answer, out, 80);
}

static void table_40(const struct answer *answer, struct buf *out)
{
    answer_table(answer, out, 40);
}

static void answers_are_json(void **state)
{
    must_render(
        "req.total by host", answer_json,
        "{\"query\":\"req.total by host\",\"from\":1795392000000,\"to\":1795392180000,\"every\":60000,"
        "\"exact\":true,\"rel_err\":0,\"coverage\":1,\"took_ms\":0,\"rows_read\":4,\"limits\":[],"
        "\"times\":[1795392000000,1795392060000,1795392120000],\"series\":["
        "{\"metric\":\"req.total\",\"stat\":\"sum\",\"unit\":\"\",\"fields\":{\"host\":null},"
        "\"values\":[0,4,null],\"marks\":\"zkg\"},"
        "{\"metric\":\"req.total\",\"stat\":\"sum\",\"unit\":\"\",\"fields\":{\"host\":\"web\\\"2\"},"
        "\"values\":[0,2,null],\"marks\":\"zkg\"},"
        "{\"metric\":\"req.total\",\"stat\":\"sum\",\"unit\":\"\",\"fields\":{\"host\":\"web,1\"},"
        "\"values\":[1.5,8,null],\"marks\":\"kkg\"}]}");
}

static void answers_are_csv(void **state)
{
    must_render("req.total by host every 3m top 2 other", answer_csv,
                "time,metric,stat,unit,host,other,value,mark\r\n"
                "2026-11-23T00:00:00.000Z,req.total,sum,,\"web,1\",,9.5,k\r\n"
                "2026-11-23T00:00:00.000Z,req.total,sum,,,,4,k\r\n"
                "2026-11-23T00:00:00.000Z,req.total,sum,,,true,2,k\r\n");
    must_render("{job}.run p50 every 3m", answer_csv,
                "time,metric,stat,unit,value,mark\r\n"
                "2026-11-23T00:00:00.000Z,{job}.run,p50,ms,250,k\r\n");
}

static void answers_are_tables(void **state)
{
    must_render("req.total by account_id", table_80,
                "req.total\n"
                "time                      account_id=7 sum  account_id=42 sum\n"
                "2026-11-23T00:00:00.000Z                 0                1.5\n"
                "2026-11-23T00:01:00.000Z                 4                 10\n"
                "2026-11-23T00:02:00.000Z                 -                  -\n"
                "2 series, 3 steps of 60 s, 4 rows read in 0 ms\n");
    must_render(
        "req.total by account_id", table_40,
        "req.total\n"
        "series                     min         mean          max         last\n"
        "account_id=7 sum             0            2            4            4  \xe2\x96\x81\xe2\x96\x88 \n"
        "account_id=42 sum          1.5         5.75           10           10  \xe2\x96\x81\xe2\x96\x88 \n"
        "2 series, 3 steps of 60 s, 4 rows read in 0 ms\n");
}

static void errors_are_json_and_text(void **state)
{
    struct query_options options = options_of();
    struct snapshot *snapshot = store_snapshot(world.store);
    struct query_error error;
    struct answer *answer;
    struct buf out = {0};
    assert_int_equal(query_run(STR("req.totl sum"), &options, snapshot, &answer, &error), ERR_UNKNOWN);
    query_error_json(&error, &out);
    assert_true(
        str_eq(buf_view(&out), STR("{\"error\":{\"text\":\"there is no metric req.totl\",\"column\":1,"
                                   "\"expected\":\"a metric that is stored or declared\","
                                   "\"near\":[\"req.total\"]}}")));
    out.size = 0;
    query_error_text(&error, STR("req.totl sum"), &out);
    assert_true(
        str_eq(buf_view(&out), STR("req.totl sum\n^\nthere is no metric req.totl; expected a metric that is "
                                   "stored or declared; did you mean `req.total`?\n")));
    buf_done(&out);
    snapshot_unref(snapshot);
}

static bool is_gone(void *ctx)
{
    ++*(int *)ctx;
    return true;
}

static void put_many(void)
{
    for (int i = 0; i < 200000; i++)
        put_row("req.total", "busy", "1", i, 1);
    world_commit(&world, 2);
}

static void deadlines_and_gone_askers_stop(void **state)
{
    put_many();
    struct query_options options = options_of();
    struct snapshot *snapshot = store_snapshot(world.store);
    struct query_error error;
    struct answer *answer = NULL;
    int asked = 0;
    sys_sim_advance(world.sys, 1000);
    options.deadline_ns = 1;
    assert_int_equal(query_run(STR("req.total"), &options, snapshot, &answer, &error), ERR_TIMEOUT);
    options.deadline_ns = 0;
    options.gone = is_gone;
    options.gone_ctx = &asked;
    assert_int_equal(query_run(STR("req.total"), &options, snapshot, &answer, &error), ERR_CANCELLED);
    assert_int_equal(asked, 1);
    assert_null(answer);
    snapshot_unref(snapshot);
}

static void must_list(const char *field, const char *scope, const char *search, uint32_t limit,
                      const char *want)
{
    struct query_options options = options_of();
    struct values_options values = {.scope = str_of(scope), .search = str_of(search), .limit = limit};
    struct snapshot *snapshot = store_snapshot(world.store);
    struct query_error error;
    struct arena arena = {0};
    struct value_count *found;
    uint32_t count;
    uint64_t distinct;
    struct buf out = {0};
    if (query_values(str_of(field), &values, &options, snapshot, &arena, &found, &count, &distinct, &error) !=
        ERR_OK)
        buf_printf(&out, "error: %s, near %s", error.text, error.near_count ? error.near[0] : "-");
    else {
        for (uint32_t i = 0; i < count; i++)
            buf_printf(&out, "%.*s=%llu ", STR_ARG(found[i].value), (unsigned long long)found[i].rows);
        buf_printf(&out, "of %llu", (unsigned long long)distinct);
    }
    if (!str_eq(buf_view(&out), str_of(want)))
        fail_msg("%s %s: want %s, have %.*s", field, scope, want, STR_ARG(buf_view(&out)));
    buf_done(&out);
    arena_done(&arena);
    snapshot_unref(snapshot);
}

static void values_are_counted(void **state)
{
    must_list("account_id", "", "", 10, "42=4 7=2 of 2");
    must_list("account_id", "", "", 1, "42=4 of 2");
    must_list("account_id", "host:web3", "", 10, "42=1 7=1 of 2");
    must_list("host", "account_id:42", "", 10, "web,1=2 web\"2=1 web3=1 of 3");
    must_list("host", "", "3", 10, "web3=2 of 1");
    must_list("metric", "", "", 10, "req.total=4 mail.run=1 sync.run=1 of 3");
    must_list("job", "", "", 10, "mail=1 sync=1 of 2");
    must_list("job", "job:s*", "", 10, "sync=1 of 1");
    must_list("acount_id", "", "", 10, "error: there is no field acount_id, near account_id");
}

static void silent_steps_are_folded(void **state)
{
    double values[] = {1, NAN, NAN, 0, NAN, NAN, 2, NAN, NAN, NAN};
    char marks[] = "kggzggkggg";
    int64_t times[10];
    for (unsigned i = 0; i < 10; i++)
        times[i] = 1795392000000 + 60000 * (int64_t)i;
    struct series series = {.metric = STR("a.b"), .stat = STR("sum"), .values = values, .marks = marks};
    struct answer answer = {.step_ms = 60000,
                            .exact = true,
                            .point_count = 10,
                            .times = times,
                            .series_count = 1,
                            .series = &series};
    struct buf out = {0};
    answer_table(&answer, &out, 80);
    buf_char(&out, 0);
    assert_non_null(strstr(out.at, "... 5 steps without a sample\n2026-11-23T00:06"));
    assert_null(strstr(out.at, "00:03"));
    assert_non_null(strstr(out.at, "00:09")); /* three at the end are too few to fold */
    buf_done(&out);
}

static void an_answer_without_groups_says_so(void **state)
{
    int64_t times[] = {1795392000000};
    struct answer answer = {.step_ms = 60000, .exact = true, .point_count = 1, .times = times};
    struct buf out = {0};
    answer_table(&answer, &out, 80);
    buf_char(&out, 0);
    assert_true(
        str_starts(buf_view(&out), STR("no group has a sample in this range\n0 series, 1 steps of 60 s")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_without_groups_says_so),
        cmocka_unit_test(silent_steps_are_folded),
        cmocka_unit_test(answers_are_json),
        cmocka_unit_test(answers_are_csv),
        cmocka_unit_test(answers_are_tables),
        cmocka_unit_test(errors_are_json_and_text),
        cmocka_unit_test(values_are_counted),
        cmocka_unit_test(deadlines_and_gone_askers_stop),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
