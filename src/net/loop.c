/* libevent waits; everything between two waits is ours: first the callbacks of sockets and deadlines, then
 * what was posted, then the list of later. So a reply posted by another thread is on its way within the turn.
 */
#include "net/loop.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct post {
    loop_fn *fn;
    void *ctx;
};

struct posts {
    struct post *at;
    uint32_t count, cap;
};

struct loop {
    struct sys *sys;
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    int64_t now_ms; /* -1: the clock was not read in this turn */
    struct later *later;
    pthread_t thread; /* atomic; the one that runs it */
    pthread_t started;
    bool is_started;
    pthread_mutex_t lock; /* of posts, stop */
    struct posts posts;
    struct posts running; /* the loop's thread only */
    bool stop;
    char *scratch;
};

static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        ;
}

static enum err fail(struct loop *loop, const char *what, struct why *why)
{
    enum err err = why_set(why, ERR_IO, "%s: %s", what, strerror(errno));
    loop_free(loop);
    return err;
}

enum err loop_new(struct sys *sys, struct loop **out, struct why *why)
{
    struct loop *loop = MEM_NEW(struct loop);
    loop->sys = sys;
    loop->now_ms = -1;
    loop->scratch = mem_alloc(LOOP_SCRATCH);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        return fail(loop, "eventfd", why);
    struct event_config *config = event_config_new();
    CHECK(config);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK); /* one thread; posts come through the eventfd */
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!loop->base)
        return fail(loop, "epoll", why);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    CHECK(loop->wake && event_add(loop->wake, NULL) == 0);
    *out = loop;
    return ERR_OK;
}

static void set_thread(struct loop *loop, pthread_t thread)
{
    __atomic_store_n(&loop->thread, thread, __ATOMIC_RELAXED);
}

bool loop_is_here(const struct loop *loop)
{
    return pthread_equal(__atomic_load_n(&loop->thread, __ATOMIC_RELAXED), pthread_self());
}

/* True while there may be more: what was posted meanwhile waits for the next turn. */
static bool run_posts(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct posts batch = loop->posts;
    loop->posts = loop->running;
    loop->posts.count = 0;
    pthread_mutex_unlock(&loop->lock);
    for (uint32_t i = 0; i < batch.count; i++)
        batch.at[i].fn(batch.at[i].ctx);
    loop->running = batch;
    return batch.count > 0;
}

static void run_later(struct loop *loop)
{
    struct later *batch = loop->later;
    loop->later = NULL;
    if (batch)
        batch->before = &batch;
    while (batch) {
        struct later *later = batch;
        loop_later_cancel(later);
        later->fn(later->ctx);
    }
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    set_thread(loop, pthread_self());
    while (run_posts(loop) || loop->later)
        run_later(loop);
    if (loop->wake)
        event_free(loop->wake);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop->posts.at);
    mem_free(loop->running.at);
    mem_free(loop->scratch);
    mem_free(loop);
}

void loop_run(struct loop *loop)
{
    set_thread(loop, pthread_self());
    for (bool stop = false; !stop;) {
        loop->now_ms = -1;
        event_base_loop(loop->base, EVLOOP_ONCE | (loop->later ? EVLOOP_NONBLOCK : 0));
        pthread_mutex_lock(&loop->lock);
        stop = loop->stop;
        pthread_mutex_unlock(&loop->lock);
        run_posts(loop);
        run_later(loop);
    }
    pthread_mutex_lock(&loop->lock);
    loop->stop = false;
    pthread_mutex_unlock(&loop->lock);
}

static void *thread_main(void *ctx)
{
    loop_run(ctx);
    return NULL;
}

enum err loop_start(struct loop *loop, const char *thread_name, struct why *why)
{
    int failed = pthread_create(&loop->started, NULL, thread_main, loop);
    if (failed)
        return why_set(why, ERR_IO, "no new thread: %s", strerror(failed));
    pthread_setname_np(loop->started, thread_name);
    loop->is_started = true;
    return ERR_OK;
}

void loop_join(struct loop *loop)
{
    if (loop->is_started)
        pthread_join(loop->started, NULL);
    loop->is_started = false;
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_stop(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stop = true;
    pthread_mutex_unlock(&loop->lock);
    wake(loop);
}

void loop_post(struct loop *loop, loop_fn *fn, void *ctx)
{
    pthread_mutex_lock(&loop->lock);
    struct posts *posts = &loop->posts;
    if (posts->count == posts->cap) {
        posts->cap = posts->cap ? posts->cap * 2 : 16;
        posts->at = mem_resize(posts->at, posts->cap, sizeof *posts->at);
    }
    posts->at[posts->count++] = (struct post){fn, ctx};
    bool first = posts->count == 1; /* the others were already woken for */
    pthread_mutex_unlock(&loop->lock);
    if (first)
        wake(loop);
}

int64_t loop_now_ms(struct loop *loop)
{
    if (loop->now_ms < 0)
        loop->now_ms = sys_mono_ms(loop->sys);
    return loop->now_ms;
}

struct sys *loop_sys(struct loop *loop)
{
    return loop->sys;
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

void loop_later(struct loop *loop, struct later *later)
{
    if (later->before)
        return;
    later->next = loop->later;
    later->before = &loop->later;
    if (later->next)
        later->next->before = &later->next;
    loop->later = later;
}

void loop_later_cancel(struct later *later)
{
    if (!later->before)
        return;
    *later->before = later->next;
    if (later->next)
        later->next->before = later->before;
    later->next = NULL;
    later->before = NULL;
}

struct timer {
    struct event *event;
    loop_fn *fn;
    void *ctx;
};

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct timer *timer = ctx;
    timer->fn(timer->ctx);
}

struct timer *timer_new(struct loop *loop, loop_fn *fn, void *ctx)
{
    struct timer *timer = MEM_NEW(struct timer);
    timer->fn = fn;
    timer->ctx = ctx;
    timer->event = event_new(loop->base, -1, 0, on_timer, timer);
    CHECK(timer->event);
    return timer;
}

void timer_free(struct timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    mem_free(timer);
}

void timer_start(struct timer *timer, int64_t after_ms)
{
    if (after_ms < 0)
        after_ms = 0;
    struct timeval after = {after_ms / 1000, (after_ms % 1000) * 1000};
    event_add(timer->event, &after);
}

void timer_stop(struct timer *timer)
{
    event_del(timer->event);
}

struct signal_watch {
    struct event *event;
    loop_fn *fn;
    void *ctx;
};

static void on_signal(evutil_socket_t number, short what, void *ctx)
{
    struct signal_watch *watch = ctx;
    watch->fn(watch->ctx);
}

struct signal_watch *signal_watch_new(struct loop *loop, int number, loop_fn *fn, void *ctx)
{
    struct signal_watch *watch = MEM_NEW(struct signal_watch);
    watch->fn = fn;
    watch->ctx = ctx;
    watch->event = event_new(loop->base, number, EV_SIGNAL | EV_PERSIST, on_signal, watch);
    CHECK(watch->event && event_add(watch->event, NULL) == 0);
    return watch;
}

void signal_watch_free(struct signal_watch *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    mem_free(watch);
}
