/* Whole days go, the oldest first: those that lie entirely beyond keep_ms, then as many as the budget of the
 * disk demands. Of the newest day single files go, oldest first, when it alone is over the budget: going on
 * is worth more than this morning. What was dropped is counted and, as an edge, remembered: older rows are
 * not taken in any more. */
#include "store/retain.h"

#include "base/mem.h"
#include "store/catalog.h"
#include "store/day.h"
#include "store/salvage.h"

#include <stdlib.h>

enum err replace_segments(struct store *store, struct segment **out, uint32_t out_count, struct segment **in,
                          uint32_t in_count, bool keep, struct why *why)
{
    struct catalog *catalog = store->catalog;
    struct buf directory = {0};
    catalog_begin(catalog);
    for (uint32_t i = 0; i < out_count; i++)
        catalog_remove(catalog, str_of(out[i]->name));
    for (uint32_t i = 0; i < in_count; i++) {
        directory.size = 0;
        segment_encode_directory(in[i], &directory);
        catalog_add(catalog, str_of(in[i]->name), buf_view(&directory));
    }
    buf_done(&directory);
    for (uint32_t i = 0; i < out_count && !keep; i++)
        store_gone(store, out[i]);
    if (store->edge_ms > INT64_MIN / 2)
        catalog_set_fact(catalog, "edge_ms", store->edge_ms);
    store_commit_gone(store);
    enum err err = catalog_commit(catalog, why);
    if (err) {
        store_not_gone(store, out, keep ? 0 : out_count);
        store_doubt(store, in, in_count);
        return err;
    }
    store_committed(store);
    pthread_mutex_lock(&store->lock);
    struct segment_list *before = store->segments;
    store->segments = segment_list_change(before, out, out_count, in, in_count);
    pthread_mutex_unlock(&store->lock);
    for (uint32_t i = 0; i < out_count && !keep; i++)
        out[i]->dropped = true;
    segment_list_unref(before);
    return ERR_OK;
}

/* ---- retention ---- */

static void count_dropped(struct store *store, struct segment **out, uint32_t count, bool whole_day)
{
    pthread_mutex_lock(&store->stats_lock);
    for (uint32_t i = 0; i < count; i++)
        store->stats.dropped_rows += out[i]->rows;
    store->stats.dropped_partitions += whole_day;
    pthread_mutex_unlock(&store->stats_lock);
}

/* Drops the first count segments of the list, which are of one day. */
static bool drop_first(struct store *store, uint32_t count, bool whole_day)
{
    struct segment_list *list = segment_list_ref(store->segments);
    struct why why;
    int64_t edge_ms = whole_day ? (list->at[0]->day + 1) * DAY_MS : INT64_MIN;
    int64_t edge_before_ms = store->edge_ms;
    if (edge_ms > edge_before_ms)
        store->edge_ms = edge_ms;
    enum err err = replace_segments(store, list->at, count, NULL, 0, false, &why);
    if (err) {
        store->edge_ms = edge_before_ms;
        disk_failed(store, &why);
    } else {
        count_dropped(store, list->at, count, whole_day);
    }
    segment_list_unref(list);
    return err == ERR_OK;
}

static uint32_t first_day_count(const struct segment_list *list)
{
    uint32_t count = 0;
    while (count < list->count && list->at[count]->day == list->at[0]->day)
        count++;
    return count;
}

static bool too_old(const struct store *store, int64_t day)
{
    return store->options.keep_ms > 0 &&
           (day + 1) * DAY_MS <= sys_wall_ms(store->sys) - store->options.keep_ms;
}

void retain(struct store *store)
{
    for (;;) {
        const struct segment_list *list = store->segments; /* only this thread changes it */
        if (list->count == 0)
            return;
        uint32_t count = first_day_count(list);
        bool over = store->disk_bytes_max && disk_used(store) > store->disk_bytes_max;
        bool old = too_old(store, list->at[0]->day);
        if (!over && !old)
            return;
        bool whole_day = old || count < list->count;
        if (!whole_day && list->count == 1)
            return; /* the newest file stays */
        if (!drop_first(store, whole_day ? count : 1, whole_day))
            return;
    }
}

/* ---- damage ---- */

static void set_aside(struct store *store, struct segment *segment)
{
    struct store_path from = segment_path(segment);
    struct store_path to = store_path(store->dir, "quarantine/%08lld-%s.seg",
                                      (long long)day_number(segment->day), segment->name);
    struct why why;
    if (sys_rename(store->sys, store_path_str(&from), store_path_str(&to), &why))
        store_note(store, &why);
    pthread_mutex_lock(&store->stats_lock);
    store->stats.quarantined_files++;
    pthread_mutex_unlock(&store->stats_lock);
}

static void retain_one(struct store *store, struct segment *segment)
{
    struct segment *rest = NULL;
    struct why why = {0};
    uint64_t lost = 0;
    enum err err = salvage(store, segment, &rest, &lost, &why);
    if (!err)
        err = replace_segments(store, &segment, 1, &rest, rest != NULL, true, &why);
    if (err) {
        disk_failed(store, &why);
    } else {
        set_aside(store, segment);
        why_set(&why, ERR_CORRUPT, "seg/%08lld/%s.seg is damaged: %llu of its %llu rows are lost",
                (long long)day_number(segment->day), segment->name, (unsigned long long)lost,
                (unsigned long long)segment->rows);
        store_note(store, &why);
    }
    segment_unref(rest);
}

void retain_damaged(struct store *store)
{
    for (uint32_t i = 0; i < store->segments->count;) {
        struct segment *segment = store->segments->at[i];
        if (!segment->damaged) {
            i++;
            continue;
        }
        segment_ref(segment);
        retain_one(store, segment);
        bool stays = i < store->segments->count && store->segments->at[i] == segment;
        segment_unref(segment);
        if (stays)
            return; /* tried again in the next round */
    }
}
