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
        store->doubtful[i]->dropped = true;
        segment_unref(store->doubtful[i]);
    }
    store->doubtful_count = 0;
}

void store_gone(struct store *store, const struct segment *segment)
{
    store->gone = mem_resize(store->gone, store->gone_count + 1, sizeof *store->gone);
    struct gone_file *gone = &store->gone[store->gone_count++];
    gone->day = segment->day;
    memcpy(gone->name, segment->name, sizeof gone->name);
}

/* Within a transaction: those that the last reader has let go of by now need no memory any more. */
void store_commit_gone(struct store *store)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < store->gone_count; i++) {
        struct gone_file *gone = &store->gone[i];
        struct store_path path =
            store_path(store->dir, "seg/%08lld/%s.seg", (long long)day_number(gone->day), gone->name);
        struct sys_file *file;
        enum err err = sys_open(store->sys, store_path_str(&path), SYS_READ, &file, NULL);
        if (err == ERR_MISSING) {
            catalog_forget_gone(store->catalog, str_of(gone->name));
            continue;
        }
        if (!err)
            sys_close(store->sys, file);
        store->gone[kept++] = *gone;
    }
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
