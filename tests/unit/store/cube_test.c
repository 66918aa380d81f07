/* Cubes against a model that adds up every row by itself: which fields have them, which are kept, what is in
 * them; their bytes come back as they were, and others are refused. More: cube_test FIRST_SEED COUNT. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/cube.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIELDS = 6, SOURCES_MAX = 300, VALUES_MAX = 100, MINUTE = 60000 };

static uint64_t first_seed = 1, seed_count = 60;

struct naive_cell {
    uint64_t count;
    long double sum;
    double min, max;
};

/* Field FIELDS of the model: all rows together, which have the one value 0. A value of 0: unset. */
struct model {
    struct rng rng;
    struct names *names;
    uint32_t field[FIELDS];
    uint32_t source_count;
    uint32_t value[SOURCES_MAX][FIELDS + 1];
    struct buf bytes[SOURCES_MAX];
    struct str sources[SOURCES_MAX];
    struct naive_cell cells[FIELDS + 1][VALUES_MAX][CUBE_MINUTES];
    uint64_t rows;
};

static struct source_value value_of(uint32_t field, uint32_t value, char text[16])
{
    if (!value)
        return (struct source_value){.type = SOURCE_UNSET};
    if (field % 2)
        return (struct source_value){.type = SOURCE_NUMBER, .number = value};
    return (struct source_value){.type = SOURCE_TEXT,
                                 .text = str_make(text, (size_t)sprintf(text, "v%u", value))};
}

static void make_sources(struct model *model)
{
    uint32_t most[FIELDS];
    for (uint32_t f = 0; f < FIELDS; f++)
        most[f] = (uint32_t)rng_below(&model->rng, rng_chance(&model->rng, 50) ? 5 : VALUES_MAX) + 1;
    model->source_count = (uint32_t)rng_below(&model->rng, SOURCES_MAX) + 1;
    for (uint32_t s = 0; s < model->source_count; s++) {
        struct source_set set = {0};
        char text[FIELDS][16];
        for (uint32_t f = 0; f < FIELDS; f++) {
            uint32_t value = (uint32_t)rng_below(&model->rng, most[f]);
            model->value[s][f] = value;
            if (value)
                CHECK(source_set_put(&set, model->field[f], value_of(f, value, text[f])));
        }
        source_encode(&set, &model->bytes[s]);
        model->sources[s] = buf_view(&model->bytes[s]);
    }
}

static void model_add(struct model *model, uint32_t source, int64_t ms_of_day, double value)
{
    for (uint32_t f = 0; f <= FIELDS; f++) {
        struct naive_cell *cell = &model->cells[f][model->value[source][f]][ms_of_day / MINUTE];
        cell->min = cell->count && cell->min < value ? cell->min : value;
        cell->max = cell->count && cell->max > value ? cell->max : value;
        cell->sum += (long double)value;
        cell->count++;
    }
    model->rows++;
}

static uint32_t count_values(const struct model *model, uint32_t f, bool *ever_set)
{
    bool seen[VALUES_MAX] = {0};
    uint32_t count = 0;
    *ever_set = false;
    for (uint32_t s = 0; s < model->source_count; s++) {
        count += !seen[model->value[s][f]];
        seen[model->value[s][f]] = true;
        *ever_set |= model->value[s][f] != 0;
    }
    return count;
}

/* Those of fewest values first, as long as all have room together. */
static void check_fields(const struct model *model, const struct cube_builder *builder)
{
    uint32_t slots = 1, found = 0;
    for (uint32_t want = 1; want <= CUBE_VALUES_MAX; want++)
        for (uint32_t f = 0; f < FIELDS; f++) {
            bool ever_set;
            if (count_values(model, f, &ever_set) != want || !ever_set || slots + want > CUBE_SLOTS_MAX)
                continue;
            slots += want;
            assert_true(found < builder->field_count);
            assert_int_equal(builder->fields[found].field, model->field[f]);
            assert_int_equal(builder->fields[found++].value_count, want);
        }
    assert_int_equal(found, builder->field_count);
    assert_int_equal(slots, builder->slot_count);
}

/* The model's number of a value in the list of a cube. */
static uint32_t value_number(uint32_t f, struct source_value value)
{
    if (value.type == SOURCE_UNSET)
        return 0;
    if (f % 2)
        return (uint32_t)value.number;
    char text[16] = {0};
    memcpy(text, value.text.at, value.text.size);
    return (uint32_t)atoi(text + 1);
}

static void check_cells(const struct model *model, uint32_t f, const struct source_value *values,
                        const struct cube_cell *cells, uint32_t count)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct cube_cell *cell = &cells[i];
        assert_true(i == 0 || cell->value > cells[i - 1].value ||
                    (cell->value == cells[i - 1].value && cell->minute > cells[i - 1].minute));
        uint32_t value = values ? value_number(f, values[cell->value]) : 0;
        const struct naive_cell *want = &model->cells[f][value][cell->minute];
        assert_true(cell->count > 0 && cell->count == want->count);
        assert_true(cell->min == want->min && cell->max == want->max);
        double room = 1e-12 * (double)cell->count * fmax(fabs(want->min), fabs(want->max));
        assert_true(fabs(cell->sum - (double)want->sum) <= room);
        rows += cell->count;
    }
    assert_int_equal(rows, model->rows); /* each row once, so no cell is missing */
}

static uint32_t count_cells(const struct model *model, uint32_t f)
{
    uint32_t cells = 0;
    for (uint32_t v = 0; v < VALUES_MAX; v++)
        for (uint32_t minute = 0; minute < CUBE_MINUTES; minute++)
            cells += model->cells[f][v][minute].count > 0;
    return cells;
}

static void check_bytes(struct packer *packer, const struct cube_cell *cells, uint32_t count,
                        uint32_t value_count)
{
    struct buf bytes = {0};
    struct cube_cell *back = mem_zero(count, sizeof *back);
    struct why why;
    cube_encode(packer, cells, count, value_count > 0, &bytes);
    assert_int_equal(cube_decode(packer, buf_view(&bytes), count, value_count, back, &why), ERR_OK);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(back[i].value == cells[i].value && back[i].minute == cells[i].minute &&
                    back[i].count == cells[i].count);
        assert_memory_equal(&back[i].sum, &cells[i].sum, sizeof(double));
        assert_memory_equal(&back[i].min, &cells[i].min, sizeof(double));
        assert_memory_equal(&back[i].max, &cells[i].max, sizeof(double));
    }
    for (size_t size = 0; size < bytes.size; size += 1 + size / 7)
        assert_int_equal(cube_decode(packer, str_make(bytes.at, size), count, value_count, back, &why),
                         ERR_CORRUPT);
    buf_u8(&bytes, 0);
    assert_int_equal(cube_decode(packer, buf_view(&bytes), count, value_count, back, &why), ERR_CORRUPT);
    mem_free(back);
    buf_done(&bytes);
}

/* What is taken for a cube after its bytes were changed has values of the list and minutes of a day. */
static void check_flips(struct packer *packer, struct rng *rng, const struct cube_cell *cells, uint32_t count,
                        uint32_t value_count)
{
    struct buf bytes = {0};
    struct cube_cell *back = mem_zero(count, sizeof *back);
    cube_encode(packer, cells, count, value_count > 0, &bytes);
    for (int i = 0; i < 30; i++) {
        char *at = &bytes.at[rng_below(rng, bytes.size)], old = *at;
        *at = (char)(*at ^ (1 << rng_below(rng, 8)));
        bool taken = cube_decode(packer, buf_view(&bytes), count, value_count, back, NULL) == ERR_OK;
        for (uint32_t c = 0; taken && c < count; c++) {
            assert_true(back[c].value < (value_count ? value_count : 1) && back[c].minute < CUBE_MINUTES);
            assert_true(back[c].count > 0);
            assert_true(c == 0 || back[c].value > back[c - 1].value ||
                        (back[c].value == back[c - 1].value && back[c].minute > back[c - 1].minute));
        }
        *at = old;
    }
    mem_free(back);
    buf_done(&bytes);
}

/* Rows of one metric, and what comes of them; returns how many cubes were kept. */
static unsigned check_metric(struct model *model, struct cube_builder *builder, struct packer *packer)
{
    static const uint64_t span[] = {1, 20, CUBE_MINUTES}, rows[] = {0, 40, 1500, 6000};
    uint32_t first = (uint32_t)rng_below(&model->rng, CUBE_MINUTES), kept = 0;
    uint64_t minutes = span[rng_below(&model->rng, 3)], count = rows[rng_below(&model->rng, 4)];
    memset(model->cells, 0, sizeof model->cells);
    model->rows = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t source = (uint32_t)rng_below(&model->rng, model->source_count);
        int64_t minute = (int64_t)((first + rng_below(&model->rng, minutes)) % CUBE_MINUTES);
        int64_t ms_of_day = minute * MINUTE + (int64_t)rng_below(&model->rng, MINUTE);
        double value =
            ((double)rng_below(&model->rng, 100000) - 30000) / (rng_chance(&model->rng, 3) ? 7 : 10);
        cube_builder_add(builder, source, ms_of_day, value);
        model_add(model, source, ms_of_day, value);
    }
    for (uint32_t b = 0; b <= builder->field_count; b++) {
        bool whole = b == builder->field_count;
        uint32_t f = FIELDS, cell_count;
        const struct cube_field *field = whole ? NULL : &builder->fields[b];
        struct cube_cell *cells;
        for (uint32_t i = 0; i < FIELDS && !whole; i++)
            f = model->field[i] == field->field ? i : f;
        cube_builder_take(builder, b, &cells, &cell_count);
        uint32_t most = count_cells(model, f);
        bool worth = model->rows && model->rows >= (uint64_t)most * (whole ? 4 : 16);
        assert_int_equal(cell_count, worth ? most : 0);
        if (worth) {
            check_cells(model, f, whole ? NULL : field->values, cells, cell_count);
            check_bytes(packer, cells, cell_count, whole ? 0 : field->value_count);
            check_flips(packer, &model->rng, cells, cell_count, whole ? 0 : field->value_count);
        }
        kept += worth;
        mem_free(cells);
    }
    cube_builder_clear(builder);
    return kept;
}

static void cubes_are_what_the_rows_come_to(void **state)
{
    struct model *model = MEM_NEW(struct model);
    struct packer packer = {0};
    unsigned kept = 0;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        static const char *const names[FIELDS] = {"a", "b", "c", "d", "e", "f"};
        struct source_values values;
        struct cube_builder builder;
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        *model = (struct model){.rng = {seed}, .names = names_new()};
        for (uint32_t f = 0; f < FIELDS; f++)
            model->field[f] = names_resolve_field(model->names, str_of(names[f]));
        make_sources(model);
        source_values_init(&values, model->sources, model->source_count);
        cube_builder_init(&builder, &values);
        check_fields(model, &builder);
        for (int i = 0; i < 3; i++) /* one metric leaves nothing for the next */
            kept += check_metric(model, &builder, &packer);
        cube_builder_done(&builder);
        source_values_done(&values);
        for (uint32_t s = 0; s < model->source_count; s++)
            buf_done(&model->bytes[s]);
        names_free(model->names);
    }
    assert_true(kept > seed_count);
    packer_done(&packer);
    mem_free(model);
}

static void must_be_refused(const struct cube_cell *cells, uint32_t count, uint32_t value_count)
{
    struct packer packer = {0};
    struct buf bytes = {0};
    struct cube_cell back[4];
    struct why why;
    CHECK(count <= 4);
    cube_encode(&packer, cells, count, value_count > 0, &bytes);
    assert_int_equal(cube_decode(&packer, buf_view(&bytes), count, value_count, back, &why), ERR_CORRUPT);
    packer_done(&packer);
    buf_done(&bytes);
}

static void cells_that_cannot_be_are_refused(void **state)
{
    const struct cube_cell beyond_day[] = {{0, CUBE_MINUTES, 1, 1, 1, 1}};
    const struct cube_cell beyond_list[] = {{0, 5, 1, 1, 1, 1}, {3, 5, 1, 1, 1, 1}};
    const struct cube_cell twice[] = {{1, 5, 1, 1, 1, 1}, {1, 5, 2, 1, 1, 1}};
    const struct cube_cell values_back[] = {{1, 5, 1, 1, 1, 1}, {0, 6, 2, 1, 1, 1}};
    const struct cube_cell minutes_back[] = {{0, 5, 1, 1, 1, 1}, {0, 4, 2, 1, 1, 1}};
    const struct cube_cell of_nothing[] = {{0, 5, 0, 1, 1, 1}};
    must_be_refused(beyond_day, 1, 0);
    must_be_refused(beyond_list, 2, 3);
    must_be_refused(twice, 2, 3);
    must_be_refused(values_back, 2, 3);
    must_be_refused(minutes_back, 2, 0);
    must_be_refused(of_nothing, 1, 0);
}

int main(int argc, char **argv)
{
    const char *quick = getenv("DIALTONE_TEST_QUICK");
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    seed_count = argc > 2 ? strtoull(argv[2], NULL, 0) : quick && *quick ? 10 : 60;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cubes_are_what_the_rows_come_to),
        cmocka_unit_test(cells_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
