#include "scheme/source_cache.h"

#include "base/hash.h"

#include "../cmocka_all.h"

#include <stdio.h>

static struct source_key key_of(uint32_t set, uint32_t reporter, const char *text, const char *pairs)
{
    return (struct source_key){set, reporter, str_of(text), str_of(pairs)};
}

/* Whether the key was new; the entry's slot must be what was put there when it was. */
static bool resolve(struct source_cache *cache, struct source_key key, uint32_t slot)
{
    bool is_new = false;
    struct source_entry *entry = source_cache_resolve(cache, &key, &is_new);
    if (is_new) {
        assert_true(entry->source.mark == 0 && entry->source.slot == 0 && entry->remarks == 0);
        assert_true(entry->source.bytes.at == NULL);
        entry->source.slot = slot;
    }
    assert_int_equal(entry->source.slot, slot);
    return is_new;
}

static void keys_differ_in_every_part(void **state)
{
    struct source_cache cache = {0};
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(resolve(&cache, key_of(1, 1, "a", ""), 1), round == 0);
        assert_int_equal(resolve(&cache, key_of(2, 1, "a", ""), 2), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 2, "a", ""), 3), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 1, "b", ""), 4), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 1, "a", "b"), 5), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 1, "ab", ""), 6), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 1, "", "ab"), 7), round == 0);
        assert_int_equal(resolve(&cache, key_of(1, 1, "", ""), 8), round == 0);
    }
    assert_int_equal(cache.count, 8);
    source_cache_reset(&cache);
}

static void many_entries_stay_where_they_are(void **state)
{
    enum { MANY = 20000 };
    struct source_cache cache = {0};
    struct source_entry *first = NULL;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < MANY; i++) {
            char text[SOURCE_KEY_BYTES_MAX + 1];
            int size = snprintf(text, sizeof text, "web%u.%0*u", i % 20, (int)(hash_mix(i) % 200) + 1, i);
            struct source_key key = {i % 3, i % 7, str_make(text, (size_t)size), STR_NONE};
            assert_int_equal(resolve(&cache, key, i), round == 0);
            bool is_new;
            struct source_entry *entry = source_cache_resolve(&cache, &key, &is_new);
            assert_int_equal((uintptr_t)entry % 64, 0);
            if (round == 0)
                entry->source.bytes = source_cache_keep(&cache, key.text);
            assert_true(str_eq(entry->source.bytes, key.text));
            if (i == 0) {
                assert_true(!first || first == entry);
                first = entry;
            }
        }
    assert_int_equal(cache.count, MANY);
    assert_true(source_cache_bytes(&cache) > MANY * sizeof(struct source_entry));
    source_cache_reset(&cache);
    assert_int_equal(cache.count, 0);
    assert_true(resolve(&cache, key_of(0, 0, "web0.0", ""), 9));
    source_cache_reset(&cache);
}

static void the_longest_key_fits(void **state)
{
    struct source_cache cache = {0};
    char text[SOURCE_KEY_BYTES_MAX];
    for (unsigned i = 0; i < 300; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof text);
        text[0] = (char)i;
        struct source_key key = {i, 1, {text, 1000}, {text + 1000, sizeof text - 1000}};
        assert_true(resolve(&cache, key, i));
        assert_false(resolve(&cache, key, i));
    }
    source_cache_reset(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_differ_in_every_part),
        cmocka_unit_test(many_entries_stay_where_they_are),
        cmocka_unit_test(the_longest_key_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
