/* A backup back into a data folder. All of it is verified before the first byte is written. While it is being
 * copied the folder holds a mark, with which no store opens: half of a backup must never look like all of it.
 * (A folder beside it that is renamed at the end would do, too, but not where the data folder is a mount.) */
#include "store/restore.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "scheme/names.h"
#include "store/file_copy.h"
#include "store/store_room.h"

struct restore_job {
    struct sys *sys;
    struct store_backup *backup;
    struct str from, to;
    struct manifest manifest;
    struct sys_file *lock;
};

/* ---- what is in the backup ---- */

struct backup_reader {
    struct segment_origin origin;
    const _Atomic bool *cancel;
};

/* The folder and the name of seg/FOLDER/NAME.seg. */
static bool split_segment_path(struct str path, struct str *folder, struct str *name)
{
    struct str head, file = str_cut(path, '/', &head);
    file = str_cut(file, '/', folder);
    if (!str_eq(head, STR("seg")) || !file.at || !str_ends(file, STR(".seg")) ||
        str_find(file, '/') < file.size)
        return false;
    *name = str_first(file, file.size - 4);
    return true;
}

static enum err check_segment(struct backup_reader *reader, struct str path, struct why *why)
{
    struct segment *segment = NULL;
    struct str folder, name;
    if (!split_segment_path(path, &folder, &name))
        return why_set(why, ERR_CORRUPT, "is no path of a segment");
    enum err err = segment_open_file(&reader->origin, folder, name, &segment, why);
    if (!err)
        err = segment_verify(segment, why);
    segment_unref(segment);
    return err;
}

/* sum: what the file holds now, so that a copy can be compared. */
static enum err check_entry(struct backup_reader *reader, struct str dir, const struct manifest_entry *entry,
                            struct file_sum *sum, struct why *why)
{
    struct store_path path = store_path(dir, "%.*s", STR_ARG(entry->path));
    enum err err = file_sum(reader->origin.sys, store_path_str(&path), reader->cancel, sum, why);
    if (err)
        return err == ERR_MISSING ? why_set(why, ERR_CORRUPT, "is missing") : err;
    if (sum->bytes != entry->sum.bytes)
        return why_set(why, ERR_CORRUPT, "has %llu bytes instead of %llu", (unsigned long long)sum->bytes,
                       (unsigned long long)entry->sum.bytes);
    if (entry->is_segment)
        return check_segment(reader, entry->path, why);
    if (sum->hash != entry->sum.hash)
        return why_set(why, ERR_CORRUPT, "its sum is wrong");
    return ERR_OK;
}

uint64_t backup_check(struct sys *sys, struct str dir, struct manifest *manifest, const _Atomic bool *cancel,
                      struct buf *out, struct why *why)
{
    struct names *names = names_new();
    struct cache *cache = cache_new(1 << 20, 4);
    struct backup_reader reader = {{sys, dir, names, cache, names_resolve_field(names, STR("host"))}, cancel};
    uint64_t damaged = 0;
    for (uint32_t i = 0; i < manifest->count; i++) {
        struct manifest_entry *entry = &manifest->entries[i];
        struct why own = {0};
        struct file_sum sum = {0};
        enum err err = check_entry(&reader, dir, entry, &sum, &own);
        entry->sum = sum;
        if (!err)
            continue;
        if (!damaged++)
            why_set(why, err, "%.*s: %s", STR_ARG(entry->path), own.text);
        if (out)
            buf_printf(out, "%.*s  DAMAGED: %s\n", STR_ARG(entry->path), own.text);
        if (err == ERR_CANCELLED)
            break;
    }
    cache_free(cache);
    names_free(names);
    return damaged;
}

static enum err check_backup(struct restore_job *job, struct why *why)
{
    bool exists = false;
    enum err err = path_exists(job->sys, job->from, &exists, why);
    if (!err && !exists)
        return why_set(why, ERR_MISSING, "there is no folder %.*s", STR_ARG(job->from));
    if (!err)
        err = manifest_read(job->sys, job->from, &job->manifest, why);
    if (err == ERR_MISSING)
        return why_set(why, ERR_MISSING,
                       "%.*s is no backup, or one that was never finished: it has no list of files",
                       STR_ARG(job->from));
    if (err)
        return why_wrap(why, err, "%.*s", STR_ARG(job->from));
    struct why first = {0};
    uint64_t damaged = backup_check(job->sys, job->from, &job->manifest, job->backup->cancel, NULL, &first);
    if (!damaged)
        return ERR_OK;
    if (first.err == ERR_CANCELLED)
        return why_set(why, ERR_CANCELLED, "cancelled");
    return why_set(why, ERR_CORRUPT,
                   "the backup is damaged in %llu of %u files, nothing was restored; %.200s",
                   (unsigned long long)damaged, job->manifest.count, first.text);
}

/* ---- the folder it goes to ---- */

struct inhabitants {
    bool marked, others, lock;
    char first[64];
};

static bool on_inhabitant(void *ctx, struct str name, bool is_dir)
{
    struct inhabitants *found = ctx;
    if (str_eq(name, RESTORE_MARK)) {
        found->marked = true;
    } else if (str_eq(name, STR("lock"))) {
        found->lock = true;
    } else if (!str_eq(name, STR("lost+found"))) {
        if (!found->others)
            snprintf(found->first, sizeof found->first, "%.*s", STR_ARG(name));
        found->others = true;
    }
    return true;
}

/* ERR_OK: absent, empty, or left by a restore that did not end. */
static enum err check_empty(struct restore_job *job, struct why *why)
{
    struct inhabitants found = {0};
    enum err err = sys_list(job->sys, job->to, on_inhabitant, &found, why);
    if (err == ERR_MISSING)
        return ERR_OK;
    if (!err && found.others && !found.marked)
        return why_set(why, ERR_EXISTS, "%.*s is not empty (%s is in it): a restore needs an empty folder",
                       STR_ARG(job->to), found.first);
    return err;
}

static enum err take_folder(struct restore_job *job, struct why *why)
{
    struct store_path lock = store_path(job->to, "lock"),
                      mark = store_path(job->to, "%.*s", STR_ARG(RESTORE_MARK));
    struct sys_file *file = NULL;
    enum err err = sys_make_dir(job->sys, job->to, why);
    if (!err)
        err = sys_sync_dir(job->sys, path_parent(job->to), why);
    if (!err)
        err = sys_open(job->sys, store_path_str(&lock), SYS_WRITE, &job->lock, why);
    if (!err)
        err = sys_lock(job->sys, job->lock, why);
    if (err == ERR_BUSY)
        return why_set(why, ERR_BUSY, "%.*s belongs to another running dialtone", STR_ARG(job->to));
    if (!err)
        err = check_empty(job, why);
    if (!err)
        err = sys_open(job->sys, store_path_str(&mark), SYS_WRITE, &file, why);
    sys_close(job->sys, file);
    if (!err)
        err = sys_sync_dir(job->sys, job->to, why);
    return err;
}

/* Everything but the lock and, while it is needed, the mark. */
static void empty_folder(struct restore_job *job)
{
    static const char *const names[] = {"seg", "log", "tomb", "pack"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct store_path path = store_path(job->to, "%s", names[i]);
        folder_remove(job->sys, store_path_str(&path), false, STR_NONE);
    }
    for (uint32_t i = 0; i < job->manifest.count; i++) {
        struct store_path path = store_path(job->to, "%.*s", STR_ARG(job->manifest.entries[i].path));
        enum err err = sys_unlink(job->sys, store_path_str(&path), NULL);
        (void)err; /* mostly gone already */
    }
}

static enum err remove_mark(struct restore_job *job, struct why *why)
{
    struct store_path mark = store_path(job->to, "%.*s", STR_ARG(RESTORE_MARK));
    enum err err = sys_unlink(job->sys, store_path_str(&mark), why);
    return err ? err : sys_sync_dir(job->sys, job->to, why);
}

/* ---- copying ---- */

/* The folders above a path. */
static enum err make_folders(struct restore_job *job, struct str path, struct why *why)
{
    enum err err = ERR_OK;
    for (size_t at = 0; at < path.size && !err; at++) {
        struct store_path folder = store_path(job->to, "%.*s", (int)at, path.at);
        if (path.at[at] == '/')
            err = sys_make_dir(job->sys, store_path_str(&folder), why);
    }
    return err;
}

/* All names from here up to the data folder are durable. */
static enum err sync_folders(struct restore_job *job, struct str path, struct why *why)
{
    enum err err = ERR_OK;
    for (size_t at = path.size; at > 0 && !err; at--) {
        struct store_path folder = store_path(job->to, "%.*s", (int)at, path.at);
        if (at < path.size && path.at[at] == '/')
            err = sys_sync_dir(job->sys, store_path_str(&folder), why);
    }
    return err;
}

static enum err copy_entry(struct restore_job *job, const struct manifest_entry *entry, bool last_of_folder,
                           struct why *why)
{
    struct store_path from = store_path(job->from, "%.*s", STR_ARG(entry->path));
    struct store_path to = store_path(job->to, "%.*s", STR_ARG(entry->path));
    struct file_sum sum;
    enum err err = make_folders(job, entry->path, why);
    if (!err)
        err = file_copy(job->sys, store_path_str(&from), store_path_str(&to), UINT64_MAX, job->backup->cancel,
                        &sum, why);
    if (!err && (sum.bytes != entry->sum.bytes || sum.hash != entry->sum.hash))
        err = why_set(why, ERR_CORRUPT, "%.*s was changed while it was being copied", STR_ARG(entry->path));
    if (!err && last_of_folder)
        err = sync_folders(job, entry->path, why);
    return err;
}

static enum err copy_all(struct restore_job *job, struct why *why)
{
    const struct manifest *manifest = &job->manifest;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < manifest->count && !err; i++) {
        const struct manifest_entry *entry = &manifest->entries[i], *next = entry + 1;
        bool last = i + 1 == manifest->count || !str_eq(path_parent(entry->path), path_parent(next->path));
        err = copy_entry(job, entry, last, why);
        job->backup->files += !err;
        job->backup->bytes += err ? 0 : entry->sum.bytes;
    }
    return err ? err : sys_sync_dir(job->sys, job->to, why);
}

static enum err check_space(struct restore_job *job, struct why *why)
{
    uint64_t free_bytes, total_bytes;
    enum err err = sys_space(job->sys, job->to, &free_bytes, &total_bytes, why);
    if (!err && free_bytes < job->manifest.bytes)
        err = why_set(why, ERR_FULL, "the backup has %llu bytes, and %llu are free",
                      (unsigned long long)job->manifest.bytes, (unsigned long long)free_bytes);
    return err;
}

static enum err fill_folder(struct restore_job *job, struct why *why)
{
    enum err err = take_folder(job, why);
    if (err)
        return err;
    empty_folder(job);
    err = check_space(job, why);
    if (!err)
        err = copy_all(job, why);
    if (!err)
        err = remove_mark(job, why);
    if (err) {
        empty_folder(job);
        enum err marked = remove_mark(job, NULL);
        (void)marked; /* then the next restore begins by emptying the folder again */
    }
    return err;
}

enum err store_restore(struct sys *sys, struct store_backup *backup, struct str dir, struct why *why)
{
    struct restore_job job = {.sys = sys, .backup = backup, .from = backup->target, .to = dir};
    if (dir.size == 0 || dir.size > STORE_DIR_MAX || backup->target.size > STORE_DIR_MAX)
        return why_set(why, ERR_LIMIT, "the path of a folder has 1 to %d bytes", STORE_DIR_MAX);
    enum err err = check_empty(&job, why);
    if (!err)
        err = check_backup(&job, why);
    if (!err)
        err = fill_folder(&job, why);
    backup->rows = job.manifest.rows;
    sys_close(sys, job.lock);
    manifest_done(&job.manifest);
    return err;
}

enum err restore_check_done(struct sys *sys, struct str dir, struct why *why)
{
    struct store_path mark = store_path(dir, "%.*s", STR_ARG(RESTORE_MARK));
    bool marked = false;
    enum err err = path_exists(sys, store_path_str(&mark), &marked, why);
    if (!err && marked)
        err =
            why_set(why, ERR_CORRUPT,
                    "a restore into %.*s did not end: what is there is not all; run `dialtone restore` again",
                    STR_ARG(dir));
    return err;
}
