/* What the background thread does, one duty after the other: merging, retention by age and by budget, log
 * files, keys, damaged files, a lost catalog, inspect, limits of the way in. */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/check.h"
#include "base/mem.h"
#include "store/keys.h"

#include <stdio.h>

#define DAY ((int64_t)86400000)

static void start(struct kit *kit)
{
    struct sys_sim_options options = {.seed = 1, .wall_ms = KIT_START_MS};
    kit_init(kit, sys_sim_new(&options), "data");
    kit->options.head_rows_max = 256;
    kit_open(kit);
}

static void stop(struct kit *kit)
{
    kit_done(kit);
    sys_sim_free(kit->sys);
}

static struct store_stats stats_of(struct kit *kit)
{
    struct store_stats stats;
    store_stats(kit->store, &stats);
    return stats;
}

static void settle(struct kit *kit)
{
    for (int i = 0; i < 40; i++)
        store_tidy(kit->store, false);
}

/* count rows at one time, all kept in the model when it is given. */
static void put(struct kit *kit, struct rng *rng, int64_t time_ms, unsigned count, struct kit_rows *model)
{
    struct kit_rows rows = {0};
    kit_random_rows(rng, time_ms, count, 0, &rows);
    for (unsigned i = 0; i < count; i++)
        rows.at[i].time_ms = time_ms + i;
    assert_int_equal(kit_store(kit, 0, &rows, NULL), ERR_OK);
    if (model)
        kit_rows_add_all(model, &rows);
    kit_rows_done(&rows);
}

static void check_same(struct kit *kit, struct kit_rows *model)
{
    struct kit_rows got = {0};
    kit_rows_of(kit, &got);
    kit_rows_sort(model);
    assert_true(kit_rows_equal(&got, model));
    kit_rows_done(&got);
}

static bool count_file(void *ctx, struct str name, bool is_dir)
{
    ++*(unsigned *)ctx;
    return true;
}

static unsigned files_in(struct kit *kit, const char *folder)
{
    unsigned count = 0;
    assert_int_equal(sys_list(kit->sys, str_of(folder), count_file, &count, NULL), ERR_OK);
    return count;
}

static void small_files_are_united(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    struct kit_rows model = {0}, held = {0}, again = {0};
    start(&kit);
    for (int i = 0; i < 16; i++) {
        put(&kit, &rng, KIT_START_MS + i * 1000, 30, &model);
        store_tidy(kit.store, true);
    }
    assert_int_equal(stats_of(&kit).segments, 16);
    struct snapshot *snapshot = store_snapshot(kit.store);
    put(&kit, &rng, KIT_START_MS + 17000, 30, &model);
    store_tidy(kit.store, true);
    settle(&kit);
    assert_int_equal(stats_of(&kit).segments, 2);
    check_same(&kit, &model);
    /* Who still reads the old files can go on; they leave the disk with him. */
    assert_int_equal(files_in(&kit, "data/seg/20251124"), 18);
    assert_int_equal(kit_collect(&kit, snapshot, &held), ERR_OK);
    assert_int_equal(held.count, 480);
    snapshot_unref(snapshot);
    assert_int_equal(files_in(&kit, "data/seg/20251124"), 2);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(kit.report.text.size, 0);
    kit_rows_of(&kit, &again);
    assert_true(kit_rows_equal(&again, &model));
    kit_rows_done(&model);
    kit_rows_done(&held);
    kit_rows_done(&again);
    stop(&kit);
}

static void old_days_go(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    start(&kit);
    kit_close(&kit);
    kit.options.keep_ms = 3 * DAY;
    kit_open(&kit);
    assert_true(store_oldest_ms(kit.store) == KIT_START_MS - 3 * DAY);
    for (int day = 0; day < 3; day++) {
        put(&kit, &rng, sys_wall_ms(kit.sys), 20, NULL);
        store_tidy(kit.store, true);
        sys_sim_advance(kit.sys, DAY);
    }
    assert_int_equal(stats_of(&kit).partitions, 3);
    sys_sim_advance(kit.sys, DAY);
    store_tidy(kit.store, true);
    struct store_stats stats = stats_of(&kit);
    assert_int_equal(stats.partitions, 2);
    assert_int_equal(stats.dropped_partitions, 1);
    assert_int_equal(stats.dropped_rows, 20);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(stats_of(&kit).partitions, 2);
    assert_int_equal(kit.report.text.size, 0);
    stop(&kit);
}

static void the_budget_drops_the_oldest(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    start(&kit);
    for (int day = 0; day < 5; day++) {
        put(&kit, &rng, sys_wall_ms(kit.sys), 200, NULL);
        store_tidy(kit.store, true);
        sys_sim_advance(kit.sys, DAY);
    }
    store_tidy(kit.store, true);
    struct store_stats stats = stats_of(&kit);
    assert_int_equal(stats.partitions, 5);
    kit_close(&kit);
    kit.options.disk_bytes_max = stats.disk_bytes - stats.segment_bytes / 3;
    kit_open(&kit);
    store_tidy(kit.store, true);
    stats = stats_of(&kit);
    assert_true(stats.partitions < 5 && stats.partitions >= 2);
    assert_int_equal(stats.dropped_rows, (5 - stats.partitions) * 200);
    /* What lies before is not taken in any more, across restarts. */
    int64_t edge_ms = store_oldest_ms(kit.store);
    assert_true(edge_ms == (KIT_START_MS / DAY + 5 - (int64_t)stats.partitions) * DAY);
    kit_close(&kit);
    kit_open(&kit);
    assert_true(store_oldest_ms(kit.store) == edge_ms);
    stop(&kit);
}

static void the_log_stays_bounded(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    start(&kit);
    kit_close(&kit);
    kit.options.head_rows_max = 1 << 20;
    kit_open(&kit);
    for (int i = 0; i < 400; i++) {
        put(&kit, &rng, sys_wall_ms(kit.sys), 100, NULL);
        sys_sim_advance(kit.sys, 10);
        store_tidy(kit.store, false);
        assert_true(stats_of(&kit).log_files <= 4);
    }
    assert_true(stats_of(&kit).segments > 0);
    /* Without the background thread it refuses at last, instead of filling the disk. */
    enum err err = ERR_OK;
    for (int i = 0; i < 2000 && !err; i++) {
        struct kit_rows rows = {0};
        kit_random_rows(&rng, sys_wall_ms(kit.sys), 100, 0, &rows);
        err = kit_store(&kit, 0, &rows, NULL);
        kit_rows_done(&rows);
    }
    assert_int_equal(err, ERR_BUSY);
    assert_true(stats_of(&kit).log_files <= 10);
    store_tidy(kit.store, true);
    put(&kit, &rng, sys_wall_ms(kit.sys), 1, NULL);
    stop(&kit);
}

static void keys_are_remembered_for_an_hour(void **state)
{
    struct kit kit;
    struct kit_rows none = {0};
    uint64_t seq;
    start(&kit);
    assert_int_equal(kit_store(&kit, 0, &none, "a/7"), ERR_OK); /* a batch without rows counts too */
    assert_int_equal(kit_store(&kit, 0, &none, "a/12"), ERR_OK);
    assert_int_equal(kit_store(&kit, 0, &none, "ab/99"), ERR_OK);
    assert_int_equal(kit_store(&kit, 0, &none, "a/x"), ERR_OK);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(kit_store(&kit, 0, &none, "a/7"), ERR_EXISTS);
        assert_true(store_last_seq(kit.store, STR("a"), &seq) && seq == 12);
        assert_false(store_last_seq(kit.store, STR("b"), &seq));
        if (round == 1)
            store_tidy(kit.store, true); /* out of the log, into the catalog */
        kit_close(&kit);
        kit_open(&kit);
    }
    sys_sim_advance(kit.sys, 3600 * 1000 + 1);
    assert_false(store_seen(kit.store, STR("a/7")));
    assert_int_equal(kit_store(&kit, 0, &none, "a/7"), ERR_OK);
    char key[KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof key);
    key[KEY_BYTES_MAX + 1] = 0;
    assert_int_equal(kit_store(&kit, 0, &none, key), ERR_LIMIT);
    stop(&kit);
}

static void a_key_twice_in_one_group(void **state)
{
    struct kit kit;
    struct rng rng = {3};
    struct kit_rows rows = {0};
    struct kit_batch first, second;
    start(&kit);
    kit_random_rows(&rng, KIT_START_MS, 5, 0, &rows);
    assert_true(kit_submit(&kit, 0, &rows, "c/1", &first));
    assert_true(kit_submit(&kit, 0, &rows, "c/1", &second));
    assert_int_equal(lane_commit(store_lane(kit.store, 0)), 2);
    assert_int_equal(first.err, ERR_OK);
    assert_int_equal(second.err, ERR_EXISTS);
    assert_int_equal(stats_of(&kit).head_rows, 5);
    kit_batch_done(&first);
    kit_batch_done(&second);
    kit_rows_done(&rows);
    stop(&kit);
}

static bool first_name(void *ctx, struct str name, bool is_dir)
{
    sprintf(ctx, "%.*s", STR_ARG(name));
    return false;
}

/* The disk loses a block in the middle: its rows are lost and said to be, the others are saved. */
static void a_bad_block_costs_its_rows(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    struct kit_rows model = {0}, got = {0};
    char name[64], path[128];
    start(&kit);
    put(&kit, &rng, KIT_START_MS, 250, &model);
    store_tidy(kit.store, true);
    assert_int_equal(sys_list(kit.sys, STR("data/seg/20251124"), first_name, name, NULL), ERR_OK);
    snprintf(path, sizeof path, "data/seg/20251124/%s", name);
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3)); /* in the first block */
    struct snapshot *snapshot = store_snapshot(kit.store);
    assert_int_equal(kit_collect(&kit, snapshot, &got), ERR_CORRUPT);
    snapshot_unref(snapshot);
    store_tidy(kit.store, false);
    struct store_stats stats = stats_of(&kit);
    assert_int_equal(stats.quarantined_files, 1);
    assert_int_equal(stats.last_error.err, ERR_CORRUPT);
    assert_int_equal(files_in(&kit, "data/quarantine"), 1);
    got.count = 0;
    kit_rows_of(&kit, &got);
    kit_rows_sort(&model);
    assert_true(got.count >= 200 && got.count < 250 && kit_rows_within(&got, &model));
    kit_close(&kit);
    kit_open(&kit);
    kit_rows_done(&model);
    assert_int_equal(stats_of(&kit).segment_rows, got.count);
    kit_rows_done(&got);
    stop(&kit);
}

static void a_lost_catalog_is_built_anew(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    struct kit_rows model = {0};
    start(&kit);
    for (int i = 0; i < 20; i++) {
        put(&kit, &rng, KIT_START_MS + i * DAY / 10, 30, &model);
        if (i < 18)
            store_tidy(kit.store, true); /* the last two are in the log alone */
    }
    settle(&kit);
    kit_close(&kit);
    struct why why;
    assert_int_equal(sys_unlink(kit.sys, STR("data/catalog.db"), &why), ERR_OK);
    for (int round = 0; round < 3; round++) {
        kit_open(&kit);
        assert_true((kit.report.text.size > 0) == (round == 0));
        check_same(&kit, &model);
        if (round == 1)
            store_tidy(kit.store, true);
        kit_close(&kit);
    }
    kit_open(&kit);
    kit_rows_done(&model);
    stop(&kit);
}

static void strangers_go_to_quarantine(void **state)
{
    struct kit kit;
    struct sys_file *file;
    struct why why;
    start(&kit);
    struct rng rng = {7};
    put(&kit, &rng, KIT_START_MS, 30, NULL);
    store_tidy(kit.store, true);
    kit_close(&kit);
    static const char *const names[] = {"data/seg/20251124/0123.seg", "data/seg/20251124/readme.txt"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sys_open(kit.sys, str_of(names[i]), SYS_CREATE, &file, &why), ERR_OK);
        assert_int_equal(sys_write_at(kit.sys, file, 0, "hello", 5, &why), ERR_OK);
        sys_close(kit.sys, file);
    }
    kit_open(&kit);
    assert_int_equal(kit.report.quarantined_files, 2);
    assert_int_equal(files_in(&kit, "data/quarantine"), 2);
    assert_int_equal(files_in(&kit, "data/seg/20251124"), 1);
    stop(&kit);
}

static void one_owner(void **state)
{
    struct kit kit, other;
    struct why why;
    start(&kit);
    kit_init(&other, kit.sys, "data");
    assert_int_equal(kit_try_open(&other, &why), ERR_BUSY);
    names_free(other.names);
    stop(&kit);
}

static enum err inspect(struct kit *kit, struct buf *out, struct why *why)
{
    struct store_inspect_options options = {kit->sys, STR("data"), true, STR("scratch")};
    assert_int_equal(sys_make_dir(kit->sys, STR("scratch"), NULL), ERR_OK);
    out->size = 0;
    enum err err = store_inspect(&options, out, why);
    assert_int_equal(sys_remove_dir(kit->sys, STR("scratch"), NULL), ERR_OK); /* it is empty again */
    return err;
}

static void inspect_says_what_lies_there(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    struct buf out = {0};
    struct why why;
    char name[64], path[128];
    start(&kit);
    put(&kit, &rng, KIT_START_MS, 250, NULL);
    store_tidy(kit.store, true);
    put(&kit, &rng, KIT_START_MS, 20, NULL);
    assert_int_equal(inspect(&kit, &out, &why), ERR_OK);
    assert_true(str_glob(STR("*250 rows*good*2 batches*0 damaged files*"), buf_view(&out)));
    assert_int_equal(sys_list(kit.sys, STR("data/seg/20251124"), first_name, name, NULL), ERR_OK);
    snprintf(path, sizeof path, "data/seg/20251124/%s", name);
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3));
    out.size = 0;
    assert_int_equal(inspect(&kit, &out, &why), ERR_CORRUPT);
    assert_true(str_glob(STR("*DAMAGED*1 damaged files*"), buf_view(&out)));
    buf_done(&out);
    stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_files_are_united),          cmocka_unit_test(old_days_go),
        cmocka_unit_test(the_budget_drops_the_oldest),     cmocka_unit_test(the_log_stays_bounded),
        cmocka_unit_test(keys_are_remembered_for_an_hour), cmocka_unit_test(a_key_twice_in_one_group),
        cmocka_unit_test(a_bad_block_costs_its_rows),      cmocka_unit_test(a_lost_catalog_is_built_anew),
        cmocka_unit_test(strangers_go_to_quarantine),      cmocka_unit_test(one_owner),
        cmocka_unit_test(inspect_says_what_lies_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
