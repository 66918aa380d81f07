/* From the log back into heads. Idempotent: what the catalog says is sealed is left out, frame by frame and
 * class by class. Names and idempotency keys come back from every frame. */
#include "base/check.h"
#include "base/mem.h"
#include "store/day.h"
#include "store/store_room.h"

/* A log file is read whole; one holds a single batch at least, which is bounded by what a request may be. */
enum { LOG_FILE_MAX = 1 << 30 };

struct replay {
    struct store *store;
    struct lane *lane;
    struct batch *batch;
    struct store_report *report;
    struct log_verdict verdict;
    uint64_t lsn; /* of the frame at hand */
    uint64_t rows, nameless;
    int64_t time_ms; /* arrival of the last batch read */
    uint64_t cover_lsn;
    bool memo_set[HEAD_CLASSES]; /* of day_cover, for the lane */
    int64_t memo_day[HEAD_CLASSES];
    uint64_t memo_lsn[HEAD_CLASSES];
};

/* Up to where files of the day hold rows of this lane and class. */
static uint64_t day_cover(const struct store *store, uint32_t lane, enum head_class class, int64_t day)
{
    uint64_t lsn = 0;
    for (uint32_t i = 0; i < store->segments->count; i++) {
        const struct segment *segment = store->segments->at[i];
        for (uint32_t c = 0; segment->day == day && c < segment->cover_count; c++) {
            const struct segment_cover *cover = &segment->covers[c];
            if (cover->lane == lane && cover->class == class && cover->lsn > lsn)
                lsn = cover->lsn;
        }
    }
    return lsn;
}

/* Rows of the frame at hand are in a file when the lane's mark says so, or a file of their day. The second is
 * all there is after the catalog was lost. */
static bool covered(void *ctx, enum head_class class, int64_t day)
{
    struct replay *replay = ctx;
    if (replay->lsn <= replay->lane->sealed_lsn[class])
        return true;
    if (replay->lsn > replay->cover_lsn)
        return false;
    if (!replay->memo_set[class] || replay->memo_day[class] != day) {
        replay->memo_lsn[class] = day_cover(replay->store, replay->lane->id, class, day);
        replay->memo_day[class] = day;
        replay->memo_set[class] = true;
    }
    return replay->lsn <= replay->memo_lsn[class];
}

static enum err replay_batch(void *ctx, const struct log_frame *frame, struct str payload, struct why *why)
{
    struct replay *replay = ctx;
    struct store *store = replay->store;
    batch_reset(replay->batch);
    enum err err = frame_decode(payload, store->names, replay->batch, &replay->nameless, why);
    if (err)
        return err;
    struct lane_facts *facts = store_lane_facts(store, replay->lane->id);
    facts->log_first = facts->log_first ? facts->log_first : frame->lsn;
    facts->log_last = frame->lsn;
    replay->lsn = frame->lsn;
    replay->time_ms = replay->batch->time_ms;
    replay->rows += lane_apply(replay->lane, replay->batch, frame->lsn, covered, replay);
    keys_remember(&store->keys, replay->batch->key, replay->batch->time_ms,
                  frame->lsn <= replay->lane->keys_lsn);
    return ERR_OK;
}

static void report_verdict(struct replay *replay, const struct log_file *file)
{
    struct log_verdict *verdict = &replay->verdict;
    struct buf *text = &replay->report->text;
    if (verdict->lost_last) {
        buf_printf(text, "log/%u-%u.log is damaged: batches %llu to %llu of lane %u are lost, near ",
                   replay->lane->id, file->slot, (unsigned long long)verdict->lost_first,
                   (unsigned long long)verdict->lost_last, replay->lane->id);
        buf_time(text, replay->time_ms);
        buf_printf(text, "; the rest was read\n");
    } else if (verdict->torn_bytes) {
        buf_printf(
            text,
            "log/%u-%u.log ends in a batch that was cut off after %llu; it was not acknowledged unless "
            "the file is damaged\n",
            replay->lane->id, file->slot, (unsigned long long)verdict->last_lsn);
    }
}

/* What was read may still be in the cache of the system only (kill -9): make it durable before it is shown.
 */
static enum err sync_file(struct store *store, const struct store_path *path, struct why *why)
{
    struct sys_file *file;
    enum err err = sys_open(store->sys, store_path_str(path), SYS_WRITE, &file, why);
    if (err)
        return err;
    err = sys_sync(store->sys, file, why);
    sys_close(store->sys, file);
    return err;
}

/* Reads what can be read: a place that fails twice is left as zeros, so that it costs its own frames only. */
static enum err read_log(struct store *store, const struct store_path *path, struct buf *out, bool *holes,
                         struct why *why)
{
    enum { PIECE = 256 * 1024 };
    struct sys_file *file;
    uint64_t size = 0;
    enum err err = sys_open(store->sys, store_path_str(path), SYS_READ, &file, why);
    if (err)
        return err;
    err = sys_size(store->sys, file, &size, why);
    if (!err && size > LOG_FILE_MAX)
        err = why_set(why, ERR_LIMIT, "%llu bytes are too many for a log file", (unsigned long long)size);
    for (uint64_t at = 0; !err && at < size; at += PIECE) {
        size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE, got = 0;
        char *to = buf_grow(out, want);
        memset(to, 0, want);
        if (sys_read_at(store->sys, file, at, to, want, &got, why) &&
            sys_read_at(store->sys, file, at, to, want, &got, why)) {
            memset(to, 0, want);
            *holes = true;
        }
    }
    sys_close(store->sys, file);
    return err;
}

/* Everything before is in files, keys included. */
static uint64_t first_needed(const struct lane *lane)
{
    uint64_t sealed = lane->keys_lsn;
    for (int c = 0; c < HEAD_CLASSES; c++)
        sealed = lane->sealed_lsn[c] < sealed ? lane->sealed_lsn[c] : sealed;
    return sealed + 1;
}

static enum err replay_file(struct replay *replay, struct log_file *file, const struct log_file *next,
                            struct why *why)
{
    struct store *store = replay->store;
    struct store_path path = log_path(store->dir, replay->lane->id, file->slot);
    struct buf bytes = {0};
    uint64_t rows = replay->rows;
    bool holes = false;
    enum err err = read_log(store, &path, &bytes, &holes, why);
    if (err) {
        buf_done(&bytes);
        return err;
    }
    replay->verdict = (struct log_verdict){0};
    bool follows = next && next->header.seq == file->header.seq + 1;
    log_read_file(buf_view(&bytes), &file->header, first_needed(replay->lane),
                  next ? next->header.first_lsn : UINT64_MAX, follows, replay_batch, replay,
                  &replay->verdict);
    buf_done(&bytes);
    report_verdict(replay, file);
    if (replay->verdict.lost_last || holes)
        file->damaged = true;
    file->last_lsn = replay->verdict.last_lsn;
    if (file->last_lsn > replay->lane->log.durable_lsn)
        replay->lane->log.durable_lsn = file->last_lsn;
    if (replay->verdict.lost_last > replay->lane->log.durable_lsn)
        replay->lane->log.durable_lsn = replay->verdict.lost_last;
    if (!store->read_only_open && replay->rows > rows)
        err = sync_file(store, &path, why);
    return err;
}

/* The files of one lane, from first to below end. */
static void replay_lane(struct replay *replay, struct log_listing *listing, uint32_t first, uint32_t end)
{
    struct store *store = replay->store;
    struct lane *lane = replay->lane;
    replay->cover_lsn = store_lane_facts(store, lane->id)->cover_lsn;
    memset(replay->memo_set, 0, sizeof replay->memo_set);
    for (uint32_t i = first; i < end; i++) {
        struct log_file *file = listing->files[i];
        uint64_t rows = replay->rows;
        struct why why = {0};
        bool empty = file->header.seq == 0;
        enum err err =
            empty ? ERR_OK : replay_file(replay, file, i + 1 < end ? listing->files[i + 1] : NULL, &why);
        if (err) {
            buf_printf(&replay->report->text, "log/%u-%u.log: %s\n", lane->id, file->slot, why.text);
            file->damaged = true;
            lane->seal_now = true;
            store_note(store, &why);
        }
        listing->files[i] = NULL;
        bool needed = replay->rows > rows || file->damaged || file->last_lsn > lane->keys_lsn;
        log_adopt(&lane->log, file, !needed);
    }
}

/* What is known of the lane's past; lsns go on after everything that was ever used. */
static void start_lane(struct store *store, struct lane *lane)
{
    const struct lane_facts *facts = store_lane_facts(store, lane->id);
    uint64_t last = facts->keys_lsn > facts->cover_lsn ? facts->keys_lsn : facts->cover_lsn;
    lane->keys_lsn = facts->keys_lsn;
    for (int c = 0; c < HEAD_CLASSES; c++) {
        lane->sealed_lsn[c] = facts->sealed_lsn[c];
        last = facts->sealed_lsn[c] > last ? facts->sealed_lsn[c] : last;
    }
    lane->log.durable_lsn = lane->applied_lsn = last;
}

static struct lane *find_lane(struct store *store, uint32_t id)
{
    for (uint32_t l = 0; l < store->lane_count; l++)
        if (store->lanes[l].id == id)
            return &store->lanes[l];
    return NULL;
}

static void quarantine_bad(struct store *store, const struct log_listing *listing,
                           struct store_report *report)
{
    for (uint32_t i = 0; i < listing->bad_count; i++) {
        struct store_path from = store_path(store->dir, "log/%s", listing->bad[i]);
        struct store_path to = store_path(store->dir, "quarantine/log-%s", listing->bad[i]);
        buf_printf(&report->text, "log/%s has a damaged header: it cannot be read\n", listing->bad[i]);
        if (!store->read_only_open &&
            sys_rename(store->sys, store_path_str(&from), store_path_str(&to), NULL) == ERR_OK)
            report->quarantined_files++;
    }
}

/* options.lanes of them, and one more for every other id that left a log behind. */
static void make_lanes(struct store *store, const struct log_listing *listing)
{
    uint32_t cap = store->options.lanes + listing->count;
    store->lanes = mem_zero(cap, sizeof *store->lanes);
    for (uint32_t id = 0; id < store->options.lanes; id++) {
        lane_init(&store->lanes[store->lane_count], store, id);
        start_lane(store, &store->lanes[store->lane_count++]);
    }
    for (uint32_t i = 0; i < listing->count; i++) {
        uint32_t id = listing->files[i]->header.lane;
        if (find_lane(store, id))
            continue;
        struct lane *lane = &store->lanes[store->lane_count++];
        lane_init(lane, store, id);
        start_lane(store, lane);
        lane->retired = lane->log.retired = true;
    }
}

enum err store_replay(struct store *store, struct store_report *report, struct why *why)
{
    struct log_listing listing = {0};
    struct replay replay = {.store = store, .batch = batch_new(), .report = report};
    enum err err = log_list(store->sys, store->dir, &listing, why);
    make_lanes(store, &listing);
    if (!err)
        quarantine_bad(store, &listing, report);
    for (uint32_t i = 0, end; !err && i < listing.count; i = end) {
        uint32_t id = listing.files[i]->header.lane;
        for (end = i; end < listing.count && listing.files[end]->header.lane == id; end++)
            ;
        replay.lane = find_lane(store, id);
        replay_lane(&replay, &listing, i, end);
        if (replay.lane->applied_lsn < replay.lane->log.durable_lsn)
            replay.lane->applied_lsn = replay.lane->log.durable_lsn;
    }
    if (replay.nameless)
        buf_printf(&report->text, "%llu rows of the log found no place in the table of names\n",
                   (unsigned long long)replay.nameless);
    report->replayed_rows = replay.rows;
    log_listing_done(&listing);
    batch_free(replay.batch);
    return err;
}
