#include "server/work_pool.h"

#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>

struct work_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last;
    uint32_t waiting, queue_max, thread_count;
    bool stop;
    pthread_t threads[];
};

static void *work_loop(void *ctx)
{
    struct work_pool *pool = ctx;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->stop)
            pthread_cond_wait(&pool->wake, &pool->lock);
        struct job *job = pool->first;
        if (!job)
            break;
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->waiting--;
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct work_pool *work_pool_new(uint32_t threads, uint32_t queue_max)
{
    struct work_pool *pool = mem_zero(1, sizeof *pool + threads * sizeof *pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->last = &pool->first;
    pool->queue_max = queue_max;
    pool->thread_count = threads;
    for (uint32_t i = 0; i < threads; i++)
        CHECK(pthread_create(&pool->threads[i], NULL, work_loop, pool) == 0);
    return pool;
}

void work_pool_free(struct work_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->thread_count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    mem_free(pool);
}

bool work_pool_add(struct work_pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool room = pool->waiting < pool->queue_max && !pool->stop;
    if (room) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->waiting++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

uint32_t work_pool_waiting(struct work_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    uint32_t waiting = pool->waiting;
    pthread_mutex_unlock(&pool->lock);
    return waiting;
}
