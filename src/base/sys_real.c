/* The real body of sys: POSIX calls, retried when a signal interrupts, with errno turned into a sentence. */
#include "base/sys.h"

#include "base/check.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct sys_file {
    int fd;
    char path[SYS_PATH_MAX + 1];
};

static enum err fail(struct why *why, int code, const char *doing, const char *path)
{
    enum err err = code == ENOSPC || code == EDQUOT ? ERR_FULL
                   : code == ENOENT                 ? ERR_MISSING
                   : code == EEXIST                 ? ERR_EXISTS
                   : code == EWOULDBLOCK            ? ERR_BUSY
                                                    : ERR_IO;
    char text[128];
    return why_set(why, err, "cannot %s %s: %s", doing, path, strerror_r(code, text, sizeof text));
}

/* path as a C string in text[SYS_PATH_MAX + 1]. */
static enum err path_text(struct str path, char *text, struct why *why)
{
    if (path.size > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "a path of %zu bytes is longer than %d", path.size, SYS_PATH_MAX);
    if (path.size)
        memcpy(text, path.at, path.size);
    text[path.size] = 0;
    return ERR_OK;
}

static int64_t real_wall_ms(struct sys *sys)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t real_mono_ns(struct sys *sys)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void real_random(struct sys *sys, void *to, size_t size)
{
    for (char *at = to; size;) {
        ssize_t got = getrandom(at, size, 0);
        CHECK(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}

static enum err real_open(struct sys *sys, struct str path, enum sys_mode mode, struct sys_file **out,
                          struct why *why)
{
    static const int flags[] = {
        [SYS_READ] = O_RDONLY, [SYS_WRITE] = O_RDWR | O_CREAT, [SYS_CREATE] = O_RDWR | O_CREAT | O_EXCL};
    struct sys_file *file = MEM_NEW(struct sys_file);
    enum err err = path_text(path, file->path, why);
    if (!err) {
        do
            file->fd = open(file->path, flags[mode] | O_CLOEXEC, 0640);
        while (file->fd < 0 && errno == EINTR);
        if (file->fd < 0)
            err = fail(why, errno, "open", file->path);
    }
    if (err)
        mem_free(file);
    else
        *out = file;
    return err;
}

static void real_close(struct sys *sys, struct sys_file *file)
{
    close(file->fd);
    mem_free(file);
}

static enum err real_read_at(struct sys *sys, struct sys_file *file, uint64_t at, void *to, size_t size,
                             size_t *got, struct why *why)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pread(file->fd, (char *)to + done, size - done, (off_t)(at + done));
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return fail(why, errno, "read", file->path);
        if (n > 0)
            done += (size_t)n;
    }
    *got = done;
    return ERR_OK;
}

static enum err real_write_at(struct sys *sys, struct sys_file *file, uint64_t at, const void *from,
                              size_t size, struct why *why)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = pwrite(file->fd, (const char *)from + done, size - done, (off_t)(at + done));
        if (n < 0 && errno != EINTR)
            return fail(why, errno, "write", file->path);
        if (n > 0)
            done += (size_t)n;
    }
    return ERR_OK;
}

static enum err real_size(struct sys *sys, struct sys_file *file, uint64_t *out, struct why *why)
{
    struct stat st;
    if (fstat(file->fd, &st))
        return fail(why, errno, "stat", file->path);
    *out = (uint64_t)st.st_size;
    return ERR_OK;
}

static enum err real_truncate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    while (ftruncate(file->fd, (off_t)size))
        if (errno != EINTR)
            return fail(why, errno, "truncate", file->path);
    return ERR_OK;
}

static enum err real_allocate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    int code;
    do
        code = posix_fallocate(file->fd, 0, (off_t)size);
    while (code == EINTR);
    return code ? fail(why, code, "reserve space for", file->path) : ERR_OK;
}

static enum err real_sync(struct sys *sys, struct sys_file *file, struct why *why)
{
    return fdatasync(file->fd) ? fail(why, errno, "sync", file->path) : ERR_OK;
}

static enum err real_lock(struct sys *sys, struct sys_file *file, struct why *why)
{
    while (flock(file->fd, LOCK_EX | LOCK_NB))
        if (errno != EINTR)
            return fail(why, errno, "lock", file->path);
    return ERR_OK;
}

static enum err real_rename(struct sys *sys, struct str from, struct str to, struct why *why)
{
    char old[SYS_PATH_MAX + 1], new[SYS_PATH_MAX + 1];
    enum err err = path_text(from, old, why);
    if (!err)
        err = path_text(to, new, why);
    if (!err && rename(old, new))
        err = fail(why, errno, "rename", old);
    return err;
}

static bool no_link_there(int code)
{
    return code == EXDEV || code == EPERM || code == EMLINK || code == EOPNOTSUPP || code == ENOSYS;
}

static enum err real_link(struct sys *sys, struct str from, struct str to, struct why *why)
{
    char old[SYS_PATH_MAX + 1], new[SYS_PATH_MAX + 1];
    enum err err = path_text(from, old, why);
    if (!err)
        err = path_text(to, new, why);
    if (!err && link(old, new)) {
        int code = errno;
        err = fail(why, code, "link", code == EEXIST ? new : old);
        if (no_link_there(code))
            err = ERR_REFUSED;
        if (why)
            why->err = err;
    }
    return err;
}

static enum err real_unlink(struct sys *sys, struct str path, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    enum err err = path_text(path, text, why);
    if (!err && unlink(text))
        err = fail(why, errno, "remove", text);
    return err;
}

static enum err real_make_dir(struct sys *sys, struct str path, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    enum err err = path_text(path, text, why);
    struct stat st;
    if (!err && mkdir(text, 0750)) {
        int code = errno;
        if (code != EEXIST)
            err = fail(why, code, "make directory", text);
        else if (stat(text, &st) || !S_ISDIR(st.st_mode))
            err = fail(why, ENOTDIR, "make directory", text);
    }
    return err;
}

static enum err real_remove_dir(struct sys *sys, struct str path, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    enum err err = path_text(path, text, why);
    if (!err && rmdir(text))
        err = fail(why, errno, "remove directory", text);
    return err;
}

static enum err real_sync_dir(struct sys *sys, struct str path, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    enum err err = path_text(path, text, why);
    if (err)
        return err;
    int fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(why, errno, "open directory", text);
    if (fsync(fd))
        err = fail(why, errno, "sync directory", text);
    close(fd);
    return err;
}

static enum err real_list(struct sys *sys, struct str path, sys_list_fn *each, void *ctx, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    enum err err = path_text(path, text, why);
    if (err)
        return err;
    DIR *dir = opendir(text);
    if (!dir)
        return fail(why, errno, "list", text);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir)); errno = 0) {
        struct str name = str_of(entry->d_name);
        struct stat st;
        if (str_eq(name, STR(".")) || str_eq(name, STR("..")))
            continue;
        bool is_dir =
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
        if (!each(ctx, name, is_dir)) {
            errno = 0;
            break;
        }
    }
    if (errno) /* names may be missing */
        err = fail(why, errno, "list", text);
    closedir(dir);
    return err;
}

static enum err real_space(struct sys *sys, struct str path, uint64_t *free_bytes, uint64_t *total_bytes,
                           struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    struct statvfs st;
    enum err err = path_text(path, text, why);
    if (err)
        return err;
    if (statvfs(text, &st))
        return fail(why, errno, "ask for the space of", text);
    *free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    *total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return ERR_OK;
}

struct sys *sys_real(void)
{
    static const struct sys_ops ops = {
        .wall_ms = real_wall_ms,
        .mono_ns = real_mono_ns,
        .random = real_random,
        .open = real_open,
        .close = real_close,
        .read_at = real_read_at,
        .write_at = real_write_at,
        .size = real_size,
        .truncate = real_truncate,
        .allocate = real_allocate,
        .sync = real_sync,
        .lock = real_lock,
        .rename = real_rename,
        .link = real_link,
        .unlink = real_unlink,
        .make_dir = real_make_dir,
        .remove_dir = real_remove_dir,
        .sync_dir = real_sync_dir,
        .list = real_list,
        .space = real_space,
    };
    static struct sys real = {&ops};
    return &real;
}
