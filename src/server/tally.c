#include "server/tally.h"

enum { EXAMPLE_AGE_MS = 10000 };

void tally_init(struct tally *tally)
{
    *tally = (struct tally){0};
    pthread_mutex_init(&tally->lock, NULL);
}

void tally_done(struct tally *tally)
{
    pthread_mutex_destroy(&tally->lock);
}

static void keep_example(struct tally *tally, enum reason reason, struct str line, int64_t now_ms)
{
    struct tally_example *example = &tally->examples[reason];
    pthread_mutex_lock(&tally->lock);
    example->time_ms = now_ms;
    example->size = (uint32_t)(line.size < TALLY_EXAMPLE_MAX ? line.size : TALLY_EXAMPLE_MAX);
    if (example->size)
        memcpy(example->text, line.at, example->size);
    pthread_mutex_unlock(&tally->lock);
}

void tally_reason(struct tally *tally, enum reason reason, uint64_t n, struct str line, int64_t now_ms)
{
    tally_add(&tally->counts.reasons[reason], n);
    /* Only this thread writes time_ms, so it may read it without the lock. */
    int64_t last = tally->examples[reason].time_ms;
    if (!last || now_ms - last > EXAMPLE_AGE_MS || now_ms < last)
        keep_example(tally, reason, line, now_ms);
}

void tally_sum(const struct tally *tally, struct tally_counts *sum)
{
    const uint64_t *from = (const uint64_t *)&tally->counts;
    uint64_t *to = (uint64_t *)sum;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void tally_newest_example(struct tally *tally, enum reason reason, struct tally_example *into)
{
    pthread_mutex_lock(&tally->lock);
    if (tally->examples[reason].time_ms > into->time_ms)
        *into = tally->examples[reason];
    pthread_mutex_unlock(&tally->lock);
}
