/* Faults: the power goes at the n-th call to the machine, the n-th call fails, the disk fills up, bits flip.
 * After each: the store opens, every acknowledged batch is there once and whole, every other one whole or
 * absent, and no row was invented.
 *
 * By default every n-th place is tried, from a start that the seed moves; with an argument all of them:
 * store_crash_test SEEDS 1. */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/check.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned seeds = 2, stride = 67;

/* ---- numbered batches ---- */

enum { BATCHES_MAX = 400 };

struct record {
    unsigned rows;
    bool tried, acked, keyed;
};

struct ledger {
    struct kit kit;
    struct rng rng;
    struct record records[BATCHES_MAX];
    unsigned count;
};

static const char *key_of(unsigned number, char *to)
{
    sprintf(to, "led/%u", number);
    return to;
}

/* The number of a row's batch is in its value. */
static void make_rows(struct ledger *ledger, unsigned number, unsigned count, struct kit_rows *rows)
{
    unsigned late = rng_chance(&ledger->rng, 20) ? 50 : 0;
    kit_random_rows(&ledger->rng, sys_wall_ms(ledger->kit.sys), count, late, rows);
    for (unsigned i = 0; i < count; i++)
        rows->at[i].value = number * 1000 + i;
}

static void append(struct ledger *ledger)
{
    if (ledger->count == BATCHES_MAX)
        return;
    unsigned number = ledger->count++, count = 1 + (unsigned)rng_below(&ledger->rng, 30);
    struct record *record = &ledger->records[number];
    struct kit_rows rows = {0};
    char key[24];
    make_rows(ledger, number, count, &rows);
    *record = (struct record){count, true, false, rng_chance(&ledger->rng, 30)};
    enum err err = kit_store(&ledger->kit, (uint32_t)rng_below(&ledger->rng, ledger->kit.options.lanes),
                             &rows, record->keyed ? key_of(number, key) : NULL);
    assert_int_not_equal(err, ERR_EXISTS);
    record->acked = err == ERR_OK;
    kit_rows_done(&rows);
}

static void step(struct ledger *ledger)
{
    switch (rng_below(&ledger->rng, 12)) {
    case 0:
        sys_sim_advance(ledger->kit.sys, (int64_t)rng_below(&ledger->rng, 70000));
        store_tidy(ledger->kit.store, false);
        break;
    case 1:
        store_tidy(ledger->kit.store, rng_chance(&ledger->rng, 50));
        break;
    default:
        append(ledger);
    }
}

/* Every number's rows are all there or none is; acknowledged ones are. */
static void check_ledger(struct ledger *ledger)
{
    struct kit_rows rows = {0};
    unsigned found[BATCHES_MAX] = {0};
    kit_rows_of(&ledger->kit, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        unsigned number = (unsigned)(rows.at[i].value / 1000);
        assert_true(number < ledger->count && rows.at[i].source < KIT_SOURCES);
        found[number]++;
    }
    for (unsigned i = 0; i < ledger->count; i++) {
        const struct record *record = &ledger->records[i];
        if (found[i] != record->rows && (record->acked || found[i] != 0))
            fprintf(stderr, "batch %u: %u of %u rows, %s\n", i, found[i], record->rows,
                    record->acked ? "acknowledged" : "not acknowledged");
        assert_true(found[i] == record->rows || (found[i] == 0 && !record->acked));
        char key[24];
        if (record->keyed && record->acked)
            assert_true(store_seen(ledger->kit.store, str_of(key_of(i, key))));
    }
    kit_rows_done(&rows);
}

static void check_quiet(const struct ledger *ledger)
{
    struct str text = buf_view(&ledger->kit.report.text);
    bool loud = ledger->kit.report.quarantined_files > 0 || str_glob(STR("*lost*"), text);
    if (loud)
        fprintf(stderr, "report: %.*s", STR_ARG(text));
    assert_false(loud);
}

static void init(struct ledger *ledger, uint64_t seed)
{
    struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
    *ledger = (struct ledger){.rng = {seed}};
    kit_init(&ledger->kit, sys_sim_new(&options), "data");
    kit_tiny(&ledger->kit);
    ledger->kit.options.lanes = 2;
}

static void done(struct ledger *ledger)
{
    kit_done(&ledger->kit);
    sys_sim_free(ledger->kit.sys);
}

static void after_crash(struct ledger *ledger)
{
    kit_close(&ledger->kit);
    sys_sim_crash(ledger->kit.sys);
    kit_open(&ledger->kit);
    check_quiet(ledger);
    check_ledger(ledger);
}

/* ---- power cuts ---- */

/* false: the script ended before the cut. */
static bool cut_at(uint64_t seed, uint64_t n, unsigned steps)
{
    struct ledger ledger;
    struct why why;
    init(&ledger, seed);
    sys_sim_cut_power_at(ledger.kit.sys, n);
    bool opened = kit_try_open(&ledger.kit, &why) == ERR_OK;
    for (unsigned i = 0; opened && i < steps && !sys_sim_is_off(ledger.kit.sys); i++)
        step(&ledger);
    bool off = sys_sim_is_off(ledger.kit.sys);
    after_crash(&ledger);
    /* Life goes on, and a second crash at once loses nothing either. */
    for (unsigned i = 0; i < 12; i++)
        step(&ledger);
    after_crash(&ledger);
    store_tidy(ledger.kit.store, true);
    check_ledger(&ledger);
    after_crash(&ledger);
    done(&ledger);
    return off;
}

static void survives_power_cuts(void **state)
{
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t n = 1 + seed * 7 % stride;
        while (cut_at(seed, n, 200))
            n += stride;
        fprintf(stderr, "seed %llu: cut at every %uth of %llu calls\n", (unsigned long long)seed, stride,
                (unsigned long long)n);
    }
}

/* ---- failing calls ---- */

static bool fail_at(uint64_t seed, uint64_t n, enum err err, bool sticky)
{
    struct ledger ledger;
    struct why why;
    init(&ledger, seed);
    kit_open(&ledger.kit);
    uint64_t before = sys_sim_calls(ledger.kit.sys);
    sys_sim_fail_at(ledger.kit.sys, n, err, sticky);
    for (unsigned i = 0; i < 120; i++)
        step(&ledger);
    bool hit = sys_sim_calls(ledger.kit.sys) - before >= n;
    sys_sim_fail_at(ledger.kit.sys, 0, ERR_OK, false);
    check_ledger(&ledger); /* what was acknowledged is shown all along */
    /* Whole again: it takes what it refused. */
    for (int i = 0; i < 3; i++) {
        sys_sim_advance(ledger.kit.sys, 2000);
        store_tidy(ledger.kit.store, true);
    }
    unsigned number = ledger.count;
    append(&ledger);
    assert_true(number == BATCHES_MAX || ledger.records[number].acked);
    check_ledger(&ledger);
    after_crash(&ledger);
    kit_close(&ledger.kit);
    /* Opening itself may fail, and then succeeds. */
    sys_sim_fail_at(ledger.kit.sys, 1 + n % 60, err, sticky);
    if (kit_try_open(&ledger.kit, &why) == ERR_OK)
        kit_close(&ledger.kit);
    sys_sim_fail_at(ledger.kit.sys, 0, ERR_OK, false);
    kit_open(&ledger.kit);
    check_ledger(&ledger);
    done(&ledger);
    return hit;
}

static void survives_failing_calls(void **state)
{
    static const enum err errors[] = {ERR_IO, ERR_FULL};
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (int kind = 0; kind < 4; kind++) {
            uint64_t n = 1 + seed * 5 % stride;
            for (; fail_at(seed, n, errors[kind % 2], kind >= 2); n += stride)
                if (getenv("KIT_VERBOSE"))
                    fprintf(stderr, "seed %llu kind %d n %llu\n", (unsigned long long)seed, kind,
                            (unsigned long long)n);
        }
}

/* ---- a full disk ---- */

static void full_at(uint64_t seed, uint64_t disk_bytes)
{
    struct ledger ledger;
    init(&ledger, seed);
    sys_sim_set_disk(ledger.kit.sys, disk_bytes);
    struct why why;
    if (kit_try_open(&ledger.kit, &why)) { /* not even an empty catalog fits */
        assert_int_equal(why.err, ERR_FULL);
        done(&ledger);
        return;
    }
    unsigned refused = 0;
    for (unsigned i = 0; i < 300 && refused < 20; i++) {
        unsigned number = ledger.count;
        step(&ledger);
        refused += ledger.count > number && !ledger.records[number].acked;
    }
    check_ledger(&ledger); /* queries go on */
    struct store_stats stats;
    store_stats(ledger.kit.store, &stats);
    assert_true(refused == 0 || stats.read_only || stats.last_error.err == ERR_FULL);
    after_crash(&ledger);
    sys_sim_set_disk(ledger.kit.sys, (uint64_t)1 << 40);
    sys_sim_advance(ledger.kit.sys, 2000);
    store_tidy(ledger.kit.store, true);
    store_stats(ledger.kit.store, &stats);
    assert_false(stats.read_only);
    unsigned number = ledger.count;
    append(&ledger);
    assert_true(number == BATCHES_MAX || ledger.records[number].acked);
    check_ledger(&ledger);
    after_crash(&ledger);
    done(&ledger);
}

static void survives_a_full_disk(void **state)
{
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (uint64_t bytes = 20000; bytes < 700000; bytes += stride * 500)
            full_at(seed, bytes);
}

/* ---- bits ---- */

struct file_list {
    struct sys *sys;
    char dir[512];
    struct {
        char path[512];
        uint64_t size;
    } files[256];
    unsigned count;
};

static bool add_file(void *ctx, struct str name, bool is_dir)
{
    struct file_list *list = ctx;
    char path[512] = "";
    snprintf(path, sizeof path, "%.400s/%.*s", list->dir, STR_ARG(name));
    if (is_dir) {
        char before[512];
        memcpy(before, list->dir, sizeof before);
        memcpy(list->dir, path, sizeof path);
        assert_int_equal(sys_list(list->sys, str_of(path), add_file, list, NULL), ERR_OK);
        memcpy(list->dir, before, sizeof before);
    } else if (list->count < 256) {
        struct sys_file *file;
        memcpy(list->files[list->count].path, path, sizeof path);
        assert_int_equal(sys_open(list->sys, str_of(path), SYS_READ, &file, NULL), ERR_OK);
        assert_int_equal(sys_size(list->sys, file, &list->files[list->count++].size, NULL), ERR_OK);
        sys_close(list->sys, file);
    }
    return true;
}

/* Some place in some file that is not filled with zeros. */
static bool pick_bit(struct ledger *ledger, struct file_list *list, const char *only, char *path,
                     uint64_t *byte)
{
    for (int tries = 0; tries < 2000; tries++) {
        unsigned f = (unsigned)rng_below(&ledger->rng, list->count);
        struct sys_file *file;
        unsigned char near[16] = {0};
        size_t got;
        if (!list->files[f].size || (only && !strstr(list->files[f].path, only)))
            continue;
        *byte = rng_below(&ledger->rng, list->files[f].size);
        assert_int_equal(sys_open(list->sys, str_of(list->files[f].path), SYS_READ, &file, NULL), ERR_OK);
        assert_int_equal(sys_read_at(list->sys, file, *byte & ~(uint64_t)15, near, 16, &got, NULL), ERR_OK);
        sys_close(list->sys, file);
        bool zero = true;
        for (int i = 0; i < 16; i++)
            zero &= near[i] == 0;
        if (zero && tries < 1999)
            continue;
        strcpy(path, list->files[f].path);
        return true;
    }
    return false;
}

static unsigned flips_seen, flips_harmless;

static void flip(uint64_t seed, const char *only)
{
    static struct file_list list;
    struct ledger ledger;
    struct kit_rows whole = {0}, after = {0}, again = {0};
    char path[512] = "";
    uint64_t byte = 0;
    init(&ledger, 1 + seed % 3);
    kit_open(&ledger.kit);
    for (unsigned i = 0; i < 60; i++)
        step(&ledger);
    kit_rows_of(&ledger.kit, &whole);
    kit_close(&ledger.kit);
    ledger.rng.state = seed * 977;
    list = (struct file_list){.sys = ledger.kit.sys, .dir = "data"};
    assert_int_equal(sys_list(list.sys, STR("data"), add_file, &list, NULL), ERR_OK);
    assert_true(pick_bit(&ledger, &list, only, path, &byte));
    assert_true(sys_sim_flip(ledger.kit.sys, str_of(path), byte, (unsigned)rng_below(&ledger.rng, 8)));
    kit_open(&ledger.kit);
    struct snapshot *snapshot = store_snapshot(ledger.kit.store);
    enum err err = kit_collect(&ledger.kit, snapshot, &after);
    snapshot_unref(snapshot);
    assert_true(kit_rows_within(&after, &whole)); /* nothing is invented, nothing is altered */
    store_tidy(ledger.kit.store, false);
    struct store_stats stats;
    store_stats(ledger.kit.store, &stats);
    bool said = err || ledger.kit.report.text.size || stats.quarantined_files || stats.last_error.err;
    flips_seen += said;
    flips_harmless += !said;
    if (!said && after.count != whole.count)
        fprintf(stderr, "seed %llu: a flip at %llu of %s was not noticed\n", (unsigned long long)seed,
                (unsigned long long)byte, path);
    assert_true(said || after.count == whole.count);
    kit_rows_of(&ledger.kit, &again); /* the rest is readable now without an error */
    assert_true(kit_rows_within(&again, &whole));
    assert_true(again.count * 2 >= whole.count || whole.count < 50);
    unsigned number = ledger.count;
    append(&ledger);
    assert_true(ledger.records[number].acked);
    kit_rows_done(&whole);
    kit_rows_done(&after);
    kit_rows_done(&again);
    done(&ledger);
}

static void notices_flipped_bits(void **state)
{
    static const char *const kinds[] = {"/log/", "/seg/", "catalog.db"};
    for (int kind = 0; kind < 3; kind++) {
        flips_seen = flips_harmless = 0;
        for (uint64_t seed = 1; seed <= 40 * seeds; seed++)
            flip(seed, kinds[kind]);
        fprintf(stderr, "%s: %u flips noticed, %u without effect\n", kinds[kind], flips_seen, flips_harmless);
        assert_true(flips_seen > 0);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seeds = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        stride = (unsigned)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_power_cuts),
        cmocka_unit_test(survives_failing_calls),
        cmocka_unit_test(survives_a_full_disk),
        cmocka_unit_test(notices_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
