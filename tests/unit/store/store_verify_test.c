/* inspect --verify and --rebuild: damage is found and it is said what is lost; a healthy folder is called so
 * in every state that a run or a crash leaves; a catalog that is built anew loses nothing. */
#include "store_kit.h"

#include "../cmocka_all.h"

#include <stdio.h>

static void start(struct kit *kit)
{
    struct sys_sim_options options = {.seed = 1, .wall_ms = KIT_START_MS};
    kit_init(kit, sys_sim_new(&options), "data");
    kit_tiny(kit);
    kit_open(kit);
}

static void stop(struct kit *kit)
{
    kit_done(kit);
    sys_sim_free(kit->sys);
}

static void put(struct kit *kit, struct rng *rng, unsigned count, const char *key, struct kit_rows *all)
{
    struct kit_rows rows = {0};
    kit_random_rows(rng, sys_wall_ms(kit->sys), count, 0, &rows);
    assert_int_equal(kit_store(kit, 0, &rows, key), ERR_OK);
    if (all) {
        kit_rows_add_all(all, &rows);
        kit_rows_sort(all);
    }
    kit_rows_done(&rows);
}

static enum err verify(struct kit *kit, const char *dir, struct buf *out)
{
    struct why why = {0};
    struct store_inspect_options options = {kit->sys, str_of(dir), true, STR("scratch")};
    assert_int_equal(sys_make_dir(kit->sys, STR("scratch"), NULL), ERR_OK);
    out->size = 0;
    enum err err = store_inspect(&options, out, &why);
    assert_int_equal(sys_remove_dir(kit->sys, STR("scratch"), NULL), ERR_OK); /* it is empty again */
    return err;
}

static void says(const struct buf *out, const char *pattern)
{
    bool fits = str_glob(str_of(pattern), buf_view(out));
    if (!fits)
        fprintf(stderr, "wanted %s in:\n%.*s", pattern, STR_ARG(buf_view(out)));
    assert_true(fits);
}

static bool add_name(void *ctx, struct str name, bool is_dir)
{
    buf_str(ctx, name);
    return false;
}

static void first_segment(struct kit *kit, const char *dir, char *path)
{
    struct buf name = {0};
    char folder[64];
    snprintf(folder, sizeof folder, "%s/seg/20251124", dir);
    assert_int_equal(sys_list(kit->sys, str_of(folder), add_name, &name, NULL), ERR_OK);
    sprintf(path, "%.60s/%.*s", folder, (int)name.size, name.at);
    buf_done(&name);
}

static void size_of(struct kit *kit, const char *path, uint64_t *size)
{
    struct sys_file *file;
    assert_int_equal(sys_open(kit->sys, str_of(path), SYS_READ, &file, NULL), ERR_OK);
    assert_int_equal(sys_size(kit->sys, file, size, NULL), ERR_OK);
    sys_close(kit->sys, file);
}

static void a_damaged_block_is_told_from_a_damaged_file(void **state)
{
    struct kit kit;
    struct rng rng = {7};
    struct buf out = {0};
    char path[128];
    uint64_t size;
    start(&kit);
    put(&kit, &rng, 250, NULL, NULL);
    store_tidy(kit.store, true);
    kit_close(&kit);
    assert_int_equal(verify(&kit, "data", &out), ERR_OK);
    says(&out, "*250 rows*, good\n*catalog.db  1 segments, good\n*0 damaged files\n");
    first_segment(&kit, "data", path);
    size_of(&kit, path, &size);
    /* In the first block of the first metric. */
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3));
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "*250 rows*: DAMAGED, *; lost: * rows of * metric* (kit.m*), 2025-11-24T1* to 2025-11-24T1*");
    assert_false(str_glob(STR("*lost: 250 rows*"), buf_view(&out)));
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3));
    /* In the footer: then the catalog knows what was in it. */
    assert_true(sys_sim_flip(kit.sys, str_of(path), size - 5, 3));
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "*DAMAGED: *trailer*; lost: 250 rows of 7 metrics (kit.m*, kit.m*, ...), 2025-11-24T1*1 "
               "damaged files\n");
    assert_int_equal(sys_unlink(kit.sys, STR("data/catalog.db"), NULL), ERR_OK);
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "catalog.db  it is missing: *DAMAGED: *; lost: all of its rows\n*1 damaged files\n");
    kit_open(&kit);
    buf_done(&out);
    stop(&kit);
}

static void a_missing_file_and_a_damaged_catalog_are_found(void **state)
{
    struct kit kit;
    struct rng rng = {8};
    struct buf out = {0};
    char path[128];
    start(&kit);
    put(&kit, &rng, 250, NULL, NULL);
    store_tidy(kit.store, true);
    /* A running store's catalog is left alone. */
    assert_int_equal(verify(&kit, "data", &out), ERR_OK);
    says(&out, "catalog.db  not checked: a running dialtone has it open\n*0 damaged files\n");
    kit_close(&kit);
    first_segment(&kit, "data", path);
    assert_int_equal(sys_rename(kit.sys, str_of(path), STR("away"), NULL), ERR_OK);
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "*seg/20251124/*.seg  MISSING; lost: 250 rows of 7 metrics*1 damaged files\n");
    assert_int_equal(sys_rename(kit.sys, STR("away"), str_of(path), NULL), ERR_OK);
    assert_true(sys_sim_flip(kit.sys, STR("data/catalog.db"), 3, 1));
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "catalog.db  DAMAGED: *--rebuild*1 damaged files\n");
    kit_open(&kit);
    buf_done(&out);
    stop(&kit);
}

static void lost_batches_are_placed_in_time(void **state)
{
    struct kit kit;
    struct rng rng = {9};
    struct buf out = {0}, bytes = {0};
    start(&kit);
    for (int i = 0; i < 3; i++) {
        put(&kit, &rng, 5, NULL, NULL);
        sys_sim_advance(kit.sys, 1000);
    }
    kit_close(&kit);
    assert_int_equal(verify(&kit, "data", &out), ERR_OK);
    says(&out, "*, 3 batches\n*");
    /* The second batch's payload: the frames begin at 4096. */
    assert_int_equal(sys_read_file(kit.sys, STR("data/log/0-0.log"), 1 << 20, &bytes, NULL), ERR_OK);
    uint32_t first;
    memcpy(&first, bytes.at + 4096 + 8, 4);
    uint64_t second = 4096 + ((48 + (uint64_t)first + 7) & ~(uint64_t)7);
    assert_true(sys_sim_flip(kit.sys, STR("data/log/0-0.log"), second + 60, 2));
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "*DAMAGED, lost: batches 2 to 2, received after 2025-11-24T16:00:00.000Z, before "
               "2025-11-24T16:00:02.000Z\n*1 damaged files\n");
    kit_open(&kit);
    buf_done(&bytes);
    buf_done(&out);
    stop(&kit);
}

/* A log file in the middle that somebody removed. */
static void a_gap_in_the_log_is_found(void **state)
{
    struct kit kit;
    struct rng rng = {10};
    struct buf out = {0};
    start(&kit);
    kit.options.head_rows_max = 1 << 20;
    put(&kit, &rng, 5, NULL, NULL);
    store_tidy(kit.store, true); /* from here on the catalog knows the lane */
    for (int i = 0; i < 30; i++)
        put(&kit, &rng, 40, NULL, NULL);
    kit_close(&kit);
    assert_int_equal(verify(&kit, "data", &out), ERR_OK);
    assert_int_equal(sys_unlink(kit.sys, STR("data/log/0-0.log"), NULL), ERR_OK);
    assert_int_equal(verify(&kit, "data", &out), ERR_CORRUPT);
    says(&out, "*log of lane 0  DAMAGED, lost: batches * to *1 damaged files\n");
    kit_open(&kit);
    buf_done(&out);
    stop(&kit);
}

/* Power cuts at many places, with and without a lost catalog: the folder is sound each time. */
static void nothing_is_found_where_nothing_is_wrong(void **state)
{
    for (uint64_t seed = 1; seed < 25; seed++) {
        struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
        struct rng rng = {seed};
        struct kit kit;
        struct buf out = {0};
        kit_init(&kit, sys_sim_new(&options), "data");
        kit_tiny(&kit);
        kit.options.lanes = 2;
        kit_open(&kit);
        for (int round = 0; round < 6; round++) {
            sys_sim_cut_power_at(kit.sys, 100 + rng_below(&rng, 600));
            for (int i = 0; i < 60 && !sys_sim_is_off(kit.sys); i++) {
                struct kit_rows rows = {0};
                kit_random_rows(&rng, sys_wall_ms(kit.sys), 20, 20, &rows);
                enum err err = kit_store(&kit, (uint32_t)rng_below(&rng, 2), &rows, NULL);
                (void)err;
                kit_rows_done(&rows);
                if (rng_chance(&rng, 20))
                    store_tidy(kit.store, rng_chance(&rng, 30));
            }
            kit_close(&kit);
            sys_sim_crash(kit.sys);
            if (verify(&kit, "data", &out))
                fprintf(stderr, "seed %d round %d:\n%.*s", (int)seed, round, STR_ARG(buf_view(&out)));
            says(&out, "* 0 damaged files\n");
            if (round % 3 == 2) {
                struct why why = {0};
                out.size = 0;
                assert_int_equal(store_rebuild(kit.sys, STR("data"), &out, &why), ERR_OK);
                assert_int_equal(verify(&kit, "data", &out), ERR_OK);
            }
            kit_open(&kit);
        }
        buf_done(&out);
        stop(&kit);
    }
}

static void a_rebuilt_catalog_loses_nothing(void **state)
{
    for (int lost = 0; lost < 3; lost++) { /* whole, lost, damaged */
        struct kit kit;
        struct rng rng = {11 + (uint64_t)lost};
        struct kit_rows all = {0}, got = {0};
        struct buf out = {0};
        struct why why = {0};
        char key[24];
        start(&kit);
        for (int i = 0; i < 40; i++) {
            snprintf(key, sizeof key, "led/%d", i);
            put(&kit, &rng, 30, key, &all);
            if (i % 4 == 0)
                store_tidy(kit.store, true);
        }
        assert_int_equal(store_rebuild(kit.sys, STR("data"), &out, &why), ERR_BUSY);
        kit_close(&kit);
        if (lost == 1)
            assert_int_equal(sys_unlink(kit.sys, STR("data/catalog.db"), NULL), ERR_OK);
        if (lost == 2)
            assert_true(sys_sim_flip(kit.sys, STR("data/catalog.db"), 3, 1));
        out.size = 0;
        assert_int_equal(store_rebuild(kit.sys, STR("data"), &out, &why), ERR_OK);
        says(&out,
             lost ? "*built anew from * files; idempotency keys*" : "*set aside: built anew from * files\n");
        assert_int_equal(verify(&kit, "data", &out), ERR_OK);
        says(&out, "*segments, good\n*");
        kit_open(&kit);
        assert_int_equal(kit.report.text.size, 0);
        kit_rows_of(&kit, &got);
        assert_true(kit_rows_equal(&got, &all));
        for (int i = 0; i < 40 && !lost; i++) {
            snprintf(key, sizeof key, "led/%d", i);
            assert_true(store_seen(kit.store, str_of(key)));
        }
        kit_rows_done(&all);
        kit_rows_done(&got);
        buf_done(&out);
        stop(&kit);
    }
}

/* A backup is inspected like a data folder, and by its own list. */
static void a_backup_is_inspected_by_its_list(void **state)
{
    struct kit kit;
    struct rng rng = {12};
    struct buf out = {0};
    struct why why = {0};
    struct store_backup backup = {.target = STR("safe")};
    char path[128];
    start(&kit);
    sys_sim_set_links(kit.sys, false);
    put(&kit, &rng, 250, NULL, NULL);
    assert_int_equal(store_backup(kit.store, &backup, &why), ERR_OK);
    assert_int_equal(verify(&kit, "safe", &out), ERR_OK);
    says(&out, "*catalog.db  1 segments, good\nbackup  a list of * files, all as they were written\n*");
    first_segment(&kit, "safe", path);
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3));
    assert_int_equal(verify(&kit, "safe", &out), ERR_CORRUPT);
    says(&out, "*lost: *");
    assert_true(sys_sim_flip(kit.sys, str_of(path), 100, 3));
    assert_int_equal(sys_unlink(kit.sys, STR("safe/log/0-0.log"), NULL), ERR_OK);
    assert_int_equal(verify(&kit, "safe", &out), ERR_CORRUPT);
    says(&out, "*log/0-0.log  DAMAGED: is missing\n*1 damaged files\n");
    buf_done(&out);
    stop(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_block_is_told_from_a_damaged_file),
        cmocka_unit_test(a_missing_file_and_a_damaged_catalog_are_found),
        cmocka_unit_test(lost_batches_are_placed_in_time),
        cmocka_unit_test(a_gap_in_the_log_is_found),
        cmocka_unit_test(nothing_is_found_where_nothing_is_wrong),
        cmocka_unit_test(a_rebuilt_catalog_loses_nothing),
        cmocka_unit_test(a_backup_is_inspected_by_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
