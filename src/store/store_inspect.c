/* For people: what lies in a data folder, a line a file, without the lock and without changing anything. */
#include "store/store.h"

#include "base/bytes.h"
#include "scheme/names.h"
#include "store/day.h"
#include "store/log.h"
#include "store/segment.h"
#include "store/store_path.h"

#include <inttypes.h>

struct inspection {
    struct sys *sys;
    struct str dir;
    bool verify;
    struct names *names;
    struct cache *cache;
    struct segment_origin origin;
    struct buf *out;
    struct buf folders;
    char folder[16];
    uint64_t segments, rows, bytes, damaged;
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

static bool on_segment(void *ctx, struct str file, bool is_dir)
{
    struct inspection *inspection = ctx;
    struct segment *segment = NULL;
    struct why why = {0};
    if (is_dir || !str_ends(file, STR(".seg"))) {
        buf_printf(inspection->out, "seg/%s/%.*s  not a finished segment\n", inspection->folder,
                   STR_ARG(file));
        return true;
    }
    struct str name = str_first(file, file.size - 4);
    enum err err = segment_open_file(&inspection->origin, str_of(inspection->folder), name, &segment, &why);
    if (!err) {
        describe(inspection, segment);
        if (inspection->verify)
            err = segment_verify(segment, &why);
        buf_printf(inspection->out, "%s%s\n",
                   err                  ? ": DAMAGED, "
                   : inspection->verify ? ", good"
                                        : "",
                   err ? why.text : "");
    } else {
        buf_printf(inspection->out, "seg/%s/%.*s  DAMAGED: %s\n", inspection->folder, STR_ARG(file),
                   why.text);
    }
    inspection->damaged += err != ERR_OK;
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

static enum err on_batch(void *ctx, const struct log_frame *frame, struct str payload, struct why *why)
{
    return ERR_OK;
}

static void inspect_log_file(struct inspection *inspection, const struct log_file *file,
                             const struct log_file *next)
{
    struct buf *out = inspection->out, bytes = {0};
    struct store_path path = log_path(inspection->dir, file->header.lane, file->slot);
    struct why why = {0};
    bool damaged = false;
    bool same = next && next->header.lane == file->header.lane;
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
                      on_batch, NULL, &verdict);
        damaged = verdict.lost_last > 0;
        buf_printf(out, ", %" PRIu64 " batches", verdict.frames);
        if (damaged)
            buf_printf(out, ": DAMAGED, batches %" PRIu64 " to %" PRIu64 " are lost", verdict.lost_first,
                       verdict.lost_last);
        buf_printf(out, "%s\n", verdict.torn_bytes && !damaged ? ", ends in a batch that was cut off" : "");
    }
    inspection->damaged += damaged;
    buf_done(&bytes);
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
    log_listing_done(&listing);
    return err;
}

static bool on_quarantined(void *ctx, struct str name, bool is_dir)
{
    struct inspection *inspection = ctx;
    buf_printf(inspection->out, "quarantine/%.*s  set aside\n", STR_ARG(name));
    return true;
}

enum err store_inspect(struct sys *sys, struct str dir, bool verify, struct buf *out, struct why *why)
{
    struct inspection inspection = {.sys = sys, .dir = dir, .verify = verify, .out = out};
    inspection.names = names_new();
    inspection.cache = cache_new(1 << 20, 4);
    inspection.origin = (struct segment_origin){sys, dir, inspection.names, inspection.cache,
                                                names_resolve_field(inspection.names, STR("host"))};
    enum err err = inspect_segments(&inspection, why);
    if (!err)
        err = inspect_log(&inspection, why);
    struct store_path path = store_path(dir, "quarantine");
    if (!err && sys_list(sys, store_path_str(&path), on_quarantined, &inspection, NULL) == ERR_OK)
        buf_printf(out,
                   "%" PRIu64 " segments, %" PRIu64 " rows, %" PRIu64 " bytes; %" PRIu64 " damaged files\n",
                   inspection.segments, inspection.rows, inspection.bytes, inspection.damaged);
    if (!err && inspection.damaged)
        err = why_set(why, ERR_CORRUPT, "%" PRIu64 " damaged files", inspection.damaged);
    buf_done(&inspection.folders);
    cache_free(inspection.cache);
    names_free(inspection.names);
    return err;
}
