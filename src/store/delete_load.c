/* Deletes at start: what the catalog says against the files in tomb/. Either stands for the other. */
#include "base/bytes.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/delete.h"
#include "store/tombstone.h"

#include <inttypes.h>

struct loaded {
    struct tombstone *tombstone;
    struct str body; /* of the catalog; at == NULL: it had none */
    bool on_disk;
};

struct loading {
    struct store *store;
    struct store_report *report;
    struct loaded *at;
    uint32_t count;
    struct buf names; /* of what is in tomb/; sized */
};

static void add(struct loading *loading, struct tombstone *tombstone, struct str body, bool on_disk)
{
    loading->at = mem_resize(loading->at, loading->count + 1, sizeof *loading->at);
    loading->at[loading->count++] = (struct loaded){tombstone, body, on_disk};
}

static void take_catalog(struct loading *loading, struct str bodies)
{
    struct bytes in = bytes_of(bodies);
    while (bytes_left(&in)) {
        struct why why = {0};
        struct str body = bytes_sized_str(&in);
        uint64_t id = bytes_u64(&in);
        int64_t gone_ms = (int64_t)bytes_u64(&in);
        struct tombstone *tombstone = tombstone_decode(body, loading->store->names, &why);
        if (!tombstone) {
            buf_printf(&loading->report->text, "delete %llu cannot be read: %s; its rows may be back\n",
                       (unsigned long long)id, why.text);
            continue;
        }
        tombstone->gone_ms = gone_ms;
        add(loading, tombstone, body, false);
    }
}

static uint32_t find(const struct loading *loading, uint64_t id)
{
    for (uint32_t i = 0; i < loading->count; i++)
        if (loading->at[i].tombstone->id == id)
            return i;
    return UINT32_MAX;
}

static bool on_name(void *ctx, struct str name, bool is_dir)
{
    if (!is_dir)
        buf_sized_str(ctx, name);
    return true;
}

static struct store_path path_of(const struct store *store, struct str name)
{
    return store_path(store->dir, "tomb/%.*s", STR_ARG(name));
}

/* Its copy in the catalog takes its place, when there is one. */
static void set_aside(struct loading *loading, struct str name, const struct why *why)
{
    struct store *store = loading->store;
    struct store_path from = path_of(store, name),
                      to = store_path(store->dir, "quarantine/tomb-%.*s", STR_ARG(name));
    uint64_t id = 0;
    char text[32];
    snprintf(text, sizeof text, "%.*s", STR_ARG(str_first(name, 16)));
    bool known = sscanf(text, "%" SCNx64, &id) == 1 && find(loading, id) != UINT32_MAX;
    buf_printf(&loading->report->text, "tomb/%.*s: %s; %s\n", STR_ARG(name), why->text,
               known ? "the catalog has it, too" : "rows that it said were deleted may be back");
    if (!store->read_only_open &&
        sys_rename(store->sys, store_path_str(&from), store_path_str(&to), NULL) == ERR_OK)
        loading->report->quarantined_files++;
}

static enum err take_file(struct loading *loading, struct str name, struct why *why)
{
    struct store *store = loading->store;
    struct store_path path = path_of(store, name);
    struct buf bytes = {0};
    struct why bad = {0};
    enum err err = sys_read_file(store->sys, store_path_str(&path), TOMBSTONE_BYTES_MAX, &bytes, &bad);
    struct tombstone *tombstone = err ? NULL : tombstone_decode(buf_view(&bytes), store->names, &bad);
    uint32_t known = tombstone ? find(loading, tombstone->id) : UINT32_MAX;
    if (!tombstone) {
        set_aside(loading, name, &bad);
    } else if (known != UINT32_MAX) {
        loading->at[known].on_disk = true;
        tombstone_unref(tombstone);
    } else {
        if (!store->read_only_open)
            catalog_add_tombstone(store->catalog, tombstone->id, buf_view(&bytes), 0);
        add(loading, tombstone, STR_NONE, true);
    }
    buf_done(&bytes);
    return ERR_OK;
}

static enum err take_files(struct loading *loading, struct why *why)
{
    struct store *store = loading->store;
    struct store_path folder = store_path(store->dir, "tomb");
    enum err err = sys_list(store->sys, store_path_str(&folder), on_name, &loading->names, why);
    if (err)
        return err == ERR_MISSING ? ERR_OK : err;
    if (!store->read_only_open)
        catalog_begin(store->catalog);
    struct bytes in = bytes_of(buf_view(&loading->names));
    while (bytes_left(&in) && !err) {
        struct str name = bytes_sized_str(&in);
        if (str_ends(name, STR(".tomb"))) {
            err = take_file(loading, name, why);
        } else if (str_ends(name, STR(".tmp")) && !store->read_only_open) {
            struct store_path path = path_of(store, name);
            enum err gone = sys_unlink(store->sys, store_path_str(&path), NULL); /* never finished */
            (void)gone;
        }
    }
    struct why own;
    if (!store->read_only_open && catalog_commit(store->catalog, &own))
        store_note(store, &own); /* the files have them; the next start tries again */
    return err;
}

/* Puts the file in place that the catalog alone speaks of, or removes one whose delete is over. */
static void mend(struct store *store, const struct loaded *loaded)
{
    struct why why;
    uint64_t id = loaded->tombstone->id;
    if (loaded->tombstone->gone_ms && loaded->on_disk)
        delete_remove_file(store, id);
    else if (!loaded->tombstone->gone_ms && !loaded->on_disk &&
             delete_write_file(store, id, loaded->body, &why))
        store_note(store, &why);
}

static void take_into_force(struct loading *loading)
{
    struct store *store = loading->store;
    struct tombstone **all = mem_alloc(loading->count * sizeof(struct tombstone *));
    for (uint32_t i = 0; i < loading->count; i++) {
        all[i] = loading->at[i].tombstone;
        if (!store->read_only_open)
            mend(store, &loading->at[i]);
    }
    if (loading->count)
        store->tombstones = tombstone_set_new(all, loading->count);
    mem_free(all);
}

enum err store_load_deletes(struct store *store, struct str bodies, struct store_report *report,
                            struct why *why)
{
    struct loading loading = {.store = store, .report = report};
    take_catalog(&loading, bodies);
    enum err err = take_files(&loading, why);
    if (!err)
        take_into_force(&loading);
    for (uint32_t i = 0; i < loading.count; i++)
        tombstone_unref(loading.at[i].tombstone);
    mem_free(loading.at);
    buf_done(&loading.names);
    return err;
}
