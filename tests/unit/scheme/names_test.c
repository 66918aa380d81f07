#include "scheme/names.h"

#include "base/buf.h"

#include "../cmocka_all.h"

#include <pthread.h>
#include <stdio.h>

static void names_have_numbers(void **state)
{
    struct names *names = names_new();
    assert_int_equal(names_find_field(names, STR("host")), NAME_NONE);
    uint32_t host = names_resolve_field(names, STR("host"));
    uint32_t account = names_resolve_field(names, STR("account_id"));
    assert_int_not_equal(host, account);
    assert_int_equal(names_resolve_field(names, STR("host")), host);
    assert_int_equal(names_find_field(names, STR("account_id")), account);
    assert_true(str_eq(names_field(names, account), STR("account_id")));
    assert_int_equal(names_field_count(names), 2);
    names_free(names);
    names_free(NULL);
}

static void the_first_to_name_a_metric_fixes_its_kind(void **state)
{
    struct names *names = names_new();
    uint32_t a = names_resolve_metric(names, STR("a"), KIND_LEVEL, UNIT_MB);
    assert_int_equal(names_resolve_metric(names, STR("a"), KIND_COUNT, UNIT_NONE), a);
    assert_int_equal(names_kind(names, a), KIND_LEVEL);
    assert_int_equal(names_unit(names, a), UNIT_MB);
    assert_int_equal(names_find_metric(names, STR("b")), NAME_NONE);
    names_free(names);
}

static void a_scheme_rules_over_what_was_seen(void **state)
{
    struct names *names = names_new();
    uint32_t a = names_resolve_metric(names, STR("a"), KIND_COUNT, UNIT_NONE);
    uint32_t b = names_resolve_metric(names, STR("b"), KIND_VALUE, UNIT_NONE);
    assert_int_equal(names_undeclared_count(names), 2);
    names_declare(names, a, KIND_MEASURE, UNIT_ms);
    names_declare(names, a, KIND_MEASURE, UNIT_s);
    assert_int_equal(names_undeclared_count(names), 1);
    assert_int_equal(names_kind(names, a), KIND_MEASURE);
    assert_int_equal(names_unit(names, a), UNIT_s);
    assert_false(names_first_unit(names, a, UNIT_MB));
    assert_true(names_first_unit(names, b, UNIT_MB));
    assert_false(names_first_unit(names, b, UNIT_ms));
    assert_int_equal(names_unit(names, b), UNIT_MB);
    assert_int_equal(names_kind(names, b), KIND_VALUE);
    names_free(names);
}

static void full_tables_say_so(void **state)
{
    struct names *names = names_new();
    char text[16];
    for (unsigned i = 0; i < NAMES_FIELDS_MAX; i++) {
        struct str name = str_make(text, (size_t)snprintf(text, sizeof text, "f%u", i));
        assert_int_equal(names_resolve_field(names, name), i);
    }
    assert_int_equal(names_resolve_field(names, STR("one_more")), NAME_NONE);
    assert_int_equal(names_find_field(names, STR("one_more")), NAME_NONE);
    assert_int_equal(names_resolve_field(names, STR("f7")), 7);
    names_free(names);
}

enum { THREADS = 4, ROUNDS = 3000 };

struct worker {
    struct names *names;
    unsigned seed;
    uint32_t numbers[ROUNDS];
    bool good;
};

/* Every thread adds the same names in its own order, reads all that are published, and declares some. */
static void *work(void *ctx)
{
    struct worker *worker = ctx;
    worker->good = true;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[16];
        unsigned n = (i * 7 + worker->seed * 977) % ROUNDS;
        struct str name = str_make(text, (size_t)snprintf(text, sizeof text, "m.%u", n));
        uint32_t number = names_resolve_metric(worker->names, name, KIND_COUNT, UNIT_NONE);
        worker->numbers[n] = number;
        uint32_t published = names_metric_count(worker->names);
        struct str last = names_metric(worker->names, published - 1);
        enum kind kind = names_kind(worker->names, published - 1);
        worker->good &= str_eq(names_metric(worker->names, number), name) && str_starts(last, STR("m.")) &&
                        (kind == KIND_COUNT || kind == KIND_LEVEL);
        if (n % 16 == 0)
            names_declare(worker->names, number, KIND_LEVEL, UNIT_percent);
        names_resolve_field(worker->names, str_first(name, 4));
    }
    return NULL;
}

static void threads_agree(void **state)
{
    static struct worker workers[THREADS];
    struct names *names = names_new();
    pthread_t threads[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.names = names, .seed = t};
        assert_int_equal(pthread_create(&threads[t], NULL, work, &workers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(names_metric_count(names), ROUNDS);
    assert_int_equal(names_undeclared_count(names), ROUNDS - (ROUNDS + 15) / 16);
    for (unsigned t = 0; t < THREADS; t++) {
        assert_true(workers[t].good);
        assert_memory_equal(workers[t].numbers, workers[0].numbers, sizeof workers[0].numbers);
    }
    names_free(names);
}

static void kinds_have_words_and_verbs(void **state)
{
    for (unsigned k = KIND_NONE + 1; k < KIND_COUNT_OF; k++)
        assert_int_equal(kind_parse(kind_text((enum kind)k)), k);
    assert_int_equal(kind_parse(STR("gauge")), KIND_NONE);
    assert_int_equal(kind_parse(STR("")), KIND_NONE);
    assert_int_equal(kind_of_verb(VERB_SAMPLE), KIND_VALUE);
    assert_int_equal(kind_of_verb(VERB_COUNT), KIND_COUNT);
    assert_int_equal(kind_of_verb(VERB_NOTE), KIND_NONE);
    assert_int_equal(kind_of_verb(VERB_START), KIND_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_numbers),
        cmocka_unit_test(the_first_to_name_a_metric_fixes_its_kind),
        cmocka_unit_test(a_scheme_rules_over_what_was_seen),
        cmocka_unit_test(full_tables_say_so),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(kinds_have_words_and_verbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
