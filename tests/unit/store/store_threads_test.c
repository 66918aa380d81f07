/* A committing thread, a background thread, two readers and backups at once, on real files; for
 * ThreadSanitizer: CC=clang meson setup build-tsan -Dtests=true -Db_sanitize=thread -Db_lundef=false. Readers
 * check what must always hold: a batch is seen whole or not at all, nothing that was seen goes away, and
 * nothing that was deleted is seen. */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH_ROWS = 21, BATCHES = 1500, READERS = 2, BACKUPS_MAX = 12, FORGOTTEN = 3 };

struct play {
    struct kit kit;
    const char *dir;
    _Atomic bool over;
    _Atomic unsigned committed;
    /* Of deletes: all rows of FORGOTTEN of the batches before it are gone. */
    _Atomic unsigned forgotten;
    unsigned others[BATCHES]; /* rows of a batch that are of other metrics; set before it is committed */
};

static void *commit_all(void *arg)
{
    struct play *play = arg;
    struct rng rng = {5};
    for (unsigned number = 0; number < BATCHES; number++) {
        struct kit_rows rows = {0};
        kit_random_rows(&rng, sys_wall_ms(play->kit.sys), BATCH_ROWS, number % 4 ? 0 : 20, &rows);
        for (unsigned i = 0; i < BATCH_ROWS; i++) {
            rows.at[i].value = number;
            play->others[number] += rows.at[i].metric != FORGOTTEN;
        }
        while (kit_store(&play->kit, 0, &rows, NULL) == ERR_BUSY)
            usleep(200);
        play->committed = number + 1;
        kit_rows_done(&rows);
    }
    return NULL;
}

static void *tidy(void *arg)
{
    struct play *play = arg;
    for (unsigned i = 0; !play->over; i++) {
        store_tidy(play->kit.store, i % 3 == 0);
        usleep(300);
    }
    return NULL;
}

static void *read_all(void *arg)
{
    struct play *play = arg;
    struct kit_rows rows = {0};
    while (!play->over) {
        unsigned found[BATCHES] = {0}, committed = play->committed;
        struct snapshot *snapshot = store_snapshot(play->kit.store);
        struct store_stats stats;
        rows.count = 0;
        enum err err = kit_collect(&play->kit, snapshot, &rows);
        CHECK(err == ERR_OK);
        for (size_t i = 0; i < rows.count; i++)
            found[(unsigned)rows.at[i].value]++;
        for (unsigned n = 0; n < BATCHES; n++)
            CHECK(n < committed ? found[n] == BATCH_ROWS : found[n] == 0 || found[n] == BATCH_ROWS);
        snapshot_unref(snapshot);
        store_stats(play->kit.store, &stats);
        store_seen(play->kit.store, STR("x"));
        CHECK(store_oldest_ms(play->kit.store) < 0);
    }
    kit_rows_done(&rows);
    return NULL;
}

/* What was committed before a backup is in it, whole, and what came later whole or not at all. */
static void check_backup(struct play *play, const char *backup, const char *data, unsigned committed)
{
    struct store_backup from = {.target = str_of(backup)};
    struct kit kit;
    struct kit_rows rows = {0};
    struct why why = {0};
    unsigned found[BATCHES] = {0};
    CHECK(store_restore(sys_real(), &from, str_of(data), &why) == ERR_OK);
    kit_init(&kit, sys_real(), data);
    kit_open(&kit);
    CHECK(kit.report.text.size == 0);
    kit_rows_of(&kit, &rows);
    for (size_t i = 0; i < rows.count; i++)
        found[(unsigned)rows.at[i].value]++;
    for (unsigned n = 0; n < BATCHES; n++)
        CHECK(n < committed ? found[n] == BATCH_ROWS : found[n] == 0 || found[n] == BATCH_ROWS);
    kit_rows_done(&rows);
    kit_done(&kit);
}

static void *back_up(void *arg)
{
    struct play *play = arg;
    for (unsigned i = 0; !play->over && i < BACKUPS_MAX; i++) {
        char target[64], back[64];
        unsigned committed = play->committed;
        struct why why = {0};
        snprintf(target, sizeof target, "%s/safe%u", play->dir, i);
        snprintf(back, sizeof back, "%s/back%u", play->dir, i);
        struct store_backup backup = {.target = str_of(target)};
        enum err err = store_backup(play->kit.store, &backup, &why);
        if (err)
            fprintf(stderr, "backup: %s\n", why.text);
        CHECK(err == ERR_OK);
        check_backup(play, target, back, committed);
    }
    return NULL;
}

static void readers_see_whole_batches(void **state)
{
    char dir[] = "/tmp/dialtone-threads-XXXXXX";
    char data[64], command[64];
    struct play play = {0};
    pthread_t committer, tidier, keeper, readers[READERS];
    assert_non_null(mkdtemp(dir));
    play.dir = dir;
    snprintf(data, sizeof data, "%s/data", dir);
    kit_init(&play.kit, sys_real(), data);
    play.kit.options.head_rows_max = 300;
    play.kit.options.cache_bytes_max = 20000;
    kit_open(&play.kit);
    assert_int_equal(pthread_create(&committer, NULL, commit_all, &play), 0);
    assert_int_equal(pthread_create(&tidier, NULL, tidy, &play), 0);
    assert_int_equal(pthread_create(&keeper, NULL, back_up, &play), 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, &play), 0);
    pthread_join(committer, NULL);
    play.over = true;
    pthread_join(tidier, NULL);
    pthread_join(keeper, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    struct store_stats stats;
    store_stats(play.kit.store, &stats);
    assert_int_equal(stats.segment_rows + stats.head_rows, BATCHES * BATCH_ROWS);
    assert_true(stats.segments > 0 && stats.last_error.err == ERR_OK);
    kit_done(&play.kit);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* ---- deletes and merges, beside all that ---- */

static void *forget(void *arg)
{
    struct play *play = arg;
    struct merge_options options = {0};
    struct why why;
    for (unsigned i = 0; !play->over || !play->forgotten; i++) { /* it may get its first turn late */
        unsigned committed = play->committed;
        uint32_t metric = names_find_metric(play->kit.names, STR("kit.m3"));
        struct delete_metric metrics[] = {{metric, 0}};
        struct delete_request request = {.metrics = metrics,
                                         .metric_count = metric != NAME_NONE,
                                         .from_ms = INT64_MIN,
                                         .to_ms = INT64_MAX};
        struct delete_report report;
        CHECK(store_delete(play->kit.store, &request, &report, &why) == ERR_OK);
        delete_report_done(&report);
        if (metric != NAME_NONE)
            play->forgotten = committed;
        options.touched_only = i % 2;
        if (i % 3 == 0)
            CHECK(store_merge(play->kit.store, &options, &why) == ERR_OK);
        usleep(2000);
    }
    return NULL;
}

static void *read_what_is_left(void *arg)
{
    struct play *play = arg;
    struct kit_rows rows = {0};
    while (!play->over) {
        unsigned found[BATCHES] = {0}, forgotten = play->forgotten, committed = play->committed;
        struct snapshot *snapshot = store_snapshot(play->kit.store);
        rows.count = 0;
        CHECK(kit_collect(&play->kit, snapshot, &rows) == ERR_OK);
        for (size_t i = 0; i < rows.count; i++) {
            unsigned number = (unsigned)rows.at[i].value;
            CHECK(rows.at[i].metric != FORGOTTEN || number >= forgotten);
            found[number] += rows.at[i].metric != FORGOTTEN;
        }
        for (unsigned n = 0; n < committed; n++)
            CHECK(found[n] == play->others[n]);
        snapshot_unref(snapshot);
    }
    kit_rows_done(&rows);
    return NULL;
}

static void readers_see_no_deleted_row(void **state)
{
    char dir[] = "/tmp/dialtone-threads-XXXXXX";
    char data[64], command[64];
    struct play *play = MEM_NEW(struct play);
    pthread_t committer, tidier, deleter, readers[READERS];
    assert_non_null(mkdtemp(dir));
    snprintf(data, sizeof data, "%s/data", dir);
    kit_init(&play->kit, sys_real(), data);
    play->kit.options.head_rows_max = 300;
    play->kit.options.cache_bytes_max = 20000;
    kit_open(&play->kit);
    assert_int_equal(pthread_create(&committer, NULL, commit_all, play), 0);
    assert_int_equal(pthread_create(&tidier, NULL, tidy, play), 0);
    assert_int_equal(pthread_create(&deleter, NULL, forget, play), 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_what_is_left, play), 0);
    pthread_join(committer, NULL);
    play->over = true;
    pthread_join(tidier, NULL);
    pthread_join(deleter, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    struct store_stats stats;
    store_stats(play->kit.store, &stats);
    assert_string_equal(stats.last_error.err ? stats.last_error.text : "", "");
    assert_true(play->forgotten > 0);
    kit_done(&play->kit);
    mem_free(play);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_see_whole_batches),
                                       cmocka_unit_test(readers_see_no_deleted_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
