#include "server/rate.h"

#include "../cmocka_all.h"

static void nothing_is_said_before_two_ticks(void **state)
{
    struct rate rate = {0};
    assert_true(rate_per_second(&rate) == 0);
    rate_tick(&rate, 100);
    assert_true(rate_per_second(&rate) == 0);
    rate_tick(&rate, 150);
    assert_true(rate_per_second(&rate) == 50);
}

static void the_last_ten_seconds_count(void **state)
{
    struct rate rate = {0};
    for (uint64_t second = 0; second < 100; second++)
        rate_tick(&rate, second < 80 ? second * 1000 : 80000 + (second - 80) * 10);
    assert_true(rate_per_second(&rate) == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_before_two_ticks),
        cmocka_unit_test(the_last_ten_seconds_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
