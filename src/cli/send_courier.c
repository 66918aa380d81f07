#include "cli/send_courier.h"

#include "base/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 10000, TURN_MS = 100 };

struct courier {
    struct sys *sys;
    struct spool *spool;
    struct send_target *target;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;        /* no more is added; under the lock, as what follows */
    int64_t give_up_ms; /* when ending */
    struct courier_counts counts;
    bool is_away, is_over;
};

/* Waits until woken, or ms have passed. */
static void wait_for(struct courier *courier, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&courier->lock);
    pthread_cond_timedwait(&courier->wake, &courier->lock, &until);
    pthread_mutex_unlock(&courier->lock);
}

static bool is_time_up(struct courier *courier, bool nothing_waits)
{
    pthread_mutex_lock(&courier->lock);
    bool up = courier->ending && (nothing_waits || sys_mono_ms(courier->sys) >= courier->give_up_ms);
    pthread_mutex_unlock(&courier->lock);
    return up;
}

/* Waits ms whatever is woken meanwhile, but no longer than the time left when ending. */
static void wait_out(struct courier *courier, int64_t ms)
{
    int64_t until_ms = sys_mono_ms(courier->sys) + ms;
    for (int64_t left; (left = until_ms - sys_mono_ms(courier->sys)) > 0;) {
        wait_for(courier, left < TURN_MS ? left : TURN_MS);
        if (is_time_up(courier, false))
            return;
    }
}

/* Says it once when the server goes away, and once when it is back. */
static void note_outcome(struct courier *courier, enum sent sent, uint64_t refused, const struct why *why)
{
    pthread_mutex_lock(&courier->lock);
    bool away = sent == SENT_LATER;
    if (sent == SENT_NEVER)
        fprintf(stderr, "dialtone send: %s; what was not sent stays in the spool\n", why->text);
    else if (away != courier->is_away)
        fprintf(stderr,
                away ? "dialtone send: %s; lines wait in the spool\n" : "dialtone send: the server is back\n",
                why->text);
    courier->is_away = away;
    courier->is_over = sent == SENT_NEVER;
    courier->counts.sent += sent == SENT || sent == SENT_REFUSED;
    if (sent == SENT_REFUSED) {
        if (!courier->counts.refused)
            fprintf(stderr, "dialtone send: %s\n", why->text);
        courier->counts.refused += refused;
    }
    pthread_mutex_unlock(&courier->lock);
}

/* How long until the next try: what the server asked for, else longer each time, and never the same for two
 * clients. */
static int64_t rest_ms(struct courier *courier, int64_t asked_ms, int64_t *retry_ms)
{
    int64_t ms = asked_ms > RETRY_MAX_MS ? RETRY_MAX_MS : asked_ms;
    int64_t jitter = (int64_t)(sys_random_u64(courier->sys) % (uint64_t)*retry_ms);
    if (ms <= *retry_ms)
        ms = *retry_ms / 2 + jitter / 2;
    *retry_ms = *retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : *retry_ms * 2;
    return ms;
}

/* Tries a batch that was taken; how long to wait before the next, 0: no time. */
static int64_t try_batch(struct courier *courier, uint64_t number, struct str lines, int64_t *retry_ms)
{
    uint64_t refused = 0;
    int64_t asked_ms = 0;
    struct why why = {0};
    enum sent sent = send_target_send(courier->target, spool_client(courier->spool), number, lines, &refused,
                                      &asked_ms, &why);
    note_outcome(courier, sent, refused, &why);
    if (sent == SENT || sent == SENT_REFUSED) {
        spool_done(courier->spool, number);
        *retry_ms = RETRY_MIN_MS;
        return 0;
    }
    spool_later(courier->spool, number);
    return rest_ms(courier, asked_ms, retry_ms);
}

static void *deliver(void *ctx)
{
    struct courier *courier = ctx;
    struct buf lines = {0};
    int64_t retry_ms = RETRY_MIN_MS, wait_ms = 0;
    bool said = false;
    spool_arrived(courier->spool, send_target_arrived(courier->target, spool_client(courier->spool)));
    while (!courier_is_over(courier)) {
        uint64_t number = 0;
        struct why why = {0};
        lines.size = 0;
        enum spool_taken taken = spool_take(courier->spool, &number, &lines, &why);
        if (is_time_up(courier, taken == SPOOL_EMPTY))
            break;
        if (taken == SPOOL_UNREADABLE && !said)
            fprintf(stderr, "dialtone send: %s; it is tried again\n", why.text);
        said = taken == SPOOL_UNREADABLE;
        if (taken == SPOOL_EMPTY)
            wait_for(courier, TURN_MS);
        else if (taken == SPOOL_UNREADABLE)
            wait_out(courier, rest_ms(courier, 0, &retry_ms));
        else if ((wait_ms = try_batch(courier, number, buf_view(&lines), &retry_ms)))
            wait_out(courier, wait_ms);
    }
    buf_done(&lines);
    return NULL;
}

struct courier *courier_start(struct sys *sys, struct spool *spool, struct send_target *target)
{
    struct courier *courier = MEM_NEW(struct courier);
    courier->sys = sys;
    courier->spool = spool;
    courier->target = target;
    pthread_mutex_init(&courier->lock, NULL);
    pthread_cond_init(&courier->wake, NULL);
    if (!pthread_create(&courier->thread, NULL, deliver, courier))
        return courier;
    mem_free(courier);
    return NULL;
}

void courier_wake(struct courier *courier)
{
    pthread_cond_signal(&courier->wake);
}

bool courier_is_over(struct courier *courier)
{
    pthread_mutex_lock(&courier->lock);
    bool over = courier->is_over;
    pthread_mutex_unlock(&courier->lock);
    return over;
}

void courier_end(struct courier *courier, int64_t give_up_ms, struct courier_counts *out)
{
    pthread_mutex_lock(&courier->lock);
    courier->ending = true;
    courier->give_up_ms = give_up_ms;
    pthread_cond_signal(&courier->wake);
    pthread_mutex_unlock(&courier->lock);
    pthread_join(courier->thread, NULL);
    *out = courier->counts;
    pthread_mutex_destroy(&courier->lock);
    pthread_cond_destroy(&courier->wake);
    mem_free(courier);
}
