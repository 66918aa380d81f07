/* sqlite_vfs.h: SQLite's files through sys, so that crashes of the catalog are simulated like all others.
 *
 * For one connection with locking_mode=EXCLUSIVE: file locks are no-ops (the data folder has its own), and
 * the WAL needs no shared memory. Registered under a name of its own until it is freed. Threads: as SQLite's.
 */
#ifndef STORE_SQLITE_VFS_H
#define STORE_SQLITE_VFS_H

#include "base/sys.h"

struct sqlite_vfs;

struct sqlite_vfs *sqlite_vfs_new(struct sys *sys);
void sqlite_vfs_free(struct sqlite_vfs *vfs); /* NULL is fine; after the connection is closed */
const char *sqlite_vfs_name(const struct sqlite_vfs *vfs);
/* What sys said about the call that failed last, for a better sentence than SQLite's; err is ERR_OK if none.
 */
const struct why *sqlite_vfs_why(const struct sqlite_vfs *vfs);
void sqlite_vfs_clear_why(struct sqlite_vfs *vfs);

#endif
