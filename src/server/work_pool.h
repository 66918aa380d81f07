/* work_pool.h: threads for what takes longer than a turn of a loop: queries, listings.
 *
 * Jobs run in the order they came, on any of the threads. Bounded: a full queue refuses, and the caller
 * answers 503.
 */
#ifndef SERVER_WORK_POOL_H
#define SERVER_WORK_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct work_pool;

struct job {
    void (*run)(struct job *job);
    struct job *next; /* the pool's */
};

struct work_pool *work_pool_new(uint32_t threads, uint32_t queue_max);
/* Runs what is queued, then ends the threads. */
void work_pool_free(struct work_pool *pool);
bool work_pool_add(struct work_pool *pool, struct job *job); /* any thread; false: full */
uint32_t work_pool_waiting(struct work_pool *pool);

#endif
