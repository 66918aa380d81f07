#include "store/catalog_view.h"

#include "base/mem.h"
#include "store/catalog.h"
#include "store/file_copy.h"

#include <stdlib.h>

struct view_job {
    const struct segment_origin *origin;
    struct catalog_view *view;
    struct why *why;
};

static void on_segment(void *ctx, struct str name, struct str directory)
{
    struct view_job *job = ctx;
    struct catalog_view *view = job->view;
    struct segment *segment = segment_decode_directory(job->origin, name, directory, job->why);
    view->bad_directory |= !segment;
    if (!segment)
        return;
    view->segments = mem_resize(view->segments, view->segment_count + 1, sizeof(struct segment *));
    view->segments[view->segment_count++] = segment;
}

static void on_lane(void *ctx, uint32_t lane, const uint64_t sealed_lsn[HEAD_CLASSES], uint64_t keys_lsn)
{
    struct catalog_view *view = ((struct view_job *)ctx)->view;
    uint64_t lsn = keys_lsn;
    for (int c = 0; c < HEAD_CLASSES; c++)
        lsn = sealed_lsn[c] < lsn ? sealed_lsn[c] : lsn;
    view->lanes = mem_resize(view->lanes, view->lane_count + 1, sizeof *view->lanes);
    view->lanes[view->lane_count++] = (struct catalog_lane){lane, lsn + 1};
}

static int by_name(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    return strcmp(x->name, y->name);
}

/* The owner's lock, while the copy is made: nobody writes meanwhile. A folder without a lock file has no
 * owner: a backup. */
static enum err take_lock(const struct segment_origin *origin, struct sys_file **lock, struct why *why)
{
    struct store_path path = store_path(origin->dir, "lock");
    enum err err = sys_open(origin->sys, store_path_str(&path), SYS_READ, lock, why);
    if (err)
        return err == ERR_MISSING ? ERR_OK : err;
    err = sys_lock(origin->sys, *lock, why);
    return err == ERR_BUSY ? why_set(why, ERR_BUSY, "a running dialtone has it open") : err;
}

static enum err copy_one(const struct segment_origin *origin, struct str scratch, const char *name,
                         struct why *why)
{
    struct store_path from = store_path(origin->dir, "%s", name), to = store_path(scratch, "%s", name);
    struct file_sum sum;
    return file_copy(origin->sys, store_path_str(&from), store_path_str(&to), UINT64_MAX, NULL, &sum, why);
}

static enum err copy_catalog(const struct segment_origin *origin, struct str scratch, struct why *why)
{
    struct sys_file *lock = NULL;
    enum err err = take_lock(origin, &lock, why);
    if (!err)
        err = copy_one(origin, scratch, "catalog.db", why);
    if (!err)
        err = copy_one(origin, scratch, "catalog.db-wal", why);
    if (err == ERR_MISSING) { /* the WAL may be absent; catalog.db must be there */
        struct store_path path = store_path(scratch, "catalog.db");
        bool has_catalog = false;
        enum err there = path_exists(origin->sys, store_path_str(&path), &has_catalog, NULL);
        err = there == ERR_OK && has_catalog ? ERR_OK : why_set(why, ERR_MISSING, "it is missing");
    }
    sys_close(origin->sys, lock);
    return err;
}

static enum err read_copy(struct view_job *job, struct str scratch)
{
    struct catalog_reader reader = {job, on_segment, on_lane, NULL, NULL, NULL};
    struct catalog *catalog = NULL;
    bool fresh = false;
    enum err err = catalog_open(job->origin->sys, scratch, &catalog, &fresh, job->why);
    if (!err && fresh)
        err = why_set(job->why, ERR_MISSING, "it was never filled");
    if (!err)
        err = catalog_read(catalog, &reader, job->why);
    if (!err && job->view->bad_directory)
        err = ERR_CORRUPT;
    catalog_close(catalog);
    return err;
}

enum err catalog_view_read(const struct segment_origin *origin, struct str scratch, struct catalog_view *view,
                           struct why *why)
{
    struct view_job job = {origin, view, why};
    *view = (struct catalog_view){0};
    enum err err = copy_catalog(origin, scratch, why);
    if (!err)
        err = read_copy(&job, scratch);
    folder_remove(origin->sys, scratch, true, STR_NONE);
    if (err) {
        catalog_view_done(view);
        return err;
    }
    if (view->segment_count)
        qsort(view->segments, view->segment_count, sizeof(struct segment *), by_name);
    view->seen = mem_zero(view->segment_count, sizeof(bool));
    return ERR_OK;
}

struct segment *catalog_view_find(struct catalog_view *view, struct str name, bool see)
{
    uint32_t low = 0, high = view->segment_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_compare(str_of(view->segments[middle]->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == view->segment_count || !str_eq(str_of(view->segments[low]->name), name))
        return NULL;
    view->seen[low] |= see;
    return view->segments[low];
}

void catalog_view_done(struct catalog_view *view)
{
    for (uint32_t i = 0; i < view->segment_count; i++)
        segment_unref(view->segments[i]);
    mem_free(view->segments);
    mem_free(view->seen);
    mem_free(view->lanes);
    *view = (struct catalog_view){0};
}
