/* The log's reader. It trusts nothing: a frame counts when both its checksums fit the file's seed. */
#include "store/log.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/store_path.h"

#include <lz4.h>
#include <stdlib.h>

/* Unpacked, a frame is at most this: a batch of 16 MiB of text is far below. */
enum { RAW_BYTES_MAX = 1 << 30 };

static bool unpack(const struct log_frame *frame, struct buf *raw, struct str *payload)
{
    if (frame->packing == LOG_PACK_NONE) {
        *payload = frame->payload;
        return true;
    }
    /* LZ4 unpacks at most 255 bytes from one. */
    if (frame->packing != LOG_PACK_LZ4 || frame->raw_size > RAW_BYTES_MAX ||
        frame->raw_size / 255 > frame->payload.size)
        return false;
    raw->size = 0;
    buf_reserve(raw, frame->raw_size);
    int got = LZ4_decompress_safe(frame->payload.at, raw->at, (int)frame->payload.size, (int)frame->raw_size);
    if (got < 0 || (uint32_t)got != frame->raw_size)
        return false;
    *payload = str_make(raw->at, frame->raw_size);
    return true;
}

/* Where the next valid frame after at begins, or the size. */
static size_t next_frame(struct str bytes, uint64_t seed, size_t at, struct log_frame *frame)
{
    bool whole_head;
    for (at = (at + 7) & ~(size_t)7; at + LOG_FRAME_BYTES <= bytes.size; at += 8)
        if (log_frame_decode(str_from(bytes, at), seed, frame, &whole_head))
            return at;
    return bytes.size;
}

static void lose(struct log_verdict *verdict, uint64_t first, uint64_t last)
{
    if (!verdict->lost_last || first < verdict->lost_first)
        verdict->lost_first = first;
    if (last > verdict->lost_last)
        verdict->lost_last = last;
}

static void read_batch(const struct log_frame *frame, struct buf *raw, log_batch_fn *each, void *ctx,
                       struct log_verdict *verdict)
{
    struct str payload;
    if (!unpack(frame, raw, &payload) || each(ctx, frame, payload, NULL) != ERR_OK)
        lose(verdict, frame->lsn, frame->lsn);
    else
        verdict->frames++;
}

/* Does a valid frame after at say that lsn was durable when it was written? */
static bool later_proof(struct str bytes, uint64_t seed, size_t at, uint64_t lsn)
{
    struct log_frame frame;
    while ((at = next_frame(bytes, seed, at, &frame)) < bytes.size) {
        if (frame.durable_lsn >= lsn)
            return true;
        at += log_frame_span(frame.size);
    }
    return false;
}

struct log_cursor {
    struct str bytes;
    uint64_t seed;
    size_t at;
    uint64_t expect; /* lsn */
    bool must_be_here;
};

/* Steps over a place without a valid frame. false: the file ends here. */
static bool step_over(struct log_cursor *cursor, bool whole_head, struct log_verdict *verdict)
{
    struct log_frame frame;
    size_t later = next_frame(cursor->bytes, cursor->seed, cursor->at + 8, &frame);
    bool damage =
        cursor->must_be_here || later_proof(cursor->bytes, cursor->seed, cursor->at + 8, cursor->expect);
    if (!damage && (whole_head || later < cursor->bytes.size))
        verdict->torn_bytes += cursor->bytes.size - cursor->at;
    if (!damage || later == cursor->bytes.size)
        return false;
    cursor->at = later;
    return true;
}

void log_read_file(struct str bytes, const struct log_header *header, uint64_t from_lsn, uint64_t void_lsn,
                   bool follows, log_batch_fn *each, void *ctx, struct log_verdict *verdict)
{
    struct buf raw = {0};
    struct log_cursor cursor = {bytes, header->seed, LOG_FRAMES_AT, header->first_lsn, false};
    while (cursor.at + LOG_FRAME_BYTES <= bytes.size) {
        struct log_frame frame;
        bool whole_head;
        cursor.must_be_here = follows && cursor.expect < void_lsn;
        if (!log_frame_decode(str_from(bytes, cursor.at), header->seed, &frame, &whole_head)) {
            if (!step_over(&cursor, whole_head, verdict))
                break;
            continue;
        }
        cursor.at += log_frame_span(frame.size);
        uint64_t first = frame.type == LOG_TYPE_BATCH ? frame.lsn : frame.lsn + 1;
        if (first > void_lsn || (first == void_lsn && frame.type == LOG_TYPE_BATCH))
            break; /* written here, failed, and written again elsewhere */
        if (first > cursor.expect)
            lose(verdict, cursor.expect, first - 1);
        if (first < cursor.expect || frame.type != LOG_TYPE_BATCH)
            continue;
        cursor.expect = frame.lsn + 1;
        verdict->last_lsn = frame.lsn;
        if (frame.lsn >= from_lsn)
            read_batch(&frame, &raw, each, ctx, verdict);
    }
    if (follows && cursor.expect < void_lsn)
        lose(verdict, cursor.expect, void_lsn - 1);
    buf_done(&raw);
}

/* ---- the list of files ---- */

struct listing_job {
    struct sys *sys;
    struct str dir;
    struct log_listing *out;
    enum err err;
    struct why *why;
};

static bool name_numbers(struct str name, uint32_t *lane, uint32_t *slot)
{
    struct str head, tail;
    uint64_t a, b;
    if (!str_ends(name, STR(".log")))
        return false;
    tail = str_cut(str_first(name, name.size - 4), '-', &head);
    if (!tail.at || !str_u64(head, &a) || !str_u64(tail, &b) || a > 4096 || b > UINT32_MAX - 1)
        return false;
    *lane = (uint32_t)a;
    *slot = (uint32_t)b;
    return true;
}

/* ERR_OK with *empty: a file that never got as far as a header. ERR_CORRUPT: both copies are damaged. */
static enum err read_header(struct sys *sys, struct sys_file *file, struct log_header *out, bool *empty,
                            struct why *why)
{
    char bytes[LOG_FRAMES_AT + LOG_FRAME_BYTES] = {0};
    size_t got;
    enum err err = sys_read_at(sys, file, 0, bytes, sizeof bytes, &got, why);
    if (err)
        return err;
    struct log_header other;
    bool first = log_header_decode(str_make(bytes, LOG_HEADER_BYTES), out);
    bool second = log_header_decode(str_make(bytes + LOG_COPY_AT, LOG_HEADER_BYTES), &other);
    if (second && (!first || other.seq > out->seq))
        *out = other;
    *empty = false;
    if (first || second)
        return ERR_OK;
    *empty = true;
    for (size_t i = 0; i < sizeof bytes; i++)
        *empty &= bytes[i] == 0 || i < 512; /* the header's own sector may be torn */
    return *empty ? ERR_OK : why_set(why, ERR_CORRUPT, "the header of a log file is damaged");
}

static void listing_add(struct log_listing *out, struct log_file *file, uint32_t lane)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 16;
        out->files = mem_resize(out->files, out->cap, sizeof(struct log_file *));
    }
    file->header.lane = lane;
    out->files[out->count++] = file;
}

static bool list_one(void *ctx, struct str name, bool is_dir)
{
    struct listing_job *job = ctx;
    uint32_t lane, slot;
    if (is_dir || !name_numbers(name, &lane, &slot))
        return true; /* not ours */
    struct log_file *file = MEM_NEW(struct log_file);
    struct store_path path = log_path(job->dir, lane, slot);
    bool empty = false;
    file->slot = slot;
    enum err err = sys_open(job->sys, store_path_str(&path), SYS_READ, &file->file, job->why);
    if (!err)
        err = sys_size(job->sys, file->file, &file->capacity, job->why);
    if (!err)
        err = read_header(job->sys, file->file, &file->header, &empty, job->why);
    sys_close(job->sys, file->file);
    file->file = NULL;
    if (err == ERR_OK && !empty && file->header.lane != lane)
        err = ERR_CORRUPT;
    if (err == ERR_OK) {
        if (empty)
            file->header = (struct log_header){0};
        listing_add(job->out, file, lane);
        return true;
    }
    mem_free(file);
    struct log_listing *out = job->out;
    if (err == ERR_CORRUPT) {
        if (out->bad_count < 16 && name.size < sizeof out->bad[0]) {
            memcpy(out->bad[out->bad_count], name.at, name.size);
            out->bad[out->bad_count++][name.size] = 0;
        }
        return true;
    }
    if (err == ERR_MISSING)
        return true; /* a running server took it away */
    job->err = err;
    return false;
}

static int by_lane_and_seq(const void *a, const void *b)
{
    const struct log_header *x = &(*(struct log_file *const *)a)->header;
    const struct log_header *y = &(*(struct log_file *const *)b)->header;
    if (x->lane != y->lane)
        return x->lane < y->lane ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

enum err log_list(struct sys *sys, struct str dir, struct log_listing *out, struct why *why)
{
    struct store_path path = store_path(dir, "log");
    struct listing_job job = {sys, dir, out, ERR_OK, why};
    enum err err = sys_list(sys, store_path_str(&path), list_one, &job, why);
    if (err == ERR_MISSING)
        return ERR_OK;
    if (!err)
        err = job.err;
    if (!err && out->count)
        qsort(out->files, out->count, sizeof *out->files, by_lane_and_seq);
    return err;
}

void log_listing_done(struct log_listing *listing)
{
    for (uint32_t i = 0; i < listing->count; i++)
        mem_free(listing->files[i]);
    mem_free(listing->files);
    *listing = (struct log_listing){0};
}
