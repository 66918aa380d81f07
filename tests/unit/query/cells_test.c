/* Cells against rows kept whole: however rows are batched and partial results united, every statistic comes
 * out as from all rows at once. */
#include "query/cells.h"

#include "../cmocka_all.h"

#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRIDE = 7, GROUPS = 5, CELLS = STRIDE * GROUPS, ROWS = 20000 };

static uint64_t seed_state;

static uint64_t next(void)
{
    return hash_mix(seed_state += UINT64_C(0x9e3779b97f4a7c15));
}

struct rows {
    uint32_t cell[ROWS];
    double value[ROWS];
    int64_t time_ms[ROWS];
    uint64_t hash[ROWS];
};

/* Runs of a few to some hundred rows, or a cell a row; values that cancel, and values with a large mean. */
static struct rows *make_rows(int shape)
{
    struct rows *rows = MEM_NEW(struct rows);
    for (uint32_t i = 0; i < ROWS; i++) {
        bool stay = i > 0 && next() % 300 > (shape % 3 == 0 ? 299 : shape % 3 == 1 ? 1 : 90);
        uint32_t group = (uint32_t)(next() % GROUPS), step = (uint32_t)(next() % (STRIDE - 1));
        rows->cell[i] = stay ? rows->cell[i - 1] : group * STRIDE + step;
        double u = (double)(next() >> 11) / (double)(UINT64_C(1) << 53);
        rows->value[i] =
            shape < 3 ? exp(u * 30) * (next() % 2 ? 1 : -1) : 1.7e12 + (double)(next() % 1000) / 8;
        rows->time_ms[i] = (int64_t)(next() % 5000);
        rows->hash[i] = next() % 50 + 1;
    }
    return rows;
}

struct expected {
    uint64_t count, distinct;
    double sum, deviation, min, max, last, median, high;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the rows whose cell lies in [from, to). */
static struct expected expect(const struct rows *rows, uint32_t from, uint32_t to)
{
    struct expected want = {.min = INFINITY, .max = -INFINITY};
    double *values = mem_zero(ROWS, sizeof(*values));
    __float128 sum = 0, square = 0;
    uint64_t seen = 0;
    int64_t last = -1;
    for (uint32_t i = 0; i < ROWS; i++) {
        double v = rows->value[i];
        if (rows->cell[i] < from || rows->cell[i] >= to)
            continue;
        values[want.count++] = v;
        sum += v;
        want.min = fmin(want.min, v);
        want.max = fmax(want.max, v);
        if (rows->time_ms[i] > last || (rows->time_ms[i] == last && v > want.last)) {
            last = rows->time_ms[i];
            want.last = v;
        }
        seen |= UINT64_C(1) << rows->hash[i];
    }
    want.distinct = (uint64_t)__builtin_popcountll(seen);
    want.sum = (double)sum;
    if (want.count) {
        for (uint64_t i = 0; i < want.count; i++)
            square += (values[i] - sum / want.count) * (values[i] - sum / want.count);
        want.deviation = sqrt((double)(square / want.count));
        qsort(values, want.count, sizeof(*values), compare);
        want.median = values[value_rank(50, 100, want.count) - 1];
        want.high = values[value_rank(95, 100, want.count) - 1];
    }
    mem_free(values);
    return want;
}

static void must_be(const struct cells *cells, uint32_t cell, bool whole, const struct expected *want)
{
    const struct stat_term stats[] = {{.kind = STAT_PERCENTILE, .part = 95, .whole = 100},
                                      {.kind = STAT_COUNT},
                                      {.kind = STAT_PERCENTILE, .part = 50, .whole = 100}};
    double out[3];
    assert_int_equal(cells->count[cell], want->count);
    if (want->count == 0)
        return;
    double deviation = cells_deviation(cells, cell);
    assert_true(cells_sum(cells, cell) == want->sum);
    /* Squares of means around 10^12 leave 2^-104 of them for the deviation. */
    double lost = want->min > 1e12 ? 1e-8 : 1e-14;
    assert_true(fabs(deviation - want->deviation) <= lost * want->deviation);
    assert_true(cells->min[cell] == want->min && cells->max[cell] == want->max);
    assert_true(cells->last[cell].value == want->last);
    assert_int_equal(cells_distinct(cells, cell, whole), want->distinct);
    cells_percentiles(cells, cell, whole, stats, 3, out);
    double near = cells->sketches ? SKETCH_ALPHA * 1.000001 : 0;
    assert_true(fabs(out[0] - want->high) <= near * fabs(want->high));
    assert_true(fabs(out[2] - want->median) <= near * fabs(want->median));
    assert_true(isnan(out[1]));
}

static void must_hold(struct cells *cells, const struct rows *rows)
{
    for (uint32_t group = 0; group < GROUPS; group++) {
        for (uint32_t step = 0; step + 1 < STRIDE; step++) {
            uint32_t cell = group * STRIDE + step;
            struct expected want = expect(rows, cell, cell + 1);
            must_be(cells, cell, false, &want);
        }
        assert_true(cells_seen(cells, group) ==
                    (expect(rows, group * STRIDE, (group + 1) * STRIDE).count > 0));
    }
    cells_total(cells);
    for (uint32_t group = 0; group < GROUPS; group++) {
        struct expected want = expect(rows, group * STRIDE, (group + 1) * STRIDE);
        must_be(cells, group * STRIDE + STRIDE - 1, true, &want);
    }
}

static const struct needs all_needs = {true, true, true, true, true, true};

static void add_some(struct cells *cells, const struct rows *rows, const uint32_t *cell, uint32_t from,
                     uint32_t n)
{
    cells_add(cells, cell, rows->value + from, rows->time_ms + from, n);
    cells_add_distinct(cells, cell, rows->hash + from, n);
}

static void batches_of_any_size_make_the_same_cells(void **state)
{
    for (int shape = 0; shape < 6; shape++) {
        struct rows *rows = make_rows(shape);
        struct value_store store = {.bytes_max = SIZE_MAX};
        struct cells cells;
        cells_init(&cells, all_needs, STRIDE, &store);
        cells_reserve(&cells, GROUPS);
        for (uint32_t at = 0, n; at < ROWS; at += n) {
            n = (uint32_t)(next() % 1500) + 1;
            n = n < ROWS - at ? n : ROWS - at;
            add_some(&cells, rows, rows->cell + at, at, n);
        }
        must_hold(&cells, rows);
        cells_done(&cells);
        arena_done(&store.arena);
        mem_free(rows);
    }
}

/* Rows are dealt out to several tables, each with its groups in an order of its own and one that is dropped;
 * sketched: bit i says that the values of table i did not fit. */
static void unite(int shape, uint32_t sketched)
{
    enum { TABLES = 3 };
    struct rows *rows = make_rows(shape);
    struct value_store stores[TABLES + 1] = {0};
    struct cells cells[TABLES + 1];
    for (uint32_t t = 0; t <= TABLES; t++) {
        cells_init(&cells[t], all_needs, STRIDE, &stores[t]);
        cells_reserve(&cells[t], GROUPS + (t < TABLES));
    }
    if (sketched & 1 << TABLES)
        cells_to_sketches(&cells[TABLES]);
    for (uint32_t at = 0, n; at < ROWS; at += n) {
        uint32_t t = (uint32_t)(next() % TABLES), here[700];
        n = (uint32_t)(next() % 700) + 1;
        n = n < ROWS - at ? n : ROWS - at;
        for (uint32_t i = 0; i < n; i++)
            here[i] = (rows->cell[at + i] + (t + 1) * STRIDE) % (CELLS + STRIDE);
        add_some(&cells[t], rows, here, at, n);
        uint32_t dropped = (t * STRIDE) % (CELLS + STRIDE);
        add_some(&cells[t], rows, &dropped, at, 1);
    }
    for (uint32_t t = 0; t < TABLES; t++) {
        uint32_t group[GROUPS + 1];
        for (uint32_t g = 0; g <= GROUPS; g++)
            group[(g + t + 1) % (GROUPS + 1)] = g < GROUPS ? g : UINT32_MAX;
        if (sketched & 1 << t) {
            cells_to_sketches(&cells[t]);
            arena_done(&stores[t].arena);
        }
        cells_merge(&cells[TABLES], &cells[t], group, GROUPS + 1);
        cells_done(&cells[t]);
        arena_done(&stores[t].arena);
    }
    must_hold(&cells[TABLES], rows);
    cells_done(&cells[TABLES]);
    arena_done(&stores[TABLES].arena);
    mem_free(rows);
}

static void partial_results_unite_exactly(void **state)
{
    for (int shape = 0; shape < 6; shape++)
        unite(shape, 0);
}

static void sketches_unite_with_values_either_way(void **state)
{
    for (uint32_t sketched = 1; sketched < 16; sketched++)
        unite((int)sketched % 6, sketched);
}

static void sums_keep_what_rounding_takes(void **state)
{
    struct exact_sum sum = {0};
    exact_add_run(&sum, (const double[]){1e20, 1, -1e20, 1e-3, 1, 1e18, -1e18, -1, -1}, 9);
    assert_true(fabs(sum.sum + sum.rest - 1e-3) < 1e-12);
    struct exact_sum tenths = {0}, squares = {0};
    double *values = mem_zero(1000003, sizeof(*values));
    for (uint32_t i = 0; i < 1000003; i++)
        values[i] = 0.1;
    exact_add_run(&tenths, values, 1000003);
    assert_true(tenths.sum + tenths.rest == 100000.3);
    exact_add_squares(&squares, values, 1000003);
    assert_true(exact_deviation(tenths, squares, 1000003) == 0);
    mem_free(values);
}

int main(int argc, char **argv)
{
    seed_state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    printf("seed %llu\n", (unsigned long long)seed_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_of_any_size_make_the_same_cells),
        cmocka_unit_test(partial_results_unite_exactly),
        cmocka_unit_test(sketches_unite_with_values_either_way),
        cmocka_unit_test(sums_keep_what_rounding_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
