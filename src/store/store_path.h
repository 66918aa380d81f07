/* store_path.h: names of files in a data folder, all in one place.
 *
 *   lock                      held by the one process that writes
 *   ballast                   bytes given back when the disk is full
 *   log/LANE-SLOT.log         log.c
 *   catalog.db, -wal          catalog.c
 *   seg/YYYYMMDD/NAME.seg     segment_write.c; NAME.tmp while it is being written
 *   tomb/ID.tomb              tombstone.c; ID.tmp while it is being written
 *   restore.unfinished        restore.c; while a backup is being copied into the folder
 *   quarantine/               what was damaged or unknown; never read again, never deleted by us
 */
#ifndef STORE_STORE_PATH_H
#define STORE_STORE_PATH_H

#include "base/str.h"
#include "base/sys.h"

#include <stdarg.h>
#include <stdio.h>

/* A data folder's own path may be this long, so that every file in it has a path within SYS_PATH_MAX. */
enum { STORE_DIR_MAX = SYS_PATH_MAX - 128 };

struct store_path {
    size_t size;
    char at[SYS_PATH_MAX + 1];
};

__attribute__((format(printf, 2, 3))) static inline struct store_path store_path(struct str dir,
                                                                                 const char *format, ...)
{
    struct store_path path;
    size_t head = dir.size < STORE_DIR_MAX ? dir.size : STORE_DIR_MAX;
    memcpy(path.at, dir.at, head);
    path.at[head] = '/';
    va_list args;
    va_start(args, format);
    int size = vsnprintf(path.at + head + 1, sizeof path.at - head - 1, format, args);
    va_end(args);
    path.size = head + 1 + (size < 0 ? 0 : (size_t)size);
    if (path.size > SYS_PATH_MAX)
        path.size = SYS_PATH_MAX;
    return path;
}

static inline struct str store_path_str(const struct store_path *path)
{
    return str_make(path->at, path->size);
}

#endif
