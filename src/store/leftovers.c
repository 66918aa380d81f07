/* Files that are out of service but may still be on disk, and files of a transaction whose end is in doubt.
 */
#include "store/store_room.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/catalog.h"
#include "store/day.h"

struct lane_facts *store_lane_facts(struct store *store, uint32_t lane)
{
    for (uint32_t i = 0; i < store->fact_count; i++)
        if (store->facts[i].lane == lane)
            return &store->facts[i];
    store->facts = mem_resize(store->facts, store->fact_count + 1, sizeof *store->facts);
    store->facts[store->fact_count] = (struct lane_facts){.lane = lane};
    return &store->facts[store->fact_count++];
}

/* A commit that failed may still be found done after a crash; its files must stay until a later commit has
 * settled that it is not. */
void store_doubt(struct store *store, struct segment **segments, uint32_t count)
{
    store->doubtful = mem_resize(store->doubtful, store->doubtful_count + count, sizeof(struct segment *));
    for (uint32_t i = 0; i < count; i++)
        store->doubtful[store->doubtful_count++] = segment_ref(segments[i]);
}

void store_committed(struct store *store)
{
    for (uint32_t i = 0; i < store->doubtful_count; i++) {
        store_stray_segment(store, store->doubtful[i]);
        segment_unref(store->doubtful[i]);
    }
    store->doubtful_count = 0;
}

static struct store_path gone_path(const struct store *store, const struct gone_file *gone)
{
    return store_path(store->dir, "seg/%s/%s.seg", gone->folder, gone->name);
}

static struct gone_file *add_gone(struct store *store, const char *folder, const char *name)
{
    store->gone = mem_resize(store->gone, store->gone_count + 1, sizeof *store->gone);
    struct gone_file *gone = &store->gone[store->gone_count++];
    *gone = (struct gone_file){0};
    snprintf(gone->folder, sizeof gone->folder, "%s", folder);
    snprintf(gone->name, sizeof gone->name, "%s", name);
    return gone;
}

static void folder_of(const struct segment *segment, char to[16])
{
    snprintf(to, 16, "%08lld", (long long)day_number(segment->day));
}

void store_gone(struct store *store, const struct segment *segment)
{
    char folder[16];
    folder_of(segment, folder);
    add_gone(store, folder, segment->name);
}

void store_not_gone(struct store *store, struct segment **segments, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < store->gone_count; i++) {
        bool back = false;
        for (uint32_t s = 0; s < count; s++)
            back |= strcmp(store->gone[i].name, segments[s]->name) == 0;
        if (!back)
            store->gone[kept++] = store->gone[i];
    }
    store->gone_count = kept;
}

static void remove_stray(struct store *store, struct gone_file *gone)
{
    struct store_path path = gone_path(store, gone);
    enum err err = sys_unlink(store->sys, store_path_str(&path), NULL);
    gone->off_disk = err == ERR_OK || err == ERR_MISSING;
}

void store_stray(struct store *store, const char *folder, const char *name)
{
    struct gone_file *gone = add_gone(store, folder, name);
    gone->stray = true;
    remove_stray(store, gone);
}

void store_stray_segment(struct store *store, const struct segment *segment)
{
    char folder[16];
    folder_of(segment, folder);
    store_stray(store, folder, segment->name);
}

void store_writer_failed(struct store *store, struct segment_writer *writer, int64_t day)
{
    struct segment stray = {.day = day};
    snprintf(stray.name, sizeof stray.name, "%s", segment_writer_name(writer));
    bool named = segment_writer_named(writer);
    segment_writer_free(writer);
    if (named)
        store_stray_segment(store, &stray);
}

bool store_has_strays(const struct store *store)
{
    for (uint32_t i = 0; i < store->gone_count; i++)
        if (store->gone[i].stray)
            return true;
    return false;
}

static void look_again(struct store *store, struct gone_file *gone)
{
    if (gone->stray) {
        remove_stray(store, gone);
        return;
    }
    struct store_path path = gone_path(store, gone);
    struct sys_file *file;
    enum err err = sys_open(store->sys, store_path_str(&path), SYS_READ, &file, NULL);
    if (!err)
        sys_close(store->sys, file);
    gone->off_disk = err == ERR_MISSING;
}

/* Is the removal of the file at this place of the list durable? One sync serves neighbours of one folder. */
static bool sync_removal(struct store *store, uint32_t at, uint32_t *synced)
{
    if (*synced < at && strcmp(store->gone[*synced].folder, store->gone[at].folder) == 0)
        return true;
    struct store_path path = store_path(store->dir, "seg/%s", store->gone[at].folder);
    enum err err = sys_sync_dir(store->sys, store_path_str(&path), NULL);
    if (err != ERR_OK && err != ERR_MISSING)
        return false;
    *synced = at;
    return true;
}

/* Within a transaction: files whose removal is durable are forgotten; the others must be remembered, so that
 * the next start knows them. */
void store_commit_gone(struct store *store)
{
    uint32_t kept = 0, synced = UINT32_MAX;
    struct gone_file *left = mem_alloc(store->gone_count * sizeof *left);
    for (uint32_t i = 0; i < store->gone_count; i++)
        if (!store->gone[i].off_disk)
            look_again(store, &store->gone[i]);
    for (uint32_t i = 0; i < store->gone_count; i++) {
        struct gone_file *gone = &store->gone[i];
        char name[64];
        snprintf(name, sizeof name, "%s/%s", gone->folder, gone->name);
        if (gone->off_disk && sync_removal(store, i, &synced)) {
            catalog_forget_gone(store->catalog, str_of(name));
        } else {
            catalog_add_gone(store->catalog, str_of(name));
            left[kept++] = *gone;
        }
    }
    for (uint32_t i = 0; i < store->doubtful_count; i++) { /* this commit, if it succeeds, settles them */
        char folder[16], name[64];
        folder_of(store->doubtful[i], folder);
        snprintf(name, sizeof name, "%s/%s", folder, store->doubtful[i]->name);
        catalog_add_gone(store->catalog, str_of(name));
    }
    mem_free(store->gone);
    store->gone = left;
    store->gone_count = kept;
}

void store_leftovers_done(struct store *store)
{
    for (uint32_t i = 0; i < store->doubtful_count; i++)
        segment_unref(store->doubtful[i]);
    mem_free(store->doubtful);
    mem_free(store->gone);
    mem_free(store->facts);
}
