#include "store/lane.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/day.h"
#include "store/store_room.h"

/* A group is written and synced when it has this size, so that one huge backlog cannot hold all acks back. */
enum { GROUP_BYTES = 4 << 20 };

void lane_init(struct lane *lane, struct store *store, uint32_t id)
{
    *lane = (struct lane){.store = store, .id = id};
    pthread_mutex_init(&lane->queue_lock, NULL);
    pthread_mutex_init(&lane->lock, NULL);
    log_init(&lane->log, store->sys, store->dir, id, store->options.log_file_bytes);
    for (int c = 0; c < HEAD_CLASSES; c++)
        lane->live[c] = head_new(id, c, store->names, store->host_field);
}

void lane_done(struct lane *lane)
{
    for (int c = 0; c < HEAD_CLASSES; c++) {
        head_unref(lane->live[c]);
        head_unref(lane->sealing[c]);
        mem_free(lane->source_map[c]);
    }
    log_done(&lane->log);
    frame_coder_done(&lane->coder);
    buf_done(&lane->payload);
    pthread_mutex_destroy(&lane->queue_lock);
    pthread_mutex_destroy(&lane->lock);
}

/* ---- the queue ---- */

static enum err may_submit(struct lane *lane, const struct batch *batch, struct why *why)
{
    struct store *store = lane->store;
    if (batch->key.size > KEY_BYTES_MAX)
        return why_set(why, ERR_LIMIT, "an idempotency key has at most %d bytes", KEY_BYTES_MAX);
    if (store->full)
        return why_set(why, ERR_FULL, "the disk is full: nothing is stored until there is space again");
    if (store->head_bytes > 2 * store->options.head_bytes_max)
        return why_set(why, ERR_BUSY, "sealing is behind: try again in a moment");
    if (log_file_count(&lane->log) > LOG_FILES_HARD)
        return why_set(why, ERR_BUSY, "the log is at its limit until something is sealed");
    return ERR_OK;
}

static void push(struct lane *lane, struct batch *batch)
{
    batch->next = NULL;
    if (lane->last)
        lane->last->next = batch;
    else
        lane->first = batch;
    lane->last = batch;
    lane->pending_bytes += batch_bytes(batch);
}

enum err lane_submit(struct lane *lane, struct batch *batch, struct why *why)
{
    enum err err = may_submit(lane, batch, why);
    if (err)
        return err;
    pthread_mutex_lock(&lane->queue_lock);
    if (lane->first && lane->pending_bytes + batch_bytes(batch) > lane->store->options.pending_bytes_max) {
        err = why_set(why, ERR_BUSY, "too much waits to be written: try again in a moment");
    } else {
        if (batch->key.size)
            batch->key = arena_str(&batch->sources.arena, batch->key);
        push(lane, batch);
    }
    pthread_mutex_unlock(&lane->queue_lock);
    return err;
}

bool lane_has_pending(const struct lane *lane)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&lane->queue_lock;
    pthread_mutex_lock(lock);
    bool has = lane->first != NULL;
    pthread_mutex_unlock(lock);
    return has;
}

static struct batch *take_queue(struct lane *lane)
{
    pthread_mutex_lock(&lane->queue_lock);
    struct batch *first = lane->first;
    lane->first = lane->last = NULL;
    pthread_mutex_unlock(&lane->queue_lock);
    return first;
}

static void done(struct lane *lane, struct batch *batch, enum err err)
{
    pthread_mutex_lock(&lane->queue_lock);
    lane->pending_bytes -= batch_bytes(batch);
    pthread_mutex_unlock(&lane->queue_lock);
    if (batch->done)
        batch->done(batch->ctx, batch, err);
}

/* ---- rows into heads ---- */

static void clear_source_maps(struct lane *lane, uint32_t count)
{
    if (count > lane->source_map_cap) {
        for (int c = 0; c < HEAD_CLASSES; c++)
            lane->source_map[c] = mem_resize(lane->source_map[c], count, sizeof(uint32_t));
        lane->source_map_cap = count;
    }
    for (int c = 0; c < HEAD_CLASSES; c++)
        if (count)
            memset(lane->source_map[c], 0xff, count * sizeof(uint32_t));
}

/* A head has far more sources than fit any cache. A batch numbers its sources as they come, so those that are
 * to be looked up next are known. */
static uint32_t resolve_in_head(struct head *head, const struct batch *batch, uint32_t source)
{
    enum { STRIDE = 6 };
    for (unsigned step = INTERN_SLOT; step <= INTERN_BYTES; step++) {
        uint32_t ahead = source + STRIDE * (INTERN_BYTES - step + 1);
        if (ahead < batch->sources.count)
            intern_foresee(&head->sources, intern_hash(&batch->sources, ahead), step);
    }
    if (source + STRIDE < batch->sources.count)
        __builtin_prefetch(intern_get(&batch->sources, source + STRIDE).at);
    return head_source(head, intern_get(&batch->sources, source), intern_hash(&batch->sources, source));
}

uint64_t lane_apply(struct lane *lane, const struct batch *batch, uint64_t lsn, lane_covered_fn *covered,
                    void *ctx)
{
    int64_t today = day_of(batch->time_ms), day_from = today * DAY_MS;
    uint64_t appended = 0;
    clear_source_maps(lane, batch->sources.count);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        const struct row *row = &batch->rows[i];
        bool fresh = row->time_ms >= day_from && row->time_ms - day_from < DAY_MS;
        enum head_class class = fresh ? HEAD_FRESH : HEAD_LATE;
        struct head *head = lane->live[class];
        if (covered && covered(ctx, class, fresh ? today : day_of(row->time_ms)))
            continue;
        uint32_t *source = &lane->source_map[class][row->source];
        if (*source == INTERN_NONE)
            *source = resolve_in_head(head, batch, row->source);
        if (head->rows == 0) {
            head->first_lsn = lsn;
            head->born_ms = sys_mono_ms(lane->store->sys);
        }
        head_append(head, row->metric, *source, row->time_ms, row->value);
        appended++;
    }
    if (lsn > lane->applied_lsn)
        lane->applied_lsn = lsn;
    return appended;
}

static uint64_t heads_bytes(const struct lane *lane)
{
    uint64_t bytes = 0;
    for (int c = 0; c < HEAD_CLASSES; c++)
        bytes += head_bytes(lane->live[c]) + (lane->sealing[c] ? head_bytes(lane->sealing[c]) : 0);
    return bytes;
}

uint64_t lane_head_bytes(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    uint64_t bytes = heads_bytes(lane);
    pthread_mutex_unlock(&lane->lock);
    return bytes;
}

uint64_t lane_needed_lsn(struct lane *lane)
{
    uint64_t lsn = UINT64_MAX;
    pthread_mutex_lock(&lane->lock);
    for (int c = 0; c < HEAD_CLASSES; c++) {
        if (lane->live[c]->rows && lane->live[c]->first_lsn < lsn)
            lsn = lane->live[c]->first_lsn;
        if (lane->sealing[c] && lane->sealing[c]->first_lsn < lsn)
            lsn = lane->sealing[c]->first_lsn;
    }
    if (lane->keys_lsn < lane->applied_lsn && lane->keys_lsn + 1 < lsn)
        lsn = lane->keys_lsn + 1;
    pthread_mutex_unlock(&lane->lock);
    return lsn;
}

/* ---- the committing thread ---- */

/* A group on its way: batches whose keys are claimed. */
struct group {
    struct batch *first, **end;
    uint32_t count;
};

/* Gives batches back, with this answer. */
static void answer(struct lane *lane, struct batch *batch, enum err err)
{
    for (struct batch *next; batch; batch = next) {
        next = batch->next;
        batch->next = NULL;
        done(lane, batch, err);
    }
}

static void add_to_group(struct lane *lane, struct group *group, struct batch *batch)
{
    lane->payload.size = 0;
    frame_encode(&lane->coder, batch, lane->store->names, &lane->payload);
    log_add(&lane->log, buf_view(&lane->payload));
    *group->end = batch;
    group->end = &batch->next;
    group->count++;
}

static void apply_group(struct lane *lane, struct group *group, uint64_t lsn, uint64_t bytes)
{
    struct store *store = lane->store;
    pthread_mutex_lock(&lane->lock);
    uint64_t before = heads_bytes(lane);
    for (struct batch *batch = group->first; batch; batch = batch->next) {
        if (batch->key.size)
            keys_keep(&store->keys, batch->key, batch->time_ms);
        lane_apply(lane, batch, lsn++, NULL, NULL);
        lane->rows_appended += batch->row_count;
    }
    store->head_bytes += heads_bytes(lane) - before;
    lane->batches_committed += group->count;
    lane->commits++;
    lane->log_bytes += bytes;
    pthread_mutex_unlock(&lane->lock);
}

static void fail_group(struct lane *lane, struct group *group)
{
    log_drop_group(&lane->log);
    for (struct batch *batch = group->first; batch; batch = batch->next)
        if (batch->key.size)
            keys_let_go(&lane->store->keys, batch->key);
}

/* Writes, syncs, shows, answers; empties the group. Returns how many batches it had. */
static uint32_t commit_group(struct lane *lane, struct group *group)
{
    if (!group->count)
        return 0;
    struct store *store = lane->store;
    struct why why = {0};
    uint32_t count = group->count, failures = lane->log.failures;
    uint64_t lsn, bytes = log_group_bytes(&lane->log);
    enum err err = store->full ? ERR_FULL : log_commit(&lane->log, &lsn, &why);
    if (lane->log.failures != failures) { /* perhaps made good in a second file */
        pthread_mutex_lock(&lane->lock);
        lane->seal_now = true;
        pthread_mutex_unlock(&lane->lock);
    }
    if (err == ERR_OK) {
        if (why.err)
            store_note(store, &why);
        apply_group(lane, group, lsn, bytes);
    } else {
        if (why.err) {
            disk_failed(store, &why);
            store->full = true; /* twice in two files: nothing is taken in until a probe succeeds */
        }
        fail_group(lane, group);
    }
    answer(lane, group->first, err == ERR_OK || err == ERR_FULL ? err : ERR_IO);
    *group = (struct group){.end = &group->first};
    return count;
}

static void back_to_queue(struct lane *lane, struct batch *batch)
{
    pthread_mutex_lock(&lane->queue_lock);
    lane->pending_bytes -= batch_bytes(batch);
    push(lane, batch);
    pthread_mutex_unlock(&lane->queue_lock);
}

/* KEY_CLAIMED: the batch may go on. Otherwise it was answered, or waits for what another lane makes of its
 * key. */
static enum key_claim claim_key(struct lane *lane, struct group *group, struct batch *batch, uint32_t *count)
{
    struct keys *keys = &lane->store->keys;
    int64_t now_ms = sys_wall_ms(lane->store->sys);
    enum key_claim claim = keys_claim(keys, batch->key, now_ms);
    if (claim == KEY_ON_THE_WAY && group->count) { /* perhaps in this very group */
        *count += commit_group(lane, group);
        claim = keys_claim(keys, batch->key, now_ms);
    }
    if (claim == KEY_ON_THE_WAY)
        back_to_queue(lane, batch);
    if (claim == KEY_KNOWN) {
        ++*count;
        done(lane, batch, ERR_EXISTS);
    }
    return claim;
}

uint32_t lane_commit(struct lane *lane)
{
    struct group group = {.end = &group.first};
    uint32_t count = 0;
    for (struct batch *batch = take_queue(lane), *next; batch; batch = next) {
        next = batch->next;
        batch->next = NULL;
        if (batch->key.size && claim_key(lane, &group, batch, &count) != KEY_CLAIMED)
            continue;
        add_to_group(lane, &group, batch);
        if (log_group_bytes(&lane->log) >= GROUP_BYTES)
            count += commit_group(lane, &group);
    }
    return count + commit_group(lane, &group);
}
