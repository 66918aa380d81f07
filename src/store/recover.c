/* What a data folder holds, found at start: the catalog's list against the files. A catalog that is lost or
 * damaged is built anew from the files' footers. Nothing is deleted but what is surely unfinished or dropped;
 * everything else that nobody knows goes to quarantine. */
#include "store/recover.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/day.h"

#include <stdlib.h>

struct found_file {
    struct segment *segment; /* of the catalog, or read from the file */
    bool on_disk;
    char folder[16];
    char name[SEGMENT_NAME_MAX + 1];
};

struct recovery {
    struct store *store;
    struct store_report *report;
    struct segment **listed; /* by the catalog */
    uint32_t listed_count, listed_cap;
    bool *listed_on_disk;
    struct found_file *orphans; /* on disk and not listed */
    uint32_t orphan_count, orphan_cap;
    struct buf gone;    /* sized names */
    struct buf deletes; /* sized tombstones, each with its id and the time when it was over */
    bool bad_directory;
    bool kept_keys;
    struct buf removed; /* the same, of a catalog that is built anew although it could be read */
    int64_t edge_ms;    /* of that one */
    bool renewed;       /* a catalog that could not be written was set aside */
    char folder[16];
    enum err err;
    struct why *why;
};

/* ---- what the catalog says ---- */

static void add_listed(struct recovery *recovery, struct segment *segment)
{
    if (recovery->listed_count == recovery->listed_cap) {
        recovery->listed_cap = recovery->listed_cap ? recovery->listed_cap * 2 : 64;
        recovery->listed = mem_resize(recovery->listed, recovery->listed_cap, sizeof(struct segment *));
    }
    recovery->listed[recovery->listed_count++] = segment;
}

static void on_segment(void *ctx, struct str name, struct str directory)
{
    struct recovery *recovery = ctx;
    struct segment *segment =
        segment_decode_directory(&recovery->store->origin, name, directory, recovery->why);
    if (segment)
        add_listed(recovery, segment);
    else
        recovery->bad_directory = true;
}

static void on_lane(void *ctx, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES], uint64_t keys_lsn)
{
    struct store *store = ((struct recovery *)ctx)->store;
    struct lane_facts *facts = store_lane_facts(store, lane);
    memcpy(facts->sealed_lsn, sealed_lsn, sizeof facts->sealed_lsn);
    facts->keys_lsn = keys_lsn;
}

static void on_key(void *ctx, struct str key, int64_t time_ms)
{
    struct store *store = ((struct recovery *)ctx)->store;
    keys_remember(&store->keys, key, time_ms, !store->options.rebuild);
}

static void on_gone(void *ctx, struct str name)
{
    buf_sized_str(&((struct recovery *)ctx)->gone, name);
}

static void on_tombstone(void *ctx, uint64_t id, struct str body, int64_t gone_ms)
{
    struct buf *deletes = &((struct recovery *)ctx)->deletes;
    buf_sized_str(deletes, body);
    buf_u64(deletes, id);
    buf_u64(deletes, (uint64_t)gone_ms);
}

static bool is_among(const struct buf *names, const struct found_file *file)
{
    struct bytes in = bytes_of(buf_view(names));
    char name[64];
    snprintf(name, sizeof name, "%s/%s", file->folder, file->name);
    while (bytes_left(&in))
        if (str_eq(bytes_sized_str(&in), str_of(name)))
            return true;
    return false;
}

static void forget_catalog(struct recovery *recovery)
{
    for (uint32_t i = 0; i < recovery->listed_count; i++)
        segment_unref(recovery->listed[i]);
    recovery->listed_count = 0;
    recovery->gone.size = 0;
    recovery->bad_directory = false;
    mem_free(recovery->store->facts);
    recovery->store->facts = NULL;
    recovery->store->fact_count = 0;
}

static enum err read_catalog(struct recovery *recovery, bool *fresh)
{
    struct store *store = recovery->store;
    struct catalog_reader reader = {recovery, on_segment, on_lane, on_key, on_gone, on_tombstone};
    enum err err = catalog_open(store->sys, store->dir, &store->catalog, fresh, recovery->why);
    if (!err)
        err = catalog_read(store->catalog, &reader, recovery->why);
    if (!err && recovery->bad_directory)
        err = ERR_CORRUPT;
    if (err) {
        catalog_close(store->catalog);
        store->catalog = NULL;
        forget_catalog(recovery);
        recovery->deletes.size = 0;
    }
    return err;
}

static enum err set_catalog_aside(struct recovery *recovery)
{
    static const char *const names[] = {"catalog.db", "catalog.db-wal", "catalog.db-journal"};
    struct store *store = recovery->store;
    long long now_ms = (long long)sys_wall_ms(store->sys);
    enum err err = ERR_OK;
    for (unsigned i = 0; i < sizeof names / sizeof *names && !err; i++) {
        struct store_path from = store_path(store->dir, "%s", names[i]);
        struct store_path to = store_path(store->dir, "quarantine/%lld-%s", now_ms, names[i]);
        err = sys_rename(store->sys, store_path_str(&from), store_path_str(&to), recovery->why);
        if (err == ERR_MISSING)
            err = ERR_OK;
        else if (!err)
            recovery->report->quarantined_files++;
    }
    if (!err)
        err = sys_sync_dir(store->sys, store->dir, recovery->why);
    return err;
}

/* ---- what is on disk ---- */

static void on_disk(struct recovery *recovery, struct str name)
{
    for (uint32_t i = 0; i < recovery->listed_count; i++)
        if (str_eq(str_of(recovery->listed[i]->name), name)) {
            recovery->listed_on_disk[i] = true;
            return;
        }
    if (recovery->orphan_count == recovery->orphan_cap) {
        recovery->orphan_cap = recovery->orphan_cap ? recovery->orphan_cap * 2 : 16;
        recovery->orphans = mem_resize(recovery->orphans, recovery->orphan_cap, sizeof *recovery->orphans);
    }
    struct found_file *orphan = &recovery->orphans[recovery->orphan_count++];
    *orphan = (struct found_file){.on_disk = true};
    memcpy(orphan->folder, recovery->folder, sizeof orphan->folder);
    memcpy(orphan->name, name.at, name.size);
}

static bool set_aside(struct recovery *recovery, struct str name, const char *what)
{
    struct store *store = recovery->store;
    struct store_path from = store_path(store->dir, "seg/%s/%.*s", recovery->folder, STR_ARG(name));
    struct store_path to = store_path(store->dir, "quarantine/%s-%.*s", recovery->folder, STR_ARG(name));
    if (sys_rename(store->sys, store_path_str(&from), store_path_str(&to), NULL))
        return false;
    buf_printf(&recovery->report->text, "seg/%s/%.*s: %s; moved to quarantine\n", recovery->folder,
               STR_ARG(name), what);
    recovery->report->quarantined_files++;
    return true;
}

static bool on_file(void *ctx, struct str name, bool is_dir)
{
    struct recovery *recovery = ctx;
    struct store *store = recovery->store;
    if (str_ends(name, STR(".tmp")) && !store->read_only_open) {
        struct store_path path = store_path(store->dir, "seg/%s/%.*s", recovery->folder, STR_ARG(name));
        enum err err = sys_unlink(store->sys, store_path_str(&path), NULL); /* never finished */
        (void)err;
    } else if (str_ends(name, STR(".seg")) && name.size - 4 <= SEGMENT_NAME_MAX && name.size > 4 && !is_dir) {
        on_disk(recovery, str_first(name, name.size - 4));
    } else if (!store->read_only_open) {
        set_aside(recovery, name, "not a file of this store");
    }
    return true;
}

static bool on_folder(void *ctx, struct str name, bool is_dir)
{
    struct buf *out = ctx;
    if (is_dir && name.size < 16)
        buf_sized_str(out, name);
    return true;
}

static enum err list_files(struct recovery *recovery)
{
    struct store *store = recovery->store;
    struct buf folders = {0};
    struct store_path path = store_path(store->dir, "seg");
    recovery->listed_on_disk = mem_zero(recovery->listed_count, sizeof(bool));
    enum err err = sys_list(store->sys, store_path_str(&path), on_folder, &folders, recovery->why);
    if (err == ERR_MISSING)
        err = ERR_OK;
    struct bytes in = bytes_of(buf_view(&folders));
    while (bytes_left(&in) && !err) {
        struct str folder = bytes_sized_str(&in);
        memset(recovery->folder, 0, sizeof recovery->folder);
        memcpy(recovery->folder, folder.at, folder.size);
        path = store_path(store->dir, "seg/%s", recovery->folder);
        err = sys_list(store->sys, store_path_str(&path), on_file, recovery, recovery->why);
        if (err == ERR_MISSING)
            err = ERR_OK;
    }
    buf_done(&folders);
    return err;
}

/* ---- putting both together ---- */

static bool is_listed(const struct recovery *recovery, const char *name)
{
    for (uint32_t i = 0; i < recovery->listed_count; i++)
        if (strcmp(recovery->listed[i]->name, name) == 0)
            return true;
    return false;
}

/* Was a merge finished, but not its transaction? Then the files it would replace are in service. */
static bool is_unused_merge(const struct recovery *recovery, const struct segment *segment)
{
    for (uint32_t i = 0; i < segment->replaces_count; i++)
        if (!is_listed(recovery, segment->replaces[i]))
            return false;
    return segment->replaces_count > 0;
}

static void keep_leftover(struct store *store, struct segment *segment)
{
    store->leftover = mem_resize(store->leftover, store->leftover_count + 1, sizeof(struct segment *));
    store->leftover[store->leftover_count++] = segment;
}

static void settle_orphan(struct recovery *recovery, struct found_file *orphan)
{
    struct store *store = recovery->store;
    struct str name = str_of(orphan->name);
    struct segment *segment = NULL;
    struct why why = {0};
    memcpy(recovery->folder, orphan->folder, sizeof recovery->folder);
    if (is_among(&recovery->gone, orphan))
        return; /* keep_gone removes it */
    bool drop = false;
    if (!drop && segment_open_file(&store->origin, str_of(orphan->folder), name, &segment, &why) == ERR_OK) {
        drop = is_unused_merge(recovery, segment);
        if (!drop && segment->cover_count == 1 && segment->replaces_count == 0) {
            keep_leftover(store, segment); /* the replay tells whether the log has its rows */
            return;
        }
    }
    if (drop) {
        store_stray(store, orphan->folder, orphan->name);
    } else {
        char file[SEGMENT_NAME_MAX + 8];
        snprintf(file, sizeof file, "%s.seg", orphan->name);
        set_aside(recovery, str_of(file), segment ? "the catalog does not know it" : why.text);
    }
    segment_unref(segment);
}

void recover_leftovers(struct store *store, struct store_report *report)
{
    struct recovery recovery = {.store = store, .report = report};
    for (uint32_t i = 0; i < store->leftover_count; i++) {
        struct segment *segment = store->leftover[i];
        const struct segment_cover *cover = segment->covers;
        const struct lane_facts *facts = store_lane_facts(store, cover->lane);
        uint64_t sealed = facts->sealed_lsn[cover->class];
        /* Everything that was not sealed up to the file's end was in the log: the file is not needed. */
        bool dropped = cover->lsn > sealed && facts->log_first <= sealed + 1 && facts->log_first > 0 &&
                       facts->log_last >= cover->lsn;
        if (dropped) {
            store_stray_segment(store, segment);
        } else {
            char file[SEGMENT_NAME_MAX + 8];
            snprintf(file, sizeof file, "%s.seg", segment->name);
            snprintf(recovery.folder, sizeof recovery.folder, "%08lld", (long long)day_number(segment->day));
            set_aside(&recovery, str_of(file), "the catalog does not know it");
        }
        segment_unref(segment);
    }
    mem_free(store->leftover);
    store->leftover = NULL;
    store->leftover_count = 0;
}

static void settle_listed(struct recovery *recovery)
{
    struct store *store = recovery->store;
    uint32_t kept = 0, missing = 0;
    for (uint32_t i = 0; i < recovery->listed_count; i++)
        missing += !recovery->listed_on_disk[i];
    if (missing)
        catalog_begin(store->catalog);
    for (uint32_t i = 0; i < recovery->listed_count; i++) {
        struct segment *segment = recovery->listed[i];
        if (recovery->listed_on_disk[i]) {
            recovery->listed[kept++] = segment;
            continue;
        }
        buf_printf(&recovery->report->text, "seg/%08lld/%s.seg is missing: %llu rows of that day are lost\n",
                   (long long)day_number(segment->day), segment->name, (unsigned long long)segment->rows);
        catalog_remove(store->catalog, str_of(segment->name));
        segment_unref(segment);
    }
    recovery->listed_count = kept;
    struct why why;
    if (missing && catalog_commit(store->catalog, &why))
        store_note(store, &why);
}

/* Those that were not found on disk either: their removal must become durable before they are forgotten. */
static void keep_gone(struct recovery *recovery)
{
    struct bytes in = bytes_of(buf_view(&recovery->gone));
    while (bytes_left(&in)) {
        struct str name = bytes_sized_str(&in), folder;
        char folder_text[16], name_text[SEGMENT_NAME_MAX + 1];
        name = str_cut(name, '/', &folder);
        snprintf(folder_text, sizeof folder_text, "%.*s", STR_ARG(folder));
        snprintf(name_text, sizeof name_text, "%.*s", STR_ARG(name));
        store_stray(recovery->store, folder_text, name_text);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct found_file *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Takes every readable file into service, but those that another replaces. */
static void adopt_orphans(struct recovery *recovery)
{
    struct store *store = recovery->store;
    if (recovery->orphan_count)
        qsort(recovery->orphans, recovery->orphan_count, sizeof *recovery->orphans, by_name);
    for (uint32_t i = 0; i < recovery->orphan_count; i++) {
        struct found_file *orphan = &recovery->orphans[i];
        struct why why = {0};
        if (is_among(&recovery->removed, orphan)) {
            store_stray(store, orphan->folder, orphan->name);
            continue;
        }
        enum err err = segment_open_file(&store->origin, str_of(orphan->folder), str_of(orphan->name),
                                         &orphan->segment, &why);
        if (!err)
            continue;
        if (store->read_only_open) {
            buf_printf(&recovery->report->text, "seg/%s/%s.seg: %s\n", orphan->folder, orphan->name,
                       why.text);
            continue;
        }
        char file[SEGMENT_NAME_MAX + 8];
        snprintf(file, sizeof file, "%s.seg", orphan->name);
        memcpy(recovery->folder, orphan->folder, sizeof recovery->folder);
        set_aside(recovery, str_of(file), why.text);
    }
    for (uint32_t i = 0; i < recovery->orphan_count; i++) {
        const struct segment *segment = recovery->orphans[i].segment;
        for (uint32_t r = 0; segment && r < segment->replaces_count; r++) {
            struct found_file key = {0}, *replaced;
            memcpy(key.name, segment->replaces[r], sizeof key.name);
            replaced = bsearch(&key, recovery->orphans, recovery->orphan_count, sizeof key, by_name);
            if (replaced && replaced->segment != segment)
                replaced->on_disk = false; /* not in service */
        }
    }
    for (uint32_t i = 0; i < recovery->orphan_count; i++) {
        struct found_file *orphan = &recovery->orphans[i];
        if (!orphan->segment)
            continue;
        if (orphan->on_disk) {
            add_listed(recovery, orphan->segment);
            continue;
        }
        if (!store->read_only_open)
            store_stray_segment(store, orphan->segment);
        segment_unref(orphan->segment);
    }
}

static enum err save_rebuilt(struct recovery *recovery)
{
    struct store *store = recovery->store;
    struct buf directory = {0};
    catalog_begin(store->catalog);
    for (uint32_t i = 0; i < recovery->listed_count; i++) {
        directory.size = 0;
        segment_encode_directory(recovery->listed[i], &directory);
        catalog_add(store->catalog, str_of(recovery->listed[i]->name), buf_view(&directory));
    }
    buf_done(&directory);
    if (recovery->edge_ms > INT64_MIN / 2)
        catalog_set_fact(store->catalog, "edge_ms", recovery->edge_ms);
    struct bytes deletes = bytes_of(buf_view(&recovery->deletes)); /* of a catalog that could be read */
    while (bytes_left(&deletes)) {
        struct str body = bytes_sized_str(&deletes);
        uint64_t id = bytes_u64(&deletes);
        catalog_add_tombstone(store->catalog, id, body, (int64_t)bytes_u64(&deletes));
    }
    catalog_set_fact(store->catalog, "ready", 1); /* from now on a file that is not listed is a stranger */
    return catalog_commit(store->catalog, recovery->why);
}

static enum err rebuild(struct recovery *recovery, const char *what)
{
    enum err err = list_files(recovery);
    if (err)
        return err;
    uint32_t found = recovery->orphan_count;
    adopt_orphans(recovery);
    if (recovery->store->read_only_open)
        return ERR_OK;
    if (found)
        buf_printf(&recovery->report->text, "the catalog was %s: built anew from %u files%s\n", what,
                   recovery->listed_count,
                   recovery->kept_keys ? "" : "; idempotency keys older than the log are forgotten");
    enum err err_save = save_rebuilt(recovery);
    if (err_save == ERR_CORRUPT && !recovery->renewed) { /* it could be read and not written */
        bool fresh;
        recovery->renewed = true;
        catalog_close(recovery->store->catalog);
        recovery->store->catalog = NULL;
        err_save = set_catalog_aside(recovery);
        if (!err_save)
            err_save = catalog_open(recovery->store->sys, recovery->store->dir, &recovery->store->catalog,
                                    &fresh, recovery->why);
        if (!err_save)
            err_save = save_rebuilt(recovery);
    }
    return err_save;
}

/* As if it were damaged; but what only it knows is kept, if it can be read. */
static enum err rebuild_as_asked(struct recovery *recovery)
{
    struct store *store = recovery->store;
    bool fresh = false;
    enum err err = read_catalog(recovery, &fresh);
    if (!err)
        err = catalog_fact(store->catalog, "edge_ms", recovery->edge_ms, &recovery->edge_ms, recovery->why);
    if (!err) {
        recovery->kept_keys = !fresh;
        recovery->removed = recovery->gone;
        recovery->gone = (struct buf){0};
        catalog_close(store->catalog);
        store->catalog = NULL;
        forget_catalog(recovery);
    }
    if (err && err != ERR_CORRUPT)
        return err;
    err = set_catalog_aside(recovery);
    if (!err)
        err = read_catalog(recovery, &fresh);
    return err ? err : rebuild(recovery, recovery->kept_keys ? "set aside" : "lost or damaged");
}

static enum err recover(struct recovery *recovery)
{
    struct store *store = recovery->store;
    bool fresh = false;
    if (store->read_only_open)
        return rebuild(recovery, "not read");
    if (store->options.rebuild)
        return rebuild_as_asked(recovery);
    enum err err = read_catalog(recovery, &fresh);
    bool damaged = err == ERR_CORRUPT;
    if (damaged) {
        buf_printf(&recovery->report->text, "%s; it was moved to quarantine\n", recovery->why->text);
        err = set_catalog_aside(recovery);
        if (!err)
            err = read_catalog(recovery, &fresh);
    }
    if (err)
        return err;
    if (damaged || fresh)
        return rebuild(recovery, damaged ? "damaged" : "lost");
    err = list_files(recovery);
    if (err)
        return err;
    settle_listed(recovery);
    for (uint32_t i = 0; i < recovery->orphan_count; i++)
        settle_orphan(recovery, &recovery->orphans[i]);
    keep_gone(recovery);
    return ERR_OK;
}

/* Rows that a file covers need no replay, whatever the lanes' own marks say. */
static void take_covers(struct store *store)
{
    for (uint32_t i = 0; i < store->segments->count; i++) {
        const struct segment *segment = store->segments->at[i];
        for (uint32_t c = 0; c < segment->cover_count; c++) {
            const struct segment_cover *cover = &segment->covers[c];
            struct lane_facts *facts = store_lane_facts(store, cover->lane);
            facts->cover_lsn = cover->lsn > facts->cover_lsn ? cover->lsn : facts->cover_lsn;
        }
    }
}

enum err store_recover(struct store *store, struct store_report *report, struct why *why)
{
    struct why own = {0};
    struct recovery recovery = {
        .store = store, .report = report, .why = why ? why : &own, .edge_ms = INT64_MIN / 2};
    enum err err = recover(&recovery);
    if (!err) {
        store->segments = segment_list_new(recovery.listed, recovery.listed_count);
        take_covers(store);
        err = store_load_deletes(store, buf_view(&recovery.deletes), report, recovery.why);
    }
    for (uint32_t i = 0; i < recovery.listed_count; i++)
        segment_unref(recovery.listed[i]);
    mem_free(recovery.listed);
    mem_free(recovery.listed_on_disk);
    mem_free(recovery.orphans);
    buf_done(&recovery.gone);
    buf_done(&recovery.deletes);
    buf_done(&recovery.removed);
    return err;
}
