/* Backup and restore: what was acknowledged before the call is there once, whatever happens meanwhile. The
 * power goes at every n-th call, every n-th call fails, bits flip: the store is never harmed, a backup is
 * whole or not there, half of a restore is never taken for all of it. */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned stride = 5;

struct place {
    struct kit kit;
    struct rng rng;
    struct kit_rows acked; /* before the backup */
    unsigned batches;
};

static void write_file(struct sys *sys, const char *path, const char *text)
{
    struct sys_file *file;
    assert_int_equal(sys_open(sys, str_of(path), SYS_CREATE, &file, NULL), ERR_OK);
    assert_int_equal(sys_write_at(sys, file, 0, text, strlen(text), NULL), ERR_OK);
    assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
    sys_close(sys, file);
}

static bool is_there(struct sys *sys, const char *path)
{
    struct sys_file *file;
    enum err err = sys_open(sys, str_of(path), SYS_READ, &file, NULL);
    if (err == ERR_OK)
        sys_close(sys, file);
    return err != ERR_MISSING; /* a folder cannot be opened, but is there */
}

static void append(struct place *place, unsigned count)
{
    struct kit_rows rows = {0};
    char key[24];
    snprintf(key, sizeof key, "led/%u", place->batches++);
    kit_random_rows(&place->rng, sys_wall_ms(place->kit.sys), count, 30, &rows);
    uint32_t lane = (uint32_t)rng_below(&place->rng, place->kit.options.lanes);
    assert_int_equal(kit_store(&place->kit, lane, &rows, key), ERR_OK);
    kit_rows_add_all(&place->acked, &rows);
    kit_rows_sort(&place->acked);
    kit_rows_done(&rows);
}

/* A store with sealed files of several days, and rows in its heads. */
static void build(struct place *place, uint64_t seed)
{
    struct sys_sim_options options = {.seed = seed, .wall_ms = KIT_START_MS};
    *place = (struct place){.rng = {seed}};
    kit_init(&place->kit, sys_sim_new(&options), "data");
    kit_tiny(&place->kit);
    place->kit.options.lanes = 2;
    kit_open(&place->kit);
    for (unsigned i = 0; i < 6; i++) {
        append(place, 40);
        if (i % 2)
            store_tidy(place->kit.store, i == 3);
    }
    struct sys *sys = place->kit.sys;
    write_file(sys, "data/config.yaml", "keep: 30d\n");
    assert_int_equal(sys_make_dir(sys, STR("data/pack"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("data/pack/more"), NULL), ERR_OK);
    write_file(sys, "data/pack/scheme.yaml", "scheme: kit\n");
    write_file(sys, "data/pack/more/notes", "deep\n");
    assert_int_equal(sys_sync_dir(sys, STR("data/pack/more"), NULL), ERR_OK);
    assert_int_equal(sys_sync_dir(sys, STR("data/pack"), NULL), ERR_OK);
    assert_int_equal(sys_sync_dir(sys, STR("data"), NULL), ERR_OK);
    append(place, 30);
    append(place, 10);
}

static void destroy(struct place *place)
{
    kit_done(&place->kit);
    kit_rows_done(&place->acked);
    sys_sim_free(place->kit.sys);
}

static enum err back_up(struct place *place, const char *target, struct why *why)
{
    struct store_backup backup = {.target = str_of(target)};
    return store_backup(place->kit.store, &backup, why);
}

static enum err restore(struct sys *sys, const char *from, const char *to, struct why *why)
{
    struct store_backup backup = {.target = str_of(from)};
    return store_restore(sys, &backup, str_of(to), why);
}

static void has_rows(struct kit *kit, const struct kit_rows *want)
{
    struct kit_rows got = {0};
    kit_rows_of(kit, &got);
    assert_true(kit_rows_equal(&got, want));
    kit_rows_done(&got);
}

/* Opens dir, quietly, with exactly these rows; and it is a store that goes on. */
static void holds(struct place *place, const char *dir, const struct kit_rows *want, unsigned batches)
{
    struct kit kit;
    char key[24];
    kit_init(&kit, place->kit.sys, dir);
    kit_tiny(&kit);
    kit.options.lanes = 2;
    kit_open(&kit);
    if (kit.report.text.size)
        fprintf(stderr, "report: %.*s", STR_ARG(buf_view(&kit.report.text)));
    assert_int_equal(kit.report.text.size, 0);
    has_rows(&kit, want);
    for (unsigned i = 0; i < batches; i++) {
        snprintf(key, sizeof key, "led/%u", i);
        assert_true(store_seen(kit.store, str_of(key)));
    }
    struct kit_rows rows = {0}, all = {0};
    kit_random_rows(&place->rng, sys_wall_ms(kit.sys), 20, 10, &rows);
    assert_int_equal(kit_store(&kit, 1, &rows, NULL), ERR_OK);
    store_tidy(kit.store, true);
    kit_close(&kit);
    kit_open(&kit);
    kit_rows_add_all(&all, want);
    kit_rows_add_all(&all, &rows);
    kit_rows_sort(&all);
    has_rows(&kit, &all);
    kit_rows_done(&rows);
    kit_rows_done(&all);
    kit_done(&kit);
}

static void check_text(struct sys *sys, const char *path, const char *text)
{
    struct buf got = {0};
    assert_int_equal(sys_read_file(sys, str_of(path), 1000, &got, NULL), ERR_OK);
    assert_true(str_eq(buf_view(&got), str_of(text)));
    buf_done(&got);
}

/* ---- the plain way ---- */

static void there_and_back(bool links)
{
    struct place place;
    struct why why = {0};
    struct kit_rows before = {0};
    build(&place, links ? 1 : 2);
    sys_sim_set_links(place.kit.sys, links);
    unsigned batches = place.batches;
    kit_rows_add_all(&before, &place.acked);
    struct store_backup backup = {.target = STR("/safe/"), .cancel = NULL};
    assert_int_equal(store_backup(place.kit.store, &backup, &why), ERR_OK);
    assert_int_equal(backup.copied, !links);
    assert_true(backup.files > 5);
    assert_false(is_there(place.kit.sys, "safe.partial"));
    check_text(place.kit.sys, "safe/pack/more/notes", "deep\n");
    /* The store goes on, merges, drops: the backup stays. */
    for (unsigned i = 0; i < 60; i++) {
        append(&place, 30);
        store_tidy(place.kit.store, true);
    }
    place.kit.options.keep_ms = 86400000;
    has_rows(&place.kit, &place.acked);
    assert_int_equal(restore(place.kit.sys, "safe", "back", &why), ERR_OK);
    holds(&place, "back", &before, batches);
    check_text(place.kit.sys, "back/config.yaml", "keep: 30d\n");
    check_text(place.kit.sys, "back/pack/scheme.yaml", "scheme: kit\n");
    assert_false(is_there(place.kit.sys, "back/backup"));
    /* A restored store that went on has not touched the backup. */
    assert_int_equal(restore(place.kit.sys, "safe", "again", &why), ERR_OK);
    holds(&place, "again", &before, batches);
    has_rows(&place.kit, &place.acked);
    kit_rows_done(&before);
    destroy(&place);
}

static void a_backup_of_links_comes_back(void **state)
{
    there_and_back(true);
}

static void a_backup_of_copies_comes_back(void **state)
{
    there_and_back(false);
}

static void an_empty_store_too(void **state)
{
    struct place place;
    struct why why = {0};
    struct sys_sim_options options = {.seed = 3, .wall_ms = KIT_START_MS};
    place = (struct place){.rng = {3}};
    kit_init(&place.kit, sys_sim_new(&options), "data");
    kit_open(&place.kit);
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    assert_int_equal(restore(place.kit.sys, "safe", "back", &why), ERR_OK);
    holds(&place, "back", &place.acked, 0);
    destroy(&place);
}

static void a_store_that_was_just_opened_too(void **state)
{
    struct place place;
    struct why why = {0};
    build(&place, 4);
    kit_close(&place.kit);
    place.kit.options.lanes = 1; /* the other lane's log is left by a run with more */
    kit_open(&place.kit);
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    assert_int_equal(restore(place.kit.sys, "safe", "back", &why), ERR_OK);
    holds(&place, "back", &place.acked, place.batches);
    destroy(&place);
}

/* Sealing fails at the n-th call and leaves its head where it is: then the log has the rows. */
static void rows_that_cannot_be_sealed_are_there(void **state)
{
    unsigned unsealed = 0;
    for (uint64_t n = 70; n < 130; n += 2) { /* the first calls look for a data folder above */
        struct place place;
        struct why why = {0};
        struct store_stats stats;
        build(&place, 5);
        sys_sim_fail_at(place.kit.sys, n, ERR_IO, false);
        enum err err = back_up(&place, "safe", &why);
        store_stats(place.kit.store, &stats);
        if (err == ERR_OK) {
            unsealed += stats.head_rows > 0;
            assert_int_equal(restore(place.kit.sys, "safe", "back", &why), ERR_OK);
            holds(&place, "back", &place.acked, place.batches);
        }
        destroy(&place);
    }
    assert_true(unsealed > 3);
}

/* ---- words ---- */

static void refuses(struct place *place, const char *target, enum err err, const char *says)
{
    struct why why = {0};
    assert_int_equal(back_up(place, target, &why), err);
    if (!str_glob(str_of(says), str_of(why.text)))
        fprintf(stderr, "%s\n", why.text);
    assert_true(str_glob(str_of(says), str_of(why.text)));
}

static void says_where_it_cannot_go(void **state)
{
    struct place place;
    struct why why = {0};
    build(&place, 6);
    struct sys *sys = place.kit.sys;
    refuses(&place, "data/safe", ERR_REFUSED, "*inside of a data folder*");
    refuses(&place, "nowhere/safe", ERR_MISSING, "*there is no folder nowhere *");
    refuses(&place, "data", ERR_EXISTS, "data exists already");
    refuses(&place, "data/config.yaml", ERR_REFUSED, "*");
    write_file(sys, "taken", "x");
    refuses(&place, "taken", ERR_EXISTS, "taken exists already");
    assert_int_equal(sys_make_dir(sys, STR("half.partial"), NULL), ERR_OK);
    refuses(&place, "half", ERR_EXISTS, "*interrupted*remove it*");
    _Atomic bool cancel = true;
    struct store_backup backup = {.target = STR("safe"), .cancel = &cancel};
    assert_int_equal(store_backup(place.kit.store, &backup, &why), ERR_CANCELLED);
    assert_false(is_there(sys, "safe") || is_there(sys, "safe.partial"));

    assert_int_equal(restore(sys, "nothing", "back", &why), ERR_MISSING);
    assert_int_equal(restore(sys, "half.partial", "back", &why), ERR_MISSING);
    assert_true(str_glob(STR("*is no backup*"), str_of(why.text)));
    assert_false(is_there(sys, "back"));
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    assert_int_equal(restore(sys, "safe", "data", &why), ERR_EXISTS);
    assert_true(str_glob(STR("*data is not empty*"), str_of(why.text)));
    has_rows(&place.kit, &place.acked);
    destroy(&place);
}

/* ---- a list of files that lies ---- */

static void never_leaves_its_folder(void **state)
{
    struct place place;
    struct why why = {0};
    build(&place, 7);
    struct sys *sys = place.kit.sys;
    static const char *const paths[] = {"../data/x", "/etc/x", "a//b", "a/../../x", ".", ""};
    for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct buf text = {0};
        char dir[16], file[32];
        snprintf(dir, sizeof dir, "evil%u", i);
        snprintf(file, sizeof file, "evil%u/backup", i);
        buf_printf(&text, "dialtone backup 1\ntaken 2026-01-01T00:00:00.000Z\nrows 0\nfile 1 %016llx %s\n",
                   0ULL, paths[i]);
        uint64_t hash = hash_bytes(buf_view(&text));
        buf_printf(&text, "end 1 %016llx\n", (unsigned long long)hash);
        assert_int_equal(sys_make_dir(sys, str_of(dir), NULL), ERR_OK);
        buf_char(&text, 0);
        write_file(sys, file, text.at);
        assert_int_equal(restore(sys, dir, "back", &why), ERR_CORRUPT);
        assert_int_equal(why.line, 4);
        buf_done(&text);
    }
    destroy(&place);
}

/* ---- the power goes ---- */

/* false: the backup ended before. */
static bool cut_backup_at(uint64_t seed, uint64_t n, bool links, unsigned *whole)
{
    struct place place;
    struct why why = {0};
    build(&place, seed);
    struct sys *sys = place.kit.sys;
    sys_sim_set_links(sys, links);
    sys_sim_cut_power_at(sys, n);
    enum err err = back_up(&place, "safe", &why);
    bool off = sys_sim_is_off(sys);
    kit_close(&place.kit);
    sys_sim_crash(sys);
    kit_open(&place.kit);
    has_rows(&place.kit, &place.acked);
    bool there = is_there(sys, "safe");
    assert_true(there || err != ERR_OK); /* what was answered as done survives */
    if (there) {
        ++*whole;
        assert_int_equal(restore(sys, "safe", "back", &why), ERR_OK);
        holds(&place, "back", &place.acked, place.batches);
    }
    store_tidy(place.kit.store, true);
    has_rows(&place.kit, &place.acked);
    destroy(&place);
    return off;
}

static uint64_t calls_of_backup(uint64_t seed, bool links)
{
    struct place place;
    struct why why = {0};
    build(&place, seed);
    sys_sim_set_links(place.kit.sys, links);
    uint64_t before = sys_sim_calls(place.kit.sys);
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    uint64_t calls = sys_sim_calls(place.kit.sys) - before;
    destroy(&place);
    return calls;
}

static void cuts_leave_a_backup_whole_or_absent(void **state)
{
    for (unsigned links = 0; links < 2; links++) {
        unsigned whole = 0, tries = 0;
        uint64_t n = 1 + links;
        for (; cut_backup_at(11 + links + n, n, links, &whole); n += stride)
            tries++;
        fprintf(stderr, "cut at every %uth of %llu calls: %u whole, %u absent\n", stride,
                (unsigned long long)n, whole, tries + 1 - whole);
        /* The last steps, each by several seeds: there the name and the list of files become durable. */
        for (uint64_t seed = 100; seed < 104; seed++)
            for (uint64_t calls = calls_of_backup(seed, links), k = 0; k < 9; k++)
                cut_backup_at(seed, calls - k, links, &whole);
        assert_true(whole > 6 && whole < tries);
    }
}

/* ---- calls fail ---- */

static bool fail_backup_at(uint64_t seed, uint64_t n, enum err kind, bool sticky)
{
    struct place place;
    struct why why = {0};
    build(&place, seed);
    struct sys *sys = place.kit.sys;
    uint64_t before = sys_sim_calls(sys);
    sys_sim_fail_at(sys, n, kind, sticky);
    enum err err = back_up(&place, "safe", &why);
    bool hit = sys_sim_calls(sys) - before >= n;
    sys_sim_fail_at(sys, 0, ERR_OK, false);
    assert_true(hit || err == ERR_OK);
    has_rows(&place.kit, &place.acked);
    if (err) {
        assert_true(why.text[0]);
        assert_false(is_there(sys, "safe") && !sticky);
    }
    if (err == ERR_OK) {
        assert_int_equal(restore(sys, "safe", "back", &why), ERR_OK);
        holds(&place, "back", &place.acked, place.batches);
    }
    for (int i = 0; i < 3; i++) {
        sys_sim_advance(sys, 2000);
        store_tidy(place.kit.store, true);
    }
    append(&place, 10);
    assert_int_equal(back_up(&place, "second", &why), ERR_OK);
    assert_int_equal(restore(sys, "second", "back2", &why), ERR_OK);
    holds(&place, "back2", &place.acked, place.batches);
    destroy(&place);
    return hit;
}

static void failing_calls_leave_nothing(void **state)
{
    static const enum err errors[] = {ERR_IO, ERR_FULL};
    for (unsigned kind = 0; kind < 4; kind++) {
        uint64_t n = 1 + kind;
        while (fail_backup_at(31 + kind, n, errors[kind % 2], kind >= 2))
            n += stride * 3;
    }
}

/* ---- bits ---- */

struct files {
    struct sys *sys;
    char dir[256];
    char paths[64][256];
    unsigned count;
};

static bool add_file(void *ctx, struct str name, bool is_dir)
{
    struct files *files = ctx;
    char path[256], before[256];
    snprintf(path, sizeof path, "%.120s/%.*s", files->dir, (int)(name.size < 100 ? name.size : 100), name.at);
    if (!is_dir) {
        assert_true(files->count < 64);
        memcpy(files->paths[files->count++], path, sizeof path);
        return true;
    }
    memcpy(before, files->dir, sizeof before);
    memcpy(files->dir, path, sizeof path);
    assert_int_equal(sys_list(files->sys, str_of(path), add_file, files, NULL), ERR_OK);
    memcpy(files->dir, before, sizeof before);
    return true;
}

static void every_damaged_byte_is_refused(void **state)
{
    struct place place;
    struct why why = {0};
    build(&place, 51);
    struct sys *sys = place.kit.sys;
    sys_sim_set_links(sys, false); /* else the store itself would be damaged */
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    struct files *files = MEM_NEW(struct files);
    *files = (struct files){.sys = sys, .dir = "safe"};
    assert_int_equal(sys_list(sys, STR("safe"), add_file, files, NULL), ERR_OK);
    assert_true(files->count > 6);
    for (unsigned f = 0; f < files->count; f++) {
        struct str path = str_of(files->paths[f]);
        struct buf bytes = {0};
        assert_int_equal(sys_read_file(sys, path, 1 << 24, &bytes, NULL), ERR_OK);
        for (unsigned i = 0; i < 24; i++) {
            uint64_t byte = i < 2 ? i * (bytes.size - 1) : rng_below(&place.rng, bytes.size);
            unsigned bit = (unsigned)rng_below(&place.rng, 8);
            assert_true(sys_sim_flip(sys, path, byte, bit));
            enum err err = restore(sys, "safe", "back", &why);
            if (err != ERR_CORRUPT)
                fprintf(stderr, "%s byte %llu of %zu: %s\n", files->paths[f], (unsigned long long)byte,
                        bytes.size, err_text(err));
            assert_int_equal(err, ERR_CORRUPT);
            assert_false(is_there(sys, "back"));
            assert_true(sys_sim_flip(sys, path, byte, bit));
        }
        buf_done(&bytes);
        assert_int_equal(sys_rename(sys, path, STR("away"), NULL), ERR_OK);
        assert_int_not_equal(restore(sys, "safe", "back", &why), ERR_OK);
        assert_int_equal(sys_rename(sys, STR("away"), path, NULL), ERR_OK);
    }
    mem_free(files);
    assert_int_equal(restore(sys, "safe", "back", &why), ERR_OK);
    holds(&place, "back", &place.acked, place.batches);
    destroy(&place);
}

/* ---- a restore that does not end ---- */

static bool cut_restore_at(struct place *place, uint64_t n, unsigned *marked)
{
    struct why why = {0};
    struct sys *sys = place->kit.sys;
    struct kit kit;
    char dir[24];
    snprintf(dir, sizeof dir, "back%llu", (unsigned long long)n);
    sys_sim_cut_power_at(sys, n);
    enum err err = restore(sys, "safe", dir, &why);
    bool off = sys_sim_is_off(sys);
    kit_close(&place->kit);
    sys_sim_crash(sys);
    kit_open(&place->kit);
    if (err == ERR_OK) {
        holds(place, dir, &place->acked, place->batches);
        return off;
    }
    kit_init(&kit, sys, dir);
    kit_tiny(&kit);
    if (kit_try_open(&kit, &why) == ERR_OK) { /* it had not begun, or had ended */
        struct kit_rows rows = {0};
        kit_rows_of(&kit, &rows);
        assert_true(rows.count == 0 || kit_rows_equal(&rows, &place->acked));
        kit_rows_done(&rows);
        kit_close(&kit);
    } else {
        ++*marked;
        assert_int_equal(why.err, ERR_CORRUPT);
        assert_true(str_glob(STR("*restore*did not end*"), str_of(why.text)));
        assert_int_equal(restore(sys, "safe", dir, &why), ERR_OK);
        holds(place, dir, &place->acked, place->batches);
    }
    buf_done(&kit.report.text);
    names_free(kit.names);
    return off;
}

static void half_a_restore_does_not_open(void **state)
{
    struct place place;
    struct why why = {0};
    unsigned marked = 0;
    build(&place, 61);
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    for (uint64_t n = 1; cut_restore_at(&place, n, &marked); n += stride * 2)
        ;
    assert_true(marked > 3);
    has_rows(&place.kit, &place.acked);
    destroy(&place);
}

static void a_restore_that_fails_leaves_the_folder_empty(void **state)
{
    struct place place;
    struct why why = {0};
    build(&place, 71);
    struct sys *sys = place.kit.sys;
    assert_int_equal(back_up(&place, "safe", &why), ERR_OK);
    uint64_t before = sys_sim_calls(sys);
    assert_int_equal(restore(sys, "safe", "first", &why), ERR_OK);
    uint64_t calls = sys_sim_calls(sys) - before;
    for (uint64_t n = 1; n <= calls; n += stride * 2) {
        sys_sim_fail_at(sys, n, ERR_FULL, false);
        enum err err = restore(sys, "safe", "back", &why);
        sys_sim_fail_at(sys, 0, ERR_OK, false);
        if (err != ERR_OK) /* a second try needs no help */
            assert_int_equal(restore(sys, "safe", "back", &why), ERR_OK);
        char dir[24];
        snprintf(dir, sizeof dir, "done%llu", (unsigned long long)n);
        assert_int_equal(sys_rename(sys, STR("back"), str_of(dir), NULL), ERR_OK);
        holds(&place, dir, &place.acked, place.batches);
    }
    destroy(&place);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        stride = (unsigned)atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_of_links_comes_back),
        cmocka_unit_test(a_backup_of_copies_comes_back),
        cmocka_unit_test(an_empty_store_too),
        cmocka_unit_test(a_store_that_was_just_opened_too),
        cmocka_unit_test(rows_that_cannot_be_sealed_are_there),
        cmocka_unit_test(says_where_it_cannot_go),
        cmocka_unit_test(never_leaves_its_folder),
        cmocka_unit_test(cuts_leave_a_backup_whole_or_absent),
        cmocka_unit_test(failing_calls_leave_nothing),
        cmocka_unit_test(every_damaged_byte_is_refused),
        cmocka_unit_test(half_a_restore_does_not_open),
        cmocka_unit_test(a_restore_that_fails_leaves_the_folder_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
