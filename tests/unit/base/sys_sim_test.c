/* Every promise of sys_sim.h, and a random run of calls and power cuts against a model of what must survive.
 */
#include "base/buf.h"
#include "base/check.h"
#include "base/sys_sim.h"

#include "../cmocka_all.h"

#include <pthread.h>
#include <stdio.h>

static struct sys *machine(uint64_t seed)
{
    return sys_sim_new(&(struct sys_sim_options){.seed = seed, .wall_ms = 1000});
}

static struct sys_file *open_file(struct sys *sys, const char *path, enum sys_mode mode)
{
    struct sys_file *file;
    assert_int_equal(sys_open(sys, str_of(path), mode, &file, NULL), ERR_OK);
    return file;
}

static bool exists(struct sys *sys, const char *path)
{
    struct sys_file *file;
    enum err err = sys_open(sys, str_of(path), SYS_READ, &file, NULL);
    if (!err)
        sys_close(sys, file);
    return err == ERR_OK;
}

static void write_text(struct sys *sys, struct sys_file *file, uint64_t at, const char *text)
{
    assert_int_equal(sys_write_at(sys, file, at, text, strlen(text), NULL), ERR_OK);
}

/* Makes path with the text; syncs the bytes and the root. */
static void put_durable(struct sys *sys, const char *path, const char *text)
{
    struct sys_file *file = open_file(sys, path, SYS_CREATE);
    write_text(sys, file, 0, text);
    assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
    sys_close(sys, file);
    assert_int_equal(sys_sync_dir(sys, STR("/"), NULL), ERR_OK);
}

static bool holds(struct sys *sys, const char *path, const char *text)
{
    struct buf buf = {0};
    assert_int_equal(sys_read_file(sys, str_of(path), 1 << 20, &buf, NULL), ERR_OK);
    bool same = str_eq(buf_view(&buf), str_of(text));
    buf_done(&buf);
    return same;
}

static void modes_are_those_of_a_real_disk(void **state)
{
    struct sys *sys = machine(1);
    struct sys_file *file, *other;
    assert_int_equal(sys_open(sys, STR("a"), SYS_READ, &file, NULL), ERR_MISSING);
    assert_int_equal(sys_open(sys, STR("d/a"), SYS_WRITE, &file, NULL), ERR_MISSING);
    file = open_file(sys, "a", SYS_WRITE);
    assert_int_equal(sys_open(sys, STR("/a"), SYS_CREATE, &other, NULL), ERR_EXISTS);
    write_text(sys, file, 3, "xyz");
    char got[8];
    size_t size;
    assert_int_equal(sys_read_at(sys, file, 0, got, sizeof got, &size, NULL), ERR_OK);
    assert_int_equal(size, 6);
    assert_memory_equal(got, "\0\0\0xyz", 6);
    assert_int_equal(sys_read_at(sys, file, 6, got, sizeof got, &size, NULL), ERR_OK);
    assert_int_equal(size, 0);
    assert_int_equal(sys_read_at(sys, file, UINT64_MAX, got, sizeof got, &size, NULL), ERR_OK);
    assert_int_equal(size, 0);
    other = open_file(sys, "a", SYS_READ);
    assert_int_equal(sys_write_at(sys, other, 0, "q", 1, NULL), ERR_IO);
    assert_int_equal(sys_truncate(sys, file, 4, NULL), ERR_OK);
    assert_int_equal(sys_allocate(sys, file, 2, NULL), ERR_OK); /* never smaller */
    uint64_t now;
    assert_int_equal(sys_size(sys, other, &now, NULL), ERR_OK);
    assert_int_equal(now, 4);
    assert_int_equal(sys_allocate(sys, file, 600, NULL), ERR_OK);
    assert_int_equal(sys_size(sys, other, &now, NULL), ERR_OK);
    assert_int_equal(now, 600);
    sys_close(sys, file);
    sys_close(sys, other);
    sys_sim_free(sys);
}

/* ---- power cuts: outcomes are collected over many seeds; each that may happen must, no other may ---- */

enum { SEEDS = 300 };

static void synced_files_survive(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
        put_durable(sys, "a", "hello");
        put_durable(sys, "d/b", "world");
        assert_int_equal(sys_sync_dir(sys, STR("d"), NULL), ERR_OK);
        sys_sim_crash(sys);
        assert_true(holds(sys, "a", "hello"));
        assert_true(holds(sys, "d/b", "world"));
        sys_sim_free(sys);
    }
}

static void unsynced_names_may_be_lost_even_with_synced_bytes(void **state)
{
    unsigned kept = 0, lost = 0, dir_lost = 0, dir_kept = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
        struct sys_file *file = open_file(sys, "d/in", SYS_CREATE);
        assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
        sys_close(sys, file);
        assert_int_equal(sys_sync_dir(sys, STR("d"), NULL), ERR_OK); /* d itself is not synced in the root */
        file = open_file(sys, "a", SYS_CREATE);
        write_text(sys, file, 0, "hello");
        assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
        sys_close(sys, file);
        sys_sim_crash(sys);
        if (exists(sys, "a"))
            assert_true(holds(sys, "a", "hello"));
        *(exists(sys, "a") ? &kept : &lost) += 1;
        *(exists(sys, "d/in") ? &dir_kept : &dir_lost) += 1;
        sys_sim_free(sys);
    }
    assert_true(kept > 20 && lost > 20 && dir_kept > 20 && dir_lost > 20);
}

/* What one crash made of three un-synced sectors of 'n' over three synced sectors of 'o'. */
static const char *overwritten(uint64_t seed)
{
    static char what[4];
    struct sys *sys = machine(seed);
    char old[3 * 512], new[3 * 512], got[3 * 512];
    size_t size;
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    put_durable(sys, "a", "");
    struct sys_file *file = open_file(sys, "a", SYS_WRITE);
    assert_int_equal(sys_write_at(sys, file, 0, old, sizeof old, NULL), ERR_OK);
    assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
    assert_int_equal(sys_write_at(sys, file, 0, new, sizeof new, NULL), ERR_OK);
    sys_close(sys, file);
    sys_sim_crash(sys);
    file = open_file(sys, "a", SYS_READ);
    assert_int_equal(sys_read_at(sys, file, 0, got, sizeof got, &size, NULL), ERR_OK);
    assert_int_equal(size, sizeof got);
    for (int s = 0; s < 3; s++) {
        what[s] = got[s * 512];
        for (int i = 0; i < 512; i++)
            assert_int_equal(got[s * 512 + i], what[s]); /* torn only between sectors */
        assert_true(what[s] == 'o' || what[s] == 'n');
    }
    sys_close(sys, file);
    sys_sim_free(sys);
    return what;
}

static void unsynced_writes_are_kept_dropped_or_torn(void **state)
{
    unsigned kept = 0, dropped = 0, first_only = 0, last_only = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *what = overwritten(seed);
        kept += strcmp(what, "nnn") == 0;
        dropped += strcmp(what, "ooo") == 0;
        first_only += strcmp(what, "noo") == 0;
        last_only += strcmp(what, "oon") == 0;
    }
    assert_true(kept > 20 && dropped > 20 && first_only > 0 && last_only > 0);
}

static void sizes_may_grow_without_data_and_a_cut_may_come_back(void **state)
{
    unsigned zeros = 0, empty = 0, later_only = 0, uncut = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        struct buf a = {0};
        put_durable(sys, "a", "");
        put_durable(sys, "cut", "long");
        struct sys_file *file = open_file(sys, "a", SYS_WRITE);
        write_text(sys, file, 0, "one");
        write_text(sys, file, 3, "two");
        sys_close(sys, file);
        file = open_file(sys, "cut", SYS_WRITE);
        assert_int_equal(sys_truncate(sys, file, 1, NULL), ERR_OK);
        sys_close(sys, file);
        sys_sim_crash(sys);
        assert_int_equal(sys_read_file(sys, STR("a"), 100, &a, NULL), ERR_OK);
        empty += a.size == 0;
        zeros += a.size == 6 && memcmp(a.at, "\0\0\0\0\0\0", 6) == 0;
        later_only += a.size == 6 && memcmp(a.at, "\0\0\0two", 6) == 0;
        uncut += holds(sys, "cut", "long");
        assert_true(holds(sys, "cut", "long") || holds(sys, "cut", "l"));
        buf_done(&a);
        sys_sim_free(sys);
    }
    assert_true(zeros > 0 && empty > 0 && later_only > 0 && uncut > 20 && uncut < SEEDS - 20);
}

static void renames_and_unlinks_are_done_or_undone_whole(void **state)
{
    unsigned renamed = 0, unlinked = 0, moved = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
        put_durable(sys, "new", "new");
        put_durable(sys, "target", "old");
        put_durable(sys, "gone", "gone");
        put_durable(sys, "mover", "mover");
        assert_int_equal(sys_rename(sys, STR("new"), STR("target"), NULL), ERR_OK);
        assert_int_equal(sys_unlink(sys, STR("gone"), NULL), ERR_OK);
        assert_int_equal(sys_rename(sys, STR("mover"), STR("d/mover"), NULL), ERR_OK);
        sys_sim_crash(sys);
        assert_true(holds(sys, "target", exists(sys, "new") ? "old" : "new"));
        renamed += !exists(sys, "new");
        unlinked += !exists(sys, "gone");
        assert_true(exists(sys, "mover") != exists(sys, "d/mover"));
        moved += exists(sys, "d/mover");
        sys_sim_free(sys);
    }
    assert_true(renamed > 20 && renamed < SEEDS - 20 && unlinked > 20 && unlinked < SEEDS - 20);
    assert_true(moved > 20 && moved < SEEDS - 20);
}

static void a_file_may_have_two_names(void **state)
{
    unsigned kept = 0;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct sys *sys = machine(seed);
        assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
        put_durable(sys, "a", "text");
        put_durable(sys, "c", "");
        assert_int_equal(sys_link(sys, STR("b"), STR("d/a"), NULL), ERR_MISSING);
        assert_int_equal(sys_link(sys, STR("a"), STR("c"), NULL), ERR_EXISTS);
        assert_int_equal(sys_link(sys, STR("d"), STR("e"), NULL), ERR_REFUSED);
        assert_int_equal(sys_link(sys, STR("a"), STR("d/a"), NULL), ERR_OK);
        bool synced = seed % 2;
        if (synced)
            assert_int_equal(sys_sync_dir(sys, STR("d"), NULL), ERR_OK);
        sys_sim_crash(sys);
        bool there = exists(sys, "d/a");
        assert_true(there || !synced);
        kept += there && !synced;
        assert_true(holds(sys, "a", "text"));
        if (there) { /* each name can go, and the other stays */
            assert_int_equal(sys_unlink(sys, STR("a"), NULL), ERR_OK);
            assert_true(holds(sys, "d/a", "text"));
            assert_int_equal(sys_unlink(sys, STR("d/a"), NULL), ERR_OK);
            assert_false(exists(sys, "d/a"));
        }
        sys_sim_set_links(sys, false);
        assert_int_equal(sys_link(sys, STR("c"), STR("d/c"), NULL), ERR_REFUSED);
        sys_sim_free(sys);
    }
    assert_true(kept > 0 && kept < 19);
}

static void unlinked_files_live_until_closed(void **state)
{
    struct sys *sys = machine(3);
    put_durable(sys, "a", "hello");
    struct sys_file *file = open_file(sys, "a", SYS_WRITE);
    assert_int_equal(sys_unlink(sys, STR("a"), NULL), ERR_OK);
    assert_false(exists(sys, "a"));
    char got[5];
    size_t size;
    assert_int_equal(sys_read_at(sys, file, 0, got, 5, &size, NULL), ERR_OK);
    assert_memory_equal(got, "hello", 5);
    assert_int_equal(sys_unlink(sys, STR("a"), NULL), ERR_MISSING);
    sys_close(sys, file);
    sys_sim_free(sys);
}

static void the_same_seed_gives_the_same_crash(void **state)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        char first[4];
        snprintf(first, sizeof first, "%s", overwritten(seed));
        assert_string_equal(first, overwritten(seed));
    }
    struct sys *a = machine(5), *b = machine(5), *c = machine(6);
    uint64_t v = sys_random_u64(a);
    assert_true(v == sys_random_u64(b) && v != sys_random_u64(c) && v != sys_random_u64(a));
    sys_sim_free(a);
    sys_sim_free(b);
    sys_sim_free(c);
}

/* ---- faults ---- */

static bool ignore_name(void *ctx, struct str name, bool is_dir)
{
    return true;
}

/* Makes every kind of call that can fail once; returns how many failed with err. */
static unsigned one_of_each(struct sys *sys, struct sys_file *file, enum err err)
{
    struct sys_file *other = NULL;
    struct why why = {0};
    char got[4];
    size_t size;
    uint64_t a, b;
    unsigned failed = sys_open(sys, STR("a"), SYS_READ, &other, &why) == err;
    failed += sys_read_at(sys, file, 0, got, 4, &size, &why) == err;
    failed += sys_write_at(sys, file, 0, "x", 1, &why) == err;
    failed += sys_size(sys, file, &a, &why) == err;
    failed += sys_truncate(sys, file, 9, &why) == err;
    failed += sys_allocate(sys, file, 10, &why) == err;
    failed += sys_sync(sys, file, &why) == err;
    failed += sys_lock(sys, file, &why) == err;
    failed += sys_make_dir(sys, STR("d"), &why) == err;
    failed += sys_rename(sys, STR("b"), STR("c"), &why) == err;
    failed += sys_rename(sys, STR("c"), STR("b"), &why) == err;
    failed += sys_unlink(sys, STR("extra"), &why) == err;
    failed += sys_remove_dir(sys, STR("d"), &why) == err;
    failed += sys_sync_dir(sys, STR("/"), &why) == err;
    failed += sys_list(sys, STR("/"), ignore_name, NULL, &why) == err;
    failed += sys_space(sys, STR("/"), &a, &b, &why) == err;
    sys_close(sys, other);
    if (failed)
        assert_true(why.err != ERR_OK && why.text[0]);
    return failed;
}

enum { KINDS_OF_CALLS = 16 };

static struct sys *machine_for_one_of_each(struct sys_file **file)
{
    struct sys *sys = machine(9);
    put_durable(sys, "a", "aaaa");
    put_durable(sys, "b", "bbbb");
    put_durable(sys, "extra", "");
    *file = open_file(sys, "a", SYS_WRITE);
    return sys;
}

static void every_call_can_be_the_one_that_fails(void **state)
{
    for (unsigned n = 0; n <= KINDS_OF_CALLS; n++) {
        struct sys_file *file;
        struct sys *sys = machine_for_one_of_each(&file);
        uint64_t before = sys_sim_calls(sys);
        sys_sim_fail_at(sys, n, ERR_TIMEOUT, false);
        assert_int_equal(one_of_each(sys, file, ERR_TIMEOUT), n != 0);
        assert_int_equal(sys_sim_calls(sys) - before, KINDS_OF_CALLS);
        sys_sim_fail_at(sys, n, ERR_TIMEOUT, true);
        assert_int_equal(one_of_each(sys, file, ERR_TIMEOUT), n ? KINDS_OF_CALLS - n + 1 : 0);
        sys_sim_fail_at(sys, 0, ERR_OK, false);
        assert_int_equal(one_of_each(sys, file, ERR_TIMEOUT), 0);
        sys_close(sys, file);
        sys_sim_free(sys);
    }
}

static void a_failed_write_leaves_a_first_part(void **state)
{
    unsigned none = 0, whole = 0, part = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        put_durable(sys, "a", "");
        struct sys_file *file = open_file(sys, "a", SYS_WRITE);
        sys_sim_fail_at(sys, 1, ERR_IO, false);
        assert_int_equal(sys_write_at(sys, file, 0, "abcd", 4, NULL), ERR_IO);
        uint64_t size;
        assert_int_equal(sys_size(sys, file, &size, NULL), ERR_OK);
        none += size == 0;
        whole += size == 4;
        part += size > 0 && size < 4;
        assert_true(holds(sys, "a", "") || holds(sys, "a", "a") || holds(sys, "a", "ab") ||
                    holds(sys, "a", "abc") || holds(sys, "a", "abcd"));
        sys_close(sys, file);
        sys_sim_free(sys);
    }
    assert_true(none && whole && part);
}

static void a_failed_sync_loses_for_good(void **state)
{
    unsigned lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sys *sys = machine(seed);
        put_durable(sys, "a", "old");
        struct sys_file *file = open_file(sys, "a", SYS_WRITE);
        write_text(sys, file, 0, "new");
        sys_sim_fail_at(sys, 1, ERR_IO, false);
        assert_int_equal(sys_sync(sys, file, NULL), ERR_IO);
        assert_true(holds(sys, "a", "new")); /* the program sees no difference */
        assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
        sys_close(sys, file);
        sys_sim_crash(sys);
        lost += holds(sys, "a", "old");
        assert_true(holds(sys, "a", "old") || holds(sys, "a", "new"));
        sys_sim_free(sys);
    }
    assert_true(lost > 20 && lost < SEEDS - 20);
}

static void without_power_nothing_works_until_it_is_back(void **state)
{
    for (unsigned n = 0; n <= KINDS_OF_CALLS; n++) {
        struct sys_file *file, *lock;
        struct sys *sys = machine_for_one_of_each(&file);
        sys_sim_cut_power_at(sys, n);
        assert_int_equal(one_of_each(sys, file, ERR_IO), KINDS_OF_CALLS - n);
        assert_int_equal(sys_sim_is_off(sys), n < KINDS_OF_CALLS);
        assert_int_equal(one_of_each(sys, file, ERR_IO), KINDS_OF_CALLS);
        assert_true(sys_sim_is_off(sys));
        sys_sim_crash(sys);
        assert_false(sys_sim_is_off(sys));
        char got[4];
        size_t size;
        assert_int_equal(sys_read_at(sys, file, 0, got, 4, &size, NULL), ERR_IO); /* an old handle */
        assert_int_equal(sys_write_at(sys, file, 0, "q", 1, NULL), ERR_IO);
        lock = open_file(sys, "a", SYS_WRITE);
        assert_int_equal(sys_lock(sys, lock, NULL), ERR_OK); /* old locks are gone */
        sys_close(sys, file);
        sys_close(sys, lock);
        assert_true(exists(sys, "a"));
        assert_true(exists(sys, "b") != exists(sys, "c"));
        sys_sim_free(sys);
    }
}

static void a_full_disk_refuses_until_space_returns(void **state)
{
    struct sys *sys = sys_sim_new(&(struct sys_sim_options){.seed = 4, .disk_bytes = 1000});
    struct sys_file *a = open_file(sys, "a", SYS_CREATE), *b = open_file(sys, "b", SYS_CREATE);
    char bytes[600] = {0};
    uint64_t left, total;
    assert_int_equal(sys_write_at(sys, a, 0, bytes, 600, NULL), ERR_OK);
    assert_int_equal(sys_space(sys, STR("/"), &left, &total, NULL), ERR_OK);
    assert_true(left == 400 && total == 1000);
    assert_int_equal(sys_write_at(sys, b, 0, bytes, 401, NULL), ERR_FULL);
    assert_int_equal(sys_truncate(sys, b, 0, NULL), ERR_OK); /* what the failed write left */
    assert_int_equal(sys_allocate(sys, b, 401, NULL), ERR_FULL);
    assert_int_equal(sys_allocate(sys, b, 400, NULL), ERR_OK);
    assert_int_equal(sys_write_at(sys, b, 0, bytes, 400, NULL), ERR_OK); /* reserved, so it fits */
    assert_int_equal(sys_write_at(sys, a, 0, bytes, 600, NULL), ERR_OK); /* in place */
    assert_int_equal(sys_write_at(sys, b, 400, bytes, 1, NULL), ERR_FULL);
    assert_int_equal(sys_unlink(sys, STR("a"), NULL), ERR_OK);
    assert_int_equal(sys_truncate(sys, b, 400, NULL), ERR_OK);
    assert_int_equal(sys_allocate(sys, b, 401, NULL), ERR_FULL); /* a is still open */
    sys_close(sys, a);
    assert_int_equal(sys_allocate(sys, b, 1000, NULL), ERR_OK);
    sys_sim_set_disk(sys, 1500);
    assert_int_equal(sys_space(sys, STR("/"), &left, &total, NULL), ERR_OK);
    assert_true(left == 500 && total == 1500);
    sys_sim_set_disk(sys, 10);
    assert_int_equal(sys_space(sys, STR("/"), &left, &total, NULL), ERR_OK);
    assert_true(left == 0);
    sys_close(sys, b);
    sys_sim_free(sys);
}

static void clocks_move_only_when_told(void **state)
{
    struct sys *sys = machine(1);
    assert_true(sys_wall_ms(sys) == 1000 && sys_mono_ms(sys) == 0);
    sys_sim_advance(sys, 250);
    assert_true(sys_wall_ms(sys) == 1250 && sys_mono_ms(sys) == 250);
    sys_sim_jump_wall(sys, -2000);
    assert_true(sys_wall_ms(sys) == -750 && sys_mono_ns(sys) == 250000000);
    sys_sim_free(sys);
}

static void bits_flip_on_the_disk(void **state)
{
    struct sys *sys = machine(1);
    put_durable(sys, "a", "hello");
    assert_false(sys_sim_flip(sys, STR("b"), 0, 0));
    assert_false(sys_sim_flip(sys, STR("a"), 5, 0));
    assert_true(sys_sim_flip(sys, STR("a"), 1, 3));
    assert_true(holds(sys, "a", "hmllo"));
    sys_sim_crash(sys);
    assert_true(holds(sys, "a", "hmllo"));
    sys_sim_free(sys);
}

static void locks_hold_off_other_handles(void **state)
{
    struct sys *sys = machine(1);
    struct sys_file *a = open_file(sys, "lock", SYS_WRITE), *b = open_file(sys, "lock", SYS_WRITE);
    assert_int_equal(sys_lock(sys, a, NULL), ERR_OK);
    assert_int_equal(sys_lock(sys, a, NULL), ERR_OK);
    assert_int_equal(sys_lock(sys, b, NULL), ERR_BUSY);
    sys_close(sys, a);
    assert_int_equal(sys_lock(sys, b, NULL), ERR_OK);
    sys_close(sys, b);
    sys_sim_free(sys);
}

struct seen {
    struct sys *sys;
    unsigned files, dirs, stop_after;
};

static bool unlink_files(void *ctx, struct str name, bool is_dir)
{
    struct seen *seen = ctx;
    *(is_dir ? &seen->dirs : &seen->files) += 1;
    if (!is_dir)
        assert_int_equal(sys_unlink(seen->sys, name, NULL), ERR_OK);
    return seen->files + seen->dirs != seen->stop_after;
}

static void lists_may_be_changed_while_they_are_told(void **state)
{
    struct sys *sys = machine(1);
    put_durable(sys, "a", "");
    put_durable(sys, "b", "");
    assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
    struct seen seen = {.sys = sys};
    assert_int_equal(sys_list(sys, STR("."), unlink_files, &seen, NULL), ERR_OK);
    assert_true(seen.files == 2 && seen.dirs == 1);
    seen = (struct seen){.sys = sys, .stop_after = 1};
    put_durable(sys, "c", "");
    assert_int_equal(sys_list(sys, STR("/"), unlink_files, &seen, NULL), ERR_OK);
    assert_int_equal(seen.files + seen.dirs, 1);
    assert_int_equal(sys_list(sys, STR("nowhere"), unlink_files, &seen, NULL), ERR_MISSING);
    sys_sim_free(sys);
}

static void directories_keep_their_rules(void **state)
{
    struct sys *sys = machine(1);
    assert_int_equal(sys_make_dir(sys, STR("x/y"), NULL), ERR_MISSING);
    assert_int_equal(sys_make_dir(sys, STR("x"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("x/y"), NULL), ERR_OK);
    put_durable(sys, "/x/./y//f", "1");
    assert_true(holds(sys, "x/y/f", "1"));
    assert_int_equal(sys_remove_dir(sys, STR("x/y"), NULL), ERR_IO);           /* not empty */
    assert_int_equal(sys_unlink(sys, STR("x/y"), NULL), ERR_IO);               /* not a file */
    assert_int_equal(sys_remove_dir(sys, STR("x/y/f"), NULL), ERR_IO);         /* not a directory */
    assert_int_equal(sys_make_dir(sys, STR("x/y/f"), NULL), ERR_IO);           /* a file is in the way */
    assert_int_equal(sys_rename(sys, STR("x"), STR("x/y/x"), NULL), ERR_IO);   /* into itself */
    assert_int_equal(sys_rename(sys, STR("x/y/f"), STR("x/y"), NULL), ERR_IO); /* over a directory */
    assert_int_equal(sys_rename(sys, STR("nil"), STR("b"), NULL), ERR_MISSING);
    assert_int_equal(sys_rename(sys, STR("x"), STR("z"), NULL), ERR_OK);
    assert_true(holds(sys, "z/y/f", "1"));
    assert_int_equal(sys_unlink(sys, STR("z/y/f"), NULL), ERR_OK);
    assert_int_equal(sys_remove_dir(sys, STR("z/y"), NULL), ERR_OK);
    assert_int_equal(sys_remove_dir(sys, STR("z"), NULL), ERR_OK);
    assert_int_equal(sys_sync_dir(sys, STR("z"), NULL), ERR_MISSING);
    sys_sim_free(sys);
}

static void *hammer(void *arg)
{
    struct sys *sys = arg;
    char path[40];
    snprintf(path, sizeof path, "t%016llx", (unsigned long long)sys_random_u64(sys));
    for (unsigned i = 0; i < 300; i++) {
        struct sys_file *file;
        CHECK(sys_open(sys, str_of(path), SYS_WRITE, &file, NULL) == ERR_OK);
        CHECK(sys_write_at(sys, file, i, "x", 1, NULL) == ERR_OK);
        CHECK(sys_sync(sys, file, NULL) == ERR_OK);
        sys_close(sys, file);
        CHECK(sys_sync_dir(sys, STR("/"), NULL) == ERR_OK);
    }
    return NULL;
}

static bool count_name(void *ctx, struct str name, bool is_dir)
{
    struct sys *sys = ((struct seen *)ctx)->sys;
    struct buf buf = {0};
    assert_int_equal(sys_read_file(sys, name, 1000, &buf, NULL), ERR_OK);
    assert_int_equal(buf.size, 300);
    buf_done(&buf);
    ((struct seen *)ctx)->files++;
    return true;
}

static void threads_may_share_it(void **state)
{
    struct sys *sys = machine(1);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, sys), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    sys_sim_crash(sys);
    struct seen seen = {.sys = sys};
    assert_int_equal(sys_list(sys, STR("/"), count_name, &seen, NULL), ERR_OK);
    assert_int_equal(seen.files, 4);
    sys_sim_free(sys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_are_those_of_a_real_disk),
        cmocka_unit_test(synced_files_survive),
        cmocka_unit_test(unsynced_names_may_be_lost_even_with_synced_bytes),
        cmocka_unit_test(unsynced_writes_are_kept_dropped_or_torn),
        cmocka_unit_test(sizes_may_grow_without_data_and_a_cut_may_come_back),
        cmocka_unit_test(renames_and_unlinks_are_done_or_undone_whole),
        cmocka_unit_test(a_file_may_have_two_names),
        cmocka_unit_test(unlinked_files_live_until_closed),
        cmocka_unit_test(the_same_seed_gives_the_same_crash),
        cmocka_unit_test(every_call_can_be_the_one_that_fails),
        cmocka_unit_test(a_failed_write_leaves_a_first_part),
        cmocka_unit_test(a_failed_sync_loses_for_good),
        cmocka_unit_test(without_power_nothing_works_until_it_is_back),
        cmocka_unit_test(a_full_disk_refuses_until_space_returns),
        cmocka_unit_test(clocks_move_only_when_told),
        cmocka_unit_test(bits_flip_on_the_disk),
        cmocka_unit_test(locks_hold_off_other_handles),
        cmocka_unit_test(lists_may_be_changed_while_they_are_told),
        cmocka_unit_test(directories_keep_their_rules),
        cmocka_unit_test(threads_may_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
