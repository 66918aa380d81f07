/* Everything into as few files as the limits allow, and where their bytes are. */
#include "store_kit.h"

#include "../cmocka_all.h"

#define DAY ((int64_t)86400000)

static void start(struct kit *kit, uint64_t seed)
{
    struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
    kit_init(kit, sys_sim_new(&options), "data");
    kit->options.head_rows_max = 256;
    kit->options.lanes = 2;
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

static void put(struct kit *kit, struct rng *rng, uint32_t lane, int64_t time_ms, unsigned count,
                struct kit_rows *model)
{
    struct kit_rows rows = {0};
    kit_random_rows(rng, time_ms, count, 0, &rows);
    for (unsigned i = 0; i < count; i++)
        rows.at[i].time_ms = time_ms + i;
    assert_int_equal(kit_store(kit, lane, &rows, NULL), ERR_OK);
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

struct watched {
    struct merge_progress last;
    unsigned calls, give_up_at;
};

static bool watch(void *ctx, const struct merge_progress *progress)
{
    struct watched *watched = ctx;
    assert_true(progress->rows_done <= progress->rows_all);
    watched->last = *progress;
    return ++watched->calls != watched->give_up_at;
}

/* 70 files in three days, more than one merge takes at once; rows in both lanes' heads besides. */
static void fill(struct kit *kit, struct rng *rng, struct kit_rows *model)
{
    for (int i = 0; i < 70; i++) {
        put(kit, rng, i % 2, KIT_START_MS - (i % 3) * DAY + i * 1000, 25, model);
        if (i % 35 != 34)
            store_tidy(kit->store, true);
    }
    put(kit, rng, 0, KIT_START_MS + 100000, 25, model);
    put(kit, rng, 1, KIT_START_MS - 2 * DAY, 25, model);
}

struct sums {
    struct day_sizes total;
    int64_t last_date;
    unsigned days;
};

static void add_day(void *ctx, const struct day_sizes *day)
{
    struct sums *sums = ctx;
    uint64_t known = 0;
    for (unsigned s = 0; s < SECTION_COUNT; s++) {
        assert_true(day->sections[s] > 0 || s == SECTION_CUBES || s == SECTION_SKETCHES ||
                    s == SECTION_COUNTS);
        known += day->sections[s];
    }
    assert_int_equal(known, day->bytes);
    assert_true(day->date > sums->last_date);
    sums->last_date = day->date;
    sums->total.rows += day->rows;
    sums->total.files += day->files;
    sums->total.bytes += day->bytes;
    sums->days++;
}

static void each_day_becomes_one_file(void **state)
{
    struct kit kit;
    struct rng rng = {3};
    struct kit_rows model = {0};
    struct watched watched = {0};
    struct merge_options options = {watch, &watched};
    struct sums sums = {0};
    struct why why;
    start(&kit, 1);
    fill(&kit, &rng, &model);
    assert_true(stats_of(&kit).segments > 3 && stats_of(&kit).head_rows > 0);
    assert_int_equal(store_merge(kit.store, &options, &why), ERR_OK);
    assert_int_equal(stats_of(&kit).segments, 3);
    assert_int_equal(stats_of(&kit).head_rows, 0);
    assert_int_equal(watched.last.rows_all, model.count);
    assert_true(watched.last.files >= 3 && watched.calls > 3);
    check_same(&kit, &model);
    assert_int_equal(store_sizes(kit.store, add_day, &sums, &why), ERR_OK);
    assert_int_equal(sums.days, 3);
    assert_int_equal(sums.total.files, 3);
    assert_int_equal(sums.total.rows, model.count);
    assert_int_equal(sums.total.bytes, stats_of(&kit).segment_bytes);
    /* Again: nothing is left to do. */
    watched = (struct watched){0};
    assert_int_equal(store_merge(kit.store, &options, &why), ERR_OK);
    assert_int_equal(watched.last.files, 0);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(kit.report.text.size, 0);
    check_same(&kit, &model);
    kit_rows_done(&model);
    stop(&kit);
}

static void who_gives_up_keeps_what_is_done(void **state)
{
    struct kit kit;
    struct rng rng = {4};
    struct kit_rows model = {0};
    struct why why;
    start(&kit, 2);
    fill(&kit, &rng, &model);
    for (unsigned at = 1; at < 12; at += 5) {
        struct watched watched = {.give_up_at = at};
        struct merge_options options = {watch, &watched};
        assert_int_equal(store_merge(kit.store, &options, &why), ERR_CANCELLED);
        check_same(&kit, &model);
    }
    struct merge_options plain = {0};
    assert_int_equal(store_merge(kit.store, &plain, &why), ERR_OK);
    assert_int_equal(stats_of(&kit).segments, 3);
    check_same(&kit, &model);
    kit_rows_done(&model);
    stop(&kit);
}

/* The n-th write, sync, rename or unlink fails once, for every n: nothing is lost, and the next merge ends.
 */
static void a_failing_disk_loses_nothing(void **state)
{
    bool hit = true;
    for (unsigned nth = 1; hit; nth += 3) {
        struct kit kit;
        struct rng rng = {5};
        struct kit_rows model = {0};
        struct merge_options plain = {0};
        struct why why = {0};
        start(&kit, 3);
        for (int i = 0; i < 8; i++) {
            put(&kit, &rng, i % 2, KIT_START_MS + i * 1000, 20, &model);
            store_tidy(kit.store, true);
        }
        uint64_t calls = sys_sim_calls(kit.sys);
        sys_sim_fail_at(kit.sys, nth, ERR_IO, false);
        enum err err = store_merge(kit.store, &plain, &why);
        hit = sys_sim_calls(kit.sys) - calls >= nth;
        sys_sim_fail_at(kit.sys, 0, ERR_OK, false);
        assert_true(hit || err == ERR_OK);
        check_same(&kit, &model);
        sys_sim_advance(kit.sys, 70000);
        assert_int_equal(store_merge(kit.store, &plain, &why), ERR_OK);
        assert_int_equal(stats_of(&kit).segments, 1);
        kit_close(&kit);
        kit_open(&kit);
        check_same(&kit, &model);
        kit_rows_done(&model);
        stop(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_day_becomes_one_file),
                                       cmocka_unit_test(who_gives_up_keeps_what_is_done),
                                       cmocka_unit_test(a_failing_disk_loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
