/* The methods SQLite asks of a file system (sqlite.org/c3ref/vfs.html and io_methods.html), each in terms of
 * sys. A new file's name is made durable at its first sync, as SQLite's own unix VFS does. */
#include "store/sqlite_vfs.h"

#include "base/check.h"
#include "base/mem.h"

#include <sqlite3.h>
#include <stdio.h>

struct sqlite_vfs {
    sqlite3_vfs base;
    struct sys *sys;
    struct why why;
    char name[40];
};

struct vfs_file {
    sqlite3_file base;
    struct sqlite_vfs *vfs;
    struct sys_file *file;
    bool sync_dir; /* its name is new */
    struct store_dir {
        size_t size;
        char at[SYS_PATH_MAX + 1];
    } dir;
};

static struct sqlite_vfs *vfs_of(sqlite3_vfs *vfs)
{
    return (struct sqlite_vfs *)vfs;
}

static struct vfs_file *file_of(sqlite3_file *file)
{
    return (struct vfs_file *)file;
}

static int code_of(enum err err, int otherwise)
{
    return err == ERR_OK ? SQLITE_OK : err == ERR_FULL ? SQLITE_FULL : otherwise;
}

/* ---- a file ---- */

static int file_close(sqlite3_file *base)
{
    struct vfs_file *file = file_of(base);
    sys_close(file->vfs->sys, file->file);
    file->file = NULL;
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *to, int size, sqlite3_int64 at)
{
    struct vfs_file *file = file_of(base);
    size_t got = 0;
    enum err err =
        sys_read_at(file->vfs->sys, file->file, (uint64_t)at, to, (size_t)size, &got, &file->vfs->why);
    if (err)
        return SQLITE_IOERR_READ;
    if (got == (size_t)size)
        return SQLITE_OK;
    memset((char *)to + got, 0, (size_t)size - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *from, int size, sqlite3_int64 at)
{
    struct vfs_file *file = file_of(base);
    enum err err =
        sys_write_at(file->vfs->sys, file->file, (uint64_t)at, from, (size_t)size, &file->vfs->why);
    return code_of(err, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct vfs_file *file = file_of(base);
    enum err err = sys_truncate(file->vfs->sys, file->file, (uint64_t)size, &file->vfs->why);
    return code_of(err, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags)
{
    struct vfs_file *file = file_of(base);
    struct sqlite_vfs *vfs = file->vfs;
    enum err err = sys_sync(vfs->sys, file->file, &vfs->why);
    if (!err && file->sync_dir) {
        err = sys_sync_dir(vfs->sys, str_make(file->dir.at, file->dir.size), &vfs->why);
        file->sync_dir = err != ERR_OK;
    }
    return code_of(err, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
    struct vfs_file *file = file_of(base);
    uint64_t bytes = 0;
    enum err err = sys_size(file->vfs->sys, file->file, &bytes, &file->vfs->why);
    *size = (sqlite3_int64)bytes;
    return code_of(err, SQLITE_IOERR_FSTAT);
}

static int file_lock(sqlite3_file *base, int lock)
{
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *base, int *held)
{
    *held = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base)
{
    return 4096;
}

static int file_traits(sqlite3_file *base)
{
    /* A write that tears disturbs nothing beside it (SQLite's own unix VFS says so too). Without this promise
     * SQLite pads the WAL to a sector and leaves the pad's last part un-synced until the next commit; if that
     * commit's sync fails, the part may be lost for good, the next start's replay stops at the hole, and
     * every later commit is gone. The crash test found that. Pages themselves may tear. */
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1, /* no shared memory */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_traits,
};

/* ---- the file system ---- */

static struct str folder_of(struct str path)
{
    while (path.size && path.at[path.size - 1] != '/')
        path.size--;
    if (path.size > 1)
        path.size--;
    return path.size ? path : STR(".");
}

/* ERR_OK, ERR_MISSING, or a trouble that must not be taken for an absent file. */
static enum err is_there(struct sqlite_vfs *vfs, struct str path)
{
    struct sys_file *file;
    enum err err = sys_open(vfs->sys, path, SYS_READ, &file, &vfs->why);
    if (err == ERR_MISSING)
        sqlite_vfs_clear_why(vfs);
    if (!err)
        sys_close(vfs->sys, file);
    return err;
}

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *out, int flags, int *out_flags)
{
    struct sqlite_vfs *vfs = vfs_of(base);
    struct vfs_file *file = file_of(out);
    memset(file, 0, sizeof *file);
    if (!name)
        return SQLITE_CANTOPEN; /* temporary files: temp_store is memory */
    struct str path = str_of(name), folder = folder_of(path);
    bool write = flags & SQLITE_OPEN_READWRITE, create = flags & SQLITE_OPEN_CREATE;
    enum err err = is_there(vfs, path);
    bool is_new = err == ERR_MISSING;
    if (is_new && create)
        err = ERR_OK;
    if (!err) /* SYS_WRITE would make it: only where that is wanted, or where it is there */
        err = sys_open(vfs->sys, path, write ? SYS_WRITE : SYS_READ, &file->file, &vfs->why);
    if (err)
        return err == ERR_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    file->vfs = vfs;
    file->sync_dir = is_new;
    file->dir.size = folder.size;
    memcpy(file->dir.at, folder.at, folder.size);
    file->base.pMethods = &file_methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int sync_dir)
{
    struct sqlite_vfs *vfs = vfs_of(base);
    enum err err = sys_unlink(vfs->sys, str_of(name), &vfs->why);
    if (err == ERR_MISSING)
        return SQLITE_IOERR_DELETE_NOENT;
    if (!err && sync_dir)
        err = sys_sync_dir(vfs->sys, folder_of(str_of(name)), &vfs->why);
    return code_of(err, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *result)
{
    enum err err = is_there(vfs_of(base), str_of(name));
    *result = err == ERR_OK;
    return err == ERR_OK || err == ERR_MISSING ? SQLITE_OK : SQLITE_IOERR_ACCESS;
}

static int vfs_full_path(sqlite3_vfs *base, const char *name, int size, char *out)
{
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *base, int size, char *to)
{
    sys_random(vfs_of(base)->sys, to, (size_t)size);
    return size;
}

static int vfs_sleep(sqlite3_vfs *base, int us)
{
    return us; /* nobody else has the file: there is nothing to wait for */
}

static int vfs_time(sqlite3_vfs *base, sqlite3_int64 *ms)
{
    *ms = sys_wall_ms(vfs_of(base)->sys) + 210866760000000; /* Julian day of 1970, in ms */
    return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *base, double *days)
{
    sqlite3_int64 ms;
    vfs_time(base, &ms);
    *days = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *out)
{
    return 0;
}

struct sqlite_vfs *sqlite_vfs_new(struct sys *sys)
{
    struct sqlite_vfs *vfs = MEM_NEW(struct sqlite_vfs);
    vfs->sys = sys;
    snprintf(vfs->name, sizeof vfs->name, "dialtone-%p", (void *)vfs);
    vfs->base = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct vfs_file),
        .mxPathname = SYS_PATH_MAX,
        .zName = vfs->name,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time_days,
        .xCurrentTimeInt64 = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    int code = sqlite3_vfs_register(&vfs->base, 0);
    CHECK(code == SQLITE_OK);
    return vfs;
}

void sqlite_vfs_free(struct sqlite_vfs *vfs)
{
    if (!vfs)
        return;
    sqlite3_vfs_unregister(&vfs->base);
    mem_free(vfs);
}

const char *sqlite_vfs_name(const struct sqlite_vfs *vfs)
{
    return vfs->name;
}

const struct why *sqlite_vfs_why(const struct sqlite_vfs *vfs)
{
    return &vfs->why;
}

void sqlite_vfs_clear_why(struct sqlite_vfs *vfs)
{
    vfs->why = (struct why){0};
}
