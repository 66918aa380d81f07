/* Posts from several threads, deadlines, signals, the list of later. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>

enum { THREADS = 4, POSTS = 5000 };

static struct loop *new_loop(void)
{
    struct loop *loop;
    struct why why;
    assert_int_equal(loop_new(sys_real(), &loop, &why), ERR_OK);
    return loop;
}

struct poster {
    struct loop *loop;
    pthread_t thread;
    uint32_t seen; /* the loop's thread only */
    struct number {
        struct poster *poster;
        uint32_t value;
    } numbers[POSTS];
};

static void on_number(void *ctx)
{
    struct number *number = ctx;
    CHECK(loop_is_here(number->poster->loop));
    CHECK(number->poster->seen == number->value); /* in the order posted, none lost */
    number->poster->seen++;
}

static void *post_all(void *ctx)
{
    struct poster *poster = ctx;
    for (uint32_t i = 0; i < POSTS; i++) {
        poster->numbers[i] = (struct number){poster, i};
        loop_post(poster->loop, on_number, &poster->numbers[i]);
    }
    return NULL;
}

static void posts_arrive_in_order(void **state)
{
    static struct poster posters[THREADS];
    struct loop *loop = new_loop();
    struct why why;
    assert_int_equal(loop_start(loop, "loop", &why), ERR_OK);
    for (int i = 0; i < THREADS; i++) {
        posters[i].loop = loop;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(posters[i].thread, NULL);
    assert_false(loop_is_here(loop));
    loop_stop(loop);
    loop_join(loop);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(posters[i].seen, POSTS);
    loop_free(loop);
}

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static void late_posts_are_run_by_free(void **state)
{
    struct loop *loop = new_loop();
    int seen = 0;
    loop_stop(loop);
    loop_run(loop);
    loop_post(loop, count, &seen);
    assert_int_equal(seen, 0);
    loop_free(loop);
    assert_int_equal(seen, 1);
}

struct again {
    struct loop *loop;
    struct later later;
    int runs;
};

static void run_again(void *ctx)
{
    struct again *again = ctx;
    if (++again->runs < 5)
        loop_later(again->loop, &again->later);
    else
        loop_stop(again->loop);
}

static void later_comes_a_turn_later(void **state)
{
    struct loop *loop = new_loop();
    struct again again = {.loop = loop, .later = {run_again, &again}};
    int seen = 0;
    struct later cancelled = {count, &seen}, first = {count, &seen};
    loop_later(loop, &first);
    loop_later(loop, &cancelled);
    loop_later(loop, &again.later);
    loop_later(loop, &again.later); /* once in the list */
    loop_later_cancel(&cancelled);
    loop_later_cancel(&cancelled);
    loop_stop(loop);
    loop_run(loop);
    assert_int_equal(again.runs, 1); /* what it added waits for the next turn */
    assert_int_equal(seen, 1);
    loop_run(loop);
    assert_int_equal(again.runs, 5);
    loop_free(loop);
}

static void stop_loop(void *ctx)
{
    loop_stop(ctx);
}

static void deadlines_and_signals(void **state)
{
    struct loop *loop = new_loop();
    int never = 0;
    struct timer *stopped = timer_new(loop, count, &never), *moved = timer_new(loop, count, &never);
    struct timer *end = timer_new(loop, stop_loop, loop);
    timer_start(stopped, 1);
    timer_stop(stopped);
    timer_start(moved, 1);
    timer_start(moved, 60000);
    int64_t begun_ms = loop_now_ms(loop);
    timer_start(end, 30);
    loop_run(loop);
    assert_true(loop_now_ms(loop) >= begun_ms + 29);
    assert_int_equal(never, 0);
    struct signal_watch *watch = signal_watch_new(loop, SIGUSR1, stop_loop, loop);
    raise(SIGUSR1);
    loop_run(loop); /* ends by the signal */
    signal_watch_free(watch);
    timer_free(stopped);
    timer_free(moved);
    timer_free(end);
    loop_free(loop);
    loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_arrive_in_order),
        cmocka_unit_test(late_posts_are_run_by_free),
        cmocka_unit_test(later_comes_a_turn_later),
        cmocka_unit_test(deadlines_and_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
