/* The calls that every body shares: they dispatch, and add what can be said with the others. */
#include "base/sys.h"

#include "base/buf.h"

int64_t sys_wall_ms(struct sys *sys)
{
    return sys->ops->wall_ms(sys);
}

uint64_t sys_mono_ns(struct sys *sys)
{
    return sys->ops->mono_ns(sys);
}

int64_t sys_mono_ms(struct sys *sys)
{
    return (int64_t)(sys->ops->mono_ns(sys) / 1000000);
}

void sys_random(struct sys *sys, void *to, size_t size)
{
    sys->ops->random(sys, to, size);
}

uint64_t sys_random_u64(struct sys *sys)
{
    uint64_t v;
    sys->ops->random(sys, &v, sizeof v);
    return v;
}

enum err sys_open(struct sys *sys, struct str path, enum sys_mode mode, struct sys_file **out,
                  struct why *why)
{
    return sys->ops->open(sys, path, mode, out, why);
}

void sys_close(struct sys *sys, struct sys_file *file)
{
    if (file)
        sys->ops->close(sys, file);
}

enum err sys_read_at(struct sys *sys, struct sys_file *file, uint64_t at, void *to, size_t size, size_t *got,
                     struct why *why)
{
    return sys->ops->read_at(sys, file, at, to, size, got, why);
}

enum err sys_write_at(struct sys *sys, struct sys_file *file, uint64_t at, const void *from, size_t size,
                      struct why *why)
{
    return sys->ops->write_at(sys, file, at, from, size, why);
}

enum err sys_size(struct sys *sys, struct sys_file *file, uint64_t *out, struct why *why)
{
    return sys->ops->size(sys, file, out, why);
}

enum err sys_truncate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    return sys->ops->truncate(sys, file, size, why);
}

enum err sys_allocate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    return sys->ops->allocate(sys, file, size, why);
}

enum err sys_sync(struct sys *sys, struct sys_file *file, struct why *why)
{
    return sys->ops->sync(sys, file, why);
}

enum err sys_lock(struct sys *sys, struct sys_file *file, struct why *why)
{
    return sys->ops->lock(sys, file, why);
}

enum err sys_rename(struct sys *sys, struct str from, struct str to, struct why *why)
{
    return sys->ops->rename(sys, from, to, why);
}

enum err sys_link(struct sys *sys, struct str from, struct str to, struct why *why)
{
    return sys->ops->link(sys, from, to, why);
}

enum err sys_unlink(struct sys *sys, struct str path, struct why *why)
{
    return sys->ops->unlink(sys, path, why);
}

enum err sys_make_dir(struct sys *sys, struct str path, struct why *why)
{
    return sys->ops->make_dir(sys, path, why);
}

enum err sys_remove_dir(struct sys *sys, struct str path, struct why *why)
{
    return sys->ops->remove_dir(sys, path, why);
}

enum err sys_sync_dir(struct sys *sys, struct str path, struct why *why)
{
    return sys->ops->sync_dir(sys, path, why);
}

enum err sys_list(struct sys *sys, struct str path, sys_list_fn *each, void *ctx, struct why *why)
{
    return sys->ops->list(sys, path, each, ctx, why);
}

enum err sys_space(struct sys *sys, struct str path, uint64_t *free_bytes, uint64_t *total_bytes,
                   struct why *why)
{
    return sys->ops->space(sys, path, free_bytes, total_bytes, why);
}

enum err sys_read_file(struct sys *sys, struct str path, size_t size_max, struct buf *out, struct why *why)
{
    struct sys_file *file;
    enum err err = sys_open(sys, path, SYS_READ, &file, why);
    if (err)
        return err;
    uint64_t size;
    size_t got = 0;
    err = sys_size(sys, file, &size, why);
    if (!err && size > size_max)
        err = why_set(why, ERR_LIMIT, "%.*s has %llu bytes, more than the %zu allowed", STR_ARG(path),
                      (unsigned long long)size, size_max);
    if (!err && size) {
        buf_reserve(out, (size_t)size);
        err = sys_read_at(sys, file, 0, out->at + out->size, (size_t)size, &got, why);
    }
    if (!err)
        out->size += got;
    sys_close(sys, file);
    return err;
}
