#include "store/store_room.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/recover.h"
#include "store/tombstone.h"
#include "store/restore.h"

/* Of segments at once, by queries and the cache. */
enum { OPEN_FILES_MAX = 512 };

void store_options_default(struct store_options *options)
{
    *options = (struct store_options){
        .lanes = 1,
        .head_bytes_max = 64 << 20,
        .head_rows_max = 1 << 20,
        .head_age_ms = 60000,
        .pending_bytes_max = 32 << 20,
        .log_file_bytes = 16 << 20,
        .cache_bytes_max = 64 << 20,
    };
}

void store_note(struct store *store, const struct why *why)
{
    pthread_mutex_lock(&store->stats_lock);
    store->stats.last_error = *why;
    store->stats.last_error_ms = sys_wall_ms(store->sys);
    pthread_mutex_unlock(&store->stats_lock);
}

/* ---- open and close ---- */

/* A new folder's own name must be durable too, or all of it would go with a power cut. The lock file, made
 * right after, tells that this was done. */
static enum err sync_parent(struct store *store, struct why *why)
{
    struct store_path lock = store_path(store->dir, "lock");
    struct sys_file *file;
    if (sys_open(store->sys, store_path_str(&lock), SYS_READ, &file, NULL) == ERR_OK) {
        sys_close(store->sys, file);
        return ERR_OK;
    }
    struct str parent = store->dir;
    while (parent.size > 1 && parent.at[parent.size - 1] == '/')
        parent.size--;
    while (parent.size && parent.at[parent.size - 1] != '/')
        parent.size--;
    while (parent.size > 1 && parent.at[parent.size - 1] == '/')
        parent.size--;
    return sys_sync_dir(store->sys, parent.size ? parent : STR("."), why);
}

static enum err make_folders(struct store *store, struct why *why)
{
    static const char *const names[] = {"log", "seg", "quarantine"};
    enum err err = sys_make_dir(store->sys, store->dir, why);
    if (!err)
        err = sync_parent(store, why);
    for (unsigned i = 0; !err && i < sizeof names / sizeof *names; i++) {
        struct store_path path = store_path(store->dir, "%s", names[i]);
        err = sys_make_dir(store->sys, store_path_str(&path), why);
    }
    if (!err)
        err = sys_sync_dir(store->sys, store->dir, why);
    return err;
}

static enum err take_lock(struct store *store, struct why *why)
{
    struct store_path path = store_path(store->dir, "lock");
    enum err err = sys_open(store->sys, store_path_str(&path), SYS_WRITE, &store->lock_file, why);
    if (!err)
        err = sys_lock(store->sys, store->lock_file, why);
    if (err == ERR_BUSY)
        return why_set(why, ERR_BUSY, "%.*s belongs to another running dialtone", STR_ARG(store->dir));
    return err;
}

static struct store *store_new(const struct store_options *options)
{
    struct store *store = MEM_NEW(struct store);
    store->options = *options;
    store->sys = options->sys;
    store->names = options->names;
    store->read_only_open = options->lanes == 0;
    char *dir = mem_alloc(options->dir.size);
    memcpy(dir, options->dir.at, options->dir.size);
    store->dir = store->options.dir = str_make(dir, options->dir.size);
    store->host_field = names_resolve_field(store->names, STR("host"));
    store->edge_ms = INT64_MIN / 2;
    pthread_mutex_init(&store->tidy_lock, NULL);
    pthread_mutex_init(&store->tidy_next, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->stats_lock, NULL);
    keys_init(&store->keys);
    store->cache = cache_new(options->cache_bytes_max, OPEN_FILES_MAX);
    store->origin =
        (struct segment_origin){store->sys, store->dir, store->names, store->cache, store->host_field};
    /* Tests shrink heads; then blocks shrink along, so that many of them occur. */
    uint32_t rows = options->head_rows_max / 16;
    store->block_rows = rows > BLOCK_ROWS_MAX ? BLOCK_ROWS_MAX : rows < 4 ? 4 : rows;
    return store;
}

static void store_free(struct store *store)
{
    for (uint32_t l = 0; l < store->lane_count; l++)
        lane_done(&store->lanes[l]);
    mem_free(store->lanes);
    keys_done(&store->keys);
    segment_list_unref(store->segments);
    tombstone_set_unref(store->tombstones);
    store_leftovers_done(store);
    catalog_close(store->catalog);
    cache_free(store->cache);
    sys_close(store->sys, store->lock_file);
    pthread_mutex_destroy(&store->tidy_lock);
    pthread_mutex_destroy(&store->tidy_next);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->stats_lock);
    mem_free((char *)store->dir.at);
    mem_free(store);
}

static enum err read_edge(struct store *store, struct why *why)
{
    int64_t edge_ms = INT64_MIN / 2;
    enum err err = ERR_OK;
    if (store->catalog)
        err = catalog_fact(store->catalog, "edge_ms", edge_ms, &edge_ms, why);
    store->edge_ms = edge_ms;
    return err;
}

enum err store_open(const struct store_options *options, struct store **out, struct store_report *report,
                    struct why *why)
{
    if (options->dir.size > STORE_DIR_MAX)
        return why_set(why, ERR_LIMIT, "the path of a data folder has at most %d bytes", STORE_DIR_MAX);
    enum err err = restore_check_done(options->sys, options->dir, why);
    if (err)
        return err;
    struct store *store = store_new(options);
    if (!store->read_only_open) {
        err = make_folders(store, why);
        if (!err)
            err = take_lock(store, why);
    }
    if (!err)
        err = store_recover(store, report, why);
    if (!err)
        err = read_edge(store, why);
    if (!err)
        err = store_replay(store, report, why);
    if (err) {
        store_free(store);
        return err;
    }
    recover_leftovers(store, report);
    if (!store->read_only_open)
        disk_open(store);
    store->stats.quarantined_files = report->quarantined_files;
    for (uint32_t l = 0; l < store->lane_count; l++)
        store->head_bytes += lane_head_bytes(&store->lanes[l]);
    *out = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (uint32_t l = 0; l < store->options.lanes; l++) {
        struct lane *lane = &store->lanes[l];
        struct why why;
        while (lane_has_pending(lane))
            lane_commit(lane);
        if (log_mark(&lane->log, &why))
            store_note(store, &why);
    }
    store_free(store);
}

struct lane *store_lane(struct store *store, uint32_t index)
{
    CHECK(index < store->options.lanes);
    return &store->lanes[index];
}

/* ---- what is asked of it ---- */

bool store_seen(struct store *store, struct str key)
{
    return keys_seen(&store->keys, key, sys_wall_ms(store->sys));
}

bool store_last_seq(struct store *store, struct str client, uint64_t *seq)
{
    return keys_last_seq(&store->keys, client, sys_wall_ms(store->sys), seq);
}

int64_t store_oldest_ms(struct store *store)
{
    int64_t edge_ms = store->edge_ms;
    if (store->options.keep_ms <= 0)
        return edge_ms;
    int64_t keep_from_ms = sys_wall_ms(store->sys) - store->options.keep_ms;
    return keep_from_ms > edge_ms ? keep_from_ms : edge_ms;
}

static void lane_stats(struct lane *lane, struct store_stats *out)
{
    pthread_mutex_lock(&lane->lock);
    out->rows_appended += lane->rows_appended;
    out->batches_committed += lane->batches_committed;
    out->commits += lane->commits;
    for (int i = 0; i < 2 * HEAD_CLASSES; i++) {
        struct head *head = i < HEAD_CLASSES ? lane->live[i] : lane->sealing[i - HEAD_CLASSES];
        if (!head || head->rows == 0)
            continue;
        out->head_rows += head->rows;
        out->head_bytes += head_bytes(head);
        if (out->oldest_ms == 0 || head->from_ms < out->oldest_ms)
            out->oldest_ms = head->from_ms;
        if (head->to_ms > out->newest_ms)
            out->newest_ms = head->to_ms;
    }
    pthread_mutex_unlock(&lane->lock);
    pthread_mutex_lock(&lane->queue_lock);
    out->pending_bytes += lane->pending_bytes;
    pthread_mutex_unlock(&lane->queue_lock);
    out->log_bytes += log_bytes(&lane->log);
    out->log_files += log_all_files(&lane->log);
}

static void segment_stats(const struct segment_list *list, struct store_stats *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct segment *segment = list->at[i];
        out->segments++;
        out->segment_rows += segment->rows;
        out->segment_bytes += segment->bytes;
        out->partitions += i == 0 || segment->day != list->at[i - 1]->day;
        if (out->oldest_ms == 0 || segment->from_ms < out->oldest_ms)
            out->oldest_ms = segment->from_ms;
        if (segment->to_ms > out->newest_ms)
            out->newest_ms = segment->to_ms;
    }
}

static void delete_stats(const struct tombstone_set *set, const struct segment_list *list,
                         struct store_stats *out)
{
    for (uint32_t i = 0; i < set->count; i++)
        out->deletes += set->at[i]->gone_ms == 0;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t count;
        const struct touch *touches = tombstone_set_find(set, str_of(list->at[i]->name), &count);
        for (uint32_t t = 0; t < count; t++)
            for (uint32_t c = 0; c < touches[t].file->count; c++)
                out->deleted_rows += touches[t].file->counts[c].rows;
    }
}

void store_stats(struct store *store, struct store_stats *out)
{
    pthread_mutex_lock(&store->stats_lock);
    *out = store->stats;
    pthread_mutex_unlock(&store->stats_lock);
    out->read_only = store->full;
    for (uint32_t l = 0; l < store->lane_count; l++)
        lane_stats(&store->lanes[l], out);
    pthread_mutex_lock(&store->lock);
    struct segment_list *list = segment_list_ref(store->segments);
    struct tombstone_set *set = store->tombstones ? tombstone_set_ref(store->tombstones) : NULL;
    pthread_mutex_unlock(&store->lock);
    segment_stats(list, out);
    if (set)
        delete_stats(set, list, out);
    tombstone_set_unref(set);
    segment_list_unref(list);
}

enum err store_rebuild(struct sys *sys, struct str dir, struct buf *out, struct why *why)
{
    struct store_options options;
    struct store_report report = {0};
    struct store *store = NULL;
    store_options_default(&options);
    options.sys = sys;
    options.dir = dir;
    options.names = names_new();
    options.rebuild = true;
    enum err err = store_open(&options, &store, &report, why);
    buf_str(out, buf_view(&report.text));
    if (!err)
        store_tidy(store, true); /* the keys into the new catalog, too */
    store_close(store);
    buf_done(&report.text);
    names_free(options.names);
    return err;
}
