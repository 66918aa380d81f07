#include "base/crew.h"

#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdbool.h>

/* Lives on the stack of crew_run. */
struct shared_work {
    void (*work)(void *ctx, uint32_t worker);
    void *ctx;
    uint32_t begun, helpers; /* helpers that came, that may come */
    uint32_t running;
    pthread_cond_t ended;
    struct shared_work *next;
};

struct crew {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct shared_work *first, **last; /* that may take more helpers, in the order they came */
    bool stop;
    uint32_t thread_count;
    pthread_t threads[];
};

static void withdraw(struct crew *crew, struct shared_work *shared)
{
    struct shared_work **at = &crew->first;
    while (*at && *at != shared)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = shared->next;
    if (!*at)
        crew->last = at;
}

static void *help_loop(void *ctx)
{
    struct crew *crew = ctx;
    pthread_mutex_lock(&crew->lock);
    for (;;) {
        while (!crew->first && !crew->stop)
            pthread_cond_wait(&crew->wake, &crew->lock);
        struct shared_work *shared = crew->first;
        if (!shared)
            break;
        uint32_t worker = ++shared->begun;
        shared->running++;
        if (shared->begun == shared->helpers)
            withdraw(crew, shared);
        pthread_mutex_unlock(&crew->lock);
        shared->work(shared->ctx, worker);
        pthread_mutex_lock(&crew->lock);
        if (--shared->running == 0)
            pthread_cond_signal(&shared->ended);
    }
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

struct crew *crew_new(uint32_t helpers)
{
    struct crew *crew = mem_zero(1, sizeof *crew + helpers * sizeof *crew->threads);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    crew->last = &crew->first;
    crew->thread_count = helpers;
    for (uint32_t i = 0; i < helpers; i++)
        CHECK(pthread_create(&crew->threads[i], NULL, help_loop, crew) == 0);
    return crew;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    pthread_mutex_lock(&crew->lock);
    CHECK(!crew->first);
    crew->stop = true;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->thread_count; i++)
        pthread_join(crew->threads[i], NULL);
    pthread_mutex_destroy(&crew->lock);
    pthread_cond_destroy(&crew->wake);
    mem_free(crew);
}

uint32_t crew_helpers(const struct crew *crew)
{
    return crew ? crew->thread_count : 0;
}

void crew_run(struct crew *crew, uint32_t helpers, void (*work)(void *ctx, uint32_t worker), void *ctx)
{
    if (helpers > crew_helpers(crew))
        helpers = crew_helpers(crew);
    if (!helpers) {
        work(ctx, 0);
        return;
    }
    struct shared_work shared = {.work = work, .ctx = ctx, .helpers = helpers};
    pthread_cond_init(&shared.ended, NULL);
    pthread_mutex_lock(&crew->lock);
    /* It is withdrawn below, before it goes. */
    /* cppcheck-suppress autoVariables */
    *crew->last = &shared;
    /* cppcheck-suppress autoVariables */
    crew->last = &shared.next;
    for (uint32_t i = 0; i < helpers; i++)
        pthread_cond_signal(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    work(ctx, 0);
    pthread_mutex_lock(&crew->lock);
    withdraw(crew, &shared);
    while (shared.running)
        pthread_cond_wait(&shared.ended, &crew->lock);
    pthread_mutex_unlock(&crew->lock);
    pthread_cond_destroy(&shared.ended);
}
