/* The store against a model that could not be simpler: an array of rows. Random operations from a seed; with
 * normal and with shrunken constants. More seeds: store_model_test COUNT [FIRST]. */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 20 };

struct world {
    struct kit kit;
    struct rng rng;
    struct kit_rows model;
    bool key_used[KEYS];
    struct snapshot *held; /* must go on showing what it showed */
    struct kit_rows held_rows;
};

static void check_same(struct world *world)
{
    struct kit_rows got = {0};
    kit_rows_of(&world->kit, &got);
    kit_rows_sort(&world->model);
    assert_true(kit_rows_equal(&got, &world->model));
    kit_rows_done(&got);
}

/* One metric within a span: blocks may hold more at their edges, never less inside. */
static void check_range(struct world *world)
{
    struct kit *kit = &world->kit;
    char name[16];
    uint32_t id = (uint32_t)rng_below(&world->rng, KIT_METRICS);
    snprintf(name, sizeof name, "kit.m%u", id);
    uint32_t metric = names_find_metric(kit->names, str_of(name));
    int64_t from = sys_wall_ms(kit->sys) - (int64_t)rng_below(&world->rng, 3 * 86400000);
    int64_t to = from + (int64_t)rng_below(&world->rng, 86400000);
    double want = 0, got = 0; /* counts */
    int64_t first = INT64_MAX, last = INT64_MIN, span_first = 0, span_last = 0;
    uint64_t all = 0, span_rows = 0;
    for (size_t i = 0; i < world->model.count; i++) {
        const struct kit_row *row = &world->model.at[i];
        if (row->metric != id)
            continue;
        all++;
        first = row->time_ms < first ? row->time_ms : first;
        last = row->time_ms > last ? row->time_ms : last;
        want += row->time_ms >= from && row->time_ms < to;
    }
    struct snapshot *snapshot = store_snapshot(kit->store);
    for (uint32_t p = 0; metric != NAME_NONE && p < snapshot_part_count(snapshot); p++) {
        uint32_t shares = (uint32_t)rng_below(&world->rng, 4); /* 0: without */
        for (uint32_t share = 0; share == 0 || share < shares; share++) {
            struct scan *scan = scan_open(snapshot, snapshot_part(snapshot, p), metric, from, to, NULL);
            struct block block;
            struct why why;
            int more;
            if (shares)
                scan_share(scan, share, shares);
            while ((more = scan_next(scan, &block, &why)) > 0)
                for (uint32_t i = 0; i < block.count; i++)
                    got += block.time_ms[i] >= from && block.time_ms[i] < to;
            assert_int_equal(more, 0);
            scan_close(scan);
        }
    }
    assert_true(got == want);
    bool has =
        metric != NAME_NONE && snapshot_metric_span(snapshot, metric, &span_first, &span_last, &span_rows);
    assert_true(has == (all > 0));
    assert_true(!has || (span_rows == all && span_first == first && span_last == last));
    snapshot_unref(snapshot);
}

static void check_presence(struct world *world)
{
    struct kit *kit = &world->kit;
    enum { MINUTES = 3000 };
    uint8_t got[MINUTES / 8] = {0}, want[MINUTES / 8] = {0};
    char host[8], other[8];
    bool any = rng_chance(&world->rng, 30);
    kit_host((uint32_t)rng_below(&world->rng, KIT_SOURCES), host);
    int64_t from = sys_wall_ms(kit->sys) / 60000 - (int64_t)rng_below(&world->rng, 6000);
    for (size_t i = 0; i < world->model.count; i++) {
        int64_t minute = world->model.at[i].time_ms / 60000 - from;
        kit_host(world->model.at[i].source, other);
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

static void append(struct world *world)
{
    struct kit *kit = &world->kit;
    struct kit_rows rows = {0};
    int64_t now_ms = sys_wall_ms(kit->sys);
    unsigned count = (unsigned)rng_below(&world->rng, rng_chance(&world->rng, 10) ? 300 : 20);
    kit_random_rows(&world->rng, now_ms, count, rng_chance(&world->rng, 30) ? 40 : 2, &rows);
    char key[16];
    int number = rng_chance(&world->rng, 30) ? (int)rng_below(&world->rng, KEYS) : -1;
    snprintf(key, sizeof key, "me/%d", number);
    uint32_t lane = (uint32_t)rng_below(&world->rng, kit->options.lanes);
    enum err err = kit_store(kit, lane, &rows, number < 0 ? NULL : key);
    if (err == ERR_BUSY) {
        store_tidy(kit->store, false);
    } else if (number >= 0 && world->key_used[number]) {
        assert_int_equal(err, ERR_EXISTS);
        assert_true(store_seen(kit->store, str_of(key)));
    } else {
        assert_int_equal(err, ERR_OK);
        if (number >= 0)
            world->key_used[number] = true;
        kit_rows_add_all(&world->model, &rows);
    }
    kit_rows_done(&rows);
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
    if (world->kit.report.text.size)
        fprintf(stderr, "report: %.*s", STR_ARG(buf_view(&world->kit.report.text)));
    assert_int_equal(world->kit.report.text.size, 0);
    check_same(world);
    for (int k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "me/%d", k);
        assert_true(store_seen(world->kit.store, str_of(key)) == world->key_used[k]);
    }
}

/* What `query --data DIR` sees, with the server's folder untouched. */
static void read_only(struct world *world)
{
    struct kit other = world->kit;
    let_go(world);
    kit_close(&world->kit);
    other.names = NULL;
    other.report = (struct store_report){0};
    other.options.lanes = 0;
    uint64_t free_before, free_after, total;
    struct why why;
    assert_int_equal(sys_space(other.sys, STR("."), &free_before, &total, &why), ERR_OK);
    kit_open(&other);
    struct kit_rows got = {0};
    kit_rows_of(&other, &got);
    kit_rows_sort(&world->model);
    assert_true(kit_rows_equal(&got, &world->model));
    kit_rows_done(&got);
    kit_done(&other);
    assert_int_equal(sys_space(world->kit.sys, STR("."), &free_after, &total, &why), ERR_OK);
    assert_true(free_before == free_after);
    kit_open(&world->kit);
}

static void step(struct world *world)
{
    switch (rng_below(&world->rng, 24)) {
    case 0:
        sys_sim_advance(world->kit.sys, (int64_t)rng_below(&world->rng, 40000));
        break;
    case 1:
        store_tidy(world->kit.store, true);
        break;
    case 2:
        reopen(world);
        break;
    case 3:
        check_same(world);
        break;
    case 4:
        check_range(world);
        break;
    case 5:
        check_presence(world);
        break;
    case 6:
        hold(world);
        break;
    case 7:
        let_go(world);
        break;
    case 8:
        if (rng_chance(&world->rng, 20))
            read_only(world);
        break;
    case 9:
    case 10:
    case 11:
        sys_sim_advance(world->kit.sys, 200);
        store_tidy(world->kit.store, false);
        break;
    default:
        append(world);
    }
}

static void run(uint64_t seed, bool tiny, unsigned steps)
{
    struct world world = {.rng = {seed}};
    struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
    kit_init(&world.kit, sys_sim_new(&options), "data");
    if (tiny)
        kit_tiny(&world.kit);
    kit_open(&world.kit);
    for (unsigned i = 0; i < steps; i++)
        step(&world);
    let_go(&world);
    check_same(&world);
    store_tidy(world.kit.store, true);
    check_same(&world);
    struct store_stats stats;
    store_stats(world.kit.store, &stats);
    assert_true(stats.segment_rows + stats.head_rows == world.model.count && stats.head_rows == 0);
    assert_true(stats.segments > 3 && stats.quarantined_files == 0 && stats.last_error.err == ERR_OK);
    kit_done(&world.kit);
    kit_rows_done(&world.model);
    sys_sim_free(world.kit.sys);
}

static uint64_t first_seed = 1, seed_count = 6;

static void equals_the_model(void **state)
{
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run(seed, false, 300);
        run(seed, true, 300);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed_count = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = strtoull(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
