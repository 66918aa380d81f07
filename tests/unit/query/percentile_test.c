/* Selection and sketches against sorting. */
#include "query/sketch.h"
#include "query/value_list.h"

#include "../cmocka_all.h"

#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed_state;

static uint64_t next(void)
{
    return hash_mix(seed_state += UINT64_C(0x9e3779b97f4a7c15));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double draw(int shape)
{
    double u = (double)(next() >> 11) / (double)(UINT64_C(1) << 53);
    switch (shape) {
    case 0:
        return (double)(next() % 5);
    case 1:
        return exp(u * 20 - 5);
    case 2:
        return (u - 0.5) * 1e6;
    default:
        return shape == 3 ? 7 : (double)(next() % 100000) / 10;
    }
}

static void check_ranks(size_t count, int shape)
{
    struct value_store store = {.bytes_max = SIZE_MAX};
    struct value_list lists[3] = {0};
    struct sketch sketch = {0}, half = {0};
    double *sorted = mem_zero(count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = draw(shape);
        value_add(&store, &lists[next() % 3], sorted[i]);
        sketch_add(i % 2 ? &sketch : &half, sorted[i]);
    }
    sketch_merge(&sketch, &half);
    qsort(sorted, count, sizeof(*sorted), compare);
    const uint64_t parts[] = {0, 1, 50, 95, 99, 100};
    uint64_t ranks[6];
    double out[6];
    for (int i = 0; i < 6; i++)
        ranks[i] = value_rank(parts[i], 100, count);
    value_select(lists, 3, ranks, 6, out);
    for (int i = 0; i < 6; i++) {
        double want = sorted[ranks[i] - 1], near = sketch_rank(&sketch, ranks[i]);
        if (out[i] != want || fabs(near - want) > fabs(want) * SKETCH_ALPHA * 1.000001)
            fail_msg("count %zu shape %d rank %llu: want %.17g, selected %.17g, sketched %.17g", count, shape,
                     (unsigned long long)ranks[i], want, out[i], near);
    }
    uint64_t distinct = 0;
    for (size_t i = 0; i < count; i++)
        distinct += i == 0 || sorted[i] != sorted[i - 1];
    assert_true(value_distinct(lists, 3) == distinct);
    mem_free(sorted);
    sketch_done(&sketch);
    sketch_done(&half);
    arena_done(&store.arena);
}

static void selection_and_sketches_agree_with_sorting(void **state)
{
    for (int shape = 0; shape < 5; shape++)
        for (size_t count = 1; count < 3000; count = count * 2 + (size_t)(next() % 3))
            check_ranks(count, shape);
    for (int shape = 0; shape < 5; shape++)
        check_ranks(300000, shape); /* beyond what is copied whole */
}

static void splicing_moves_values_without_copying(void **state)
{
    struct value_store store = {.bytes_max = SIZE_MAX}, other = {.bytes_max = SIZE_MAX};
    struct value_list list = {0}, from = {0}, none = {0};
    for (int i = 0; i < 1000; i++)
        value_add(i % 3 ? &store : &other, i % 3 ? &list : &from, i);
    value_splice(&list, &from);
    value_store_take(&store, &other);
    assert_true(other.arena.size == 0 && value_count(&from) == 0 && value_count(&list) == 1000);
    value_splice(&list, &from); /* nothing more */
    value_splice(&none, &list); /* into an empty one */
    assert_true(value_count(&list) == 0 && value_count(&none) == 1000 && value_distinct(&none, 1) == 1000);
    for (int i = 1000; i < 3000; i++)
        value_add(&store, &none, i);
    uint64_t ranks[] = {1, 999, 1000, 2999};
    double out[4];
    value_select(&none, 1, ranks, 4, out);
    assert_true(out[0] == 0 && out[1] == 998 && out[2] == 999 && out[3] == 2998);
    arena_done(&store.arena);
}

struct walk {
    double *order;
    int count;
};

static void note_order(void *ctx, const double *values, uint32_t count)
{
    struct walk *walk = ctx;
    for (uint32_t i = 0; i < count; i++)
        walk->order[walk->count++] = values[i];
}

/* Great values exactly where a sample of 64 looks, small ones elsewhere. */
static void mislead(double *values, int count)
{
    struct value_store store = {.bytes_max = SIZE_MAX};
    struct value_list list = {0};
    struct walk walk = {mem_zero((size_t)count, sizeof(double)), 0};
    for (int i = 0; i < count; i++)
        value_add(&store, &list, i);
    value_each(&list, note_order, &walk);
    for (int place = 0; place < count; place++)
        values[(int)walk.order[place]] = place % (count / 64) == count / 64 / 2 ? 1e9 + place : place % 1000;
    arena_done(&store.arena);
    mem_free(walk.order);
}

static void fill(int order, int count, double *values)
{
    for (int i = 0; i < count; i++)
        values[i] = order < 5 ? draw(order) : order == 5 ? i : count - i;
    if (order == 7)
        mislead(values, count);
}

static void check_high_ranks(int order, int count)
{
    struct value_store store = {.bytes_max = SIZE_MAX};
    struct value_list lists[2] = {0};
    double *sorted = mem_zero((size_t)count, sizeof(*sorted)), out[4];
    fill(order, count, sorted);
    for (int i = 0; i < count; i++)
        value_add(&store, &lists[order == 7 ? 0 : i % 2], sorted[i]);
    qsort(sorted, (size_t)count, sizeof(*sorted), compare);
    const uint64_t all = (uint64_t)count;
    const uint64_t ranks[] = {all / 2, value_rank(95, 100, all), value_rank(99, 100, all), all};
    for (uint32_t first = 0; first < 4; first++) {
        value_select(lists, 2, ranks + first, 4 - first, out);
        for (uint32_t i = first; i < 4; i++)
            if (out[i - first] != sorted[ranks[i] - 1])
                fail_msg("order %d of %d rank %llu: want %.17g, selected %.17g", order, count,
                         (unsigned long long)ranks[i], sorted[ranks[i] - 1], out[i - first]);
    }
    arena_done(&store.arena);
    mem_free(sorted);
}

/* Then the rest is not copied, unless the sample was wrong about where they are. */
static void high_ranks_are_selected_among_few(void **state)
{
    for (int order = 0; order < 8; order++) {
        check_high_ranks(order, 2048);
        check_high_ranks(order, 9001);
        check_high_ranks(order, 300001);
    }
}

/* Ascending, descending and organ-pipe input must not cost the square. */
static void bad_orders_stay_cheap(void **state)
{
    enum { COUNT = 200000 };
    for (int order = 0; order < 3; order++) {
        struct value_store store = {.bytes_max = SIZE_MAX};
        struct value_list list = {0};
        for (int i = 0; i < COUNT; i++)
            value_add(&store, &list, order == 0 ? i : order == 1 ? COUNT - i : abs(i - COUNT / 2));
        uint64_t rank = COUNT / 2;
        double out;
        value_select(&list, 1, &rank, 1, &out);
        assert_true(out == (order == 0 ? COUNT / 2 - 1 : order == 1 ? COUNT / 2 : COUNT / 4));
        arena_done(&store.arena);
    }
}

static void ranks_are_exact(void **state)
{
    assert_true(value_rank(999, 1000, 1000) == 999); /* 0.999 * 1000 must not round up to 1000 */
    assert_true(value_rank(95, 100, 20) == 19);
    assert_true(value_rank(95, 100, 21) == 20);
    assert_true(value_rank(0, 100, 5) == 1);
    assert_true(value_rank(100, 100, 5) == 5);
    assert_true(value_rank(50, 100, 1) == 1);
    assert_true(value_rank(1, 3, UINT64_C(1) << 62) == (UINT64_C(1) << 62) / 3 + 1);
}

static void sketches_hold_the_extremes_of_doubles(void **state)
{
    struct sketch sketch = {0};
    const double values[] = {-1.7e308, -1, -5e-324, 0, 5e-324, 1, 1.7e308};
    for (int i = 0; i < 7; i++)
        sketch_add(&sketch, values[i]);
    for (uint64_t i = 0; i < 7; i++) {
        double v = sketch_rank(&sketch, i + 1);
        assert_true(fabs(v - values[i]) <= fabs(values[i]) * 0.011 + 1e-323);
    }
    assert_true(isnan(sketch_rank(&(struct sketch){0}, 1)));
    sketch_done(&sketch);
}

static void compaction_keeps_one_of_each(void **state)
{
    struct value_store store = {.bytes_max = 1}, other = {.bytes_max = SIZE_MAX};
    struct value_list list = {0};
    for (int i = 0; i < 1000; i++)
        value_add(&store, &list, i % 7);
    assert_true(value_store_is_full(&store));
    value_compact(&list, &other);
    assert_true(value_count(&list) == 7 && value_distinct(&list, 1) == 7);
    arena_done(&store.arena);
    arena_done(&other.arena);
}

int main(int argc, char **argv)
{
    seed_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    printf("seed %llu\n", (unsigned long long)seed_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_and_sketches_agree_with_sorting),
        cmocka_unit_test(splicing_moves_values_without_copying),
        cmocka_unit_test(high_ranks_are_selected_among_few),
        cmocka_unit_test(bad_orders_stay_cheap),
        cmocka_unit_test(ranks_are_exact),
        cmocka_unit_test(sketches_hold_the_extremes_of_doubles),
        cmocka_unit_test(compaction_keeps_one_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
