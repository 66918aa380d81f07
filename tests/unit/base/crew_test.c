/* Shared work: nothing of a supply is done twice or left, whoever comes to help, and callers end by
 * themselves when nobody does. */
#include "base/crew.h"

#include "../cmocka_all.h"

#include "base/check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ITEMS = 500, CALLERS = 6, ROUNDS = 60, HELPERS = 3 };

struct supply {
    _Atomic uint32_t next;
    uint32_t done[ITEMS];         /* written by whoever took the item: a race shows two takers */
    _Atomic uint32_t came[ITEMS]; /* by worker */
    uint32_t sums[HELPERS + 1];   /* read after crew_run without a lock */
};

static void work(void *ctx, uint32_t worker)
{
    struct supply *supply = ctx;
    atomic_fetch_add(&supply->came[worker], 1);
    for (uint32_t i; (i = atomic_fetch_add(&supply->next, 1)) < ITEMS;) {
        supply->done[i]++;
        supply->sums[worker]++;
    }
}

static void must_be_done(struct crew *crew, uint32_t helpers)
{
    struct supply supply = {0};
    uint32_t sum = 0;
    crew_run(crew, helpers, work, &supply);
    for (uint32_t i = 0; i < ITEMS; i++)
        CHECK(supply.done[i] == 1);
    for (uint32_t i = 0; i < ITEMS; i++)
        CHECK(supply.came[i] <= (i <= helpers && i <= HELPERS) && (i > 0 || supply.came[i] == 1));
    for (uint32_t i = 0; i <= HELPERS; i++)
        sum += supply.sums[i];
    CHECK(sum == ITEMS);
}

static void *call(void *ctx)
{
    for (uint32_t i = 0; i < ROUNDS; i++)
        must_be_done(ctx, i % (HELPERS + 1));
    return NULL;
}

static void many_callers_share_few_helpers(void **state)
{
    struct crew *crew = crew_new(HELPERS);
    pthread_t callers[CALLERS];
    assert_int_equal(crew_helpers(crew), HELPERS);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, call, crew), 0);
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    crew_free(crew);
}

static void without_helpers_the_caller_works_alone(void **state)
{
    struct crew *none = crew_new(0);
    must_be_done(NULL, 3);
    must_be_done(none, 3);
    assert_int_equal(crew_helpers(none) + crew_helpers(NULL), 0);
    crew_free(none);
    crew_free(NULL);
}

/* The caller waits until a helper has come, which then has to come. */
static void wait_for_help(void *ctx, uint32_t worker)
{
    _Atomic uint32_t *came = ctx;
    atomic_fetch_add(came, 1);
    while (atomic_load(came) < 2)
        ;
}

static void an_idle_helper_comes(void **state)
{
    struct crew *crew = crew_new(1);
    for (int i = 0; i < 20; i++) {
        _Atomic uint32_t came = 0;
        crew_run(crew, 5, wait_for_help, &came);
        assert_int_equal(came, 2);
    }
    crew_free(crew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_callers_share_few_helpers),
        cmocka_unit_test(without_helpers_the_caller_works_alone),
        cmocka_unit_test(an_idle_helper_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
