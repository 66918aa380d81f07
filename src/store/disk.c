/* A full disk: the ballast, some megabytes kept for this moment, is given back, so that sealing and retention
 * can still move; nothing more is taken in until there is room for the ballast and two log files again. */
#include "store/store_room.h"

#include "store/catalog.h"

static uint64_t ballast_bytes(const struct store *store)
{
    return store->options.log_file_bytes;
}

/* Also the probe: a disk that takes and syncs it is good again. */
static enum err make_ballast(struct store *store, struct why *why)
{
    struct store_path path = store_path(store->dir, "ballast");
    struct sys_file *file;
    enum err err = sys_open(store->sys, store_path_str(&path), SYS_WRITE, &file, why);
    if (err)
        return err;
    err = sys_allocate(store->sys, file, ballast_bytes(store), why);
    if (!err)
        err = sys_sync(store->sys, file, why);
    sys_close(store->sys, file);
    if (err) {
        enum err gone = sys_unlink(store->sys, store_path_str(&path), NULL);
        (void)gone;
    }
    store->has_ballast = err == ERR_OK;
    return err;
}

static bool has_room(struct store *store)
{
    uint64_t free_bytes, total_bytes;
    return sys_space(store->sys, store->dir, &free_bytes, &total_bytes, NULL) == ERR_OK &&
           free_bytes >= (store->has_ballast ? 0 : ballast_bytes(store)) + 2 * store->options.log_file_bytes;
}

static bool on_quarantined(void *ctx, struct str name, bool is_dir)
{
    struct store *store = ctx;
    struct store_path path = store_path(store->dir, "quarantine/%.*s", STR_ARG(name));
    struct sys_file *file;
    uint64_t bytes = 0;
    if (is_dir || sys_open(store->sys, store_path_str(&path), SYS_READ, &file, NULL))
        return true;
    if (sys_size(store->sys, file, &bytes, NULL) == ERR_OK)
        store->foreign_bytes += bytes;
    sys_close(store->sys, file);
    return true;
}

/* 80 % of what was free at the first start, remembered; a budget that is given rules. */
static void set_budget(struct store *store)
{
    uint64_t free_bytes, total_bytes;
    store->disk_bytes_max = store->options.disk_bytes_max;
    if (store->disk_bytes_max)
        return;
    int64_t budget = 0;
    struct why why;
    enum err err = catalog_fact(store->catalog, "budget", 0, &budget, &why);
    if (err)
        store_note(store, &why);
    store->disk_bytes_max = (uint64_t)budget;
    if (err || budget || sys_space(store->sys, store->dir, &free_bytes, &total_bytes, NULL))
        return;
    store->disk_bytes_max = free_bytes / 5 * 4;
    catalog_begin(store->catalog);
    catalog_set_fact(store->catalog, "budget", (int64_t)store->disk_bytes_max);
    if (catalog_commit(store->catalog, &why))
        store_note(store, &why);
}

void disk_open(struct store *store)
{
    struct why why;
    struct store_path path = store_path(store->dir, "quarantine");
    enum err err = sys_list(store->sys, store_path_str(&path), on_quarantined, store, NULL);
    (void)err; /* then it counts as empty */
    set_budget(store);
    if (make_ballast(store, &why))
        disk_failed(store, &why);
    disk_tidy(store);
}

void disk_failed(struct store *store, const struct why *why)
{
    store_note(store, why);
    if (why->err == ERR_FULL && store->has_ballast) {
        struct store_path path = store_path(store->dir, "ballast");
        store->has_ballast = false;
        enum err err = sys_unlink(store->sys, store_path_str(&path), NULL);
        (void)err; /* made again, or found again, later */
    }
    if (why->err == ERR_FULL)
        store->full = true;
}

uint64_t disk_used(struct store *store)
{
    uint64_t bytes = store->foreign_bytes + catalog_bytes(store->catalog) +
                     (store->has_ballast ? ballast_bytes(store) : 0);
    for (uint32_t i = 0; i < store->segments->count; i++)
        bytes += store->segments->at[i]->bytes;
    for (uint32_t l = 0; l < store->lane_count; l++)
        bytes += log_bytes(&store->lanes[l].log);
    return bytes;
}

void disk_tidy(struct store *store)
{
    struct why why;
    uint64_t free_bytes = 0, total_bytes;
    if (store->full && has_room(store) && make_ballast(store, &why) == ERR_OK)
        store->full = false;
    enum err err = sys_space(store->sys, store->dir, &free_bytes, &total_bytes, NULL);
    uint64_t used = disk_used(store);
    pthread_mutex_lock(&store->stats_lock);
    store->stats.disk_bytes = used;
    store->stats.disk_bytes_max = store->disk_bytes_max;
    store->stats.disk_free_bytes = err ? 0 : free_bytes;
    pthread_mutex_unlock(&store->stats_lock);
}
