/* A query whose reading several threads share answers as it does alone: to the letter, with every limit, and
 * while others ask for help too. */
#include "world.h"

#include "../cmocka_all.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ROWS = 60000, HOSTS = 7, ACCOUNTS = 90, SPAN_MS = 7200000, ASKERS = 4, HELPERS = 3 };

static uint64_t seed_state;

static uint64_t draw(uint64_t below)
{
    return hash_mix(seed_state += UINT64_C(0x9e3779b97f4a7c15)) % below;
}

static const char *const METRIC_NAMES[] = {"req.total",       "req.done",        "call.answered",
                                           "disk.used",       "callers.on_call", "dialer.sync.jobs",
                                           "dialer.mail.jobs"};

struct setting {
    struct world world;
    struct snapshot *snapshot;
    struct crew *crew;
};

/* Files, heads that were sealed beside others, and rows that came late: parts overlap. */
static void make_rows(struct world *world)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        struct source_set set = {0};
        char host[16], account[16];
        snprintf(host, sizeof(host), "h%u", (unsigned)draw(HOSTS));
        snprintf(account, sizeof(account), "%u", (unsigned)draw(ACCOUNTS) + 1);
        world_put(&set, world, STR("host"), str_of(host));
        if (draw(10))
            world_put(&set, world, STR("account_id"), str_of(account));
        const char *name = METRIC_NAMES[draw(3) ? draw(3) : draw(7)];
        int64_t time_ms = draw(5) ? (int64_t)i * SPAN_MS / ROWS : (int64_t)draw(SPAN_MS);
        batch_add(world->batch, world_metric(world, str_of(name), KIND_VALUE), world_source(world, &set),
                  WORLD_DAY_MS + time_ms, (double)draw(200000) / 100 - 20);
        if (i % 200 == 199)
            world_commit(world, (uint32_t)draw(WORLD_LANES));
        if (i % 7000 == 6999)
            store_tidy(world->store, true);
    }
    world_commit(world, 0);
}

static int set_up(void **state)
{
    static const char path[] = "/scheme.yaml";
    struct setting *setting = MEM_NEW(struct setting);
    struct buf scheme = {0}, file = {0};
    struct why why = {0};
    buf_str(&file, str_of(getenv("SCHEME_DIR") ? getenv("SCHEME_DIR") : "."));
    buf_str(&file, str_of(path));
    CHECK(sys_read_file(sys_real(), buf_view(&file), 1 << 20, &scheme, &why) == ERR_OK);
    world_init(&setting->world, buf_view(&scheme));
    make_rows(&setting->world);
    setting->snapshot = store_snapshot(setting->world.store);
    setting->crew = crew_new(HELPERS);
    buf_done(&scheme);
    buf_done(&file);
    *state = setting;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    snapshot_unref(setting->snapshot);
    crew_free(setting->crew);
    world_done(&setting->world);
    mem_free(setting);
    return 0;
}

static struct query_options options_of(const struct setting *setting)
{
    return (struct query_options){.scheme = setting->world.scheme,
                                  .names = setting->world.names,
                                  .sys = setting->world.sys,
                                  .now_ms = WORLD_DAY_MS + SPAN_MS,
                                  .from_ms = WORLD_DAY_MS + 300123,
                                  .to_ms = WORLD_DAY_MS + SPAN_MS - 777};
}

/* The answer without its time, or the error. */
static void ask(const struct setting *setting, const struct query_options *options, const char *text,
                struct buf *out)
{
    struct query_error error;
    struct answer *answer;
    out->size = 0;
    if (query_run(str_of(text), options, setting->snapshot, &answer, &error) != ERR_OK) {
        query_error_json(&error, out);
    } else {
        answer->took_ns = 0;
        answer_json(answer, out);
        answer_free(answer);
    }
    buf_char(out, '\0');
}

/* share_rows 1: every block is a share of its own. */
static void must_agree(const struct setting *setting, struct query_options options, const char *text,
                       uint32_t share_rows)
{
    struct buf alone = {0}, shared = {0};
    ask(setting, &options, text, &alone);
    options.crew = setting->crew;
    options.share_rows = share_rows;
    ask(setting, &options, text, &shared);
    if (!str_eq(buf_view(&alone), buf_view(&shared))) {
        fprintf(stderr, "%s, shares of %u\nalone:  %.*s\nshared: %.*s\n", text, share_rows,
                STR_ARG(buf_view(&alone)), STR_ARG(buf_view(&shared)));
        CHECK(false);
    }
    buf_done(&alone);
    buf_done(&shared);
}

static const char *const QUERIES[] = {
    "req.total sum count avg min max every 1m",
    "call.answered p50 p95 p99 stddev last every 5m",
    "call.answered p95 by account_id every 1h top 7",
    "disk.used avg stddev last max by host every 7s",
    "req.total count by account_id,host top 20 other",
    "req.total uniq account_id by host every 10m",
    "call.answered uniq every 10m",
    "call.answered avg p90 every 5m over 12m",
    "req.* count @host:h1,account_id:2..40 every 1m",
    "{process}.{job}.jobs sum by job every 30m",
    "callers.on_call by host every 5m",
    "((call.answered count) / req.total) by host every 10m",
    "req.total sum every 10m vs 30m",
    "req.total count by account_id every 1h bottom 5",
    "no.such every 1m",
};

enum { QUERY_COUNT = sizeof(QUERIES) / sizeof(QUERIES[0]) };

static void answers_are_those_of_one_thread(void **state)
{
    for (uint32_t i = 0; i < QUERY_COUNT; i++)
        for (uint32_t share_rows = 1; share_rows < 100000; share_rows *= 70)
            must_agree(*state, options_of(*state), QUERIES[i], share_rows);
}

static void *ask_much(void *ctx)
{
    const struct setting *common = ctx;
    struct setting own = *common; /* a snapshot is one query's */
    own.snapshot = store_snapshot(own.world.store);
    for (uint32_t i = 0; i < QUERY_COUNT; i++)
        must_agree(&own, options_of(&own), QUERIES[i], 500);
    snapshot_unref(own.snapshot);
    return NULL;
}

static void askers_share_the_helpers(void **state)
{
    pthread_t askers[ASKERS];
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_much, *state), 0);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(askers[i], NULL);
}

static void limits_hold_for_all_together(void **state)
{
    struct query_options few_rows = options_of(*state), few_groups = few_rows, few_values = few_rows;
    few_rows.rows_max = 5000;
    few_groups.groups_max = 11;
    few_values.exact_bytes_max = 20000;
    few_values.share_rows = 1;
    for (uint32_t i = 0; i < QUERY_COUNT; i++)
        must_agree(*state, few_groups, QUERIES[i], 1);
    struct buf out = {0};
    must_agree(*state, few_values, "call.answered p50 p95 by host every 5m", 1);
    ask(*state, &few_values, "call.answered p50 p95 by host every 5m", &out);
    assert_non_null(strstr(out.at, "\"exact\":false"));
    few_rows.crew = ((struct setting *)*state)->crew;
    few_rows.share_rows = 1;
    ask(*state, &few_rows, QUERIES[0], &out);
    must_agree(*state, few_rows, QUERIES[0], 1);
    assert_non_null(strstr(out.at, "more than 5000 rows would be read"));
    buf_done(&out);
}

/* Cells of one thread fit, but not those of four: the query is read alone then. */
static void a_crowded_query_is_read_by_one(void **state)
{
    struct query_options options = options_of(*state);
    options.step_ms = 1000;
    must_agree(*state, options, "req.total sum avg min max last by account_id", 1);
}

static bool is_gone(void *ctx)
{
    return atomic_fetch_add((_Atomic int *)ctx, 1) >= 0;
}

static void whoever_is_gone_stops_all(void **state)
{
    struct setting *setting = *state;
    struct query_options options = options_of(setting);
    _Atomic int asked = 0;
    struct buf out = {0};
    options.gone = is_gone;
    options.gone_ctx = &asked;
    options.crew = setting->crew;
    options.share_rows = 1;
    ask(setting, &options, "req.total avg by account_id,host every 7s", &out);
    assert_non_null(strstr(out.at, "the asker is gone"));
    buf_done(&out);
}

int main(int argc, char **argv)
{
    seed_state = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    if (argc > 1)
        setenv("SCHEME_DIR", argv[1], 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_one_thread), cmocka_unit_test(askers_share_the_helpers),
        cmocka_unit_test(limits_hold_for_all_together),    cmocka_unit_test(a_crowded_query_is_read_by_one),
        cmocka_unit_test(whoever_is_gone_stops_all),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
