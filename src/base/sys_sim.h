/* sys_sim.h: a simulated machine behind sys.h, for tests: every fault comes from a seed and can be replayed.
 *
 * Files live in memory, in two states: what the program sees, and what a power cut leaves. sys_sim_crash()
 * throws away what was not synced: each un-synced write is kept, dropped or torn at a 512-byte sector by the
 * seed; sizes may have grown without data (zeros); files and names whose directory was not synced may be
 * missing or under the old name. So a file is surely there only when its bytes were synced, its name's
 * directory was, and the names of all directories above were. A rename is never half done, and changes of one
 * file's or of one name's entry are kept in order; nothing else is.
 *
 * Paths: "/a/b" and "a/b" are the same; "" "." and "/" are the root, which exists; ".." is not known. A
 * locked file is locked for other handles, in the same program too. Threads: as sys.h says; a run on several
 * threads is replayed by its seed only if they take the same turns.
 */
#ifndef BASE_SYS_SIM_H
#define BASE_SYS_SIM_H

#include "base/sys.h"

struct sys_sim_options {
    uint64_t seed;
    int64_t wall_ms;     /* where the clock starts */
    uint64_t disk_bytes; /* 0: no limit (says 1 TiB) */
};

struct sys *sys_sim_new(const struct sys_sim_options *options);
void sys_sim_free(struct sys *sys);

/* Time moves only here; the wall clock may be moved alone, also backwards. */
void sys_sim_advance(struct sys *sys, int64_t ms);
void sys_sim_jump_wall(struct sys *sys, int64_t ms);

/* The n-th call from now (1 = the next) that can fail does so with err; 0 switches it off. sticky: every
 * later one too. Every call that returns an enum err counts. A write that fails may have written its first
 * part; a sync that fails has lost some of what it should have written, for good (as real ones do). */
void sys_sim_fail_at(struct sys *sys, uint64_t n, enum err err, bool sticky);
uint64_t sys_sim_calls(struct sys *sys); /* calls that could have failed, so far */
void sys_sim_set_disk(struct sys *sys, uint64_t disk_bytes);
/* Without links sys_link answers ERR_REFUSED, as between two file systems. On by default. */
void sys_sim_set_links(struct sys *sys, bool has_links);

/* After the n-th call from now (0: at once) everything returns ERR_IO, as if the power had gone, until
 * sys_sim_crash(). The first call that fails this way may have had its effect all the same. */
void sys_sim_cut_power_at(struct sys *sys, uint64_t n);
bool sys_sim_is_off(struct sys *sys);

/* The power is back: open files and locks are gone (closing the handles is fine, all else on them is ERR_IO),
 * un-synced state is lost as the seed says, planned faults are off. The program that ran before should be
 * shut down first, since the calls that take a path work again. */
void sys_sim_crash(struct sys *sys);

/* Flips one bit of a file on disk, and in what the program reads; false when it is absent or shorter. */
bool sys_sim_flip(struct sys *sys, struct str path, uint64_t byte, unsigned bit);

#endif
