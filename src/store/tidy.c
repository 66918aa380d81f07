/* The background thread's round: what is due, one thing after the other. */
#include "base/check.h"
#include "store/merge.h"
#include "store/retain.h"
#include "store/seal.h"
#include "store/store_room.h"

enum {
    ROUND_MS = 100,      /* a head may fill within this time by a small part of its share only */
    RETRY_MS = 1000,     /* after a failed seal */
    LATE_AGE_FACTOR = 5, /* late rows of many days wait longer, so that they make fewer files */
    DISK_MS = 1000,
    RETAIN_MS = 10000,
    KEYS_MS = 60000,
};

struct due {
    struct lane *lane;
    enum head_class class;
    uint64_t bytes;
};

static bool head_is_due(struct store *store, struct lane *lane, const struct head *head, uint64_t log_edge)
{
    if (head->rows == 0)
        return false;
    int64_t age_ms = store->options.head_age_ms * (head->class == HEAD_LATE ? LATE_AGE_FACTOR : 1);
    return lane->retired || lane->seal_now || head->rows >= store->options.head_rows_max ||
           sys_mono_ms(store->sys) - head->born_ms >= age_ms || head->first_lsn <= log_edge;
}

/* When the log comes near its bound, what its oldest file holds must be sealed: everything up to this lsn. */
static uint64_t log_edge(struct lane *lane)
{
    uint64_t edge = 0;
    pthread_mutex_lock(&lane->log.lock);
    if (lane->log.old_count + 1 >= LOG_FILES_KEPT && lane->log.old)
        edge = lane->log.old->last_lsn;
    pthread_mutex_unlock(&lane->log.lock);
    return edge;
}

/* The next head to seal: a due one; else the largest, when all together have half of the budget (the other
 * half is for the heads that fill while this one is being sealed). */
static bool next_due(struct store *store, bool now, struct due *out)
{
    struct due largest = {0};
    uint64_t all = 0;
    for (uint32_t l = 0; l < store->lane_count; l++) {
        struct lane *lane = &store->lanes[l];
        uint64_t edge = log_edge(lane);
        pthread_mutex_lock(&lane->lock);
        for (int c = 0; c < HEAD_CLASSES; c++) {
            struct head *head = lane->sealing[c] ? lane->sealing[c] : lane->live[c];
            uint64_t bytes =
                head_bytes(lane->live[c]) + (lane->sealing[c] ? head_bytes(lane->sealing[c]) : 0);
            bool due = lane->sealing[c] || (now && head->rows) || head_is_due(store, lane, head, edge);
            all += bytes;
            if (due || bytes > largest.bytes)
                largest = (struct due){lane, c, due ? UINT64_MAX : bytes};
        }
        pthread_mutex_unlock(&lane->lock);
    }
    *out = largest;
    return largest.lane && (largest.bytes == UINT64_MAX || all > store->options.head_bytes_max / 2);
}

/* Seals what is due; at most as many heads as there are now, so that a busy lane cannot keep it for ever. */
static void seal_due(struct store *store, bool now)
{
    struct due due;
    int64_t mono_ms = sys_mono_ms(store->sys);
    if (mono_ms < store->next_seal_ms && !now)
        return;
    for (uint32_t left = store->lane_count * HEAD_CLASSES * 2; left && next_due(store, now, &due); left--) {
        struct why why;
        enum err err = seal_head(store, due.lane, due.class, &why);
        if (err) {
            store->next_seal_ms = mono_ms + RETRY_MS;
            disk_failed(store, &why);
            return;
        }
        pthread_mutex_lock(&due.lane->lock);
        bool empty = true;
        for (int c = 0; c < HEAD_CLASSES; c++)
            empty &= !due.lane->sealing[c] && !due.lane->live[c]->rows;
        due.lane->seal_now &= !empty;
        pthread_mutex_unlock(&due.lane->lock);
    }
}

/* A log that is held by keys alone. */
static void keys_due(struct store *store, bool now)
{
    int64_t mono_ms = sys_mono_ms(store->sys);
    if (mono_ms < store->next_keys_ms && !now)
        return;
    bool held = store_has_strays(store);
    for (uint32_t l = 0; l < store->lane_count; l++) {
        struct lane *lane = &store->lanes[l];
        pthread_mutex_lock(&lane->lock);
        held |= lane->keys_lsn < lane->applied_lsn;
        pthread_mutex_unlock(&lane->lock);
    }
    store->next_keys_ms = mono_ms + KEYS_MS;
    struct why why;
    if (held && seal_keys(store, &why))
        disk_failed(store, &why);
}

/* Whoever waits next holds tidy_next, and the one who has just let go must wait for that. */
void store_lock_tidy(struct store *store)
{
    pthread_mutex_lock(&store->tidy_next);
    pthread_mutex_lock(&store->tidy_lock);
    pthread_mutex_unlock(&store->tidy_next);
}

void store_unlock_tidy(struct store *store)
{
    pthread_mutex_unlock(&store->tidy_lock);
}

void store_seal_all(struct store *store)
{
    seal_due(store, true);
    keys_due(store, true);
    retain_damaged(store);
}

enum err store_seal_heads(struct store *store, struct why *why)
{
    enum err err = ERR_OK;
    for (uint32_t l = 0; l < store->lane_count; l++) {
        struct lane *lane = &store->lanes[l];
        for (int c = 0; c < HEAD_CLASSES && !err; c++) {
            bool before = lane->sealing[c] != NULL; /* a head whose sealing failed; then the live one */
            err = seal_head(store, lane, c, why);
            if (!err && before)
                err = seal_head(store, lane, c, why);
        }
    }
    return err;
}

void store_breathe(struct store *store)
{
    int64_t mono_ms = sys_mono_ms(store->sys);
    if (mono_ms < store->next_breath_ms)
        return;
    store->next_breath_ms = mono_ms + ROUND_MS;
    if (mono_ms >= store->next_disk_ms) {
        store->next_disk_ms = mono_ms + DISK_MS;
        disk_tidy(store);
    }
    seal_due(store, false);
}

static int64_t round_of(struct store *store, bool now)
{
    int64_t mono_ms = sys_mono_ms(store->sys);
    if (now || mono_ms >= store->next_disk_ms) {
        store->next_disk_ms = mono_ms + DISK_MS;
        disk_tidy(store);
    }
    seal_due(store, now);
    keys_due(store, now);
    retain_damaged(store);
    if (now || mono_ms >= store->next_retain_ms) {
        store->next_retain_ms = mono_ms + RETAIN_MS;
        retain(store);
        store_end_deletes(store);
    }
    /* One merge a round, so that sealing is never kept waiting by more than one. */
    if (mono_ms >= store->next_merge_ms && !store->full && (merge_one(store) || merge_touched(store)))
        return 0;
    return ROUND_MS;
}

int64_t store_tidy(struct store *store, bool now)
{
    if (store->read_only_open)
        return ROUND_MS;
    store_lock_tidy(store);
    int64_t wait_ms = round_of(store, now);
    store_unlock_tidy(store);
    return wait_ms;
}
