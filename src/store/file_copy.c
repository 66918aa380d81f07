#include "store/file_copy.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "store/store_path.h"

enum { PIECE = 256 * 1024, DEPTH_MAX = 16 };

static enum err check_cancel(const _Atomic bool *cancel, struct why *why)
{
    return cancel && *cancel ? why_set(why, ERR_CANCELLED, "cancelled") : ERR_OK;
}

static void add_piece(struct file_sum *sum, const char *piece, size_t size)
{
    sum->hash = hash_seeded(str_make(piece, size), sum->hash);
    sum->bytes += size;
}

/* Reads the first bytes of a file, and writes them to another unless that is NULL. */
static enum err pump(struct sys *sys, struct sys_file *from, struct sys_file *to, uint64_t bytes,
                     const _Atomic bool *cancel, struct file_sum *sum, struct why *why)
{
    char *piece = mem_alloc(PIECE);
    enum err err = ERR_OK;
    *sum = (struct file_sum){0};
    while (!err && sum->bytes < bytes) {
        size_t want = bytes - sum->bytes < PIECE ? (size_t)(bytes - sum->bytes) : PIECE, got = 0;
        err = check_cancel(cancel, why);
        if (!err)
            err = sys_read_at(sys, from, sum->bytes, piece, want, &got, why);
        if (!err && got && to)
            err = sys_write_at(sys, to, sum->bytes, piece, got, why);
        if (err || !got)
            break;
        add_piece(sum, piece, got);
    }
    mem_free(piece);
    return err;
}

enum err file_sum(struct sys *sys, struct str path, const _Atomic bool *cancel, struct file_sum *out,
                  struct why *why)
{
    struct sys_file *file;
    enum err err = sys_open(sys, path, SYS_READ, &file, why);
    if (err)
        return err;
    err = pump(sys, file, NULL, UINT64_MAX, cancel, out, why);
    sys_close(sys, file);
    return err;
}

enum err file_copy(struct sys *sys, struct str from, struct str to, uint64_t bytes,
                   const _Atomic bool *cancel, struct file_sum *out, struct why *why)
{
    struct sys_file *source = NULL, *target = NULL;
    enum err err = sys_open(sys, from, SYS_READ, &source, why);
    if (!err)
        err = sys_open(sys, to, SYS_CREATE, &target, why);
    if (!err)
        err = pump(sys, source, target, bytes, cancel, out, why);
    if (!err)
        err = sys_sync(sys, target, why);
    sys_close(sys, target);
    sys_close(sys, source);
    return err;
}

enum err file_write(struct sys *sys, struct str path, struct str bytes, struct why *why)
{
    struct sys_file *file;
    enum err err = sys_open(sys, path, SYS_CREATE, &file, why);
    if (err)
        return err;
    err = sys_write_at(sys, file, 0, bytes.at, bytes.size, why);
    if (!err)
        err = sys_sync(sys, file, why);
    sys_close(sys, file);
    return err;
}

/* ---- names ---- */

static bool no_name(void *ctx, struct str name, bool is_dir)
{
    return false;
}

enum err path_exists(struct sys *sys, struct str path, bool *exists, struct why *why)
{
    struct sys_file *file;
    enum err err = sys_open(sys, path, SYS_READ, &file, why);
    if (!err)
        sys_close(sys, file);
    else if (err != ERR_MISSING)
        err = sys_list(sys, path, no_name, NULL, why); /* a folder is no file everywhere */
    *exists = err == ERR_OK;
    return err == ERR_MISSING ? ERR_OK : err;
}

struct str path_parent(struct str path)
{
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    while (path.size && path.at[path.size - 1] != '/')
        path.size--;
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    return path.size ? path : STR(".");
}

struct str path_name(struct str path)
{
    while (path.size && path.at[path.size - 1] == '/')
        path.size--;
    size_t at = path.size;
    while (at && path.at[at - 1] != '/')
        at--;
    return str_from(path, at);
}

/* ---- a folder ---- */

static bool add_entry(void *ctx, struct str name, bool is_dir)
{
    struct buf *out = ctx;
    buf_u8(out, is_dir);
    buf_sized_str(out, name);
    return true;
}

static bool remove_level(struct sys *sys, struct str path, struct str keep, unsigned depth)
{
    struct buf entries = {0};
    bool all = depth < DEPTH_MAX && sys_list(sys, path, add_entry, &entries, NULL) == ERR_OK;
    struct bytes in = bytes_of(buf_view(&entries));
    while (bytes_left(&in)) {
        bool is_dir = bytes_u8(&in);
        struct str name = bytes_sized_str(&in);
        struct store_path at = store_path(path, "%.*s", STR_ARG(name));
        if (str_eq(name, keep))
            continue;
        if (is_dir)
            all &= remove_level(sys, store_path_str(&at), STR_NONE, depth + 1) &&
                   sys_remove_dir(sys, store_path_str(&at), NULL) == ERR_OK;
        else
            all &= sys_unlink(sys, store_path_str(&at), NULL) == ERR_OK;
    }
    buf_done(&entries);
    return all;
}

bool folder_remove(struct sys *sys, struct str path, bool only_inside, struct str keep)
{
    bool all = remove_level(sys, path, keep, 0);
    return only_inside ? all : sys_remove_dir(sys, path, NULL) == ERR_OK && all;
}
