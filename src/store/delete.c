/* Deletes, from the request to the last byte. All heads are sealed, so that what was stored lies in files;
 * the rows meant are counted, file by file; then a tombstone (tombstone.h) is written twice: as a file of its
 * own, durable first, and into the catalog. Either is enough, so that neither a lost catalog nor a damaged
 * tombstone brings rows back; a start puts the missing one in place. Under the store's lock it is shown to
 * the snapshots to come.
 *
 * A merge leaves the rows out. When no file of a tombstone is left, in service or on its way off the disk,
 * its file goes and the catalog keeps a record of it. */
#include "store/delete.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/delete_count.h"
#include "store/store_room.h"
#include "store/tombstone.h"

/* ---- files ---- */

static struct store_path tombstone_path(const struct store *store, uint64_t id, const char *suffix)
{
    return store_path(store->dir, "tomb/%016llx.%s", (unsigned long long)id, suffix);
}

static enum err write_bytes(struct store *store, struct str path, struct str bytes, struct why *why)
{
    struct sys_file *file;
    enum err err = sys_unlink(store->sys, path, NULL); /* of an attempt that could not even clean up */
    (void)err;
    err = sys_open(store->sys, path, SYS_CREATE, &file, why);
    if (err)
        return err;
    err = sys_write_at(store->sys, file, 0, bytes.at, bytes.size, why);
    if (!err)
        err = sys_sync(store->sys, file, why);
    sys_close(store->sys, file);
    return err;
}

enum err delete_write_file(struct store *store, uint64_t id, struct str bytes, struct why *why)
{
    struct store_path folder = store_path(store->dir, "tomb");
    struct store_path path = tombstone_path(store, id, "tomb"), temporary = tombstone_path(store, id, "tmp");
    enum err err = sys_make_dir(store->sys, store_path_str(&folder), why);
    if (!err)
        err = sys_sync_dir(store->sys, store->dir, why);
    if (!err)
        err = write_bytes(store, store_path_str(&temporary), bytes, why);
    if (!err)
        err = sys_rename(store->sys, store_path_str(&temporary), store_path_str(&path), why);
    if (!err)
        err = sys_sync_dir(store->sys, store_path_str(&folder), why);
    return err;
}

/* When it cannot be removed, or comes back by a power cut, a later start finds that no file needs it. */
void delete_remove_file(struct store *store, uint64_t id)
{
    static const char *const suffixes[] = {"tomb", "tmp"};
    for (unsigned i = 0; i < 2; i++) {
        struct store_path path = tombstone_path(store, id, suffixes[i]);
        enum err err = sys_unlink(store->sys, store_path_str(&path), NULL);
        (void)err;
    }
}

/* ---- the set ---- */

static void publish(struct store *store, struct tombstone **tombstones, uint32_t count)
{
    struct tombstone_set *set = count ? tombstone_set_new(tombstones, count) : NULL;
    pthread_mutex_lock(&store->lock);
    struct tombstone_set *before = store->tombstones;
    store->tombstones = set;
    pthread_mutex_unlock(&store->lock);
    tombstone_set_unref(before);
}

static void publish_more(struct store *store, struct tombstone *tombstone)
{
    const struct tombstone_set *set = store->tombstones;
    uint32_t count = set ? set->count : 0;
    struct tombstone **all = mem_alloc((count + 1) * sizeof(struct tombstone *));
    if (count)
        memcpy(all, set->at, count * sizeof(struct tombstone *));
    all[count] = tombstone;
    publish(store, all, count + 1);
    mem_free(all);
}

bool store_is_touched(const struct store *store, const struct segment *segment)
{
    uint32_t count;
    return store->tombstones && tombstone_set_find(store->tombstones, str_of(segment->name), &count);
}

static uint32_t count_in_force(const struct tombstone_set *set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; set && i < set->count; i++)
        count += set->at[i]->gone_ms == 0;
    return count;
}

/* ---- a delete ---- */

struct deletion {
    struct store *store;
    const struct delete_request *request;
    struct delete_report *report;
    struct tombstone_entry *entries;
    uint32_t count, cap;
    const struct part *last;
};

static void add_entry(void *ctx, struct part *part, uint32_t metric, uint64_t rows)
{
    struct deletion *deletion = ctx;
    if (deletion->count == deletion->cap) {
        deletion->cap = deletion->cap ? deletion->cap * 2 : 64;
        deletion->entries = mem_resize(deletion->entries, deletion->cap, sizeof *deletion->entries);
    }
    deletion->entries[deletion->count++] = (struct tombstone_entry){part->segment->name, metric, rows};
    delete_report_add(deletion->report, part, metric, rows, deletion->last == part);
    deletion->last = part;
}

static void breathe(void *ctx)
{
    store_breathe(((struct deletion *)ctx)->store);
}

static enum err save(struct store *store, const struct tombstone *tombstone, struct str bytes,
                     struct why *why)
{
    enum err err = delete_write_file(store, tombstone->id, bytes, why);
    if (!err) {
        catalog_begin(store->catalog);
        catalog_add_tombstone(store->catalog, tombstone->id, bytes, 0);
        err = catalog_commit(store->catalog, why);
    }
    if (err)
        delete_remove_file(store, tombstone->id);
    return err;
}

static enum err put_tombstone(struct deletion *deletion, struct why *why)
{
    struct store *store = deletion->store;
    const struct tombstone_set *set = store->tombstones;
    uint64_t id = set ? set->at[set->count - 1]->id + 1 : 1;
    struct buf bytes = {0};
    enum err err = ERR_OK;
    tombstone_encode(deletion->request, store->names, id, sys_wall_ms(store->sys), deletion->entries,
                     deletion->count, &bytes);
    struct tombstone *tombstone = NULL;
    if (bytes.size > TOMBSTONE_BYTES_MAX)
        err = why_set(why, ERR_LIMIT,
                      "the delete touches too many metrics and files at once: take a part of them");
    else if (!(tombstone = tombstone_decode(buf_view(&bytes), store->names, why)))
        err = why->err;
    if (!err)
        err = save(store, tombstone, buf_view(&bytes), why);
    if (!err) {
        publish_more(store, tombstone);
        deletion->report->id = id;
    }
    tombstone_unref(tombstone);
    buf_done(&bytes);
    return err;
}

static enum err count_files(struct deletion *deletion, struct why *why)
{
    struct snapshot *snapshot = store_snapshot(deletion->store);
    struct delete_counting counting = {.snapshot = snapshot,
                                       .request = deletion->request,
                                       .files_only = true,
                                       .each = add_entry,
                                       .between = breathe,
                                       .ctx = deletion};
    enum err err = delete_count(&counting, why);
    if (!err && deletion->count)
        err = put_tombstone(deletion, why); /* while the names of the files are there */
    snapshot_unref(snapshot);
    return err;
}

static enum err delete (struct deletion *deletion, struct why *why) {
    struct store *store = deletion->store;
    if (count_in_force(store->tombstones) >= TOMBSTONES_MAX) return why_set(
        why, ERR_LIMIT, "%d deletes wait for a merge: `dialtone merge` makes room", TOMBSTONES_MAX);
    enum err err = store_seal_heads(store, why);
    if (!err) err = count_files(deletion, why);
    if (err && err != ERR_LIMIT) disk_failed(store, why);
    return err;
}

enum err store_delete(struct store *store, const struct delete_request *request, struct delete_report *out,
                      struct why *why)
{
    struct deletion deletion = {.store = store, .request = request, .report = out};
    CHECK(request->test_count <= DELETE_TESTS_MAX);
    if (store->read_only_open)
        return why_set(why, ERR_REFUSED, "the folder is open for reading only");
    delete_report_begin(out, request);
    store_lock_tidy(store);
    enum err err = delete (&deletion, why);
    store_unlock_tidy(store);
    mem_free(deletion.entries);
    if (err)
        delete_report_done(out);
    return err;
}

/* ---- the end of a delete ---- */

static void take_names(const struct store *store, bool on_disk, struct intern *names)
{
    for (uint32_t i = 0; i < store->segments->count; i++)
        intern_resolve(names, str_of(store->segments->at[i]->name));
    for (uint32_t i = 0; on_disk && i < store->gone_count; i++)
        intern_resolve(names, str_of(store->gone[i].name));
    for (uint32_t i = 0; on_disk && i < store->doubtful_count; i++)
        intern_resolve(names, str_of(store->doubtful[i]->name));
}

static uint32_t files_left(const struct tombstone *tombstone, const struct intern *names)
{
    uint32_t left = 0;
    for (uint32_t f = 0; f < tombstone->file_count; f++)
        left += intern_find(names, tombstone->files[f].name) != INTERN_NONE;
    return left;
}

/* A copy for the record; in the transaction under way. */
static struct tombstone *end_one(struct store *store, const struct tombstone *tombstone)
{
    struct buf bytes = {0};
    struct why why;
    tombstone_encode_record(tombstone, &bytes);
    struct tombstone *record = tombstone_decode(buf_view(&bytes), store->names, &why);
    CHECK(record);
    record->gone_ms = sys_wall_ms(store->sys);
    catalog_add_tombstone(store->catalog, record->id, buf_view(&bytes), record->gone_ms);
    buf_done(&bytes);
    return record;
}

/* Those of which no file is left on disk, as a transaction that looks after the files on their way off it
 * says. */
static uint32_t end_some(struct store *store, struct tombstone **after)
{
    const struct tombstone_set *set = store->tombstones;
    struct intern names = {0};
    uint32_t ended = 0;
    store_commit_gone(store);
    take_names(store, true, &names);
    for (uint32_t i = 0; i < set->count; i++) {
        bool ends = set->at[i]->gone_ms == 0 && !files_left(set->at[i], &names);
        after[i] = ends ? end_one(store, set->at[i]) : tombstone_ref(set->at[i]);
        ended += ends;
    }
    catalog_drop_tombstones(store->catalog, TOMBSTONES_MAX);
    intern_done(&names);
    return ended;
}

/* The new set, without the oldest records. */
static void put_after(struct store *store, struct tombstone **after)
{
    const struct tombstone_set *set = store->tombstones;
    uint64_t last = set->at[set->count - 1]->id;
    uint32_t kept = 0, count = set->count;
    struct tombstone **keep = mem_alloc(count * sizeof(struct tombstone *));
    for (uint32_t i = 0; i < count; i++) {
        if (after[i] != set->at[i])
            delete_remove_file(store, after[i]->id);
        if (!after[i]->gone_ms || after[i]->id + TOMBSTONES_MAX > last)
            keep[kept++] = after[i];
    }
    publish(store, keep, kept);
    mem_free(keep);
}

static void end_in_transaction(struct store *store)
{
    uint32_t count = store->tombstones->count;
    struct tombstone **after = mem_alloc(count * sizeof(struct tombstone *));
    struct why why;
    catalog_begin(store->catalog);
    uint32_t ended = end_some(store, after);
    enum err err = catalog_commit(store->catalog, &why);
    if (err)
        disk_failed(store, &why);
    else
        store_committed(store);
    if (!err && ended)
        put_after(store, after);
    for (uint32_t i = 0; i < count; i++)
        tombstone_unref(after[i]);
    mem_free(after);
}

void store_end_deletes(struct store *store)
{
    struct intern names = {0};
    bool any = false;
    if (!count_in_force(store->tombstones))
        return;
    take_names(store, false, &names);
    for (uint32_t i = 0; i < store->tombstones->count; i++)
        any |= store->tombstones->at[i]->gone_ms == 0 && !files_left(store->tombstones->at[i], &names);
    intern_done(&names);
    if (any)
        end_in_transaction(store);
}

/* ---- for the record ---- */

void store_deletes(struct store *store, delete_record_fn *each, void *ctx)
{
    struct intern names = {0};
    pthread_mutex_lock(&store->lock);
    struct tombstone_set *set = store->tombstones ? tombstone_set_ref(store->tombstones) : NULL;
    struct segment_list *list = segment_list_ref(store->segments);
    pthread_mutex_unlock(&store->lock);
    for (uint32_t i = 0; set && i < list->count; i++)
        intern_resolve(&names, str_of(list->at[i]->name));
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct tombstone *tombstone = set->at[i];
        struct delete_record record = {.id = tombstone->id,
                                       .rows = tombstone->rows,
                                       .at_ms = tombstone->at_ms,
                                       .gone_ms = tombstone->gone_ms,
                                       .who = tombstone->who,
                                       .text = tombstone->text,
                                       .from_ms = tombstone->from_ms,
                                       .to_ms = tombstone->to_ms,
                                       .files = files_left(tombstone, &names)};
        each(ctx, &record);
    }
    intern_done(&names);
    tombstone_set_unref(set);
    segment_list_unref(list);
}
