/* A backup is what a crash at one moment would leave behind, put elsewhere: the files in service, a catalog
 * that lists them, and of each log what is durable. So opening one is the recovery that every start does, and
 * nothing of it is new.
 *
 * The moment is one between two rounds of the background thread (store.tidy_lock): then the list of files,
 * the lanes' marks and the catalog agree, and no log file is recycled. First everything is sealed, so that
 * the logs to copy are short. Keys are read before the logs are cut: whoever's key is there has its rows
 * there. After that moment the lock is let go; the files listed are kept by references while they are linked.
 *
 * TARGET.partial gets everything, synced, its list of files (manifest.h) last; then it becomes TARGET. */
#include "base/mem.h"
#include "store/catalog.h"
#include "store/day.h"
#include "store/file_copy.h"
#include "store/manifest.h"
#include "store/store_room.h"
#include "store/tombstone.h"

#include <stdlib.h>

enum { PACK_DEPTH_MAX = 8, PARENTS_MAX = 64 };

struct backup_job {
    struct store *store;
    struct sys *sys;
    struct store_backup *backup;
    struct str target;
    struct store_path partial;
    struct str to; /* partial; target once it has its name */
    struct segment_list *list;
    struct buf text; /* of the manifest */
    uint32_t entries;
    bool no_links;
};

/* ---- where it may go ---- */

/* A path without slashes at its end. */
static struct str trim(struct str path)
{
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    return path;
}

/* Is the folder, or one above it, a data folder? Upwards by "..", so that no link deceives. */
static bool lies_in_data_folder(struct sys *sys, struct str folder)
{
    struct buf up = {0};
    bool inside = false;
    buf_str(&up, folder);
    for (unsigned i = 0; i < PARENTS_MAX && up.size < STORE_DIR_MAX && !inside; i++) {
        struct store_path lock = store_path(buf_view(&up), "lock");
        struct store_path catalog = store_path(buf_view(&up), "catalog.db");
        bool has_lock, has_catalog;
        inside = path_exists(sys, store_path_str(&lock), &has_lock, NULL) == ERR_OK && has_lock &&
                 path_exists(sys, store_path_str(&catalog), &has_catalog, NULL) == ERR_OK && has_catalog;
        buf_str(&up, STR("/.."));
    }
    buf_done(&up);
    return inside;
}

static enum err check_absent(struct sys *sys, struct str path, const char *more, struct why *why)
{
    bool exists;
    enum err err = path_exists(sys, path, &exists, why);
    if (!err && exists)
        err = why_set(why, ERR_EXISTS, "%.*s exists already%s", STR_ARG(path), more);
    return err;
}

static enum err check_target(struct backup_job *job, struct why *why)
{
    struct str target = job->target, parent = path_parent(target);
    bool has_parent;
    if (target.size == 0 || target.size > STORE_DIR_MAX - 16)
        return why_set(why, ERR_LIMIT, "the path of a backup has 1 to %d bytes", STORE_DIR_MAX - 16);
    enum err err = path_exists(job->sys, parent, &has_parent, why);
    if (!err && !has_parent)
        err = why_set(why, ERR_MISSING, "there is no folder %.*s to put the backup into", STR_ARG(parent));
    if (!err && lies_in_data_folder(job->sys, parent))
        err = why_set(why, ERR_REFUSED, "%.*s lies inside of a data folder: a backup must be somewhere else",
                      STR_ARG(target));
    if (!err)
        err = check_absent(job->sys, target, "", why);
    if (!err)
        err = check_absent(job->sys, store_path_str(&job->partial),
                           ": a backup that was interrupted left it behind; remove it first", why);
    return err;
}

/* ---- one file ---- */

static enum err add_entry(struct backup_job *job, struct manifest_entry entry, struct why *why)
{
    enum err err = manifest_add(&job->text, &entry, why);
    if (err)
        return err;
    job->entries++;
    job->backup->files++;
    job->backup->bytes += entry.sum.bytes;
    return ERR_OK;
}

/* NAME of the data folder, its first bytes. */
static enum err copy_file(struct backup_job *job, struct str name, uint64_t bytes, struct why *why)
{
    struct store_path from = store_path(job->store->dir, "%.*s", STR_ARG(name));
    struct store_path to = store_path(job->to, "%.*s", STR_ARG(name));
    struct manifest_entry entry = {.path = name};
    enum err err = file_copy(job->sys, store_path_str(&from), store_path_str(&to), bytes, job->backup->cancel,
                             &entry.sum, why);
    return err ? err : add_entry(job, entry, why);
}

static enum err make_folder(struct backup_job *job, const char *name, struct why *why)
{
    struct store_path path = store_path(job->to, "%s", name);
    return sys_make_dir(job->sys, store_path_str(&path), why);
}

static enum err sync_folder(struct backup_job *job, const char *name, struct why *why)
{
    struct store_path path = store_path(job->to, "%s", name);
    return sys_sync_dir(job->sys, store_path_str(&path), why);
}

/* ---- the moment ---- */

struct catalog_copy {
    struct catalog *to;
};

static void copy_lane(void *ctx, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES], uint64_t keys_lsn)
{
    catalog_set_lane(((struct catalog_copy *)ctx)->to, lane, sealed_lsn, keys_lsn);
}

static void copy_key(void *ctx, struct str key, int64_t time_ms)
{
    catalog_add_key(((struct catalog_copy *)ctx)->to, key, time_ms);
}

static void copy_tombstone(void *ctx, uint64_t id, struct str body, int64_t gone_ms)
{
    catalog_add_tombstone(((struct catalog_copy *)ctx)->to, id, body, gone_ms);
}

/* What was dropped is not in the backup, so nothing of it need be remembered; a new machine finds its own
 * budget of the disk. */
static enum err fill_catalog(struct backup_job *job, struct catalog *to, struct why *why)
{
    struct store *store = job->store;
    struct catalog_copy copy = {to};
    struct catalog_reader reader = {&copy, NULL, copy_lane, copy_key, NULL, copy_tombstone};
    struct buf directory = {0};
    catalog_begin(to);
    enum err err = catalog_read(store->catalog, &reader, why);
    for (uint32_t i = 0; !err && i < job->list->count; i++) {
        directory.size = 0;
        segment_encode_directory(job->list->at[i], &directory);
        catalog_add(to, str_of(job->list->at[i]->name), buf_view(&directory));
    }
    if (store->edge_ms > INT64_MIN / 2)
        catalog_set_fact(to, "edge_ms", store->edge_ms);
    catalog_set_fact(to, "ready", 1);
    struct why other;
    enum err saved = catalog_commit(to, err ? &other : why);
    buf_done(&directory);
    return err ? err : saved;
}

static enum err write_catalog(struct backup_job *job, struct why *why)
{
    struct store_path path = store_path(job->to, "catalog.db"), wal = store_path(job->to, "catalog.db-wal");
    struct manifest_entry entry = {.path = STR("catalog.db")};
    struct catalog *to = NULL;
    bool fresh, left_over = false;
    enum err err = catalog_open(job->sys, job->to, &to, &fresh, why);
    if (!err)
        err = fill_catalog(job, to, why);
    catalog_close(to); /* moves everything into the one file */
    if (!err)
        err = path_exists(job->sys, store_path_str(&wal), &left_over, why);
    if (!err && left_over)
        err = why_set(why, ERR_IO, "the backup's catalog could not be finished");
    if (!err)
        err = file_sum(job->sys, store_path_str(&path), job->backup->cancel, &entry.sum, why);
    return err ? err : add_entry(job, entry, why);
}

static enum err copy_logs(struct backup_job *job, struct why *why)
{
    struct store *store = job->store;
    enum err err = ERR_OK;
    for (uint32_t l = 0; l < store->lane_count && !err; l++) {
        struct log_cut *cuts;
        uint32_t count = log_cut_files(&store->lanes[l].log, &cuts);
        for (uint32_t i = 0; i < count && !err; i++) {
            char name[64];
            snprintf(name, sizeof name, "log/%u-%u.log", store->lanes[l].id, cuts[i].slot);
            err = copy_file(job, str_of(name), cuts[i].used, why);
        }
        mem_free(cuts);
    }
    return err ? err : sync_folder(job, "log", why);
}

/* Who reads the backup as it is, without its catalog, must not find deleted rows. */
static enum err copy_deletes(struct backup_job *job, struct why *why)
{
    const struct tombstone_set *set = job->store->tombstones;
    enum err err = make_folder(job, "tomb", why);
    for (uint32_t i = 0; set && i < set->count && !err; i++) {
        char name[64];
        snprintf(name, sizeof name, "tomb/%016llx.tomb", (unsigned long long)set->at[i]->id);
        if (!set->at[i]->gone_ms)
            err = copy_file(job, str_of(name), UINT64_MAX, why);
    }
    return err ? err : sync_folder(job, "tomb", why);
}

static enum err note_moment(struct backup_job *job, struct why *why)
{
    struct store *store = job->store;
    store_lock_tidy(store);
    store_seal_all(store); /* what cannot be sealed now is in the log */
    job->list = segment_list_ref(store->segments);
    for (uint32_t i = 0; i < job->list->count; i++)
        job->backup->rows += job->list->at[i]->rows;
    manifest_begin(&job->text, sys_wall_ms(job->sys), job->backup->rows);
    enum err err = write_catalog(job, why);
    if (!err)
        err = copy_logs(job, why);
    if (!err)
        err = copy_deletes(job, why);
    store_unlock_tidy(store);
    return err;
}

/* ---- the files in service ---- */

/* A copy must fit: said before anything is copied. */
static enum err start_copying(struct backup_job *job, struct why *why)
{
    uint64_t need = 0, free_bytes, total_bytes;
    for (uint32_t i = 0; i < job->list->count; i++)
        need += job->list->at[i]->bytes;
    job->no_links = true;
    enum err err = sys_space(job->sys, job->to, &free_bytes, &total_bytes, why);
    if (!err && free_bytes < need)
        err = why_set(why, ERR_FULL, "the backup needs %llu bytes there, and %llu are free",
                      (unsigned long long)need, (unsigned long long)free_bytes);
    return err;
}

static enum err take_segment(struct backup_job *job, const struct segment *segment, struct why *why)
{
    struct store_path from = segment_path(segment);
    char name[80];
    snprintf(name, sizeof name, "seg/%08lld/%s.seg", (long long)day_number(segment->day), segment->name);
    struct store_path to = store_path(job->to, "%s", name);
    struct manifest_entry entry = {str_of(name), true, {segment->bytes, 0}};
    enum err err = job->backup->cancel && *job->backup->cancel ? why_set(why, ERR_CANCELLED, "cancelled")
                   : job->no_links                             ? ERR_REFUSED
                                   : sys_link(job->sys, store_path_str(&from), store_path_str(&to), why);
    if (err == ERR_REFUSED) {
        err = job->no_links ? ERR_OK : start_copying(job, why);
        if (!err)
            err = file_copy(job->sys, store_path_str(&from), store_path_str(&to), UINT64_MAX,
                            job->backup->cancel, &entry.sum, why);
        if (!err && entry.sum.bytes != segment->bytes)
            err = why_set(why, ERR_CORRUPT, "%s has %llu bytes instead of %llu", name,
                          (unsigned long long)entry.sum.bytes, (unsigned long long)segment->bytes);
        job->backup->copied = true;
    }
    return err ? err : add_entry(job, entry, why);
}

/* The list is in the order of days: one folder after the other. */
static enum err take_segments(struct backup_job *job, struct why *why)
{
    char folder[32] = "";
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < job->list->count && !err; i++) {
        const struct segment *segment = job->list->at[i];
        bool first = i == 0 || job->list->at[i - 1]->day != segment->day;
        bool last = i + 1 == job->list->count || job->list->at[i + 1]->day != segment->day;
        snprintf(folder, sizeof folder, "seg/%08lld", (long long)day_number(segment->day));
        if (first)
            err = make_folder(job, folder, why);
        if (!err)
            err = take_segment(job, segment, why);
        if (!err && last)
            err = sync_folder(job, folder, why);
    }
    return err ? err : sync_folder(job, "seg", why);
}

/* ---- pack and config.yaml ---- */

static bool add_name(void *ctx, struct str name, bool is_dir)
{
    struct buf *out = ctx;
    buf_u8(out, is_dir);
    buf_sized_str(out, name);
    return true;
}

static enum err copy_folder(struct backup_job *job, struct str name, unsigned depth, struct why *why)
{
    struct store_path from = store_path(job->store->dir, "%.*s", STR_ARG(name));
    struct store_path to = store_path(job->to, "%.*s", STR_ARG(name));
    struct buf names = {0};
    if (depth == PACK_DEPTH_MAX)
        return why_set(why, ERR_LIMIT, "%.*s: folders in folders, more than %d deep", STR_ARG(name),
                       PACK_DEPTH_MAX);
    enum err err = sys_list(job->sys, store_path_str(&from), add_name, &names, why);
    if (!err)
        err = sys_make_dir(job->sys, store_path_str(&to), why);
    struct bytes in = bytes_of(buf_view(&names));
    while (bytes_left(&in) && !err) {
        bool is_dir = bytes_u8(&in);
        struct str part = bytes_sized_str(&in);
        struct store_path inner = store_path(name, "%.*s", STR_ARG(part));
        err = is_dir ? copy_folder(job, store_path_str(&inner), depth + 1, why)
                     : copy_file(job, store_path_str(&inner), UINT64_MAX, why);
    }
    buf_done(&names);
    return err ? err : sys_sync_dir(job->sys, store_path_str(&to), why);
}

static enum err copy_settings(struct backup_job *job, struct why *why)
{
    struct store_path config = store_path(job->store->dir, "config.yaml");
    struct store_path pack = store_path(job->store->dir, "pack");
    bool has_config, has_pack;
    enum err err = path_exists(job->sys, store_path_str(&config), &has_config, why);
    if (!err)
        err = path_exists(job->sys, store_path_str(&pack), &has_pack, why);
    if (!err && has_config)
        err = copy_file(job, STR("config.yaml"), UINT64_MAX, why);
    if (!err && has_pack)
        err = copy_folder(job, STR("pack"), 0, why);
    return err;
}

/* ---- all of it ---- */

static enum err write_manifest(struct backup_job *job, struct why *why)
{
    struct store_path path = store_path(job->to, "%.*s", STR_ARG(MANIFEST_NAME));
    manifest_end(&job->text, job->entries);
    enum err err = file_write(job->sys, store_path_str(&path), buf_view(&job->text), why);
    return err ? err : sys_sync_dir(job->sys, job->to, why);
}

static enum err give_name(struct backup_job *job, struct why *why)
{
    struct str parent = path_parent(job->target);
    enum err err = sys_sync_dir(job->sys, parent, why);
    if (!err)
        err = check_absent(job->sys, job->target, "", why);
    if (!err)
        err = sys_rename(job->sys, job->to, job->target, why);
    if (err)
        return err;
    job->to = job->target;
    return sys_sync_dir(job->sys, parent, why);
}

static enum err fill(struct backup_job *job, struct why *why)
{
    enum err err = make_folder(job, "log", why);
    if (!err)
        err = make_folder(job, "seg", why);
    if (!err)
        err = note_moment(job, why);
    if (!err)
        err = take_segments(job, why);
    if (!err)
        err = copy_settings(job, why);
    if (!err)
        err = write_manifest(job, why);
    return err ? err : give_name(job, why);
}

enum err store_backup(struct store *store, struct store_backup *backup, struct why *why)
{
    struct backup_job job = {.store = store, .sys = store->sys, .backup = backup};
    job.target = trim(backup->target);
    job.partial = store_path(path_parent(job.target), "%.*s.partial", STR_ARG(path_name(job.target)));
    job.to = store_path_str(&job.partial);
    enum err err = check_target(&job, why);
    if (err)
        return err;
    err = sys_make_dir(job.sys, job.to, why);
    if (!err)
        err = fill(&job, why);
    if (err && !folder_remove(job.sys, job.to, false, STR_NONE) && why) /* what stays is partial in name */
        why_wrap(why, err, "%.*s could not be removed", STR_ARG(job.to));
    segment_list_unref(job.list);
    buf_done(&job.text);
    return err;
}
