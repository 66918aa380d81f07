/* For people: what lies in a data folder, a line a file, without changing anything. Verified, every byte is
 * read, the catalog (a copy of it, so that it stays as it is) is compared with the files and the log, and of
 * what is damaged it is said what is lost with it. */
#include "store/delete.h"
#include "store/store.h"

#include "base/bytes.h"
#include "scheme/names.h"
#include "store/catalog_view.h"
#include "store/damage.h"
#include "store/day.h"
#include "store/frame.h"
#include "store/log.h"
#include "store/restore.h"
#include "store/store_path.h"

#include <inttypes.h>

struct inspection {
    struct sys *sys;
    struct str dir;
    bool verify;
    struct names *names;
    struct cache *cache;
    struct segment_origin origin;
    struct catalog_view view;
    bool has_view; /* the catalog could be read */
    struct buf *out;
    struct buf folders;
    char folder[16];
    uint64_t segments, rows, bytes, damaged;
    /* Of the log file at hand. */
    struct batch *batch;
    uint64_t last_lsn;
    int64_t last_ms, hole_from_ms, hole_to_ms; /* when what is lost was received; 0: not known */
};

/* ---- segments ---- */

static void describe(struct inspection *inspection, const struct segment *segment)
{
    struct buf *out = inspection->out;
    double per_row = segment->rows ? (double)segment->bytes / (double)segment->rows : 0;
    buf_printf(out,
               "seg/%s/%s.seg  %" PRIu64 " rows, %" PRIu64 " bytes (%.2f a row), %u sources, %u metrics, ",
               inspection->folder, segment->name, segment->rows, segment->bytes, per_row,
               segment->source_count, segment->metric_count);
    buf_time(out, segment->from_ms);
    buf_str(out, STR(" to "));
    buf_time(out, segment->to_ms);
    inspection->segments++;
    inspection->rows += segment->rows;
    inspection->bytes += segment->bytes;
}

static void say_lost(struct inspection *inspection, struct segment *segment, bool whole)
{
    struct damage damage = {0};
    if (whole)
        damage_whole(segment, &damage);
    else
        damage_of(segment, &damage);
    buf_str(inspection->out, STR("; "));
    damage_say(&damage, inspection->out);
    damage_done(&damage);
}

/* Does the file hold what the catalog counts on? */
static enum err compare(const struct segment *segment, const struct segment *listed, struct why *why)
{
    if (!listed || (listed->rows == segment->rows && listed->bytes == segment->bytes))
        return ERR_OK;
    return why_set(why, ERR_CORRUPT, "the catalog has it with %" PRIu64 " rows in %" PRIu64 " bytes",
                   listed->rows, listed->bytes);
}

static void inspect_segment(struct inspection *inspection, struct segment *segment, struct segment *listed)
{
    struct buf *out = inspection->out;
    struct why why = {0};
    enum err err = inspection->verify ? segment_verify(segment, &why) : ERR_OK;
    bool unreadable = err != ERR_OK;
    describe(inspection, segment);
    if (!err)
        err = compare(segment, listed, &why);
    if (err)
        buf_printf(out, ": DAMAGED, %s", why.text);
    else if (inspection->verify)
        buf_str(out, STR(", good"));
    if (unreadable)
        say_lost(inspection, segment, false);
    if (!err && inspection->has_view && !listed)
        buf_str(out, STR("; the catalog does not know it: the next start settles that"));
    buf_char(out, '\n');
    inspection->damaged += err != ERR_OK;
}

static bool on_segment(void *ctx, struct str file, bool is_dir)
{
    struct inspection *inspection = ctx;
    struct segment *segment = NULL, *listed = NULL;
    struct why why = {0};
    if (is_dir || !str_ends(file, STR(".seg"))) {
        buf_printf(inspection->out, "seg/%s/%.*s  not a finished segment\n", inspection->folder,
                   STR_ARG(file));
        return true;
    }
    struct str name = str_first(file, file.size - 4);
    if (inspection->has_view)
        listed = catalog_view_find(&inspection->view, name, true);
    enum err err = segment_open_file(&inspection->origin, str_of(inspection->folder), name, &segment, &why);
    if (!err) {
        inspect_segment(inspection, segment, listed);
    } else if (err == ERR_MISSING) {
        buf_printf(inspection->out, "seg/%s/%.*s  went away meanwhile\n", inspection->folder, STR_ARG(file));
    } else {
        buf_printf(inspection->out, "seg/%s/%.*s  DAMAGED: %s", inspection->folder, STR_ARG(file), why.text);
        if (listed)
            say_lost(inspection, listed, true);
        else
            buf_str(inspection->out, STR("; lost: all of its rows"));
        buf_char(inspection->out, '\n');
        inspection->damaged++;
    }
    segment_unref(segment);
    return true;
}

static bool on_folder(void *ctx, struct str name, bool is_dir)
{
    struct inspection *inspection = ctx;
    if (is_dir && name.size < sizeof inspection->folder)
        buf_sized_str(&inspection->folders, name);
    return true;
}

static enum err inspect_segments(struct inspection *inspection, struct why *why)
{
    struct store_path path = store_path(inspection->dir, "seg");
    enum err err = sys_list(inspection->sys, store_path_str(&path), on_folder, inspection, why);
    struct bytes in = bytes_of(buf_view(&inspection->folders));
    while (!err && bytes_left(&in)) {
        struct str folder = bytes_sized_str(&in);
        snprintf(inspection->folder, sizeof inspection->folder, "%.*s", STR_ARG(folder));
        path = store_path(inspection->dir, "seg/%s", inspection->folder);
        err = sys_list(inspection->sys, store_path_str(&path), on_segment, inspection, why);
    }
    return err;
}

/* ---- the log ---- */

/* Before a hole and after it, when was the last batch received, and when the next? */
static enum err on_batch(void *ctx, const struct log_frame *frame, struct str payload, struct why *why)
{
    struct inspection *inspection = ctx;
    uint64_t nameless = 0;
    batch_reset(inspection->batch);
    enum err err = frame_decode(payload, inspection->names, inspection->batch, &nameless, why);
    if (err)
        return err;
    if (inspection->last_lsn && frame->lsn != inspection->last_lsn + 1) {
        if (!inspection->hole_from_ms)
            inspection->hole_from_ms = inspection->last_ms;
        inspection->hole_to_ms = inspection->batch->time_ms;
    }
    inspection->last_lsn = frame->lsn;
    inspection->last_ms = inspection->batch->time_ms;
    return ERR_OK;
}

static void say_lost_batches(struct inspection *inspection, const struct log_verdict *verdict)
{
    struct buf *out = inspection->out;
    int64_t from_ms = inspection->hole_from_ms ? inspection->hole_from_ms : inspection->last_ms;
    buf_printf(out, ": DAMAGED, lost: batches %" PRIu64 " to %" PRIu64, verdict->lost_first,
               verdict->lost_last);
    if (from_ms && verdict->lost_first <= inspection->last_lsn + 1) {
        buf_str(out, STR(", received after "));
        buf_time(out, from_ms);
    }
    if (inspection->hole_to_ms) {
        buf_str(out, STR(", before "));
        buf_time(out, inspection->hole_to_ms);
    }
}

static void inspect_log_file(struct inspection *inspection, const struct log_file *file,
                             const struct log_file *next)
{
    struct buf *out = inspection->out, bytes = {0};
    struct store_path path = log_path(inspection->dir, file->header.lane, file->slot);
    struct why why = {0};
    bool damaged = false;
    bool same = next && next->header.lane == file->header.lane;
    inspection->last_lsn = 0;
    inspection->last_ms = inspection->hole_from_ms = inspection->hole_to_ms = 0;
    struct log_verdict verdict = {0};
    buf_printf(out, "log/%u-%u.log  %" PRIu64 " bytes, ", file->header.lane, file->slot, file->capacity);
    if (file->header.seq == 0) {
        buf_str(out, STR("not yet used\n"));
        return;
    }
    buf_printf(out, "number %" PRIu64 " of its lane, from batch %" PRIu64, file->header.seq,
               file->header.first_lsn);
    if (sys_read_file(inspection->sys, store_path_str(&path), (size_t)1 << 30, &bytes, &why)) {
        buf_printf(out, ": DAMAGED, %s\n", why.text);
        damaged = true;
    } else {
        bool follows = same && next->header.seq == file->header.seq + 1;
        log_read_file(buf_view(&bytes), &file->header, 0, same ? next->header.first_lsn : UINT64_MAX, follows,
                      on_batch, inspection, &verdict);
        damaged = verdict.lost_last > 0;
        buf_printf(out, ", %" PRIu64 " batches", verdict.frames);
        if (damaged)
            say_lost_batches(inspection, &verdict);
        buf_printf(out, "%s\n", verdict.torn_bytes && !damaged ? ", ends in a batch that was cut off" : "");
    }
    inspection->damaged += damaged;
    buf_done(&bytes);
}

/* What is in no file must be in the log: does the first one of the lane begin early enough? */
static void compare_log(struct inspection *inspection, const struct log_listing *listing)
{
    for (uint32_t l = 0; l < inspection->view.lane_count; l++) {
        const struct catalog_lane *lane = &inspection->view.lanes[l];
        uint64_t first_lsn = 0;
        for (uint32_t i = listing->count; i-- > 0;)
            if (listing->files[i]->header.lane == lane->lane && listing->files[i]->header.seq)
                first_lsn = listing->files[i]->header.first_lsn;
        if (first_lsn <= lane->needed_lsn)
            continue;
        buf_printf(inspection->out,
                   "log of lane %u  DAMAGED, lost: batches %" PRIu64 " to %" PRIu64
                   " are in no file of it, nor in a segment\n",
                   lane->lane, lane->needed_lsn, first_lsn - 1);
        inspection->damaged++;
    }
}

static enum err inspect_log(struct inspection *inspection, struct why *why)
{
    struct log_listing listing = {0};
    enum err err = log_list(inspection->sys, inspection->dir, &listing, why);
    for (uint32_t i = 0; !err && i < listing.count; i++)
        inspect_log_file(inspection, listing.files[i], i + 1 < listing.count ? listing.files[i + 1] : NULL);
    for (uint32_t i = 0; !err && i < listing.bad_count; i++)
        buf_printf(inspection->out, "log/%s  DAMAGED: its header\n", listing.bad[i]);
    inspection->damaged += listing.bad_count;
    if (!err)
        compare_log(inspection, &listing);
    log_listing_done(&listing);
    return err;
}

/* ---- the catalog ---- */

/* Read before the files are, so that each can be compared with it. */
static void read_catalog(struct inspection *inspection, struct str scratch)
{
    struct why why = {0};
    if (!scratch.size || !inspection->verify)
        return;
    enum err err = catalog_view_read(&inspection->origin, scratch, &inspection->view, &why);
    inspection->has_view = err == ERR_OK;
    if (err == ERR_BUSY) {
        buf_printf(inspection->out, "catalog.db  not checked: %s\n", why.text);
    } else if (err == ERR_CORRUPT) {
        buf_printf(inspection->out,
                   "catalog.db  DAMAGED: %s; the next start builds it anew, and so does "
                   "`dialtone inspect --rebuild`; lost: the idempotency keys\n",
                   why.text);
        inspection->damaged++;
    } else if (err == ERR_MISSING) {
        buf_printf(inspection->out, "catalog.db  %s: the next start builds it from the segments\n", why.text);
    } else if (err) {
        buf_printf(inspection->out, "catalog.db  not checked: %s\n", why.text);
    }
}

static void compare_catalog(struct inspection *inspection)
{
    struct catalog_view *view = &inspection->view;
    for (uint32_t i = 0; i < view->segment_count; i++) {
        if (view->seen[i])
            continue;
        buf_printf(inspection->out, "seg/%08lld/%s.seg  MISSING",
                   (long long)day_number(view->segments[i]->day), view->segments[i]->name);
        say_lost(inspection, view->segments[i], true);
        buf_char(inspection->out, '\n');
        inspection->damaged++;
    }
    if (inspection->has_view)
        buf_printf(inspection->out, "catalog.db  %u segments, good\n", view->segment_count);
}

/* ---- a backup's own list ---- */

/* A data folder that was once a backup keeps the list, and it says nothing any more: only a backup has no
 * lock file. */
static enum err inspect_manifest(struct inspection *inspection)
{
    struct store_path path = store_path(inspection->dir, "lock");
    struct manifest manifest;
    struct why why = {0};
    bool has_lock = false;
    enum err err = path_exists(inspection->sys, store_path_str(&path), &has_lock, &why);
    if (err || has_lock || !inspection->verify)
        return err;
    err = manifest_read(inspection->sys, inspection->dir, &manifest, &why);
    if (err == ERR_MISSING)
        return ERR_OK;
    if (err) {
        buf_printf(inspection->out, "backup  DAMAGED: %s\n", why.text);
        inspection->damaged++;
        return ERR_OK;
    }
    uint64_t damaged = backup_check(inspection->sys, inspection->dir, &manifest, NULL, inspection->out, &why);
    if (!damaged)
        buf_printf(inspection->out, "backup  a list of %u files, all as they were written\n", manifest.count);
    inspection->damaged += damaged;
    manifest_done(&manifest);
    return ERR_OK;
}

static bool on_quarantined(void *ctx, struct str name, bool is_dir)
{
    struct inspection *inspection = ctx;
    buf_printf(inspection->out, "quarantine/%.*s  set aside\n", STR_ARG(name));
    return true;
}

static enum err inspect_all(struct inspection *inspection, struct str scratch, struct why *why)
{
    struct store_path path = store_path(inspection->dir, "quarantine");
    read_catalog(inspection, scratch);
    enum err err = inspect_segments(inspection, why);
    if (!err)
        err = inspect_log(inspection, why);
    if (err)
        return err;
    compare_catalog(inspection);
    err = delete_inspect(inspection->sys, inspection->dir, inspection->names, inspection->out,
                         &inspection->damaged, why);
    if (!err)
        err = inspect_manifest(inspection);
    if (!err && sys_list(inspection->sys, store_path_str(&path), on_quarantined, inspection, NULL))
        return ERR_OK; /* a backup has none */
    return err;
}

enum err store_inspect(const struct store_inspect_options *options, struct buf *out, struct why *why)
{
    struct inspection inspection = {
        .sys = options->sys, .dir = options->dir, .verify = options->verify, .out = out};
    inspection.names = names_new();
    inspection.cache = cache_new(1 << 20, 4);
    inspection.batch = batch_new();
    inspection.origin =
        (struct segment_origin){options->sys, options->dir, inspection.names, inspection.cache,
                                names_resolve_field(inspection.names, STR("host"))};
    enum err err = inspect_all(&inspection, options->scratch, why);
    if (!err)
        buf_printf(out,
                   "%" PRIu64 " segments, %" PRIu64 " rows, %" PRIu64 " bytes; %" PRIu64 " damaged files\n",
                   inspection.segments, inspection.rows, inspection.bytes, inspection.damaged);
    if (!err && inspection.damaged)
        err = why_set(why, ERR_CORRUPT, "%" PRIu64 " damaged files", inspection.damaged);
    catalog_view_done(&inspection.view);
    buf_done(&inspection.folders);
    batch_free(inspection.batch);
    cache_free(inspection.cache);
    names_free(inspection.names);
    return err;
}
