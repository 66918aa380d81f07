/* The store alone, without parsing: rows a second through submit, commit, seal and merge, bytes a row on
 * disk, rows a second of a scan. Usage: store_bench [ROWS [DIR]] (default 5 M rows in a temporary folder).
 *
 * The data is shaped like the dialer's: 20 hosts, 500 accounts with 10 campaigns each (skewed), call sessions
 * of some 40 samples that never come back, four metrics an event, latencies with one decimal, counts of 1. */
#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "scheme/source.h"
#include "store/store.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { METRICS = 40, LIVE = 3000, BATCH_ROWS = 2000, HOSTS = 20 };

struct session {
    uint64_t id, account, campaign;
    unsigned host, type, left;
    struct buf source;
};

struct bench {
    struct names *names;
    struct store *store;
    struct rng rng;
    uint32_t metrics[METRICS], fields[6];
    struct session sessions[LIVE];
    uint64_t next_session;
    _Atomic bool over;
};

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double wall_s(void)
{
    return 1e-9 * (double)sys_mono_ns(sys_real());
}

static double rss_mb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static void new_session(struct bench *bench, struct session *session)
{
    static const char *const types[] = {"predictive", "power", "preview"};
    double skew = rng_unit(&bench->rng);
    struct source_set set = {0};
    char host[16];
    session->id = 1000000 + bench->next_session++;
    session->account = (uint64_t)(500 * skew * skew * skew);
    session->campaign = session->account * 10 + rng_below(&bench->rng, 10);
    session->host = (unsigned)rng_below(&bench->rng, HOSTS);
    session->left = 1 + (unsigned)rng_below(&bench->rng, 20);
    snprintf(host, sizeof host, "web.%u", session->host);
    struct str texts[3] = {str_of(host), str_of(types[rng_below(&bench->rng, 3)]),
                           rng_below(&bench->rng, 2) ? STR("webui") : STR("phone")};
    uint64_t numbers[3] = {session->account, session->campaign, session->id};
    for (int i = 0; i < 6; i++)
        source_set_put(&set, bench->fields[i],
                       i < 3 ? (struct source_value){.type = SOURCE_TEXT, .text = texts[i]}
                             : (struct source_value){.type = SOURCE_NUMBER, .number = numbers[i - 3]});
    session->source.size = 0;
    source_encode(&set, &session->source);
}

static void fill(struct bench *bench, struct batch *batch, int64_t from_ms, int64_t span_ms)
{
    batch_reset(batch);
    batch->time_ms = from_ms;
    for (int i = 0; i < BATCH_ROWS; i += 4) {
        struct session *session = &bench->sessions[rng_below(&bench->rng, LIVE)];
        if (session->left-- == 0)
            new_session(bench, session);
        struct str bytes = buf_view(&session->source);
        uint32_t source = batch_source(batch, bytes, hash_bytes(bytes));
        int64_t time_ms = from_ms + span_ms * i / BATCH_ROWS;
        uint32_t first = (uint32_t)(rng_below(&bench->rng, METRICS / 4) * 4);
        for (uint32_t m = 0; m < 4; m++) {
            double latency = round(6000 * exp(rng_unit(&bench->rng) - 0.5) * 10) / 10;
            batch_add(batch, bench->metrics[first + m], source, time_ms, m % 2 ? 1 : latency);
        }
    }
}

static void *tidy(void *arg)
{
    struct bench *bench = arg;
    while (!bench->over)
        if (store_tidy(bench->store, false) > 0)
            usleep(20000);
    return NULL;
}

static void init(struct bench *bench, const char *dir)
{
    static const char *const fields[] = {"host",       "campaign_type", "caller_session_type",
                                         "account_id", "campaign_id",   "caller_session_id"};
    struct store_options options;
    struct store_report report = {0};
    struct why why;
    bench->names = names_new();
    for (int i = 0; i < 6; i++)
        bench->fields[i] = names_resolve_field(bench->names, str_of(fields[i]));
    for (int i = 0; i < METRICS; i++) {
        char name[32];
        snprintf(name, sizeof name, "dialer.metric.m%d", i);
        bench->metrics[i] =
            names_resolve_metric(bench->names, str_of(name), i % 2 ? KIND_COUNT : KIND_MEASURE, UNIT_NONE);
    }
    store_options_default(&options);
    options.sys = sys_real();
    options.dir = str_of(dir);
    options.names = bench->names;
    if (store_open(&options, &bench->store, &report, &why)) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    for (int i = 0; i < LIVE; i++)
        new_session(bench, &bench->sessions[i]);
}

static void ingest(struct bench *bench, uint64_t rows)
{
    struct batch *batch = batch_new();
    struct lane *lane = store_lane(bench->store, 0);
    pthread_t thread;
    double fill_cpu = 0, stalled = 0, cpu = cpu_s(), wall = wall_s();
    int64_t time_ms = sys_wall_ms(sys_real()) / 86400000 * 86400000;
    CHECK(pthread_create(&thread, NULL, tidy, bench) == 0);
    for (uint64_t done = 0; done < rows; done += BATCH_ROWS) {
        struct timespec before, after;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        fill(bench, batch, time_ms + (int64_t)(done / 20), BATCH_ROWS / 20); /* 20,000 rows a second */
        batch->time_ms = time_ms;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        fill_cpu += (double)(after.tv_sec - before.tv_sec) + 1e-9 * (double)(after.tv_nsec - before.tv_nsec);
        double start = wall_s();
        while (lane_submit(lane, batch, NULL) != ERR_OK)
            usleep(1000);
        stalled += wall_s() - start;
        lane_commit(lane);
    }
    store_tidy(bench->store, false);
    bench->over = true;
    pthread_join(thread, NULL);
    store_tidy(bench->store, true);
    while (store_tidy(bench->store, false) == 0)
        ;
    cpu = cpu_s() - cpu - fill_cpu;
    wall = wall_s() - wall;
    printf("ingest    %.2f M rows/s of CPU, %.2f M rows/s of wall clock with making them (%.1f s), stalled "
           "%.1f s\n",
           (double)rows / cpu / 1e6, (double)rows / wall / 1e6, fill_cpu, stalled);
    batch_free(batch);
}

static void scan(struct bench *bench, bool sources)
{
    double cpu = cpu_s(), sum = 0;
    uint64_t rows = 0;
    struct snapshot *snapshot = store_snapshot(bench->store);
    struct why why;
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        uint32_t count;
        CHECK(!sources || part_load_sources(snapshot, part, &count, &why) == ERR_OK);
        for (int m = 0; m < METRICS; m++) {
            struct scan *at = scan_open(snapshot, part, bench->metrics[m], INT64_MIN, INT64_MAX, NULL);
            struct block block;
            while (scan_next(at, &block, &why) > 0) {
                for (uint32_t i = 0; i < block.count; i++)
                    sum += block.value[i];
                rows += block.count;
            }
            scan_close(at);
        }
    }
    cpu = cpu_s() - cpu;
    printf("scan      %.1f M rows/s of CPU %s sources (%.3f s for %.1f M rows, sum %.6g)\n",
           (double)rows / cpu / 1e6, sources ? "with" : "without", cpu, (double)rows / 1e6, sum);
    snapshot_unref(snapshot);
}

int main(int argc, char **argv)
{
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000000;
    static struct bench bench = {.rng = {1}};
    char temporary[] = "/tmp/dialtone-bench-XXXXXX", command[96];
    const char *dir = argc > 2 ? argv[2] : mkdtemp(temporary);
    init(&bench, dir);
    ingest(&bench, rows);
    struct store_stats stats;
    store_stats(bench.store, &stats);
    printf("disk      %.2f bytes a row in %llu segments, %llu sessions; log %.1f MB in %llu files, peak %.0f "
           "MB\n",
           (double)stats.segment_bytes / (double)stats.segment_rows, (unsigned long long)stats.segments,
           (unsigned long long)bench.next_session, (double)stats.log_bytes / 1e6,
           (unsigned long long)stats.log_files, rss_mb());
    scan(&bench, false);
    scan(&bench, true);
    store_close(bench.store);
    double wall = wall_s();
    bench.names = names_new();
    init(&bench, dir);
    printf("start     %.1f ms\n", 1e3 * (wall_s() - wall));
    store_close(bench.store);
    if (argc <= 2) {
        snprintf(command, sizeof command, "rm -rf %s", dir);
        return system(command) != 0;
    }
    return 0;
}
