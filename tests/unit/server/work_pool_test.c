#include "server/work_pool.h"

#include "../cmocka_all.h"

#include "base/mem.h"

struct counting {
    struct job job;
    uint64_t *done;
};

static void count_one(struct job *job)
{
    struct counting *counting = (struct counting *)job;
    __atomic_fetch_add(counting->done, 1, __ATOMIC_RELAXED);
    mem_free(counting);
}

static void every_job_runs_once_and_a_full_queue_refuses(void **state)
{
    struct work_pool *pool = work_pool_new(3, 50);
    uint64_t done = 0, added = 0, refused = 0;
    for (unsigned i = 0; i < 10000; i++) {
        struct counting *counting = MEM_NEW(struct counting);
        *counting = (struct counting){{.run = count_one}, &done};
        if (work_pool_add(pool, &counting->job)) {
            added++;
        } else {
            refused++;
            mem_free(counting);
        }
        assert_true(work_pool_waiting(pool) <= 50);
    }
    work_pool_free(pool);
    assert_int_equal(done, added);
    assert_int_equal(added + refused, 10000);
}

static void an_ended_pool_has_run_what_was_queued(void **state)
{
    uint64_t done = 0;
    struct work_pool *pool = work_pool_new(1, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        struct counting *counting = MEM_NEW(struct counting);
        *counting = (struct counting){{.run = count_one}, &done};
        assert_true(work_pool_add(pool, &counting->job));
    }
    work_pool_free(pool);
    assert_int_equal(done, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_once_and_a_full_queue_refuses),
        cmocka_unit_test(an_ended_pool_has_run_what_was_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
