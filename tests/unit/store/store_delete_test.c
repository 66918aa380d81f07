/* Deletes against a model: rows of an array that a delete takes out. Random operations from a seed; crashes
 * at any call of the system; a lost catalog, damaged tombstones. More seeds: store_delete_test COUNT [FIRST].
 */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/mem.h"
#include "store/tombstone.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400000)

enum { TESTS = 3 };

/* A delete both as the store takes it and as the model does. */
struct wish {
    struct delete_request request;
    struct delete_metric metrics[KIT_METRICS];
    uint32_t ids[KIT_METRICS]; /* in the kit */
    struct delete_test tests[TESTS];
    struct source_pattern values[TESTS][2];
    char texts[TESTS][2][16];
    uint64_t account_low, account_high;
    int host; /* -1: any */
    bool not_host;
    bool no_session; /* only sources without */
};

struct world {
    struct kit kit;
    struct rng rng;
    struct kit_rows model, ever; /* ever: for presence, which deletes leave alone */
    struct snapshot *held;
    struct kit_rows held_rows;
    unsigned deleted, cubes;
};

static void world_open(struct world *world, uint64_t seed, bool tiny)
{
    struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
    *world = (struct world){.rng = {seed}};
    kit_init(&world->kit, sys_sim_new(&options), "data");
    if (tiny)
        kit_tiny(&world->kit);
    kit_open(&world->kit);
}

static void let_go(struct world *world)
{
    if (!world->held)
        return;
    struct kit_rows now = {0};
    assert_int_equal(kit_collect(&world->kit, world->held, &now), ERR_OK);
    assert_true(kit_rows_equal(&now, &world->held_rows));
    kit_rows_done(&now);
    kit_rows_done(&world->held_rows);
    snapshot_unref(world->held);
    world->held = NULL;
}

static void world_close(struct world *world)
{
    let_go(world);
    kit_done(&world->kit);
    kit_rows_done(&world->model);
    kit_rows_done(&world->ever);
    sys_sim_free(world->kit.sys);
}

static void check_same(struct world *world)
{
    struct kit_rows got = {0};
    kit_rows_of(&world->kit, &got);
    kit_rows_sort(&world->model);
    assert_true(kit_rows_equal(&got, &world->model));
    kit_rows_done(&got);
}

/* ---- wishes ---- */

static void add_test(struct wish *wish, const char *field, struct source_match match)
{
    struct delete_test *test = &wish->tests[wish->request.test_count++];
    test->field = str_of(field);
    test->match = match;
}

static void wish_sources(struct world *world, struct wish *wish)
{
    struct rng *rng = &world->rng;
    if (rng_chance(rng, 40)) {
        wish->account_low = rng_below(rng, KIT_SOURCES / 4);
        wish->account_high = wish->account_low + rng_below(rng, 3);
        add_test(
            wish, "account_id",
            (struct source_match){.kind = MATCH_RANGE, .low = wish->account_low, .high = wish->account_high});
    }
    if (rng_chance(rng, 40)) {
        uint32_t t = wish->request.test_count;
        wish->host = (int)rng_below(rng, 4);
        wish->not_host = rng_chance(rng, 30);
        snprintf(wish->texts[t][0], sizeof wish->texts[t][0], rng_chance(rng, 50) ? "h%d" : "*%d",
                 wish->host);
        wish->values[t][0] = source_pattern_of(str_of(wish->texts[t][0]), wish->texts[t][0][0] == '*');
        add_test(
            wish, "host",
            (struct source_match){.negated = wish->not_host, .values = wish->values[t], .value_count = 1});
    }
    if (rng_chance(rng, 20)) {
        wish->no_session = true;
        add_test(wish, "session", (struct source_match){.kind = MATCH_UNSET});
    }
}

static void make_wish(struct world *world, struct wish *wish)
{
    struct rng *rng = &world->rng;
    int64_t now_ms = sys_wall_ms(world->kit.sys);
    *wish = (struct wish){.host = -1, .account_high = UINT64_MAX};
    for (uint32_t m = 0; m < KIT_METRICS; m++) {
        char name[16];
        snprintf(name, sizeof name, "kit.m%u", m);
        uint32_t metric = names_find_metric(world->kit.names, str_of(name));
        if (metric == NAME_NONE || rng_chance(rng, 60))
            continue;
        wish->ids[wish->request.metric_count] = m;
        wish->metrics[wish->request.metric_count++] = (struct delete_metric){metric, 0};
    }
    wish_sources(world, wish);
    bool whole = rng_chance(rng, 30);
    wish->request.from_ms = whole ? INT64_MIN : now_ms - (int64_t)rng_below(rng, 4 * DAY);
    wish->request.to_ms = whole ? INT64_MAX : wish->request.from_ms + (int64_t)rng_below(rng, 2 * DAY);
    wish->request.metrics = wish->metrics;
    wish->request.tests = wish->tests;
    wish->request.who = STR("somebody");
    wish->request.text = STR("kit.* @what:ever");
}

static bool is_wished(const struct wish *wish, const struct kit_row *row)
{
    bool metric = false;
    for (uint32_t m = 0; m < wish->request.metric_count; m++)
        metric |= wish->ids[m] == row->metric;
    uint64_t account = row->source / 4;
    bool host = wish->host < 0 || ((int)(row->source % 4) == wish->host) != wish->not_host;
    bool session = !wish->no_session || row->source % 2 == 1;
    return metric && host && session && account >= wish->account_low && account <= wish->account_high &&
           row->time_ms >= wish->request.from_ms && row->time_ms < wish->request.to_ms;
}

/* The model without the rows wished away; returns how many those are. */
static uint64_t take_out(const struct wish *wish, struct kit_rows *model, uint64_t by_metric[KIT_METRICS])
{
    size_t kept = 0;
    memset(by_metric, 0, KIT_METRICS * sizeof *by_metric);
    for (size_t i = 0; i < model->count; i++) {
        if (is_wished(wish, &model->at[i]))
            by_metric[model->at[i].metric]++;
        else
            model->at[kept++] = model->at[i];
    }
    uint64_t gone = model->count - kept;
    model->count = kept;
    return gone;
}

static void check_report(const struct wish *wish, const struct delete_report *report, uint64_t rows,
                         const uint64_t by_metric[KIT_METRICS])
{
    assert_int_equal(report->rows, rows);
    for (uint32_t m = 0; m < wish->request.metric_count; m++)
        assert_int_equal(report->metric_rows[m], by_metric[wish->ids[m]]);
}

static void delete_some(struct world *world)
{
    struct wish wish;
    struct delete_report counted, done;
    struct why why;
    uint64_t by_metric[KIT_METRICS];
    make_wish(world, &wish);
    struct snapshot *snapshot = store_snapshot(world->kit.store);
    assert_int_equal(store_delete_count(snapshot, &wish.request, &counted, &why), ERR_OK);
    snapshot_unref(snapshot);
    check_same(world); /* counting changes nothing */
    assert_int_equal(store_delete(world->kit.store, &wish.request, &done, &why), ERR_OK);
    uint64_t rows = take_out(&wish, &world->model, by_metric);
    check_report(&wish, &counted, rows, by_metric);
    check_report(&wish, &done, rows, by_metric);
    assert_true((done.id > 0) == (rows > 0) && (done.files > 0) == (rows > 0) && counted.id == 0);
    world->deleted += rows > 0;
    delete_report_done(&counted);
    delete_report_done(&done);
    check_same(world);
}

/* ---- what else is told of rows ---- */

static void add_host(uint64_t got[4], struct source_value value, uint64_t rows)
{
    assert_true(value.type == SOURCE_TEXT && value.text.size == 2);
    got[value.text.at[1] - '0'] += rows;
}

/* By the counts that files keep, where they still hold, and by chunks of sources. */
static void check_kept_counts(struct snapshot *snapshot, uint32_t host, const uint64_t want[4])
{
    uint64_t got[4] = {0};
    struct why why;
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        struct value_rows *values;
        uint32_t count;
        int kept = part_field_rows(snapshot, part, host, &values, &count, &why);
        assert_true(kept >= 0);
        for (uint32_t i = 0; kept && i < count; i++)
            add_host(got, values[i].value, values[i].rows);
        if (kept)
            mem_free(values);
        uint32_t chunks = kept ? 0 : (part_source_count(part) + FIELD_CHUNK - 1) / FIELD_CHUNK;
        for (uint32_t c = 0; c < chunks; c++) {
            struct field_chunk chunk;
            uint32_t rows[FIELD_CHUNK];
            assert_int_equal(part_field_chunk(snapshot, part, host, c, &chunk, &why), ERR_OK);
            assert_int_equal(part_rows_chunk(snapshot, part, c, rows, &why), ERR_OK);
            for (uint32_t i = 0; i < chunk.count; i++)
                add_host(got, chunk.value[i], rows[i]);
        }
    }
    assert_memory_equal(got, want, sizeof got);
}

/* Rows by the cubes of files, where they still hold. */
static uint64_t rows_by_cubes(struct snapshot *snapshot, uint32_t metric, unsigned *used)
{
    struct partials partials = {0};
    struct why why;
    uint64_t rows = 0;
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        int found = part_partials(snapshot, part, &(struct partials_wanted){metric, NAME_NONE, false},
                                  &partials, &why);
        assert_true(found >= 0);
        *used += found > 0;
        for (uint32_t i = 0; found && i < partials.count; i++)
            rows += partials.at[i].count;
        rows += found ? 0 : part_metric_rows(part, metric);
    }
    partials_done(&partials);
    return rows;
}

static void check_counts(struct world *world)
{
    struct kit *kit = &world->kit;
    uint64_t want[KIT_METRICS] = {0}, sources[KIT_SOURCES] = {0}, all = 0;
    for (size_t i = 0; i < world->model.count; i++) {
        want[world->model.at[i].metric]++;
        sources[world->model.at[i].source % 4]++;
    }
    struct snapshot *snapshot = store_snapshot(kit->store);
    for (uint32_t m = 0; m < KIT_METRICS; m++) {
        char name[16];
        int64_t from_ms, to_ms;
        uint64_t rows = 0;
        snprintf(name, sizeof name, "kit.m%u", m);
        uint32_t metric = names_find_metric(kit->names, str_of(name));
        bool has = metric != NAME_NONE && snapshot_metric_span(snapshot, metric, &from_ms, &to_ms, &rows);
        assert_true(has == (want[m] > 0));
        assert_int_equal(rows, want[m]);
        if (has)
            assert_int_equal(rows_by_cubes(snapshot, metric, &world->cubes), want[m]);
    }
    uint32_t host = names_find_field(kit->names, STR("host"));
    uint64_t got[4] = {0};
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        uint32_t count;
        struct why why;
        assert_int_equal(part_load_sources(snapshot, part, &count, &why), ERR_OK);
        for (uint32_t s = 0; s < count; s++) {
            struct source_value value = source_get(part_source(part, s), host);
            assert_true(value.type == SOURCE_TEXT && value.text.size == 2);
            got[value.text.at[1] - '0'] += part_source_rows(part, s);
        }
    }
    for (int h = 0; h < 4; h++, all += sources[h - 1])
        assert_int_equal(got[h], sources[h]);
    check_kept_counts(snapshot, host, sources);
    assert_int_equal(all, world->model.count);
    snapshot_unref(snapshot);
}

static void check_presence(struct world *world)
{
    struct kit *kit = &world->kit;
    enum { MINUTES = 8000 };
    uint8_t got[MINUTES / 8] = {0}, want[MINUTES / 8] = {0};
    char host[8], other[8];
    bool any = rng_chance(&world->rng, 30);
    kit_host((uint32_t)rng_below(&world->rng, KIT_SOURCES), host);
    int64_t from = sys_wall_ms(kit->sys) / 60000 - MINUTES + 100;
    for (size_t i = 0; i < world->ever.count; i++) {
        int64_t minute = world->ever.at[i].time_ms / 60000 - from;
        kit_host(world->ever.at[i].source, other);
        if (minute >= 0 && minute < MINUTES && (any || strcmp(host, other) == 0))
            want[minute / 8] |= (uint8_t)(1 << minute % 8);
    }
    struct snapshot *snapshot = store_snapshot(kit->store);
    struct why why;
    assert_int_equal(
        snapshot_presence(snapshot, any ? STR_NONE : str_of(host), from, MINUTES, false, got, &why), ERR_OK);
    assert_memory_equal(got, want, sizeof got);
    snapshot_unref(snapshot);
}

/* ---- operations ---- */

static void append(struct world *world)
{
    struct kit *kit = &world->kit;
    struct kit_rows rows = {0};
    unsigned count = (unsigned)rng_below(&world->rng, rng_chance(&world->rng, 10) ? 300 : 30);
    kit_random_rows(&world->rng, sys_wall_ms(kit->sys), count, rng_chance(&world->rng, 30) ? 40 : 5, &rows);
    enum err err = kit_store(kit, (uint32_t)rng_below(&world->rng, kit->options.lanes), &rows, NULL);
    if (err == ERR_OK) {
        kit_rows_add_all(&world->model, &rows);
        kit_rows_add_all(&world->ever, &rows);
    } else {
        assert_int_equal(err, ERR_BUSY);
        store_tidy(kit->store, false);
    }
    kit_rows_done(&rows);
}

static void hold(struct world *world)
{
    let_go(world);
    world->held = store_snapshot(world->kit.store);
    assert_int_equal(kit_collect(&world->kit, world->held, &world->held_rows), ERR_OK);
}

static void reopen(struct world *world)
{
    let_go(world);
    kit_close(&world->kit);
    world->kit.options.lanes = 1 + (uint32_t)rng_below(&world->rng, 3);
    kit_open(&world->kit);
    assert_int_equal(world->kit.report.text.size, 0);
    check_same(world);
}

static void lose_catalog(struct world *world)
{
    let_go(world);
    kit_close(&world->kit);
    assert_int_equal(sys_unlink(world->kit.sys, STR("data/catalog.db"), NULL), ERR_OK);
    enum err err = sys_unlink(world->kit.sys, STR("data/catalog.db-wal"), NULL);
    assert_true(err == ERR_OK || err == ERR_MISSING);
    kit_open(&world->kit);
    check_same(world);
}

static void read_only(struct world *world)
{
    struct kit other = world->kit;
    let_go(world);
    kit_close(&world->kit);
    other.names = NULL;
    other.report = (struct store_report){0};
    other.options.lanes = 0;
    kit_open(&other);
    struct kit_rows got = {0};
    kit_rows_of(&other, &got);
    kit_rows_sort(&world->model);
    assert_true(kit_rows_equal(&got, &world->model));
    kit_rows_done(&got);
    kit_done(&other);
    kit_open(&world->kit);
}

static void merge(struct world *world, bool touched_only)
{
    struct merge_options options = {.touched_only = touched_only};
    struct store_stats stats;
    struct why why;
    assert_int_equal(store_merge(world->kit.store, &options, &why), ERR_OK);
    store_stats(world->kit.store, &stats);
    assert_int_equal(stats.deleted_rows, 0);
    assert_int_equal(stats.segment_rows + stats.head_rows, world->model.count);
    check_same(world);
}

static void step(struct world *world)
{
    switch (rng_below(&world->rng, 26)) {
    case 0:
        sys_sim_advance(world->kit.sys, (int64_t)rng_below(&world->rng, 40000));
        break;
    case 1:
        store_tidy(world->kit.store, true);
        break;
    case 2:
        rng_chance(&world->rng, 50) ? reopen(world) : lose_catalog(world);
        break;
    case 3:
        check_counts(world);
        break;
    case 4:
        check_presence(world);
        break;
    case 5:
        hold(world);
        break;
    case 6:
        let_go(world);
        break;
    case 7:
        if (rng_chance(&world->rng, 20))
            read_only(world);
        break;
    case 8:
    case 9:
        delete_some(world);
        break;
    case 10:
        if (rng_chance(&world->rng, 50))
            merge(world, rng_chance(&world->rng, 50));
        break;
    case 11:
    case 12:
        sys_sim_advance(world->kit.sys, 200);
        store_tidy(world->kit.store, false);
        break;
    default:
        append(world);
    }
}

static void count_records(void *ctx, const struct delete_record *record)
{
    unsigned *count = ctx;
    assert_true(record->id > 0 && record->rows > 0 && record->at_ms >= KIT_START_MS);
    assert_true(str_eq(record->who, STR("somebody")) && str_eq(record->text, STR("kit.* @what:ever")));
    assert_true(record->gone_ms == 0 || record->files == 0);
    ++*count;
}

static void run(uint64_t seed, bool tiny, unsigned steps)
{
    struct world world;
    unsigned records = 0;
    world_open(&world, seed, tiny);
    for (unsigned i = 0; i < steps; i++)
        step(&world);
    let_go(&world);
    check_same(&world);
    check_counts(&world);
    merge(&world, false);
    check_presence(&world);
    sys_sim_advance(world.kit.sys, 20000);
    store_tidy(world.kit.store, true);
    store_tidy(world.kit.store, true);
    store_deletes(world.kit.store, count_records, &records);
    assert_true(world.deleted > 0 && records <= world.deleted);
    assert_true(tiny || world.cubes > 0);
    struct store_stats stats;
    store_stats(world.kit.store, &stats);
    assert_int_equal(stats.deletes, 0);
    assert_true(stats.quarantined_files == 0 && stats.last_error.err == ERR_OK);
    world_close(&world);
}

static uint64_t first_seed = 1, seed_count = 6;

static void equals_the_model(void **state)
{
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run(seed, false, 250);
        run(seed, true, 250);
    }
}

/* ---- crashes ---- */

/* What the store holds is the model before or after the delete under way, and after it when it was answered.
 */
static void settle_delete(struct world *world, struct kit_rows *after, bool answered)
{
    struct kit_rows got = {0};
    kit_rows_of(&world->kit, &got);
    kit_rows_sort(&world->model);
    kit_rows_sort(after);
    bool is_done = got.count == after->count && kit_rows_within(&got, after);
    bool is_not = got.count == world->model.count && kit_rows_within(&got, &world->model);
    assert_true(is_done || (is_not && !answered));
    if (is_done) {
        kit_rows_done(&world->model);
        world->model = *after;
    } else {
        kit_rows_done(after);
    }
    kit_rows_done(&got);
}

static void crash_once(struct world *world, unsigned at)
{
    struct wish wish;
    struct delete_report report;
    struct kit_rows after = {0};
    struct merge_options options = {.touched_only = at % 3 == 0};
    uint64_t by_metric[KIT_METRICS];
    struct why why;
    for (int i = 0; i < 4; i++)
        append(world);
    make_wish(world, &wish);
    kit_rows_add_all(&after, &world->model);
    take_out(&wish, &after, by_metric);
    sys_sim_cut_power_at(world->kit.sys, at);
    bool answered = store_delete(world->kit.store, &wish.request, &report, &why) == ERR_OK;
    if (answered)
        delete_report_done(&report);
    enum err err = store_merge(world->kit.store, &options, &why);
    (void)err;
    store_tidy(world->kit.store, true);
    kit_close(&world->kit);
    sys_sim_crash(world->kit.sys);
    kit_open(&world->kit);
    settle_delete(world, &after, answered);
}

static void no_crash_brings_rows_back(void **state)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world world;
        world_open(&world, 100 + seed, true);
        for (unsigned at = 0; at < 160; at += 1 + (unsigned)rng_below(&world.rng, 5))
            crash_once(&world, at);
        lose_catalog(&world);
        merge(&world, false);
        lose_catalog(&world);
        world_close(&world);
    }
}

static void fill_and_delete(struct world *world, struct wish *wish)
{
    struct delete_report report;
    struct why why;
    uint64_t by_metric[KIT_METRICS];
    for (int i = 0; i < 20; i++)
        append(world);
    do
        make_wish(world, wish);
    while (wish->request.metric_count < 3 || wish->request.test_count || wish->request.to_ms != INT64_MAX);
    assert_int_equal(store_delete(world->kit.store, &wish->request, &report, &why), ERR_OK);
    assert_int_equal(take_out(wish, &world->model, by_metric), report.rows);
    assert_true(report.rows > 0);
    delete_report_done(&report);
}

static uint64_t count_rows(struct world *world)
{
    struct snapshot *snapshot = store_snapshot(world->kit.store);
    uint64_t rows = 0;
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++)
        for (uint32_t m = 0; m < names_metric_count(world->kit.names); m++) {
            struct scan *scan =
                scan_open(snapshot, snapshot_part(snapshot, p), m, INT64_MIN, INT64_MAX, NULL);
            struct block block;
            struct why why;
            int more;
            while ((more = scan_next(scan, &block, &why)) > 0)
                rows += block.count;
            assert_int_equal(more, 0);
            scan_close(scan);
        }
    snapshot_unref(snapshot);
    return rows;
}

/* A delete by a field that is renamed later goes on to hold: in files that are open, in files opened anew,
 * and when they are merged. */
static void a_renamed_field_keeps_them_deleted(void **state)
{
    struct world world;
    struct delete_report report;
    struct merge_options options = {0};
    struct why why;
    world_open(&world, 13, false);
    for (int i = 0; i < 20; i++)
        append(&world);
    uint32_t metric = names_find_metric(world.kit.names, STR("kit.m1"));
    struct source_pattern pattern = source_pattern_of(STR("h2"), false);
    struct delete_metric metrics[] = {{metric, 0}};
    struct delete_test tests[] = {{STR("host"), {.values = &pattern, .value_count = 1}}};
    struct delete_request request = {STR("me"), STR("x"), metrics, 1, tests, 1, INT64_MIN, INT64_MAX};
    assert_int_equal(store_delete(world.kit.store, &request, &report, &why), ERR_OK);
    uint64_t left = world.model.count - report.rows;
    assert_true(report.rows > 0);
    assert_int_equal(count_rows(&world), left);
    uint32_t former = names_find_field(world.kit.names, STR("host"));
    uint32_t renamed = names_declare_field(world.kit.names, STR("machine"));
    names_rename_fields(world.kit.names, &former, &renamed, 1);
    assert_int_equal(count_rows(&world), left);
    kit_close(&world.kit);
    kit_open(&world.kit); /* with new names */
    former = names_find_field(world.kit.names, STR("host"));
    renamed = names_declare_field(world.kit.names, STR("machine"));
    names_rename_fields(world.kit.names, &former, &renamed, 1);
    assert_int_equal(count_rows(&world), left);
    assert_int_equal(store_merge(world.kit.store, &options, &why), ERR_OK);
    assert_int_equal(count_rows(&world), left);
    delete_report_done(&report);
    world_close(&world);
}

/* The background thread writes touched files anew, an hour after the delete and not before. */
static void bytes_go_by_themselves(void **state)
{
    struct world world;
    struct wish wish;
    struct store_stats stats;
    world_open(&world, 12, false);
    fill_and_delete(&world, &wish);
    for (int i = 0; i < 10; i++)
        store_tidy(world.kit.store, false);
    store_stats(world.kit.store, &stats);
    assert_true(stats.deleted_rows > 0 && stats.deletes == 1);
    sys_sim_advance(world.kit.sys, 3600 * 1000 + 1);
    for (int i = 0; i < 10; i++)
        store_tidy(world.kit.store, false);
    sys_sim_advance(world.kit.sys, 20000);
    store_tidy(world.kit.store, false);
    store_stats(world.kit.store, &stats);
    assert_true(stats.deleted_rows == 0 && stats.deletes == 0);
    check_same(&world);
    world_close(&world);
}

/* The n-th call of the system fails, once or from then on, for every n: then nothing is deleted, and the next
 * delete does it. */
static void a_failing_disk_deletes_nothing(void **state)
{
    bool hit = true;
    for (unsigned nth = 1; hit; nth++) {
        struct world world;
        struct wish wish;
        struct delete_report report;
        struct why why;
        uint64_t by_metric[KIT_METRICS];
        world_open(&world, 11, false);
        for (int i = 0; i < 6; i++)
            append(&world);
        do
            make_wish(&world, &wish);
        while (wish.request.metric_count < 3 || wish.request.to_ms != INT64_MAX);
        uint64_t calls = sys_sim_calls(world.kit.sys);
        sys_sim_fail_at(world.kit.sys, nth, nth % 2 ? ERR_IO : ERR_FULL, nth % 3 == 0);
        enum err err = store_delete(world.kit.store, &wish.request, &report, &why);
        hit = sys_sim_calls(world.kit.sys) - calls >= nth;
        sys_sim_fail_at(world.kit.sys, 0, ERR_OK, false);
        assert_true(hit || err == ERR_OK);
        if (err == ERR_OK)
            delete_report_done(&report);
        else
            check_same(&world);
        sys_sim_advance(world.kit.sys, 5000);
        store_tidy(world.kit.store, false); /* leaves read-only mode */
        assert_int_equal(store_delete(world.kit.store, &wish.request, &report, &why), ERR_OK);
        delete_report_done(&report);
        take_out(&wish, &world.model, by_metric);
        check_same(&world);
        kit_close(&world.kit);
        kit_open(&world.kit);
        check_same(&world);
        world_close(&world);
    }
}

/* ---- damage ---- */

static void a_damaged_tombstone_is_mended(void **state)
{
    struct world world;
    struct wish wish;
    world_open(&world, 7, false);
    fill_and_delete(&world, &wish);
    kit_close(&world.kit);
    assert_true(sys_sim_flip(world.kit.sys, STR("data/tomb/0000000000000001.tomb"), 20, 3));
    kit_open(&world.kit);
    assert_true(world.kit.report.text.size > 0);
    check_same(&world);
    lose_catalog(&world); /* the file is whole again */
    world_close(&world);
}

static void of_one_lost_twice_it_is_said(void **state)
{
    struct world world;
    struct wish wish;
    world_open(&world, 8, false);
    fill_and_delete(&world, &wish);
    kit_close(&world.kit);
    assert_true(sys_sim_flip(world.kit.sys, STR("data/tomb/0000000000000001.tomb"), 20, 3));
    assert_int_equal(sys_unlink(world.kit.sys, STR("data/catalog.db"), NULL), ERR_OK);
    kit_open(&world.kit);
    struct str said = buf_view(&world.kit.report.text);
    assert_non_null(memmem(said.at, said.size, "may be back", 11));
    kit_rows_done(&world.model);
    world.model = (struct kit_rows){0};
    world_close(&world);
}

static void a_backup_has_the_deletes(void **state)
{
    struct world world;
    struct wish wish;
    struct why why;
    world_open(&world, 9, false);
    fill_and_delete(&world, &wish);
    struct store_backup backup = {.target = STR("copy")};
    assert_int_equal(store_backup(world.kit.store, &backup, &why), ERR_OK);
    assert_int_equal(store_restore(world.kit.sys, &backup, STR("again"), &why), ERR_OK);
    const char *const folders[] = {"copy", "again"};
    for (int i = 0; i < 2; i++) { /* the backup as it is, without its catalog; and what was restored */
        struct kit other;
        struct kit_rows got = {0};
        kit_init(&other, world.kit.sys, folders[i]);
        if (i == 0)
            other.options.lanes = 0;
        kit_open(&other);
        kit_rows_of(&other, &got);
        kit_rows_sort(&world.model);
        assert_true(kit_rows_equal(&got, &world.model));
        kit_rows_done(&got);
        kit_done(&other);
    }
    world_close(&world);
}

/* Whatever byte of a tombstone is cut off or altered, it is none. */
static void damaged_bytes_are_no_tombstone(void **state)
{
    struct names *names = names_new();
    uint32_t metric = names_resolve_metric(names, STR("kit.m1"), KIND_COUNT, UNIT_NONE);
    struct source_pattern pattern = source_pattern_of(STR("web*"), true);
    struct delete_metric metrics[] = {{metric, 2}};
    struct delete_test tests[] = {
        {STR("host"), {.kind = MATCH_VALUES, .negated = true, .values = &pattern, .value_count = 1}},
        {STR("account_id"), {.kind = MATCH_RANGE, .low = 3, .high = UINT64_MAX}},
        {STR("session"), {.kind = MATCH_UNSET}}};
    struct delete_request request = {STR("me"), STR("kit.m1 @host!=web*"), metrics, 1, tests, 3, INT64_MIN,
                                     5};
    struct tombstone_entry entries[] = {{"aaaa", 0, 7}, {"bbbb", 0, 1}};
    struct buf bytes = {0};
    struct why why;
    tombstone_encode(&request, names, 9, KIT_START_MS, entries, 2, &bytes);
    struct tombstone *read = tombstone_decode(buf_view(&bytes), names, &why);
    assert_non_null(read);
    assert_true(read->id == 9 && read->at_ms == KIT_START_MS && read->rows == 8 && read->gone_ms == 0);
    assert_true(read->from_ms == INT64_MIN && read->to_ms == 5 && str_eq(read->text, request.text));
    assert_true(read->test_count == 3 && read->tests[0].match.negated &&
                read->tests[0].match.values[0].is_glob);
    assert_true(read->tests[1].match.high == UINT64_MAX && read->tests[2].match.kind == MATCH_UNSET);
    assert_true(read->file_count == 2 && str_eq(read->files[1].name, STR("bbbb")));
    assert_true(read->files[0].counts[0].metric == metric && read->files[0].counts[0].rows == 7 &&
                read->files[0].counts[0].bound == 2);
    tombstone_unref(read);
    for (size_t i = 0; i < bytes.size; i++) {
        assert_null(tombstone_decode(str_make(bytes.at, i), names, &why));
        bytes.at[i] ^= 4;
        assert_null(tombstone_decode(buf_view(&bytes), names, &why));
        bytes.at[i] ^= 4;
    }
    buf_done(&bytes);
    names_free(names);
}

/* A file that was damaged and is salvaged does not bring deleted rows back. */
static void salvage_leaves_them_out(void **state)
{
    struct world world;
    struct wish wish;
    struct why why;
    struct kit_rows got = {0};
    world_open(&world, 10, true);
    fill_and_delete(&world, &wish);
    store_tidy(world.kit.store, true);
    struct buf names = {0};
    struct store_stats stats;
    struct store_inspect_options inspect = {.sys = world.kit.sys, .dir = STR("data")};
    assert_int_equal(store_inspect(&inspect, &names, &why), ERR_OK);
    struct str text = buf_view(&names), line;
    while (text.size) { /* one bit in the first block of every file */
        text = str_cut(text, '\n', &line);
        size_t end = str_find(line, ' ');
        if (!str_starts(line, STR("seg/")) || end == line.size)
            continue;
        char path[128];
        snprintf(path, sizeof path, "data/%.*s", (int)end, line.at);
        sys_sim_flip(world.kit.sys, str_of(path), 70, 2);
    }
    buf_done(&names);
    struct snapshot *snapshot = store_snapshot(world.kit.store);
    enum err err = kit_collect(&world.kit, snapshot, &got); /* damage is found by whoever reads */
    assert_int_equal(err, ERR_CORRUPT);
    snapshot_unref(snapshot);
    kit_rows_done(&got);
    got = (struct kit_rows){0};
    store_tidy(world.kit.store, true);
    kit_rows_of(&world.kit, &got);
    kit_rows_sort(&world.model);
    assert_true(got.count < world.model.count && kit_rows_within(&got, &world.model));
    store_stats(world.kit.store, &stats);
    assert_true(stats.quarantined_files > 0);
    kit_rows_done(&got);
    world_close(&world);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed_count = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_model),
                                       cmocka_unit_test(no_crash_brings_rows_back),
                                       cmocka_unit_test(a_failing_disk_deletes_nothing),
                                       cmocka_unit_test(bytes_go_by_themselves),
                                       cmocka_unit_test(a_renamed_field_keeps_them_deleted),
                                       cmocka_unit_test(a_damaged_tombstone_is_mended),
                                       cmocka_unit_test(of_one_lost_twice_it_is_said),
                                       cmocka_unit_test(a_backup_has_the_deletes),
                                       cmocka_unit_test(damaged_bytes_are_no_tombstone),
                                       cmocka_unit_test(salvage_leaves_them_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
