/* What source_values says of every source and field is what source_get says, and no value has two numbers. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/source_values.h"

#include <stdio.h>

enum { FIELDS = 9, FIELD_LAST = 300 };

struct list {
    struct buf bytes;
    struct str *sources;
    uint32_t count;
};

static void list_make(struct list *list, struct rng *rng, uint32_t count, uint32_t values)
{
    size_t *ends = mem_alloc(count * sizeof *ends);
    *list = (struct list){.sources = mem_alloc(count * sizeof(struct str)), .count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct source_set set;
        char text[FIELDS][24];
        set.count = 0;
        for (uint32_t f = 0; f < FIELDS; f++) {
            uint64_t v = rng_below(rng, values);
            struct source_value value = {.type = SOURCE_NUMBER, .number = v};
            if (rng_below(rng, 3) == 0)
                continue;
            if (f == 1 || (f == 2 && v % 2)) { /* texts only, and both */
                int size = snprintf(text[f], sizeof text[f], "%u", (unsigned)v);
                value = (struct source_value){.type = SOURCE_TEXT, .text = str_make(text[f], (size_t)size)};
            }
            CHECK(source_set_put(&set, f == FIELDS - 1 ? FIELD_LAST : 2 * f, value));
        }
        source_encode(&set, &list->bytes);
        ends[i] = list->bytes.size;
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t start = i ? ends[i - 1] : 0;
        list->sources[i] = str_make(list->bytes.at + start, ends[i] - start);
    }
    mem_free(ends);
}

static void list_done(struct list *list)
{
    mem_free(list->sources);
    buf_done(&list->bytes);
}

static bool equal(struct source_value a, struct source_value b)
{
    return a.type == b.type && a.number == b.number && str_eq(a.text, b.text);
}

static void check_field(const struct list *list, const struct source_values *values, uint32_t f)
{
    const struct source_field_values *field = source_values_find(values, f);
    bool any = false, texts = false;
    for (uint32_t i = 0; i < list->count; i++) {
        struct source_value value = source_get(list->sources[i], f);
        any |= value.type != SOURCE_UNSET;
        texts |= value.type == SOURCE_TEXT;
        if (field)
            assert_true(equal(source_values_get(values, field, i), value));
        else
            assert_int_equal(value.type, SOURCE_UNSET);
    }
    assert_int_equal(field != NULL, any);
    if (!field)
        return;
    assert_int_equal(field->has_texts, texts);
    for (uint32_t v = 0; !field->many && v < field->count && field->count < 1000; v++)
        for (uint32_t w = 0; w < v; w++)
            assert_false(equal(field->values[v], field->values[w]));
}

static void says_what_the_sources_say(void **state)
{
    struct rng rng = {.state = 20260105};
    for (int round = 0; round < 200; round++) {
        struct list list;
        struct source_values values;
        list_make(&list, &rng, (uint32_t)rng_below(&rng, 200), (uint32_t)rng_below(&rng, 100) + 1);
        source_values_init(&values, list.sources, list.count);
        for (uint32_t f = 0; f <= FIELD_LAST; f++)
            check_field(&list, &values, f);
        source_values_done(&values);
        list_done(&list);
    }
}

/* More numbers than are worth numbering; texts are numbered all the same, as they need a dictionary. */
static void many_numbers_are_not_numbered(void **state)
{
    struct rng rng = {.state = 7};
    struct list list;
    struct source_values values;
    list_make(&list, &rng, 3 * SOURCE_VALUES_MANY, 1u << 30);
    source_values_init(&values, list.sources, list.count);
    assert_true(source_values_find(&values, 0)->many);
    assert_false(source_values_find(&values, 2)->many);
    assert_false(source_values_find(&values, 4)->many);
    for (uint32_t f = 0; f <= 4; f++)
        check_field(&list, &values, f);
    source_values_done(&values);
    list_done(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_sources_say),
        cmocka_unit_test(many_numbers_are_not_numbered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
