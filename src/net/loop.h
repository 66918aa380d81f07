/* loop.h: one thread and what it waits for: sockets, deadlines, signals, and messages from other threads.
 *
 * A turn: wait, run what is ready, run what was posted. Everything that hangs on a loop is made, used and
 * freed on the loop's thread, or while the loop does not run; the exceptions say "any thread".
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/sys.h"

struct loop;
struct event_base;

typedef void loop_fn(void *ctx);

enum err loop_new(struct sys *sys, struct loop **out, struct why *why) MUST_USE;
/* The loop does not run any more. Runs what was posted too late. NULL is fine. */
void loop_free(struct loop *loop);

void loop_run(struct loop *loop); /* on the calling thread, until loop_stop */
enum err loop_start(struct loop *loop, const char *thread_name,
                    struct why *why) MUST_USE; /* on a new thread */
void loop_join(struct loop *loop);             /* waits for the end of that thread */
void loop_stop(struct loop *loop);             /* any thread; what was posted before is run first */
bool loop_is_here(const struct loop *loop);    /* any thread: is it this loop's thread? */

/* Any thread: fn(ctx) runs once on the loop's thread, in the order posted. Never lost: loop_free runs the
 * rest. */
void loop_post(struct loop *loop, loop_fn *fn, void *ctx);

/* Monotonic ms, as of the beginning of this turn. */
int64_t loop_now_ms(struct loop *loop);
struct sys *loop_sys(struct loop *loop);

/* Something to do in the next turn, after the sockets had theirs; at most once in the list. */
struct later {
    loop_fn *fn;
    void *ctx;
    struct later *next, **before; /* the loop's; before is NULL when not listed */
};
void loop_later(struct loop *loop, struct later *later);
void loop_later_cancel(struct later *later); /* not listed is fine */

/* One deadline that can be moved. */
struct timer;
struct timer *timer_new(struct loop *loop, loop_fn *fn, void *ctx);
void timer_free(struct timer *timer);                    /* NULL is fine */
void timer_start(struct timer *timer, int64_t after_ms); /* once; starting again moves it */
void timer_stop(struct timer *timer);

/* fn runs on the loop's thread when the process gets the signal. One loop of a process only. */
struct signal_watch;
struct signal_watch *signal_watch_new(struct loop *loop, int number, loop_fn *fn, void *ctx);
void signal_watch_free(struct signal_watch *watch);

/* For the other files of net. */
struct event_base *loop_base(struct loop *loop);
char *loop_scratch(struct loop *loop); /* LOOP_SCRATCH bytes for one read */
enum { LOOP_SCRATCH = 64 * 1024 };

#endif
