/* Everything into as few files as the limits allow. Within a day files are taken in their order, as many at a
 * time as may become one; a day of many small files takes a second pass. A pass never goes back, so that
 * files which come meanwhile cannot keep it for ever. */
#include "store/merge.h"

#include "store/retain.h"

enum { PASSES_MAX = 4 };

struct merging {
    struct store *store;
    const struct merge_options *options;
    struct merge_progress progress;
    uint64_t rows_before; /* of files done, in this pass */
    /* The pass went up to this file. */
    bool begun;
    int64_t day, from_ms;
    char name[SEGMENT_NAME_MAX + 1];
};

static bool lies_behind(const struct merging *merging, const struct segment *segment)
{
    if (!merging->begun || segment->day != merging->day)
        return !merging->begun || segment->day > merging->day;
    if (segment->from_ms != merging->from_ms)
        return segment->from_ms > merging->from_ms;
    return strcmp(segment->name, merging->name) > 0;
}

static void pass_by(struct merging *merging, const struct segment *segment)
{
    merging->begun = true;
    merging->day = segment->day;
    merging->from_ms = segment->from_ms;
    memcpy(merging->name, segment->name, sizeof merging->name);
}

/* The next files that may become one; 0 when the pass is over. */
static uint32_t next_group(struct merging *merging, const struct segment_list *list, struct segment **out)
{
    uint64_t rows = 0, sources = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct segment *segment = list->at[i];
        if (!lies_behind(merging, segment) || segment->damaged ||
            (merging->options->touched_only && !store_is_touched(merging->store, segment)))
            continue;
        rows += segment->rows;
        sources += segment->source_count;
        bool fits = count < MERGE_INPUTS_MAX && rows <= MERGE_ROWS_MAX && sources <= MERGE_SOURCES_MAX;
        if (count && (!fits || segment->day != out[0]->day))
            break;
        out[count++] = segment;
        pass_by(merging, segment);
    }
    return count;
}

static bool tell(struct merging *merging, uint64_t rows)
{
    if (!merging->options->progress)
        return true;
    struct merge_progress *progress = &merging->progress;
    uint64_t done = merging->rows_before + rows;
    progress->rows_done = done < progress->rows_all ? done : progress->rows_all;
    return merging->options->progress(merging->options->ctx, progress);
}

static bool watch(void *ctx, uint64_t rows)
{
    return tell(ctx, rows);
}

/* Damage is found by reading: the file is set aside, and the next pass takes what is left of it. */
static enum err merge_group(struct merging *merging, struct segment **group, uint32_t count, struct why *why)
{
    enum err err = merge_files(merging->store, group, count, watch, merging, why);
    bool damaged = false;
    for (uint32_t i = 0; i < count; i++)
        damaged |= group[i]->damaged;
    if (err == ERR_CORRUPT && damaged) {
        store_note(merging->store, why);
        retain_damaged(merging->store);
        return ERR_OK;
    }
    merging->progress.files += err == ERR_OK;
    return err;
}

/* One group under the lock. *more: the pass goes on; *merged: there may be more to unite. */
static enum err step(struct merging *merging, bool *more, bool *merged, struct why *why)
{
    struct store *store = merging->store;
    struct segment *group[MERGE_INPUTS_MAX];
    enum err err = ERR_OK;
    store_lock_tidy(store);
    struct segment_list *list = segment_list_ref(store->segments);
    uint32_t count = next_group(merging, list, group);
    *more = count > 0;
    if (count > 1 || (count == 1 && store_is_touched(store, group[0]))) {
        err = merge_group(merging, group, count, why);
        if (err && err != ERR_CANCELLED)
            disk_failed(store, why);
        *merged = true;
    }
    for (uint32_t i = 0; i < count; i++)
        merging->rows_before += group[i]->rows;
    segment_list_unref(list);
    store_unlock_tidy(store);
    if (!err && !tell(merging, 0))
        err = why_set(why, ERR_CANCELLED, "the merge was given up");
    return err;
}

static enum err pass(struct merging *merging, bool *merged, struct why *why)
{
    enum err err = ERR_OK;
    bool more = true;
    merging->begun = *merged = false;
    merging->rows_before = 0;
    while (more && !err)
        err = step(merging, &more, merged, why);
    return err;
}

static enum err seal(struct merging *merging, struct why *why)
{
    struct store *store = merging->store;
    store_lock_tidy(store);
    enum err err = store_seal_heads(store, why);
    if (err)
        disk_failed(store, why);
    for (uint32_t i = 0; i < store->segments->count; i++)
        merging->progress.rows_all += store->segments->at[i]->rows;
    store_unlock_tidy(store);
    return err;
}

enum err store_merge(struct store *store, const struct merge_options *options, struct why *why)
{
    struct merging merging = {.store = store, .options = options};
    if (store->read_only_open)
        return why_set(why, ERR_REFUSED, "the folder is open for reading only");
    enum err err = seal(&merging, why);
    bool merged = true;
    for (unsigned i = 0; i < PASSES_MAX && merged && !err; i++)
        err = pass(&merging, &merged, why);
    store_lock_tidy(store);
    store_end_deletes(store);
    store_unlock_tidy(store);
    return err;
}
