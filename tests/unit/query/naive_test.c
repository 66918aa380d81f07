/* naive_test.c: random rows and random queries against a model that scans an array and follows the words of
 * docs/query.md. Arguments: first seed, how many. A failure prints its seed. */
#include "world.h"

#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

enum { ROWS = 400, SPAN_MS = 15 * 60000, LASTS_MS = 270000, HOSTS = 3, ACCOUNTS = 4, METRICS = 4 };

struct model_row {
    int metric, host, account; /* account 0: unset */
    int64_t time_ms;           /* since the day */
    double value;
};

struct model {
    uint64_t random;
    uint64_t seed;
    struct model_row rows[ROWS];
    uint32_t count;
    /* the query */
    int metric, scope, stat;
    bool by_host, by_account;
    int64_t from_ms, to_ms, step_ms, over_ms;
};

static const char *const METRIC_NAMES[METRICS] = {"req.total", "call.answered", "callers.on_call",
                                                  "disk.used"};
enum { REQ, CALL, LEVEL, DISK };

static const char *const SCOPES[] = {"",
                                     " @host:h1",
                                     " @account_id:2",
                                     " @host:h*,account_id:(1,3)",
                                     " @host!:h2",
                                     " @account_id:-",
                                     " @account_id:2..9",
                                     " @account_id!:2",
                                     " @host:h1 @account_id!:-"};
static const char *const STATS[] = {"sum",  "count",  "avg", "min", "max",
                                    "last", "stddev", "p50", "p95", "p99.9"};
enum { SUM, COUNT, AVG, MIN, MAX, LAST, STDDEV, P50, P95, P999, STAT_COUNT_OF };

static uint64_t draw(struct model *model, uint64_t below)
{
    model->random += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(model->random) % below;
}

static bool in_scope(const struct model *model, const struct model_row *row)
{
    switch (model->scope) {
    case 1:
        return row->host == 1;
    case 2:
        return row->account == 2;
    case 3:
        return row->account == 1 || row->account == 3;
    case 4:
        return row->host != 2;
    case 5:
        return row->account == 0;
    case 6:
        return row->account >= 2;
    case 7:
        return row->account != 2;
    case 8:
        return row->host == 1 && row->account != 0;
    default:
        return true;
    }
}

/* ---- the world ---- */

static void make_rows(struct model *model, struct world *world)
{
    model->count = (uint32_t)draw(model, ROWS) + 1;
    for (uint32_t i = 0; i < model->count; i++) {
        struct model_row *row = &model->rows[i];
        row->metric = (int)draw(model, METRICS);
        row->host = (int)draw(model, HOSTS) + 1;
        row->account = (int)draw(model, ACCOUNTS);
        row->time_ms = (int64_t)draw(model, draw(model, 2) ? SPAN_MS : SPAN_MS / 3);
        row->value = (double)draw(model, 2000) / 10 - 20;
        /* Two samples of one source at one time have no order: a level would be ambiguous. */
        for (uint32_t j = 0; j < i; j++)
            if (model->rows[j].time_ms == row->time_ms)
                row->time_ms++;
    }
    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_row *row = &model->rows[i];
        struct source_set set = {0};
        char host[16], account[16];
        snprintf(host, sizeof(host), "h%d", row->host);
        world_put(&set, world, STR("host"), str_of(host));
        snprintf(account, sizeof(account), "%d", row->account);
        if (row->account)
            world_put(&set, world, STR("account_id"), str_of(account));
        batch_add(world->batch, world_metric(world, str_of(METRIC_NAMES[row->metric]), KIND_VALUE),
                  world_source(world, &set), WORLD_DAY_MS + row->time_ms, row->value);
        if (draw(model, 40) == 0)
            world_commit(world, (uint32_t)draw(model, WORLD_LANES));
        if (draw(model, 150) == 0)
            store_tidy(world->store, true); /* what was in heads is in files now */
    }
    world_commit(world, 0);
}

static void make_query(struct model *model, struct buf *text)
{
    static const int64_t steps[] = {7000, 30000, 60000, 90000, 300000};
    model->metric = (int)draw(model, METRICS);
    model->scope = (int)draw(model, sizeof(SCOPES) / sizeof(SCOPES[0]));
    model->stat = (int)draw(model, model->metric == LEVEL ? LAST + 1 : STAT_COUNT_OF);
    if (model->metric == LEVEL && model->stat == COUNT)
        model->stat = SUM;
    model->by_host = draw(model, 3) == 0;
    model->by_account = draw(model, 3) == 0;
    model->step_ms = steps[draw(model, 5)];
    model->from_ms = (int64_t)draw(model, SPAN_MS);
    model->to_ms = model->from_ms + 1 + (int64_t)draw(model, SPAN_MS);
    model->over_ms = draw(model, 3) ? 0 : (int64_t)draw(model, 200) * 1000 + 1000;
    text->size = 0;
    buf_printf(text, "%s %s%s", METRIC_NAMES[model->metric], STATS[model->stat], SCOPES[model->scope]);
    if (model->over_ms)
        buf_printf(text, " over %llds", (long long)model->over_ms / 1000);
    if (model->by_host || model->by_account)
        buf_printf(text, " by %s%s%s", model->by_host ? "host" : "",
                   model->by_host && model->by_account ? "," : "", model->by_account ? "account_id" : "");
}

/* ---- what must come out ---- */

struct group {
    int host, account; /* -1: not grouped by it */
};

static bool in_group(const struct model_row *row, struct group group)
{
    return (group.host < 0 || row->host == group.host) &&
           (group.account < 0 || row->account == group.account);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double statistic(int stat, double *values, const int64_t *times, uint32_t n)
{
    double sum = 0, square = 0, last = 0;
    int64_t newest = -1;
    for (uint32_t i = 0; i < n; i++) {
        sum += values[i];
        if (times[i] > newest) {
            newest = times[i];
            last = values[i];
        }
    }
    for (uint32_t i = 0; i < n; i++)
        square += (values[i] - sum / n) * (values[i] - sum / n);
    if (stat == LAST)
        return last;
    qsort(values, n, sizeof(*values), compare);
    switch (stat) {
    case SUM:
        return sum;
    case COUNT:
        return n;
    case AVG:
        return sum / n;
    case MIN:
        return values[0];
    case MAX:
        return values[n - 1];
    case STDDEV:
        return sqrt(square / n);
    default: {
        uint32_t part = stat == P50 ? 500 : stat == P95 ? 950 : 999, rank = (part * n + 999) / 1000;
        return values[rank - 1];
    }
    }
}

static bool server_was_there(const struct model *model, int64_t from, int64_t to)
{
    bool one_host = model->scope == 1 || model->scope == 8;
    for (uint32_t i = 0; i < model->count; i++) {
        int64_t minute = model->rows[i].time_ms / 60000;
        if ((!one_host || model->rows[i].host == 1) && minute >= (from >= 0 ? from / 60000 : -1) &&
            minute <= (to - 1) / 60000)
            return true;
    }
    return false;
}

/* The combined level of a group at a point; false when no source has a value. */
static bool level_at(const struct model *model, struct group group, int64_t point, double *out)
{
    double sum = 0;
    int sources = 0;
    for (int host = 1; host <= HOSTS; host++)
        for (int account = 0; account < ACCOUNTS; account++) {
            const struct model_row *last = NULL;
            for (uint32_t i = 0; i < model->count; i++) {
                const struct model_row *row = &model->rows[i];
                if (row->metric == LEVEL && row->host == host && row->account == account &&
                    in_scope(model, row) && in_group(row, group) && row->time_ms < point &&
                    (!last || row->time_ms > last->time_ms))
                    last = row;
            }
            if (last && point - last->time_ms <= LASTS_MS) {
                sum += last->value;
                sources++;
            }
        }
    *out = model->stat == AVG ? sum / sources : sum;
    return sources > 0;
}

static double want_level(const struct model *model, struct group group, int64_t from, int64_t to)
{
    static double values[SPAN_MS / 1000 * 3];
    static int64_t times[SPAN_MS / 1000 * 3];
    int64_t grid = model->step_ms < 60000 ? model->step_ms : 60000;
    uint32_t n = 0;
    /* Points count from the epoch: the day begins at a multiple of a minute, but not of every step. */
    int64_t first = ((WORLD_DAY_MS + from) / grid) * grid - WORLD_DAY_MS;
    for (int64_t at = first; at <= to + grid; at += grid) {
        int64_t point = at > model->to_ms ? model->to_ms : at;
        double value;
        if (point - 1 < from || point - 1 >= to || (at > model->to_ms && at - grid >= model->to_ms))
            continue;
        if (level_at(model, group, point, &value)) {
            values[n] = value;
            times[n++] = point;
        }
    }
    if (n == 0)
        return NAN;
    return statistic(model->stat == SUM ? AVG : model->stat, values, times, n);
}

static double want_value(const struct model *model, struct group group, int64_t from, int64_t to, char *mark)
{
    static double values[ROWS];
    static int64_t times[ROWS];
    uint32_t n = 0;
    *mark = MARK_KNOWN;
    if (model->metric == LEVEL) {
        double value = want_level(model, group, from, to);
        *mark = isnan(value) ? MARK_GAP : MARK_KNOWN;
        return value;
    }
    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_row *row = &model->rows[i];
        if (row->metric == model->metric && in_scope(model, row) && in_group(row, group) &&
            row->time_ms >= from && row->time_ms < to) {
            values[n] = row->value;
            times[n++] = row->time_ms;
        }
    }
    if (n)
        return statistic(model->stat, values, times, n);
    bool counts = model->stat == COUNT || (model->stat == SUM && model->metric == REQ);
    *mark = counts && server_was_there(model, from, to) ? MARK_ZERO : MARK_GAP;
    return *mark == MARK_ZERO ? 0 : NAN;
}

/* ---- comparing ---- */

static void fail(const struct model *model, const struct buf *query, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("seed %llu: %.*s, from %lld to %lld step %lld: ", (unsigned long long)model->seed,
           STR_ARG(buf_view(query)), (long long)model->from_ms, (long long)model->to_ms,
           (long long)model->step_ms);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

static bool is_near(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return fabs(a - b) <= 1e-9 * (1 + fabs(a) + fabs(b));
}

static struct group group_of(const struct series *series)
{
    struct group group = {-1, -1};
    for (uint32_t i = 0; i < series->field_count; i++) {
        struct str value = series->fields[i].value;
        int number = value.at ? value.at[value.size - 1] - '0' : 0;
        if (str_eq(series->fields[i].name, STR("host")))
            group.host = number;
        else
            group.account = number;
    }
    return group;
}

static void check_series(const struct model *model, const struct buf *query, const struct answer *answer,
                         const struct series *series)
{
    struct group group = group_of(series);
    for (uint32_t p = 0; p < answer->point_count; p++) {
        int64_t from = answer->times[p] - WORLD_DAY_MS, to = from + model->step_ms;
        from = from < model->from_ms ? model->from_ms : from;
        to = to > model->to_ms ? model->to_ms : to;
        if (model->over_ms)
            from = to - model->over_ms;
        char mark;
        double want = want_value(model, group, from, to, &mark);
        if (!is_near(want, series->values[p]) || mark != series->marks[p])
            fail(model, query, "host %d account %d step %u: want %.17g %c, have %.17g %c", group.host,
                 group.account, p, want, mark, series->values[p], series->marks[p]);
    }
}

/* Groups are those with a row in what the query reads (a level's may come from before). */
static uint32_t count_groups(const struct model *model)
{
    bool seen[HOSTS + 1][ACCOUNTS] = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        const struct model_row *row = &model->rows[i];
        struct group group = {model->by_host ? row->host : -1, model->by_account ? row->account : -1};
        bool any = false;
        if (row->metric != model->metric || !in_scope(model, row))
            continue;
        int64_t start = (WORLD_DAY_MS + model->from_ms) / model->step_ms * model->step_ms - WORLD_DAY_MS;
        for (; start < model->to_ms && !any; start += model->step_ms) {
            int64_t from = start < model->from_ms ? model->from_ms : start, to = start + model->step_ms;
            to = to > model->to_ms ? model->to_ms : to;
            if (model->over_ms)
                from = to - model->over_ms;
            char mark;
            if (model->metric == LEVEL)
                any = !isnan(want_value(model, group, from, to, &mark));
            else
                any = row->time_ms >= from && row->time_ms < to;
        }
        /* With a window longer than it, what lies in the range counts for the range. */
        any |= model->metric != LEVEL && row->time_ms >= model->from_ms && row->time_ms < model->to_ms;
        if (!any)
            continue;
        bool *mark = &seen[model->by_host ? row->host : 0][model->by_account ? row->account : 0];
        count += !*mark;
        *mark = true;
    }
    return count;
}

/* Every other world is read by several threads. */
static void check_query(struct model *model, struct world *world, struct snapshot *snapshot,
                        struct crew *crew, struct buf *query)
{
    struct query_options options = {.scheme = world->scheme,
                                    .names = world->names,
                                    .sys = world->sys,
                                    .now_ms = WORLD_DAY_MS + model->to_ms,
                                    .from_ms = WORLD_DAY_MS + model->from_ms,
                                    .to_ms = WORLD_DAY_MS + model->to_ms,
                                    .step_ms = model->step_ms,
                                    .crew = model->seed % 2 ? crew : NULL,
                                    .share_rows = 20};
    struct query_error error;
    struct answer *answer;
    if (query_run(buf_view(query), &options, snapshot, &answer, &error) != ERR_OK)
        fail(model, query, "%s", error.text);
    uint32_t groups = model->by_host || model->by_account ? count_groups(model) : 1;
    if (model->metric != LEVEL && answer->series_count != groups)
        fail(model, query, "want %u groups, have %u", groups, answer->series_count);
    for (uint32_t i = 0; i < answer->series_count; i++)
        check_series(model, query, answer, &answer->series[i]);
    answer_free(answer);
}

int main(int argc, char **argv)
{
    const char *quick = getenv("DIALTONE_TEST_QUICK");
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    uint64_t count = argc > 3 ? strtoull(argv[3], NULL, 0) : quick && *quick ? 6 : 40;
    struct buf scheme = {0}, query = {0};
    struct why why = {0};
    struct model *model = MEM_NEW(struct model);
    struct crew *crew = crew_new(3);
    char path[1024];
    snprintf(path, sizeof(path), "%s/scheme.yaml", argc > 1 ? argv[1] : ".");
    if (sys_read_file(sys_real(), str_of(path), 1 << 20, &scheme, &why) != ERR_OK)
        return 2;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct world world;
        *model = (struct model){.random = seed * 1000003, .seed = seed};
        world_init(&world, buf_view(&scheme));
        make_rows(model, &world);
        struct snapshot *snapshot = store_snapshot(world.store);
        for (int i = 0; i < 40; i++) {
            make_query(model, &query);
            check_query(model, &world, snapshot, crew, &query);
        }
        snapshot_unref(snapshot);
        world_done(&world);
    }
    crew_free(crew);
    mem_free(model);
    buf_done(&scheme);
    buf_done(&query);
    printf("%llu passed, 0 failed\n", (unsigned long long)count);
    return 0;
}
