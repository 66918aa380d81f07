/* Bins of cubes against counting them one by one; their bytes come back, and others are refused. More:
 * cube_bins_test FIRST_SEED COUNT. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/cube_bins.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SOURCES_MAX = CUBE_VALUES_MAX };

static uint64_t first_seed = 1, seed_count = 12;

struct row {
    uint32_t source, minute;
    double value;
};

struct made {
    struct rng rng;
    struct names *names;
    uint32_t field, source_count;
    struct buf bytes[SOURCES_MAX];
    struct str sources[SOURCES_MAX];
    struct source_values values;
    struct cube_builder cubes;
    struct bins_builder bins;
    struct row *rows;
    uint32_t count;
};

static void make_sources(struct made *made)
{
    made->names = names_new();
    made->field = names_resolve_field(made->names, STR("host"));
    made->source_count = 1 + (uint32_t)rng_below(&made->rng, 8);
    for (uint32_t s = 0; s < made->source_count; s++) {
        struct source_set set = {0};
        source_set_put(&set, made->field, (struct source_value){.type = SOURCE_NUMBER, .number = s % 3});
        source_encode(&set, &made->bytes[s]);
        made->sources[s] = buf_view(&made->bytes[s]);
    }
    source_values_init(&made->values, made->sources, made->source_count);
    cube_builder_init(&made->cubes, &made->values);
    bins_builder_init(&made->bins, &made->cubes);
}

static double draw(struct rng *rng, int shape)
{
    double u = rng_unit(rng);
    switch (shape) {
    case 0:
        return floor(u * 20);
    case 1:
        return exp(u * 6);
    case 2:
        return floor(u * 40) - 20;
    default:
        return rng_chance(rng, 99) ? floor(u * 30) : ldexp(u, (int)rng_below(rng, 2000) - 1000);
    }
}

static void make_rows(struct made *made, uint32_t count, int shape)
{
    uint32_t minutes = 1 + (uint32_t)rng_below(&made->rng, 4), first = (uint32_t)rng_below(&made->rng, 1430);
    made->rows = mem_resize(made->rows, count, sizeof *made->rows);
    made->count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct row *row = &made->rows[i];
        *row = (struct row){(uint32_t)rng_below(&made->rng, made->source_count),
                            first + (uint32_t)rng_below(&made->rng, minutes), draw(&made->rng, shape)};
        int64_t ms_of_day = row->minute * INT64_C(60000) + (int64_t)rng_below(&made->rng, 60000);
        cube_builder_add(&made->cubes, row->source, ms_of_day, row->value);
        bins_builder_add(&made->bins, row->source, ms_of_day, row->value);
    }
}

static void clear(struct made *made)
{
    cube_builder_clear(&made->cubes);
    bins_builder_clear(&made->bins);
}

static void made_done(struct made *made)
{
    bins_builder_done(&made->bins);
    cube_builder_done(&made->cubes);
    source_values_done(&made->values);
    for (uint32_t s = 0; s < made->source_count; s++)
        buf_done(&made->bytes[s]);
    names_free(made->names);
    mem_free(made->rows);
}

static uint64_t count_rows(const struct made *made, const struct cube_cell *cell, bool whole, int32_t key)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < made->count; i++) {
        const struct row *row = &made->rows[i];
        bool in = row->minute == cell->minute && log_bin_key(row->value) == key;
        uint64_t host = whole ? 0 : made->cubes.fields[0].values[cell->value].number;
        rows += in && (whole || row->source % 3 == host);
    }
    return rows;
}

static void check_bins(struct made *made, const struct cube_cell *cells, uint32_t count, bool whole,
                       const struct cube_bins *bins)
{
    for (uint32_t c = 0; c < count; c++) {
        uint32_t first = c ? bins->ends[c - 1] : 0;
        uint64_t rows = 0;
        assert_true(bins->ends[c] > first);
        for (uint32_t b = first; b < bins->ends[c]; b++) {
            assert_true(b == first || bins->at[b].key > bins->at[b - 1].key);
            rows += bins->at[b].count;
        }
        assert_int_equal(rows, cells[c].count);
        for (int i = 0; i < 3; i++) { /* all rows are in some bin: a few of them are counted here */
            const struct log_bin *bin = &bins->at[first + rng_below(&made->rng, bins->ends[c] - first)];
            assert_int_equal(bin->count, count_rows(made, &cells[c], whole, bin->key));
        }
    }
}

static void check_refusals(struct made *made, struct packer *packer, struct buf *bytes,
                           const struct cube_cell *cells, uint32_t count)
{
    struct cube_bins bins;
    struct why why;
    for (size_t size = 0; size < bytes->size; size += 1 + size / 5)
        assert_int_equal(cube_bins_decode(packer, str_make(bytes->at, size), cells, count, &bins, &why),
                         ERR_CORRUPT);
    for (int i = 0; i < 50; i++) {
        char *at = &bytes->at[rng_below(&made->rng, bytes->size)], old = *at;
        *at = (char)(*at ^ 1 << rng_below(&made->rng, 8));
        if (cube_bins_decode(packer, buf_view(bytes), cells, count, &bins, &why) == ERR_OK) {
            for (uint32_t b = 0; b < bins.ends[count - 1]; b++)
                assert_true(bins.at[b].count > 0 && abs(bins.at[b].key) <= LOG_BIN_KEY_MAX);
            cube_bins_done(&bins);
        }
        *at = old;
    }
    struct cube_cell *other = mem_alloc(count * sizeof *other); /* of another cube */
    memcpy(other, cells, count * sizeof *other);
    other[count - 1].count = 1;
    if (cube_bins_decode(packer, buf_view(bytes), other, count, &bins, &why) == ERR_OK) {
        assert_int_equal(bins.ends[count - 1] - (count > 1 ? bins.ends[count - 2] : 0), 1);
        cube_bins_done(&bins);
    }
    mem_free(other);
}

/* Returns whether any were kept. */
static bool check_cube(struct made *made, struct packer *packer, uint32_t field, uint64_t *spent)
{
    bool whole = field == made->cubes.field_count;
    struct cube_cell *cells;
    uint32_t count;
    struct buf bytes = {0};
    struct cube_bins bins;
    struct why why;
    cube_builder_take(&made->cubes, field, &cells, &count);
    bool kept = bins_builder_put(&made->bins, field, cells, count, packer, &bytes);
    assert_true(kept == (bytes.size > 0));
    *spent += bytes.size;
    if (kept) {
        assert_true(made->count >= (uint64_t)count * (whole ? 64 : 1024));
        assert_int_equal(cube_bins_decode(packer, buf_view(&bytes), cells, count, &bins, &why), ERR_OK);
        check_bins(made, cells, count, whole, &bins);
        cube_bins_done(&bins);
        check_refusals(made, packer, &bytes, cells, count);
    }
    mem_free(cells);
    buf_done(&bytes);
    return kept;
}

static void bins_are_what_the_rows_are_in(void **state)
{
    static const uint32_t sizes[] = {1, 300, 5000, 20000, BIN_ROWS_MAX + 5000};
    struct packer packer = {0};
    unsigned whole = 0, by_field = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        struct made made = {.rng = {seed}};
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        make_sources(&made);
        for (int i = 0; i < 4; i++) { /* one metric leaves nothing for the next */
            uint64_t spent = 0;
            uint32_t size = i == 0 && seed % 4 == 0 ? 4 : (uint32_t)rng_below(&made.rng, 4);
            make_rows(&made, sizes[size], (int)rng_below(&made.rng, 4));
            whole += check_cube(&made, &packer, made.cubes.field_count, &spent);
            for (uint32_t f = 0; f < made.cubes.field_count; f++)
                by_field += check_cube(&made, &packer, f, &spent);
            assert_true(spent * 4 <= made.count);
            clear(&made);
        }
        made_done(&made);
    }
    assert_true(whole >= seed_count && by_field >= seed_count / 2);
    packer_done(&packer);
}

/* Of all doubles in every cell, there are more bins than memory for them: fields are given up, then all. */
static void too_many_bins_are_given_up(void **state)
{
    struct made made = {.rng = {7}};
    struct cube_cell *cells;
    struct packer packer = {0};
    struct buf bytes = {0};
    uint32_t count;
    make_sources(&made);
    while (made.source_count < 2) {
        made_done(&made);
        made = (struct made){.rng = {made.rng.state}};
        make_sources(&made);
    }
    for (uint32_t i = 0; i < 12 * BIN_ROWS_MAX; i++) {
        double value = ldexp(rng_unit(&made.rng) + 0.5, (int)rng_below(&made.rng, 2000) - 1000);
        int64_t ms_of_day = (int64_t)rng_below(&made.rng, 100 * 60000);
        cube_builder_add(&made.cubes, i % made.source_count, ms_of_day, value);
        bins_builder_add(&made.bins, i % made.source_count, ms_of_day, value);
    }
    assert_true(made.bins.full && made.bins.list_count == 0);
    cube_builder_take(&made.cubes, made.cubes.field_count, &cells, &count);
    assert_true(count > 0);
    assert_false(bins_builder_put(&made.bins, made.cubes.field_count, cells, count, &packer, &bytes));
    mem_free(cells);
    clear(&made); /* and the next metric has its own again */
    uint64_t spent = 0;
    make_rows(&made, 20000, 0);
    assert_true(check_cube(&made, &packer, made.cubes.field_count, &spent));
    made_done(&made);
    packer_done(&packer);
    buf_done(&bytes);
}

/* Its cells have no place; it must not be asked for one, in a chunk or at the end. */
static void a_field_of_many_values_has_no_bins(void **state)
{
    struct made made = {.rng = {9}, .names = names_new(), .source_count = BINS_VALUES_MAX + 90};
    struct packer packer = {0};
    uint64_t spent = 0;
    made.field = names_resolve_field(made.names, STR("host"));
    for (uint32_t s = 0; s < made.source_count; s++) {
        struct source_set set = {0};
        source_set_put(&set, made.field, (struct source_value){.type = SOURCE_NUMBER, .number = s});
        source_encode(&set, &made.bytes[s]);
        made.sources[s] = buf_view(&made.bytes[s]);
    }
    source_values_init(&made.values, made.sources, made.source_count);
    cube_builder_init(&made.cubes, &made.values);
    bins_builder_init(&made.bins, &made.cubes);
    assert_true(made.cubes.field_count == 1 && made.cubes.fields[0].value_count > BINS_VALUES_MAX);
    for (int i = 0; i < 2; i++) {
        make_rows(&made, BIN_ROWS_MAX + 1000, 0);
        assert_true(check_cube(&made, &packer, made.cubes.field_count, &spent));
        assert_false(check_cube(&made, &packer, 0, &spent));
        clear(&made);
    }
    made_done(&made);
    packer_done(&packer);
}

static void keys_ascend_with_values(void **state)
{
    static const double values[] = {-INFINITY, -1.7e308, -5,   -1e-9, -5e-324, 0,       5e-324,
                                    1e-9,      1,        1.05, 1e9,   1.7e308, INFINITY};
    enum { COUNT = sizeof(values) / sizeof(values[0]) };
    for (int i = 0; i < COUNT; i++) {
        int32_t key = log_bin_key(values[i]);
        assert_true(abs(key) <= LOG_BIN_KEY_MAX && (i == 0 || key > log_bin_key(values[i - 1])));
        if (fabs(values[i]) > 1e-300 && fabs(values[i]) < 1e300)
            assert_true(fabs(log_bin_value(key) - values[i]) <= LOG_BIN_ALPHA * 1.000001 * fabs(values[i]));
    }
    assert_int_equal(log_bin_key(NAN), 0);
    assert_int_equal(log_bin_key(-0.0), 0);
    assert_true(log_bin_value(0) == 0);
    assert_int_equal(log_bin_key(1), 40000); /* they are in files: no other number ever */
    assert_int_equal(log_bin_key(812.4), 40335);
    assert_int_equal(log_bin_key(-0.25), -39931);
}

int main(int argc, char **argv)
{
    const char *quick = getenv("DIALTONE_TEST_QUICK");
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    seed_count = argc > 2 ? strtoull(argv[2], NULL, 0) : quick && *quick ? 4 : 12;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_ascend_with_values),
        cmocka_unit_test(bins_are_what_the_rows_are_in),
        cmocka_unit_test(a_field_of_many_values_has_no_bins),
        cmocka_unit_test(too_many_bins_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
