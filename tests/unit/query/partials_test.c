/* partials_test.c: what files keep per minute against their rows: every query answers the same with partials
 * and without, whatever was sealed, united, deleted or late; percentiles that do not fit come out of sketches
 * of files as they do of rows, and within 1 % of the exact ones. Arguments: folder of the scheme, first seed,
 * how many. A failure prints its seed. */
#include "world.h"

#include "base/mem.h"
#include "base/rng.h"
#include "query/delete_query.h"

#include <math.h>
#include <stdlib.h>

enum { QUERIES = 60, SPAN_MINUTES = 20, DENSE_MINUTES = 3, HOSTS = 3, ACCOUNTS = 5, SESSIONS = 150 };

#define FIRST_MS (WORLD_DAY_MS - 6 * 60000) /* so that there are files of two days */

static const char *const METRICS[] = {"req.total",       "req.done",         "call.answered",
                                      "disk.used",       "dialer.sync.jobs", "dialer.mail.jobs",
                                      "callers.on_call", "not.declared",     "dialer.sync.run_ms"};

static const char *const SELECTORS[] = {
    "req.total", "req.total", "call.answered",        "call.answered",     "req.done",        "call.answered",
    "disk.used", "req.*",     "{process}.{job}.jobs", "dialer.{job}.jobs", "callers.on_call", "not.declared"};

static const char *const STATS[] = {"sum",           "count",   "avg",  "min",    "max",
                                    "sum count avg", "min max", "rate", "rate 1m"};

/* Of metrics that have sketches, but for the last. */
static const char *const SKETCHED[] = {"call.answered", "call.answered", "call.answered",
                                       "call.*",        "disk.used",     "{process}.{job}.run_ms",
                                       "not.declared",  "req.total"};
static const char *const PERCENTILES[] = {"p95", "p50 p95 p99.9", "p95 avg max", "p0 p100 sum count min"};
static const uint64_t FEW_BYTES[] = {400, 4000, 20000};

static const char *const SCOPES[] = {"",
                                     "",
                                     "",
                                     " @host:h1",
                                     " @host!:h2",
                                     " @host:h*",
                                     " @account_id:2",
                                     " @account_id:2..9",
                                     " @account_id:-",
                                     " @account_id!:-",
                                     " @campaign_type:power",
                                     " @host:h1 @account_id:2",
                                     " @session:s7",
                                     " @host:none"};

static const char *const BYS[] = {
    "", "", "", "host", "account_id", "campaign_type", "host", "host,account_id", "session", "metric"};
static const char *const JOB_BYS[] = {"", "job", "process,job", "job,host", "host"};
static const int64_t STEPS_MS[] = {60000, 60000, 60000, 300000, 300000, 3600000, 30000, 90000};

#define PICK(rng, list) (list)[rng_below(rng, sizeof(list) / sizeof((list)[0]))]

struct trial {
    uint64_t seed;
    struct rng rng;
    struct world world;
    struct snapshot *snapshot;
    bool dense; /* many rows of few values a minute: then files keep sketches of them */
    bool signs; /* values of both signs cancel: sums are as good as their parts, not as they are themselves */
    struct buf query;
    struct query_options options;
    uint32_t asked, by_partials, sketched, by_sketches;
};

static uint64_t span_ms(const struct trial *trial)
{
    return (trial->dense ? DENSE_MINUTES : SPAN_MINUTES) * UINT64_C(60000);
}

static void fail(const struct trial *trial, const char *what)
{
    printf("seed %llu: %.*s, from %lld to %lld step %lld: %s\n", (unsigned long long)trial->seed,
           STR_ARG(buf_view(&trial->query)), (long long)(trial->options.from_ms - WORLD_DAY_MS),
           (long long)(trial->options.to_ms - WORLD_DAY_MS), (long long)trial->options.step_ms, what);
    exit(1);
}

/* ---- the world ---- */

static void put_row(struct trial *trial, uint32_t i, uint32_t count)
{
    static const char *const types[] = {"predictive", "power", "preview"};
    struct rng *rng = &trial->rng;
    struct world *world = &trial->world;
    struct source_set set = {0};
    char host[16], account[16], session[16];
    snprintf(host, sizeof(host), "h%u", (unsigned)rng_below(rng, trial->dense ? 2 : HOSTS));
    snprintf(account, sizeof(account), "%u", (unsigned)rng_below(rng, ACCOUNTS));
    snprintf(session, sizeof(session), "s%u", (unsigned)rng_below(rng, SESSIONS));
    world_put(&set, world, STR("host"), str_of(host));
    if (account[0] != '0')
        world_put(&set, world, STR("account_id"), str_of(account));
    if (rng_chance(rng, 60))
        world_put(&set, world, STR("campaign_type"), str_of(PICK(rng, types)));
    if (rng_chance(rng, 30))
        world_put(&set, world, STR("session"), str_of(session));
    uint64_t span = span_ms(trial);
    int64_t time_ms = rng_chance(rng, 95) ? (int64_t)(i * span / count) : (int64_t)rng_below(rng, span);
    const char *metric = rng_chance(rng, trial->dense ? 90 : 70)
                             ? METRICS[trial->dense ? 2 : rng_below(rng, 3)]
                             : PICK(rng, METRICS);
    double value = (double)rng_below(rng, 100000) / (rng_chance(rng, 2) ? 7 : 100) - (trial->signs ? 300 : 0);
    if (trial->dense && rng_chance(rng, 99))
        value = trunc(value / 20) / 2;
    batch_add(world->batch, world_metric(world, str_of(metric), KIND_VALUE), world_source(world, &set),
              FIRST_MS + time_ms, value);
}

static void put_rows(struct trial *trial, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put_row(trial, i, count);
        if (i % 100 == 99)
            world_commit(&trial->world, rng_chance(&trial->rng, trial->dense ? 98 : 85)
                                            ? 0
                                            : (uint32_t)rng_below(&trial->rng, WORLD_LANES));
        if (rng_below(&trial->rng, count / 3) == 0)
            store_tidy(trial->world.store, true);
    }
    world_commit(&trial->world, 0);
}

static void delete_some(struct trial *trial)
{
    static const char *const texts[] = {"req.*", "call.answered @account_id:2", "disk.used @host:h1",
                                        "dialer.** @account_id:-", "req.total @campaign_type:power"};
    struct arena arena = {0};
    struct query_error error;
    struct delete_request request;
    struct delete_report report;
    struct why why;
    struct query_options options = trial->options;
    options.from_ms = FIRST_MS + (int64_t)rng_below(&trial->rng, span_ms(trial));
    options.to_ms = options.from_ms + (int64_t)rng_below(&trial->rng, span_ms(trial)) + 1;
    CHECK(query_delete_request(str_of(PICK(&trial->rng, texts)), &options, &arena, &request, &error) ==
          ERR_OK);
    request.who = request.text = STR("test");
    CHECK(store_delete(trial->world.store, &request, &report, &why) == ERR_OK);
    delete_report_done(&report);
    arena_done(&arena);
}

static void unite(struct trial *trial)
{
    struct why why;
    CHECK(store_merge(trial->world.store, &(struct merge_options){0}, &why) == ERR_OK);
}

static void make_world(struct trial *trial)
{
    trial->dense = rng_chance(&trial->rng, 50);
    trial->signs = rng_chance(&trial->rng, 30);
    put_rows(trial, 4000 + (uint32_t)rng_below(&trial->rng, trial->dense ? 20000 : 12000));
    if (rng_chance(&trial->rng, 80))
        store_tidy(trial->world.store, true);
    if (trial->dense && rng_chance(&trial->rng, 80))
        unite(trial); /* what was only sealed has no sketches yet */
    for (int i = 0; i < 3; i++) {
        if (rng_chance(&trial->rng, 25))
            delete_some(trial);
        if (rng_chance(&trial->rng, 25))
            unite(trial);
        if (rng_chance(&trial->rng, 25))
            put_rows(trial, 300); /* into heads, over what is there */
    }
}

/* ---- questions ---- */

static void draw_range(struct trial *trial)
{
    struct rng *rng = &trial->rng;
    struct query_options *options = &trial->options;
    options->exact_bytes_max = 0;
    options->step_ms = PICK(rng, STEPS_MS);
    options->from_ms = FIRST_MS + (int64_t)rng_below(rng, span_ms(trial)) - 60000;
    options->to_ms = options->from_ms + 1 + (int64_t)rng_below(rng, span_ms(trial));
    if (trial->dense && rng_chance(rng, 50)) {
        options->from_ms = FIRST_MS;
        options->to_ms = FIRST_MS + (int64_t)span_ms(trial);
    } else if (rng_chance(rng, 50)) {
        options->from_ms = options->from_ms / 60000 * 60000;
        options->to_ms = options->to_ms / 60000 * 60000 + 60000;
    }
}

static void make_query(struct trial *trial)
{
    struct rng *rng = &trial->rng;
    struct buf *text = &trial->query;
    const char *selector = PICK(rng, SELECTORS), *stat = PICK(rng, STATS);
    bool jobs = strstr(selector, "jobs") != NULL, ratio = rng_chance(rng, 15);
    const char *by = jobs && rng_chance(rng, 80) ? PICK(rng, JOB_BYS) : PICK(rng, BYS);
    if (strcmp(selector, "dialer.{job}.jobs") == 0 && strstr(by, "process"))
        by = "job";
    const char *scope = rng_chance(rng, 40) ? PICK(rng, SCOPES) : "";
    text->size = 0;
    if (ratio)
        buf_printf(text, "((call.answered count) / req.total)%s", scope);
    else
        buf_printf(text, "%s %s%s", selector, strcmp(selector, "callers.on_call") ? stat : "avg", scope);
    if (*by && !(ratio && (jobs || strcmp(by, "metric") == 0)))
        buf_printf(text, " by %s%s", by, rng_chance(rng, 15) ? " top 2 other" : "");
    draw_range(trial);
}

static void make_percentiles(struct trial *trial)
{
    struct rng *rng = &trial->rng;
    struct buf *text = &trial->query;
    const char *by = rng_chance(rng, 50) ? PICK(rng, BYS) : "",
               *scope = rng_chance(rng, 25) ? PICK(rng, SCOPES) : "";
    text->size = 0;
    buf_printf(text, "%s %s%s", rng_chance(rng, 50) ? "call.answered" : PICK(rng, SKETCHED),
               PICK(rng, PERCENTILES), scope);
    if (*by)
        buf_printf(text, " by %s%s", by, rng_chance(rng, 15) ? " top 2 other" : "");
    draw_range(trial);
    trial->options.exact_bytes_max = PICK(rng, FEW_BYTES);
    if (trial->options.crew) /* how much each of several takes for its lists shows near the limit */
        trial->options.exact_bytes_max = 1;
}

/* ---- answers ---- */

static bool is_exact(const struct series *series)
{
    return str_eq(series->stat, STR("count")) || str_eq(series->stat, STR("min")) ||
           str_eq(series->stat, STR("max")) || str_starts(series->stat, STR("p"));
}

static void compare_series(const struct trial *trial, const struct answer *answer, const struct series *have,
                           const struct series *want)
{
    if (!str_eq(have->metric, want->metric) || !str_eq(have->stat, want->stat) ||
        !str_eq(have->unit, want->unit) || have->field_count != want->field_count)
        fail(trial, "another series");
    for (uint32_t f = 0; f < want->field_count; f++)
        if (!str_eq(have->fields[f].name, want->fields[f].name) ||
            !str_eq(have->fields[f].value, want->fields[f].value))
            fail(trial, "another group");
    if (memcmp(have->marks, want->marks, answer->point_count) != 0)
        fail(trial, "other marks");
    for (uint32_t p = 0; p < answer->point_count; p++) {
        double x = have->values[p], y = want->values[p];
        double room = is_exact(want) ? 0 : 1e-12 * fmax(fabs(x), fabs(y)) + (trial->signs ? 1e-8 : 0);
        char text[160];
        snprintf(text, sizeof(text), "%.*s of point %u: %.17g by partials, %.17g by rows",
                 STR_ARG(want->stat), p, x, y);
        if (isnan(x) != isnan(y) || fabs(x - y) > room)
            fail(trial, text);
    }
}

static void compare(struct trial *trial, const struct answer *have, const struct answer *want)
{
    if (have->series_count != want->series_count || have->point_count != want->point_count ||
        have->exact != want->exact || have->limit_count != want->limit_count)
        fail(trial, "another shape of answer");
    if (memcmp(have->times, want->times, want->point_count * sizeof(*want->times)) != 0)
        fail(trial, "other times");
    for (uint32_t i = 0; i < want->series_count; i++)
        compare_series(trial, want, &have->series[i], &want->series[i]);
}

/* The answer by partials, *want the same by rows; NULL when both refuse it. */
static struct answer *ask_both(struct trial *trial, struct answer **want)
{
    struct query_options rows = trial->options;
    struct query_error error, rows_error;
    struct answer *have;
    rows.rows_only = true;
    enum err err = query_run(buf_view(&trial->query), &trial->options, trial->snapshot, &have, &error);
    enum err rows_err = query_run(buf_view(&trial->query), &rows, trial->snapshot, want, &rows_error);
    if (err != rows_err || (err && strcmp(error.text, rows_error.text) != 0))
        fail(trial, err ? error.text : rows_error.text);
    if (err)
        return NULL;
    compare(trial, have, *want);
    return have;
}

static void ask(struct trial *trial)
{
    struct answer *have, *want;
    make_query(trial);
    have = ask_both(trial, &want);
    if (!have)
        return;
    trial->asked += want->rows_read > 0;
    trial->by_partials += have->rows_read != want->rows_read; /* a cell counts as one */
    answer_free(have);
    answer_free(want);
}

/* Each percentile within 1 % of the exact one. */
static void compare_exact(const struct trial *trial, const struct answer *have)
{
    struct query_options options = trial->options;
    struct query_error error;
    struct answer *want;
    options.exact_bytes_max = 0;
    options.rows_only = true;
    if (query_run(buf_view(&trial->query), &options, trial->snapshot, &want, &error) != ERR_OK)
        fail(trial, error.text);
    if (!want->exact || have->series_count != want->series_count)
        fail(trial, "other series than the exact ones");
    for (uint32_t i = 0; i < want->series_count; i++)
        for (uint32_t p = 0; p < want->point_count; p++) {
            double x = have->series[i].values[p], y = want->series[i].values[p];
            if (isnan(x) != isnan(y) || fabs(x - y) > 0.01001 * fabs(y) + (trial->signs ? 1e-8 : 0))
                fail(trial, "a percentile is off by more than 1 %");
        }
    answer_free(want);
}

static void ask_percentiles(struct trial *trial)
{
    struct answer *have, *want;
    make_percentiles(trial);
    have = ask_both(trial, &want);
    if (!have)
        return;
    if (have->rel_err != (have->exact ? 0 : 0.01))
        fail(trial, "another error than is told");
    if (!have->exact && !str_ends(buf_view(&trial->query), STR("other"))) /* ranked by sketches */
        compare_exact(trial, have);
    trial->sketched += !have->exact;
    trial->by_sketches += have->rows_read != want->rows_read;
    answer_free(have);
    answer_free(want);
}

/* Every other world is read by several threads. */
static void run(struct trial *trial, struct str scheme, struct crew *crew)
{
    world_init(&trial->world, scheme);
    struct world *world = &trial->world;
    trial->options = (struct query_options){.scheme = world->scheme,
                                            .names = world->names,
                                            .sys = world->sys,
                                            .now_ms = WORLD_DAY_MS + 3600000,
                                            .crew = trial->seed % 2 ? crew : NULL,
                                            .share_rows = 50};
    make_world(trial);
    trial->snapshot = store_snapshot(world->store);
    for (int i = 0; i < QUERIES; i++) {
        ask(trial);
        if (trial->dense || rng_chance(&trial->rng, 25))
            ask_percentiles(trial);
    }
    snapshot_unref(trial->snapshot);
    world_done(world);
}

int main(int argc, char **argv)
{
    const char *quick = getenv("DIALTONE_TEST_QUICK");
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 0) : quick && *quick ? 5 : 25;
    struct buf scheme = {0};
    struct why why = {0};
    char path[1024];
    struct trial all = {0};
    struct crew *crew = crew_new(3);
    snprintf(path, sizeof(path), "%s/scheme.yaml", argc > 1 ? argv[1] : ".");
    if (sys_read_file(sys_real(), str_of(path), 1 << 20, &scheme, &why) != ERR_OK)
        return 2;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct trial trial = {.seed = seed, .rng = {seed}};
        run(&trial, buf_view(&scheme), crew);
        buf_done(&trial.query);
        all.asked += trial.asked;
        all.by_partials += trial.by_partials;
        all.sketched += trial.sketched;
        all.by_sketches += trial.by_sketches;
    }
    crew_free(crew);
    buf_done(&scheme);
    printf("%u of %u queries that read any rows read partials; %u of %u sketched ones read sketches\n",
           all.by_partials, all.asked, all.by_sketches, all.sketched);
    if (count >= 5 && (all.by_partials * 4 < all.asked || all.by_sketches * 12 < all.sketched)) {
        printf("too few\n0 passed, 1 failed\n");
        return 1;
    }
    printf("%llu passed, 0 failed\n", (unsigned long long)count);
    return 0;
}
