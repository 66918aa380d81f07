/* The spool of send on a simulated machine: full disks, errors that pass, power cuts at every call. */
#include "base/buf.h"
#include "base/sys_sim.h"
#include "cli/send_batch.h"
#include "cli/send_spool.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define DIR  STR("/state/send")
#define PATH STR("/var/log/some app.log")

static struct sys *machine(uint64_t seed)
{
    return sys_sim_new(&(struct sys_sim_options){.seed = seed, .wall_ms = 1000});
}

static struct spool *open_spool(struct sys *sys, uint64_t bytes_max)
{
    struct spool *spool;
    assert_int_equal(spool_open(sys, DIR, bytes_max, &spool, NULL), ERR_OK);
    return spool;
}

static void must_add(struct spool *spool, const char *lines, enum spool_added wanted)
{
    assert_int_equal(spool_add(spool, str_of(lines), NULL, NULL), wanted);
}

static void must_take(struct spool *spool, const char *lines, uint64_t wanted)
{
    struct buf got = {0};
    uint64_t number = 0;
    assert_int_equal(spool_take(spool, &number, &got, NULL), SPOOL_BATCH);
    assert_true(str_eq(buf_view(&got), str_of(lines)));
    assert_int_equal(number, wanted);
    buf_done(&got);
}

static enum spool_taken try_take(struct spool *spool)
{
    struct buf got = {0};
    uint64_t number;
    enum spool_taken taken = spool_take(spool, &number, &got, NULL);
    buf_done(&got);
    return taken;
}

static struct spool_counts counts_of(struct spool *spool)
{
    struct spool_counts counts;
    spool_counts(spool, &counts);
    return counts;
}

static void batches_come_in_order_and_outlive_the_process(void **state)
{
    struct sys *sys = machine(1);
    struct spool *spool = open_spool(sys, 1 << 20);
    must_add(spool, "a\n", SPOOL_ON_DISK);
    must_add(spool, "b\nc\n", SPOOL_ON_DISK);
    must_take(spool, "a\n", 1);
    spool_done(spool, 1);
    spool_close(spool);
    spool = open_spool(sys, 1 << 20);
    must_take(spool, "b\nc\n", 2);
    spool_later(spool, 2);
    must_take(spool, "b\nc\n", 2);
    spool_done(spool, 2);
    assert_int_equal(try_take(spool), SPOOL_EMPTY);
    must_add(spool, "d\n", SPOOL_ON_DISK);
    must_take(spool, "d\n", 3);
    spool_close(spool);
    sys_sim_free(sys);
}

static void a_batch_on_its_way_is_not_dropped(void **state)
{
    struct sys *sys = machine(2);
    struct spool *spool = open_spool(sys, 60); /* two of these batches */
    must_add(spool, "a\n", SPOOL_ON_DISK);
    must_take(spool, "a\n", 1);
    must_add(spool, "b\n", SPOOL_ON_DISK);
    must_add(spool, "c\nc\n", SPOOL_ON_DISK);
    must_add(spool, "d\n", SPOOL_ON_DISK);
    assert_int_equal(counts_of(spool).dropped, 2);
    assert_int_equal(counts_of(spool).dropped_lines, 3);
    assert_int_equal(counts_of(spool).waiting, 2);
    spool_done(spool, 1);
    must_take(spool, "d\n", 4);
    spool_later(spool, 4);
    must_add(spool, "e\n", SPOOL_ON_DISK);
    must_add(spool, "f\n", SPOOL_ON_DISK); /* now 4 may go */
    assert_int_equal(counts_of(spool).dropped, 3);
    must_take(spool, "e\n", 5);
    spool_close(spool);
    sys_sim_free(sys);
}

static void an_error_that_passes_costs_no_batch(void **state)
{
    struct sys *sys = machine(3);
    struct spool *spool = open_spool(sys, 1 << 20);
    must_add(spool, "a\n", SPOOL_ON_DISK);
    for (uint64_t n = 1; n <= 3; n++) { /* open, size, read */
        sys_sim_fail_at(sys, n, ERR_IO, false);
        assert_int_equal(try_take(spool), SPOOL_UNREADABLE);
        assert_int_equal(counts_of(spool).waiting, 1);
    }
    must_take(spool, "a\n", 1);
    assert_int_equal(counts_of(spool).damaged, 0);
    spool_close(spool);
    sys_sim_free(sys);
}

static void a_damaged_batch_is_counted(void **state)
{
    struct sys *sys = machine(4);
    struct spool *spool = open_spool(sys, 1 << 20);
    must_add(spool, "a\n", SPOOL_ON_DISK);
    must_add(spool, "b\n", SPOOL_ON_DISK);
    assert_true(sys_sim_flip(sys, STR("/state/send/1.batch"), 3, 1));
    must_take(spool, "b\n", 2);
    assert_int_equal(counts_of(spool).damaged, 1);
    assert_int_equal(counts_of(spool).dropped, 0);
    spool_close(spool);
    sys_sim_free(sys);
}

static void a_full_disk_keeps_one_batch_in_memory(void **state)
{
    struct sys *sys = machine(5);
    struct spool *spool = open_spool(sys, 1 << 20);
    struct place place = {.path = PATH, .inode = 7, .offset = 2};
    struct why why;
    must_add(spool, "a\n", SPOOL_ON_DISK);
    sys_sim_set_disk(sys, 1);
    assert_int_equal(spool_add(spool, STR("f\n"), &place, &why), SPOOL_NOT);
    assert_int_equal(spool_add(spool, STR("b\n"), NULL, &why), SPOOL_IN_MEMORY);
    assert_int_equal(spool_add(spool, STR("c\n"), NULL, &why), SPOOL_NOT);
    assert_int_equal(why.err, ERR_FULL);
    must_take(spool, "a\n", 1);
    spool_done(spool, 1);
    must_take(spool, "b\n", 2);
    spool_done(spool, 2);
    assert_int_equal(try_take(spool), SPOOL_EMPTY);
    assert_int_equal(spool_add(spool, STR("c\n"), NULL, &why), SPOOL_IN_MEMORY);
    sys_sim_set_disk(sys, 0);
    must_add(spool, "d\n", SPOOL_ON_DISK);
    must_take(spool, "c\n", 3);
    spool_done(spool, 3);
    spool_close(spool);
    spool = open_spool(sys, 1 << 20);
    must_take(spool, "d\n", 4); /* not 1, whose end could not be written while the disk was full */
    assert_false(spool_place(spool, PATH, &place));
    spool_close(spool);
    sys_sim_free(sys);
}

static void the_end_writes_or_counts_what_is_in_memory(void **state)
{
    for (int space = 0; space < 2; space++) {
        struct sys *sys = machine(6);
        struct spool *spool = open_spool(sys, 1 << 20);
        struct why why;
        sys_sim_set_disk(sys, 1);
        assert_int_equal(spool_add(spool, STR("a\nb\n"), NULL, &why), SPOOL_IN_MEMORY);
        if (space)
            sys_sim_set_disk(sys, 0);
        spool_settle(spool);
        assert_int_equal(counts_of(spool).lost_lines, space ? 0 : 2);
        assert_int_equal(counts_of(spool).waiting, space);
        spool_close(spool);
        sys_sim_set_disk(sys, 0);
        spool = open_spool(sys, 1 << 20);
        assert_int_equal(try_take(spool), space ? SPOOL_BATCH : SPOOL_EMPTY);
        spool_close(spool);
        sys_sim_free(sys);
    }
}

static void what_arrived_is_believed_when_it_can_be(void **state)
{
    struct sys *sys = machine(7);
    struct spool *spool = open_spool(sys, 1 << 20);
    must_add(spool, "a\n", SPOOL_ON_DISK);
    must_add(spool, "b\n", SPOOL_ON_DISK);
    spool_close(spool);
    spool = open_spool(sys, 1 << 20);
    must_add(spool, "c\n", SPOOL_ON_DISK);
    spool_arrived(spool, 1);
    must_take(spool, "b\n", 2);
    char before[20] = "";
    memcpy(before, spool_client(spool).at, spool_client(spool).size);
    spool_arrived(spool, 3); /* nobody can have it */
    assert_string_not_equal(before, spool_client(spool).at);
    must_take(spool, "b\n", 2);
    spool_close(spool);
    sys_sim_free(sys);
}

static void places_are_kept_by_path(void **state)
{
    struct sys *sys = machine(8);
    struct spool *spool = open_spool(sys, 1 << 20);
    struct place place = {.path = PATH, .inode = 7, .device = 8, .offset = 9, .mark = UINT64_MAX}, got;
    struct place other = {.path = STR("/b"), .inode = 1};
    assert_false(spool_place(spool, PATH, &got));
    assert_int_equal(spool_keep_place(spool, &other, NULL), ERR_OK);
    assert_int_equal(spool_add(spool, STR("a\n"), &place, NULL), SPOOL_ON_DISK);
    must_add(spool, "of standard input\n", SPOOL_ON_DISK);
    for (int round = 0; round < 3; round++) { /* from the batch, then from `sent` */
        spool_close(spool);
        spool = open_spool(sys, 1 << 20);
        assert_true(spool_place(spool, PATH, &got));
        assert_int_equal(got.inode, 7);
        assert_int_equal(got.device, 8);
        assert_int_equal(got.offset, 9);
        assert_true(got.mark == UINT64_MAX);
        assert_true(spool_place(spool, STR("/b"), &got));
        assert_int_equal(got.inode, 1);
        if (try_take(spool) == SPOOL_BATCH)
            spool_done(spool, (uint64_t)round + 1);
    }
    spool_close(spool);
    sys_sim_free(sys);
}

static void the_oldest_of_too_many_places_goes(void **state)
{
    struct places places = {0};
    struct place got;
    char text[20];
    for (uint32_t i = 0; i < PLACES_MAX + 2; i++) {
        snprintf(text, sizeof text, "/%u", i);
        places_set(&places, &(struct place){.path = str_of(text), .inode = i});
        places_set(&places, &(struct place){.path = STR("/0"), .inode = i});
    }
    assert_int_equal(places.count, PLACES_MAX);
    assert_true(places_find(&places, STR("/0"), &got));
    assert_int_equal(got.inode, PLACES_MAX + 1);
    assert_false(places_find(&places, STR("/2"), &got));
    assert_true(places_find(&places, STR("/3"), &got));
    places_done(&places);
}

static void must_parse(const char *content, const char *lines, uint64_t count, const char *path)
{
    struct batch batch;
    assert_true(batch_parse(str_of(content), &batch));
    assert_true(str_eq(batch.lines, str_of(lines)));
    assert_int_equal(batch.line_count, count);
    assert_true(str_eq(batch.place.path, str_of(path)));
}

static void batches_parse(void **state)
{
    static const char *const bad[] = {
        "",  "dialtone-batch 2 1\n",          "dialtone-batch 2 2\na\n",  "dialtone-batch 3 1\na\n",
        "x", "dialtone-batch 2 1 7 8 9\na\n", "dialtone-batch 2 -1\na\n", "dialtone-batch 2 1\na\nb\n",
    };
    struct batch batch;
    must_parse("dialtone-batch 1 1 7 9\na\n", "a\n", 1, "");
    must_parse("dialtone-batch 2 2\na\nb\n", "a\nb\n", 2, "");
    must_parse("dialtone-batch 2 1 7 8 9 10 /a b\nc\n", "c\n", 1, "/a b");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(batch_parse(str_of(bad[i]), &batch));
}

/* A file of lines 1, 2, 3 ... is followed: batch N holds line N, and its place ends at N. Whatever call the
 * power is cut at, each line up to the place was taken or still waits, and the place is not behind an
 * acknowledged batch. */
static void run_and_cut(struct sys *sys, uint64_t *added, uint64_t *taken, uint64_t *from)
{
    struct spool *spool;
    struct place place;
    if (spool_open(sys, DIR, 1 << 20, &spool, NULL))
        return;
    *from = spool_place(spool, PATH, &place) ? place.offset : 0;
    assert_true(*from >= *added);
    *added = *from;
    for (uint64_t line = *from + 1; line <= *from + 4; line++) {
        char text[24];
        snprintf(text, sizeof text, "%llu\n", (unsigned long long)line);
        place = (struct place){.path = PATH, .inode = 7, .offset = line};
        if (spool_add(spool, str_of(text), &place, NULL) != SPOOL_ON_DISK)
            break;
        *added = line;
        struct buf lines = {0};
        uint64_t number;
        if (line % 2 && spool_take(spool, &number, &lines, NULL) == SPOOL_BATCH) {
            buf_char(&lines, 0);
            uint64_t got = strtoull(lines.at, NULL, 10);
            assert_true(got <= *taken + 1); /* none was left out; some come again, under their number */
            assert_int_equal(got, number);
            *taken = got > *taken ? got : *taken;
            spool_done(spool, number);
        }
        buf_done(&lines);
    }
    spool_close(spool);
}

static void power_cuts_lose_nothing(void **state)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct sys *sys = machine(seed);
        uint64_t added = 0, taken = 0, from = 0;
        for (uint64_t round = 0; round < 12; round++) {
            sys_sim_cut_power_at(sys, 1 + (seed * 7 + round * 13) % 90);
            run_and_cut(sys, &added, &taken, &from);
            sys_sim_crash(sys);
        }
        run_and_cut(sys, &added, &taken, &from);
        struct spool *spool = open_spool(sys, 1 << 20);
        struct buf lines = {0};
        uint64_t number;
        while (lines.size = 0, spool_take(spool, &number, &lines, NULL) == SPOOL_BATCH) {
            assert_true(number <= taken + 1);
            taken = number > taken ? number : taken;
            spool_done(spool, number);
        }
        assert_int_equal(taken, added);
        assert_int_equal(counts_of(spool).damaged, 0);
        buf_done(&lines);
        spool_close(spool);
        sys_sim_free(sys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_come_in_order_and_outlive_the_process),
        cmocka_unit_test(a_batch_on_its_way_is_not_dropped),
        cmocka_unit_test(an_error_that_passes_costs_no_batch),
        cmocka_unit_test(a_damaged_batch_is_counted),
        cmocka_unit_test(a_full_disk_keeps_one_batch_in_memory),
        cmocka_unit_test(the_end_writes_or_counts_what_is_in_memory),
        cmocka_unit_test(what_arrived_is_believed_when_it_can_be),
        cmocka_unit_test(places_are_kept_by_path),
        cmocka_unit_test(the_oldest_of_too_many_places_goes),
        cmocka_unit_test(batches_parse),
        cmocka_unit_test(power_cuts_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
