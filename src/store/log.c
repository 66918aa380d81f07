/* The log's writer. Files go round: current -> old -> (sealed) -> spare -> current. A spare is taken into use
 * by a new header: its first copy is synced before the second is overwritten, so that one of the two is
 * always whole. Nothing else of a file is synced but by the groups themselves. */
#include "store/log.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/store_path.h"

#include <lz4.h>

void log_init(struct log *log, struct sys *sys, struct str dir, uint32_t lane, uint64_t file_bytes)
{
    *log = (struct log){.sys = sys, .dir = dir, .lane = lane, .file_bytes = file_bytes};
    pthread_mutex_init(&log->lock, NULL);
}

static void free_list(struct log_file *file)
{
    for (struct log_file *next; file; file = next) {
        next = file->next;
        mem_free(file);
    }
}

void log_done(struct log *log)
{
    if (log->current)
        sys_close(log->sys, log->current->file);
    free_list(log->current);
    free_list(log->old);
    free_list(log->spare);
    buf_done(&log->group);
    mem_free(log->heads);
    pthread_mutex_destroy(&log->lock);
}

struct store_path log_path(struct str dir, uint32_t lane, uint32_t slot)
{
    return store_path(dir, "log/%u-%u.log", lane, slot);
}

void log_add(struct log *log, struct str payload)
{
    CHECK(payload.size <= LZ4_MAX_INPUT_SIZE);
    size_t start = log->group.size;
    int bound = LZ4_compressBound((int)payload.size);
    buf_reserve(&log->group, LOG_FRAME_BYTES + (size_t)bound + 8);
    char *to = log->group.at + start;
    int packed = LZ4_compress_default(payload.at, to + LOG_FRAME_BYTES, (int)payload.size, bound);
    struct log_frame frame = {.raw_size = (uint32_t)payload.size, .type = LOG_TYPE_BATCH};
    if (packed > 0 && (size_t)packed < payload.size) {
        frame.size = (uint32_t)packed;
        frame.packing = LOG_PACK_LZ4;
    } else {
        memcpy(to + LOG_FRAME_BYTES, payload.at, payload.size);
        frame.size = (uint32_t)payload.size;
    }
    memset(to + LOG_FRAME_BYTES + frame.size, 0, log_frame_span(frame.size) - LOG_FRAME_BYTES - frame.size);
    log->group.size = start + log_frame_span(frame.size);
    if (log->group_frames == log->heads_cap) {
        log->heads_cap = log->heads_cap ? log->heads_cap * 2 : 16;
        log->heads = mem_resize(log->heads, log->heads_cap, sizeof *log->heads);
    }
    log->heads[log->group_frames++] = frame;
}

/* Done again when the group goes to another file. */
static void stamp_group(struct log *log, uint64_t seed)
{
    char *at = log->group.at;
    for (uint32_t i = 0; i < log->group_frames; i++) {
        struct log_frame frame = log->heads[i];
        frame.lsn = log->durable_lsn + 1 + i;
        frame.durable_lsn = log->durable_lsn;
        log_frame_stamp(&frame, seed, at);
        at += log_frame_span(frame.size);
    }
    CHECK(at == log->group.at + log->group.size);
}

static void fresh_header(struct log *log, struct log_file *file)
{
    file->header =
        (struct log_header){.lane = log->lane, .seq = ++log->seq, .first_lsn = log->durable_lsn + 1};
    file->header.capacity = file->capacity;
    sys_random(log->sys, file->header.uuid, sizeof file->header.uuid);
    file->header.seed = log_seed(file->header.uuid);
}

static enum err write_header(struct log *log, struct log_file *file, bool is_new, struct why *why)
{
    char bytes[LOG_HEADER_BYTES];
    log_header_encode(&file->header, bytes);
    enum err err = sys_write_at(log->sys, file->file, 0, bytes, sizeof bytes, why);
    if (!err)
        err = sys_sync(log->sys, file->file, why);
    /* The second copy becomes durable with the first group. */
    if (!err)
        err = sys_write_at(log->sys, file->file, LOG_COPY_AT, bytes, sizeof bytes, why);
    if (!err && is_new) {
        struct store_path dir = store_path(log->dir, "log");
        err = sys_sync_dir(log->sys, store_path_str(&dir), why);
    }
    return err;
}

static struct log_file *take_spare(struct log *log, uint64_t need)
{
    pthread_mutex_lock(&log->lock);
    struct log_file **at = &log->spare, *file;
    while (*at && (*at)->capacity < need)
        at = &(*at)->next;
    file = *at;
    if (file) {
        *at = file->next;
        file->next = NULL;
        log->spare_count--;
    }
    pthread_mutex_unlock(&log->lock);
    return file;
}

static void push_spare(struct log *log, struct log_file *file)
{
    file->next = log->spare;
    log->spare = file;
    log->spare_count++;
}

/* A file that could not be made is removed again: nothing counts on it. */
static void drop_file(struct log *log, struct log_file *file)
{
    struct store_path path = log_path(log->dir, log->lane, file->slot);
    sys_close(log->sys, file->file);
    if (sys_unlink(log->sys, store_path_str(&path), NULL) == ERR_OK) {
        pthread_mutex_lock(&log->lock);
        log->bytes -= file->capacity;
        pthread_mutex_unlock(&log->lock);
    }
    mem_free(file);
}

static enum err new_file(struct log *log, uint64_t need, struct log_file **out, struct why *why)
{
    struct log_file *file = MEM_NEW(struct log_file);
    file->capacity = need > log->file_bytes ? need : log->file_bytes;
    enum err err;
    do { /* a name that is taken belongs to a damaged file that could not be moved */
        file->slot = log->next_slot++;
        struct store_path path = log_path(log->dir, log->lane, file->slot);
        err = sys_open(log->sys, store_path_str(&path), SYS_CREATE, &file->file, why);
    } while (err == ERR_EXISTS);
    if (err) {
        mem_free(file);
        return err;
    }
    pthread_mutex_lock(&log->lock);
    log->bytes += file->capacity;
    pthread_mutex_unlock(&log->lock);
    err = sys_allocate(log->sys, file->file, file->capacity, why);
    if (err)
        drop_file(log, file);
    else
        *out = file;
    return err;
}

/* Takes a file with room for need bytes of frames into use; the current one becomes old. */
static enum err start_file(struct log *log, uint64_t frames, struct why *why)
{
    uint64_t need = LOG_FRAMES_AT + frames;
    struct log_file *file = take_spare(log, need);
    bool is_new = !file;
    enum err err = ERR_OK;
    if (file) {
        struct store_path path = log_path(log->dir, log->lane, file->slot);
        err = sys_open(log->sys, store_path_str(&path), SYS_WRITE, &file->file, why);
    } else {
        err = new_file(log, need, &file, why);
        if (err)
            return err;
    }
    if (!err) {
        fresh_header(log, file);
        err = write_header(log, file, is_new, why);
    }
    if (err) {
        drop_file(log, file);
        return err;
    }
    file->used = LOG_FRAMES_AT;
    file->last_lsn = log->durable_lsn;
    pthread_mutex_lock(&log->lock);
    if (log->current) {
        struct log_file **end = &log->old;
        while (*end)
            end = &(*end)->next;
        sys_close(log->sys, log->current->file);
        log->current->file = NULL;
        *end = log->current;
        log->old_count++;
    }
    log->current = file;
    pthread_mutex_unlock(&log->lock);
    return ERR_OK;
}

/* One attempt at putting the group at the end of the current file. */
static enum err write_group(struct log *log, struct why *why)
{
    if (!log->current || log->current->final ||
        log->current->used + log->group.size > log->current->capacity) {
        enum err err = start_file(log, log->group.size, why);
        if (err)
            return err;
    }
    struct log_file *file = log->current;
    stamp_group(log, file->header.seed);
    enum err err = sys_write_at(log->sys, file->file, file->used, log->group.at, log->group.size, why);
    if (!err)
        err = sys_sync(log->sys, file->file, why);
    if (err) {
        file->final = true;
        log->failures++;
        return err;
    }
    pthread_mutex_lock(&log->lock);
    file->used += log->group.size;
    pthread_mutex_unlock(&log->lock);
    return ERR_OK;
}

enum err log_commit(struct log *log, uint64_t *first_lsn, struct why *why)
{
    if (log->group_frames == 0)
        return ERR_OK;
    enum err err = write_group(log, why);
    if (err && err != ERR_FULL)
        err = write_group(log, why);
    if (!err) {
        *first_lsn = log->durable_lsn + 1;
        pthread_mutex_lock(&log->lock);
        log->durable_lsn += log->group_frames;
        log->current->last_lsn = log->durable_lsn;
        pthread_mutex_unlock(&log->lock);
    }
    log_drop_group(log);
    return err;
}

void log_drop_group(struct log *log)
{
    log->group.size = 0;
    log->group_frames = 0;
}

enum err log_mark(struct log *log, struct why *why)
{
    struct log_file *file = log->current;
    if (!file || file->final || file->used + LOG_FRAME_BYTES > file->capacity)
        return ERR_OK;
    char bytes[LOG_FRAME_BYTES];
    struct log_frame mark = {.type = LOG_TYPE_MARK, .lsn = log->durable_lsn, .durable_lsn = log->durable_lsn};
    log_frame_stamp(&mark, file->header.seed, bytes);
    enum err err = sys_write_at(log->sys, file->file, file->used, bytes, sizeof bytes, why);
    if (!err)
        err = sys_sync(log->sys, file->file, why);
    if (err) {
        file->final = true;
        return err;
    }
    pthread_mutex_lock(&log->lock);
    file->used += sizeof bytes;
    pthread_mutex_unlock(&log->lock);
    return ERR_OK;
}

/* true when the file left for quarantine. */
static bool let_go(struct log *log, struct log_file *file)
{
    struct store_path path = log_path(log->dir, log->lane, file->slot);
    bool reusable = !log->retired && !file->final && !file->damaged && file->capacity == log->file_bytes &&
                    log->old_count + log->spare_count + 1 < LOG_FILES_KEPT;
    if (reusable) {
        push_spare(log, file);
        return false;
    }
    bool quarantined = false;
    if (file->damaged) {
        struct store_path to = store_path(log->dir, "quarantine/log-%u-%u-%llu", log->lane, file->slot,
                                          (unsigned long long)file->header.seq);
        quarantined = sys_rename(log->sys, store_path_str(&path), store_path_str(&to), NULL) == ERR_OK;
    } else if (sys_unlink(log->sys, store_path_str(&path), NULL) != ERR_OK) {
        file->final = true; /* stays on disk; the next start finds that nothing in it is needed */
    }
    log->bytes -= file->capacity;
    mem_free(file);
    return quarantined;
}

uint32_t log_release(struct log *log, uint64_t lsn)
{
    uint32_t quarantined = 0;
    pthread_mutex_lock(&log->lock);
    while (log->old && log->old->last_lsn < lsn) {
        struct log_file *file = log->old;
        log->old = file->next;
        file->next = NULL;
        log->old_count--;
        quarantined += let_go(log, file);
    }
    pthread_mutex_unlock(&log->lock);
    return quarantined;
}

uint32_t log_file_count(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    uint32_t count = log->old_count + (log->current != NULL);
    pthread_mutex_unlock(&log->lock);
    return count;
}

uint32_t log_all_files(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    uint32_t count = log->old_count + log->spare_count + (log->current != NULL);
    pthread_mutex_unlock(&log->lock);
    return count;
}

static struct log_cut cut_of(const struct log_file *file)
{
    return (struct log_cut){file->slot, file->used ? file->used : file->capacity, file->header};
}

uint32_t log_cut_files(struct log *log, struct log_cut **out)
{
    uint32_t count = 0;
    pthread_mutex_lock(&log->lock);
    struct log_cut *cuts = mem_alloc((log->old_count + 1) * sizeof *cuts);
    for (const struct log_file *file = log->old; file; file = file->next)
        if (file->header.seq)
            cuts[count++] = cut_of(file);
    if (log->current)
        cuts[count++] = cut_of(log->current);
    pthread_mutex_unlock(&log->lock);
    *out = cuts;
    return count;
}

uint64_t log_bytes(struct log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t bytes = log->bytes;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}

void log_adopt(struct log *log, struct log_file *file, bool spare)
{
    file->next = NULL;
    log->bytes += file->capacity;
    if (file->slot >= log->next_slot)
        log->next_slot = file->slot + 1;
    if (file->header.seq > log->seq)
        log->seq = file->header.seq;
    if (spare && !log->retired && log->old_count + log->spare_count + 1 < LOG_FILES_KEPT &&
        file->capacity == log->file_bytes) {
        push_spare(log, file);
        return;
    }
    struct log_file **end = &log->old;
    while (*end)
        end = &(*end)->next;
    *end = file;
    log->old_count++;
}
