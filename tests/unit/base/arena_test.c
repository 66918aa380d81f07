#include "base/arena.h"
#include "base/rng.h"

#include "../cmocka_all.h"

static bool is_zero(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i])
            return false;
    return true;
}

/* Blocks are aligned, zeroed, and do not overlap: each is filled with its own letter and looked at again. */
static void blocks_are_apart(void **state)
{
    struct arena arena = {0};
    struct rng rng = {1};
    for (int round = 0; round < 20; round++) {
        struct {
            char *at;
            size_t size;
        } blocks[300];
        for (int i = 0; i < 300; i++) {
            size_t size = (size_t)rng_below(&rng, rng_chance(&rng, 5) ? 100000 : 200);
            blocks[i].size = size;
            blocks[i].at = arena_alloc(&arena, size);
            assert_int_equal((uintptr_t)blocks[i].at % 16, 0);
            assert_true(is_zero(blocks[i].at, size));
            memset(blocks[i].at, 1 + i % 250, size);
        }
        for (int i = 0; i < 300; i++)
            for (size_t b = 0; b < blocks[i].size; b++)
                assert_int_equal((unsigned char)blocks[i].at[b], 1 + i % 250);
        arena_reset(&arena);
        assert_true(arena.size <= 32 * 1024); /* a large packet does not stay in memory */
    }
    arena_done(&arena);
    assert_int_equal(arena.size, 0);
}

static void large_blocks_waste_no_chunk(void **state)
{
    struct arena arena = {0};
    size_t asked = 0;
    for (int i = 0; i < 100; i++) {
        arena_alloc(&arena, 40000);
        arena_alloc(&arena, 16);
        asked += 40016;
    }
    assert_true(arena.size < asked + asked / 10);
    arena_done(&arena);
    arena_alloc(&arena, 16);
    assert_true(arena.size <= 1024); /* a small arena is small */
    arena_done(&arena);
}

static void arenas_take_over_others(void **state)
{
    struct arena arena = {0}, other = {0}, none = {0};
    char *first = arena_alloc(&other, 100), *large = arena_room(&other, 50000);
    memset(first, 1, 100);
    memset(large, 2, 50000);
    arena_take(&arena, &none); /* nothing into nothing */
    arena_take(&arena, &other);
    assert_true(arena.size >= 50100 && other.size == 0);
    char *second = arena_alloc(&other, 3000);
    memset(second, 3, 3000);
    size_t both = arena.size + other.size;
    arena_take(&arena, &other);
    assert_true(arena.size == both && other.size == 0);
    assert_true(is_zero(arena_alloc(&arena, 2000), 2000));
    assert_true(first[99] == 1 && large[49999] == 2 && second[2999] == 3);
    arena_done(&arena);
}

static void unused_arenas_may_be_reset(void **state)
{
    struct arena arena = {0};
    arena_reset(&arena);
    arena_done(&arena);
    arena_done(&arena);
    assert_non_null(arena_alloc(&arena, 0));
    arena_reset(&arena);
    assert_non_null(arena_array(&arena, 3, 7));
    arena_done(&arena);
}

static void strings_are_copied_with_a_nul(void **state)
{
    struct arena arena = {0};
    char text[] = "hello";
    struct str s = arena_str(&arena, str_of(text));
    struct str none = arena_str(&arena, STR_NONE);
    struct str printed = arena_printf(&arena, "%s-%d", text, 42);
    text[0] = 'j';
    assert_string_equal(s.at, "hello");
    assert_int_equal(s.size, 5);
    assert_true(none.size == 0 && none.at && none.at[0] == 0);
    assert_string_equal(printed.at, "hello-42");
    assert_int_equal(printed.size, 8);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_apart),
        cmocka_unit_test(large_blocks_waste_no_chunk),
        cmocka_unit_test(arenas_take_over_others),
        cmocka_unit_test(unused_arenas_may_be_reset),
        cmocka_unit_test(strings_are_copied_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
