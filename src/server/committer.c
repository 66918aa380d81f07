#include "server/committer.h"

#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>
#include <time.h>

enum { IDLE_MS = 1000 };

struct lane_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool woken, stop;
    struct lane *lane;
};

struct committer {
    struct store *store;
    uint32_t lane_count;
    struct lane_thread *lanes;
    pthread_t tidy_thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, tidied;
    bool stop;
    uint64_t asked, answered; /* requests to seal all now */
};

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

static void *commit_loop(void *ctx)
{
    struct lane_thread *lane = ctx;
    for (;;) {
        pthread_mutex_lock(&lane->lock);
        while (!lane->woken && !lane->stop)
            pthread_cond_wait(&lane->wake, &lane->lock);
        bool stop = lane->stop;
        lane->woken = false;
        pthread_mutex_unlock(&lane->lock);
        while (lane_has_pending(lane->lane))
            lane_commit(lane->lane);
        if (stop)
            return NULL;
    }
}

static void *tidy_loop(void *ctx)
{
    struct committer *committer = ctx;
    for (;;) {
        int64_t wait_ms = store_tidy(committer->store, false);
        struct timespec until = in_ms(wait_ms < 10 ? 10 : wait_ms > IDLE_MS ? IDLE_MS : wait_ms);
        pthread_mutex_lock(&committer->lock);
        int late = 0;
        while (!committer->stop && committer->asked == committer->answered && !late)
            late = pthread_cond_timedwait(&committer->wake, &committer->lock, &until);
        uint64_t asked = committer->asked;
        bool stop = committer->stop;
        pthread_mutex_unlock(&committer->lock);
        if (asked != committer->answered) {
            store_tidy(committer->store, true);
            pthread_mutex_lock(&committer->lock);
            committer->answered = asked;
            pthread_cond_broadcast(&committer->tidied);
            pthread_mutex_unlock(&committer->lock);
        }
        if (stop)
            return NULL;
    }
}

struct committer *committer_new(struct store *store, uint32_t lanes)
{
    struct committer *committer = MEM_NEW(struct committer);
    committer->store = store;
    committer->lane_count = lanes;
    committer->lanes = mem_zero(lanes, sizeof *committer->lanes);
    pthread_mutex_init(&committer->lock, NULL);
    cond_init(&committer->wake);
    cond_init(&committer->tidied);
    for (uint32_t i = 0; i < lanes; i++) {
        struct lane_thread *lane = &committer->lanes[i];
        lane->lane = store_lane(store, i);
        pthread_mutex_init(&lane->lock, NULL);
        cond_init(&lane->wake);
        CHECK(pthread_create(&lane->thread, NULL, commit_loop, lane) == 0);
    }
    CHECK(pthread_create(&committer->tidy_thread, NULL, tidy_loop, committer) == 0);
    return committer;
}

static void end_lane(struct lane_thread *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->stop = true;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->wake);
}

void committer_free(struct committer *committer)
{
    if (!committer)
        return;
    for (uint32_t i = 0; i < committer->lane_count; i++)
        end_lane(&committer->lanes[i]);
    pthread_mutex_lock(&committer->lock);
    committer->stop = true;
    pthread_cond_signal(&committer->wake);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->tidy_thread, NULL);
    pthread_mutex_destroy(&committer->lock);
    pthread_cond_destroy(&committer->wake);
    pthread_cond_destroy(&committer->tidied);
    mem_free(committer->lanes);
    mem_free(committer);
}

void committer_wake(struct committer *committer, uint32_t lane_index)
{
    struct lane_thread *lane = &committer->lanes[lane_index];
    pthread_mutex_lock(&lane->lock);
    lane->woken = true;
    pthread_cond_signal(&lane->wake);
    pthread_mutex_unlock(&lane->lock);
}

void committer_tidy_now(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    uint64_t mine = ++committer->asked;
    pthread_cond_signal(&committer->wake);
    while (committer->answered < mine)
        pthread_cond_wait(&committer->tidied, &committer->lock);
    pthread_mutex_unlock(&committer->lock);
}
