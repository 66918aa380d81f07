/* Answers are kept by their keys, the least used go first, and whoever reads one keeps it alive. */
#include "server/answer_cache.h"

#include "../cmocka_all.h"
#include "base/mem.h"
#include "query/query.h"

#include <stdio.h>

static struct answer *answer_of(size_t bytes, uint64_t rows)
{
    struct answer *answer = MEM_NEW(struct answer);
    answer->rows_read = rows;
    if (bytes)
        arena_alloc(&answer->arena, bytes);
    return answer;
}

static void put(struct answer_cache *cache, const char *key, size_t bytes, uint64_t rows)
{
    answer_cache_release(cache, answer_cache_put(cache, str_of(key), answer_of(bytes, rows)));
}

static uint64_t rows_of(struct answer_cache *cache, const char *key)
{
    struct kept_answer *kept = answer_cache_get(cache, str_of(key));
    uint64_t rows = kept ? kept_answer_get(kept)->rows_read : 0;
    answer_cache_release(cache, kept);
    return rows;
}

static void what_was_put_is_found(void **state)
{
    struct answer_cache *cache = answer_cache_new(1 << 20);
    struct answer_cache_stats stats;
    assert_int_equal(rows_of(cache, "a"), 0);
    put(cache, "a", 100, 1);
    put(cache, "b", 100, 2);
    put(cache, "a", 100, 3); /* the first stays: it is the same answer */
    assert_int_equal(rows_of(cache, "a"), 1);
    assert_int_equal(rows_of(cache, "b"), 2);
    assert_int_equal(rows_of(cache, "ab"), 0);
    answer_cache_stats(cache, &stats);
    assert_int_equal(stats.answers, 2);
    assert_int_equal(stats.hits, 2);
    assert_int_equal(stats.misses, 2);
    answer_cache_free(cache);
}

static void the_least_used_goes_first(void **state)
{
    struct answer_cache *cache = answer_cache_new(1 << 20);
    struct answer_cache_stats stats;
    char key[16];
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, 60000, (uint64_t)i + 1);
        assert_int_equal(rows_of(cache, "k0"), 1); /* asked for again and again */
        answer_cache_stats(cache, &stats);
        assert_true(stats.bytes <= 1 << 20);
    }
    assert_int_equal(rows_of(cache, "k99"), 100);
    assert_int_equal(rows_of(cache, "k1"), 0);
    put(cache, "large", 1 << 19, 7); /* one that would drive all others out is not kept */
    assert_int_equal(rows_of(cache, "large"), 0);
    answer_cache_free(cache);
}

static void a_reader_keeps_it_alive(void **state)
{
    struct answer_cache *cache = answer_cache_new(1 << 17);
    struct kept_answer *kept = answer_cache_put(cache, STR("a"), answer_of(10000, 5));
    char key[16];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, 10000, 1);
    }
    assert_int_equal(rows_of(cache, "a"), 0);
    assert_int_equal(kept_answer_get(kept)->rows_read, 5);
    answer_cache_release(cache, kept);
    answer_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found),
        cmocka_unit_test(the_least_used_goes_first),
        cmocka_unit_test(a_reader_keeps_it_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
