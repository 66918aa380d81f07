/* For people: the tombstones of a data folder, a line each. */
#include "base/bytes.h"
#include "store/delete.h"
#include "store/tombstone.h"

#include <inttypes.h>

static bool on_name(void *ctx, struct str name, bool is_dir)
{
    if (!is_dir)
        buf_sized_str(ctx, name);
    return true;
}

static bool describe(struct sys *sys, struct str dir, struct str name, struct names *names, struct buf *out)
{
    struct store_path path = store_path(dir, "tomb/%.*s", STR_ARG(name));
    struct buf bytes = {0};
    struct why why = {0};
    struct tombstone *tombstone = NULL;
    enum err err = sys_read_file(sys, store_path_str(&path), TOMBSTONE_BYTES_MAX, &bytes, &why);
    if (!err)
        tombstone = tombstone_decode(buf_view(&bytes), names, &why);
    buf_printf(out, "tomb/%.*s  ", STR_ARG(name));
    if (err == ERR_MISSING) {
        buf_str(out, STR("went away meanwhile\n"));
    } else if (!tombstone) {
        buf_printf(out, "DAMAGED: %s; the catalog may have it, too\n", why.text);
    } else {
        buf_printf(out, "delete %" PRIu64 " of ", tombstone->id);
        buf_time(out, tombstone->at_ms);
        buf_printf(out, " by %.*s: %.*s; %" PRIu64 " rows of %u files\n", STR_ARG(tombstone->who),
                   STR_ARG(tombstone->text), tombstone->rows, tombstone->file_count);
    }
    bool good = tombstone || err == ERR_MISSING;
    tombstone_unref(tombstone);
    buf_done(&bytes);
    return good;
}

enum err delete_inspect(struct sys *sys, struct str dir, struct names *names, struct buf *out,
                        uint64_t *damaged, struct why *why)
{
    struct store_path folder = store_path(dir, "tomb");
    struct buf list = {0};
    enum err err = sys_list(sys, store_path_str(&folder), on_name, &list, why);
    struct bytes in = bytes_of(buf_view(&list));
    while (bytes_left(&in)) {
        struct str name = bytes_sized_str(&in);
        if (str_ends(name, STR(".tomb")))
            *damaged += !describe(sys, dir, name, names, out);
    }
    buf_done(&list);
    return err == ERR_MISSING ? ERR_OK : err;
}
