#include "base/buf.h"
#include "base/hash.h"
#include "base/intern.h"
#include "base/rng.h"

#include "../cmocka_all.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { MILLION = 1000000 };

static struct str nth_name(uint64_t n, char *text)
{
    return str_make(text, (size_t)snprintf(text, 40, "web%u.%" PRIu64, (unsigned)(n % 20), n * 7919));
}

static void a_million_strings_keep_their_numbers(void **state)
{
    struct intern intern = {0};
    char text[40];
    for (uint32_t i = 0; i < MILLION; i++) {
        assert_int_equal(intern_resolve(&intern, nth_name(i, text)), i);
        if (i % 3 == 0)
            assert_int_equal(intern_resolve(&intern, nth_name(i / 2, text)), i / 2);
    }
    assert_int_equal(intern.count, MILLION);
    for (uint32_t i = 0; i < MILLION; i++) {
        struct str s = nth_name(i, text);
        assert_true(str_eq(intern_get(&intern, i), s) && intern_hash(&intern, i) == hash_bytes(s));
        if (i % 5 == 0)
            assert_int_equal(intern_find(&intern, s), i);
    }
    assert_int_equal(intern_find(&intern, STR("web0.1")), INTERN_NONE);
    assert_true(intern_bytes(&intern) < (size_t)MILLION * 80);
    intern_done(&intern);
}

/* Random short strings with many repeats, hashes squeezed to two bits, so that nearly all collide, in slot
 * and in hash; the model is a list. */
static void collisions_unite_nothing(void **state)
{
    struct rng rng = {1};
    for (int round = 0; round < 20; round++) {
        struct intern intern = {0};
        struct buf model[600];
        uint32_t count = 0;
        for (int i = 0; i < 800; i++) {
            char text[3];
            struct str s = {text, (size_t)rng_below(&rng, 4)};
            for (size_t b = 0; b < s.size; b++)
                text[b] = (char)rng_below(&rng, 8);
            uint32_t want = 0;
            while (want < count && !str_eq(buf_view(&model[want]), s))
                want++;
            if (want == count) {
                model[count] = (struct buf){0};
                buf_str(&model[count++], s);
            }
            assert_int_equal(intern_resolve_hashed(&intern, s, hash_bytes(s) & 3), want);
        }
        assert_int_equal(intern.count, count);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(str_eq(intern_get(&intern, i), buf_view(&model[i])));
            buf_done(&model[i]);
        }
        intern_done(&intern);
    }
}

static void reset_starts_anew(void **state)
{
    struct intern intern = {0};
    assert_int_equal(intern_find(&intern, STR("a")), INTERN_NONE);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(intern_resolve(&intern, STR("")), 0);
        assert_int_equal(intern_resolve(&intern, STR_NONE), 0);
        assert_int_equal(intern_resolve(&intern, STR("a\0b")), 1);
        assert_int_equal(intern_resolve(&intern, STR("a")), 2);
        assert_int_equal(intern_find(&intern, STR("a\0b")), 1);
        intern_reset(&intern);
        assert_int_equal(intern.count, 0);
        assert_int_equal(intern_find(&intern, STR("a")), INTERN_NONE);
    }
    intern_done(&intern);
    intern_done(&intern);
}

/* A reader on another thread looks up what it was told of while the writer adds more. */
struct shared {
    struct intern intern;
    _Atomic uint32_t count;
};

static void *read_along(void *arg)
{
    struct shared *shared = arg;
    uintptr_t wrong = 0;
    char text[40];
    for (uint32_t count = 0; count < 200000;) {
        count = atomic_load_explicit(&shared->count, memory_order_acquire);
        for (uint32_t i = count > 50 ? count - 50 : 0; i < count; i++)
            wrong += !str_eq(intern_get(&shared->intern, i), nth_name(i, text));
        if (count)
            wrong += !str_eq(intern_get(&shared->intern, count / 2), nth_name(count / 2, text));
    }
    return (void *)wrong;
}

static void readers_may_follow_the_writer(void **state)
{
    struct shared shared = {0};
    pthread_t reader;
    char text[40];
    void *wrong;
    assert_int_equal(pthread_create(&reader, NULL, read_along, &shared), 0);
    for (uint32_t i = 0; i < 200000; i++) {
        intern_resolve(&shared.intern, nth_name(i, text));
        atomic_store_explicit(&shared.count, i + 1, memory_order_release);
    }
    assert_int_equal(pthread_join(reader, &wrong), 0);
    assert_null(wrong);
    intern_done(&shared.intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_strings_keep_their_numbers),
        cmocka_unit_test(collisions_unite_nothing),
        cmocka_unit_test(reset_starts_anew),
        cmocka_unit_test(readers_may_follow_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
