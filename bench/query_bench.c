/* query_bench.c: the seven questions of the targets, asked of dialer-shaped rows: sessions that live 20
 * minutes, emit about 40 samples each, and never come back. Prints the first and the median time of each, and
 * rows a second.
 *
 *   query_bench [ROWS [NAME [RUNS]]]   default 10,000,000 over three hours, 250,000 sessions; NAME: only that
 * question
 *
 * The store is a folder below $TMPDIR and is removed at the end. Nothing asserts a time. */
#include "base/check.h"
#include "base/hash.h"
#include "query/query.h"
#include "scheme/source.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <math.h>
#include <unistd.h>

enum { RUNS_DEFAULT = 7, RUNS_MAX = 1000, BATCH_ROWS = 20000, HOSTS = 20, ACCOUNTS = 500 };

static const int64_t FROM_MS = INT64_C(1795392000000), SPAN_MS = 3 * 3600000;

static const char SCHEME[] = "scheme: bench\n"
                             "fields:\n"
                             "  host: {type: dyno}\n"
                             "  account_id: {type: id, key: ac}\n"
                             "  campaign_id: {type: id, key: ca, under: account_id}\n"
                             "  caller_session_id: {type: id, key: cs, under: campaign_id}\n"
                             "  campaign_type: {enum: [predictive, power, preview]}\n"
                             "templates:\n"
                             "  call: host.account_id.campaign_id.caller_session_id.campaign_type\n"
                             "metrics:\n"
                             "  dialer.contact.answered: {kind: measure, unit: ms, template: call, doc: x}\n"
                             "  dialer.contact.busy: {kind: measure, unit: ms, template: call, doc: x}\n"
                             "  dialer.requests.total: {kind: count, template: call, doc: x}\n"
                             "  dialer.responses.completed: {kind: count, template: call, doc: x}\n";

static uint64_t random_state = 1;

static uint64_t draw(void)
{
    return hash_mix(random_state += UINT64_C(0x9e3779b97f4a7c15));
}

static double uniform(void)
{
    return (double)(draw() >> 11) / (double)(UINT64_C(1) << 53);
}

struct bench {
    struct names *names;
    struct scheme *scheme;
    struct store *store;
    uint64_t rows, sessions;
    uint32_t metrics[4];
    uint32_t fields[5];
    const char *only;
    uint32_t runs;
};

/* Everything about a session follows from its number. */
static void session_source(const struct bench *bench, uint64_t session, struct buf *out)
{
    static const struct str types[] = {STR("predictive"), STR("power"), STR("preview")};
    uint64_t h = hash_mix(session + 77);
    double skew = (double)(h & 0xffff) / 65536;
    uint64_t account = (uint64_t)(skew * skew * ACCOUNTS) + 1;
    char host[16];
    int size = snprintf(host, sizeof(host), "web%02d", (int)((h >> 20) % HOSTS));
    struct source_set set = {0};
    CHECK(source_set_put(&set, bench->fields[0],
                         (struct source_value){.type = SOURCE_TEXT, .text = str_make(host, (size_t)size)}));
    CHECK(source_set_put(&set, bench->fields[1],
                         (struct source_value){.type = SOURCE_NUMBER, .number = account}));
    CHECK(source_set_put(
        &set, bench->fields[2],
        (struct source_value){.type = SOURCE_NUMBER, .number = account * 10 + (h >> 30) % 10}));
    CHECK(source_set_put(&set, bench->fields[3],
                         (struct source_value){.type = SOURCE_NUMBER, .number = session + 1000000}));
    CHECK(source_set_put(&set, bench->fields[4],
                         (struct source_value){.type = SOURCE_TEXT, .text = types[(h >> 40) % 3]}));
    out->size = 0;
    source_encode(&set, out);
}

static void add_row(struct bench *bench, struct batch *batch, uint64_t i, struct buf *source)
{
    uint64_t live = bench->sessions / 9 + 1;
    uint64_t session = (uint64_t)((double)i / (double)bench->rows * (double)bench->sessions) + draw() % live;
    uint64_t kind = draw() % 10;
    uint32_t metric = bench->metrics[kind < 3 ? 0 : kind < 5 ? 1 : kind < 8 ? 2 : 3];
    double value = 1;
    if (kind < 5) /* log-normal, one decimal, cut at 30 s */
        value = fmin(30000, round(exp(8.7 + 0.6 * (uniform() + uniform() + uniform() - 1.5) * 2) * 10) / 10);
    session_source(bench, session, source);
    uint32_t number = batch_source(batch, buf_view(source), hash_bytes(buf_view(source)));
    int64_t time = FROM_MS + (int64_t)((double)i / (double)bench->rows * (double)SPAN_MS);
    batch_add(batch, metric, number, time, value);
}

static void load(struct bench *bench)
{
    struct batch *batch = batch_new();
    struct buf source = {0};
    struct why why = {0};
    uint64_t start = sys_mono_ns(sys_real());
    for (uint64_t i = 0; i < bench->rows;) {
        for (uint32_t n = 0; n < BATCH_ROWS && i < bench->rows; n++, i++)
            add_row(bench, batch, i, &source);
        CHECK(lane_submit(store_lane(bench->store, 0), batch, &why) == ERR_OK);
        CHECK(lane_commit(store_lane(bench->store, 0)) == 1);
        batch_reset(batch);
        store_tidy(bench->store, false);
    }
    double seconds = (double)(sys_mono_ns(sys_real()) - start) / 1e9;
    printf("loaded %llu rows in %.1f s\n", (unsigned long long)bench->rows, seconds);
    batch_free(batch);
    buf_done(&source);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void report(const char *name, uint64_t *times, uint32_t runs, uint64_t rows, uint32_t series)
{
    uint64_t first = times[0];
    qsort(times, runs, sizeof(*times), compare);
    uint64_t median = times[runs / 2];
    printf("%-4s first %8.2f ms  median %8.2f ms  %9llu rows read  %5.0f M rows/s  %u series\n", name,
           (double)first / 1e6, (double)median / 1e6, (unsigned long long)rows,
           median ? (double)rows * 1e3 / (double)median : 0, series);
}

static struct query_options options_of(struct bench *bench)
{
    return (struct query_options){.scheme = bench->scheme,
                                  .names = bench->names,
                                  .sys = sys_real(),
                                  .now_ms = FROM_MS + SPAN_MS,
                                  .from_ms = FROM_MS,
                                  .to_ms = FROM_MS + SPAN_MS};
}

static void ask(struct bench *bench, const char *name, const char *text)
{
    struct query_options options = options_of(bench);
    uint64_t times[RUNS_MAX], rows = 0;
    uint32_t series = 0;
    if (bench->only && strcmp(bench->only, name) != 0)
        return;
    for (uint32_t i = 0; i < bench->runs; i++) {
        struct query_error error;
        struct answer *answer;
        uint64_t start = sys_mono_ns(sys_real());
        struct snapshot *snapshot = store_snapshot(bench->store);
        if (query_run(str_of(text), &options, snapshot, &answer, &error) != ERR_OK) {
            printf("%s: %s\n", text, error.text);
            exit(1);
        }
        snapshot_unref(snapshot);
        times[i] = sys_mono_ns(sys_real()) - start;
        rows = answer->rows_read;
        series = answer->series_count;
        answer_free(answer);
    }
    report(name, times, bench->runs, rows, series);
}

static void list_values(struct bench *bench, const char *name, const char *field)
{
    struct query_options options = options_of(bench);
    struct values_options values = {.limit = 100};
    uint64_t times[RUNS_MAX];
    uint32_t count = 0;
    if (bench->only && strcmp(bench->only, name) != 0)
        return;
    for (uint32_t i = 0; i < bench->runs; i++) {
        struct query_error error;
        struct arena arena = {0};
        struct value_count *out;
        uint64_t distinct, start = sys_mono_ns(sys_real());
        struct snapshot *snapshot = store_snapshot(bench->store);
        CHECK(query_values(str_of(field), &values, &options, snapshot, &arena, &out, &count, &distinct,
                           &error) == ERR_OK);
        snapshot_unref(snapshot);
        times[i] = sys_mono_ns(sys_real()) - start;
        arena_done(&arena);
    }
    report(name, times, bench->runs, 0, count);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    return remove(path);
}

static void open_all(struct bench *bench, const char *dir)
{
    static const char *const metrics[] = {"dialer.contact.answered", "dialer.contact.busy",
                                          "dialer.requests.total", "dialer.responses.completed"};
    static const char *const fields[] = {"host", "account_id", "campaign_id", "caller_session_id",
                                         "campaign_type"};
    struct store_options options;
    struct store_report found = {0};
    struct scheme_report checked = {0};
    struct why why = {0};
    bench->names = names_new();
    CHECK(scheme_parse(str_of(SCHEME), STR("bench"), bench->names, &bench->scheme, &checked, &why) == ERR_OK);
    for (int i = 0; i < 4; i++)
        bench->metrics[i] = names_resolve_metric(bench->names, str_of(metrics[i]),
                                                 i < 2 ? KIND_MEASURE : KIND_COUNT, UNIT_NONE);
    for (int i = 0; i < 5; i++)
        bench->fields[i] = names_resolve_field(bench->names, str_of(fields[i]));
    store_options_default(&options);
    options.sys = sys_real();
    options.dir = str_of(dir);
    options.names = bench->names;
    options.lanes = 1;
    CHECK(store_open(&options, &bench->store, &found, &why) == ERR_OK);
    buf_done(&found.text);
    scheme_report_done(&checked);
}

int main(int argc, char **argv)
{
    struct bench bench = {.rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000, .runs = RUNS_DEFAULT};
    if (argc > 2)
        bench.only = argv[2];
    if (argc > 3)
        bench.runs = (uint32_t)strtoul(argv[3], NULL, 10) % RUNS_MAX | 1;
    char dir[512];
    const char *base = getenv("TMPDIR");
    bench.sessions = bench.rows / 40 + 1;
    snprintf(dir, sizeof(dir), "%s/query_bench.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    open_all(&bench, dir);
    load(&bench);
    char session[128];
    snprintf(session, sizeof(session), "dialer.contact.answered count avg @caller_session_id:%llu every 1m",
             (unsigned long long)bench.sessions / 2 + 1000000);
    ask(&bench, "Q1", "dialer.contact.answered count avg every 1m");
    ask(&bench, "Q2", "dialer.contact.answered count avg @account_id:42 every 1m");
    ask(&bench, "Q3", session);
    ask(&bench, "Q4", "dialer.contact.answered p95 p99 every 1m");
    ask(&bench, "Q5", "dialer.contact.answered p95 by account_id every 1d top 10");
    ask(&bench, "Q6", "((dialer.contact.answered count) / dialer.requests.total) every 1m");
    list_values(&bench, "Q7a", "account_id");
    list_values(&bench, "Q7b", "campaign_id");
    ask(&bench, "by", "dialer.contact.answered count by caller_session_id every 1m top 10");
    ask(&bench, "byp", "dialer.contact.answered p95 by caller_session_id every 1m top 10 other");
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("peak memory %ld MB\n", usage.ru_maxrss / 1024);
    store_close(bench.store);
    scheme_unref(bench.scheme);
    names_free(bench.names);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
