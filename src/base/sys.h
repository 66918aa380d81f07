/* sys.h: the one door to clocks, files and randomness (sockets live in net/).
 *
 * Two bodies: the real one (sys_real) and a simulated one (sys_sim.h) that loses what was not synced, tears
 * sectors, fails the n-th call, fills its disk and jumps its clock, all from a seed. Nothing else in the tree
 * calls open, read, write, fsync, clock_gettime or getrandom. Threads: every call is safe from any thread;
 * one file from one thread at a time, but sys_read_at on one file from many.
 *
 * Paths are views without NUL, at most SYS_PATH_MAX bytes.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include "base/err.h"
#include "base/str.h"

enum { SYS_PATH_MAX = 1023 };

struct sys;
struct sys_file;

enum sys_mode {
    SYS_READ,   /* must exist */
    SYS_WRITE,  /* read and write; made when absent */
    SYS_CREATE, /* read and write; ERR_EXISTS when present */
};

/* Called per name in a directory, without "." and ".."; false stops. */
typedef bool sys_list_fn(void *ctx, struct str name, bool is_dir);

struct sys_ops {
    int64_t (*wall_ms)(struct sys *sys);
    uint64_t (*mono_ns)(struct sys *sys);
    void (*random)(struct sys *sys, void *to, size_t size);
    enum err (*open)(struct sys *sys, struct str path, enum sys_mode mode, struct sys_file **out,
                     struct why *why);
    void (*close)(struct sys *sys, struct sys_file *file);
    enum err (*read_at)(struct sys *sys, struct sys_file *file, uint64_t at, void *to, size_t size,
                        size_t *got, struct why *why);
    enum err (*write_at)(struct sys *sys, struct sys_file *file, uint64_t at, const void *from, size_t size,
                         struct why *why);
    enum err (*size)(struct sys *sys, struct sys_file *file, uint64_t *out, struct why *why);
    enum err (*truncate)(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why);
    enum err (*allocate)(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why);
    enum err (*sync)(struct sys *sys, struct sys_file *file, struct why *why);
    enum err (*lock)(struct sys *sys, struct sys_file *file, struct why *why);
    enum err (*rename)(struct sys *sys, struct str from, struct str to, struct why *why);
    enum err (*link)(struct sys *sys, struct str from, struct str to, struct why *why);
    enum err (*unlink)(struct sys *sys, struct str path, struct why *why);
    enum err (*make_dir)(struct sys *sys, struct str path, struct why *why);
    enum err (*remove_dir)(struct sys *sys, struct str path, struct why *why);
    enum err (*sync_dir)(struct sys *sys, struct str path, struct why *why);
    enum err (*list)(struct sys *sys, struct str path, sys_list_fn *each, void *ctx, struct why *why);
    enum err (*space)(struct sys *sys, struct str path, uint64_t *free_bytes, uint64_t *total_bytes,
                      struct why *why);
};

struct sys {
    const struct sys_ops *ops;
};

/* The real body; one for the whole process. */
struct sys *sys_real(void);

int64_t sys_wall_ms(struct sys *sys);  /* ms since 1970, UTC; may jump */
uint64_t sys_mono_ns(struct sys *sys); /* never goes back */
int64_t sys_mono_ms(struct sys *sys);
void sys_random(struct sys *sys, void *to, size_t size);
uint64_t sys_random_u64(struct sys *sys);

enum err sys_open(struct sys *sys, struct str path, enum sys_mode mode, struct sys_file **out,
                  struct why *why) MUST_USE;
void sys_close(struct sys *sys, struct sys_file *file); /* NULL is fine */
/* Reads up to size bytes; *got is less only at the end of the file. */
enum err sys_read_at(struct sys *sys, struct sys_file *file, uint64_t at, void *to, size_t size, size_t *got,
                     struct why *why) MUST_USE;
/* Writes all of it or fails (ERR_FULL, ERR_IO); after a failure any part may have been written. */
enum err sys_write_at(struct sys *sys, struct sys_file *file, uint64_t at, const void *from, size_t size,
                      struct why *why) MUST_USE;
enum err sys_size(struct sys *sys, struct sys_file *file, uint64_t *out, struct why *why) MUST_USE;
enum err sys_truncate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why) MUST_USE;
/* Reserves space up to size and extends the file with zeros. */
enum err sys_allocate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why) MUST_USE;
/* fdatasync. After a failure the file must not be trusted or synced again. */
enum err sys_sync(struct sys *sys, struct sys_file *file, struct why *why) MUST_USE;
/* Exclusive lock of a whole file until it is closed; ERR_BUSY when another process holds it. */
enum err sys_lock(struct sys *sys, struct sys_file *file, struct why *why) MUST_USE;
enum err sys_rename(struct sys *sys, struct str from, struct str to, struct why *why) MUST_USE;
/* A second name for a file. ERR_EXISTS when it is taken; ERR_REFUSED when no link can be made between the two
 * places (another file system, or one without links): then a copy is what is left. */
enum err sys_link(struct sys *sys, struct str from, struct str to, struct why *why) MUST_USE;
enum err sys_unlink(struct sys *sys, struct str path, struct why *why) MUST_USE;
enum err sys_make_dir(struct sys *sys, struct str path, struct why *why) MUST_USE;   /* fine when it exists */
enum err sys_remove_dir(struct sys *sys, struct str path, struct why *why) MUST_USE; /* empty ones only */
enum err sys_sync_dir(struct sys *sys, struct str path, struct why *why) MUST_USE;
enum err sys_list(struct sys *sys, struct str path, sys_list_fn *each, void *ctx, struct why *why) MUST_USE;
enum err sys_space(struct sys *sys, struct str path, uint64_t *free_bytes, uint64_t *total_bytes,
                   struct why *why) MUST_USE;

struct buf;
/* The whole file appended to *out; ERR_LIMIT beyond size_max. */
enum err sys_read_file(struct sys *sys, struct str path, size_t size_max, struct buf *out,
                       struct why *why) MUST_USE;

#endif
