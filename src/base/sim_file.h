/* sim_file.h: the bytes of one simulated file: what the program sees, and what a power cut would leave.
 *
 * Part of the simulated machine (sys_sim.h). Zero-initialised is an empty file. One thread.
 */
#ifndef BASE_SIM_FILE_H
#define BASE_SIM_FILE_H

#include "base/buf.h"
#include "base/rng.h"

enum { SIM_SECTOR = 512 };

struct sim_change; /* a write or a change of size that was not synced */

struct sim_file {
    struct buf live; /* what the program sees */
    struct buf disk; /* what is surely there after a power cut */
    struct sim_change *first, *last;
};

void sim_file_done(struct sim_file *file);
void sim_file_write(struct sim_file *file, uint64_t at, const void *from, size_t size);
void sim_file_truncate(struct sim_file *file, uint64_t size);
void sim_file_extend(struct sim_file *file, uint64_t size); /* never makes it smaller */

/* Every change so far is on the disk. */
void sim_file_sync(struct sim_file *file);
/* Every change so far meets its fate, as the power goes or a sync fails: written, lost or torn. The program
 * sees no difference yet. */
void sim_file_settle(struct sim_file *file, struct rng *rng);
/* The program sees what is on the disk. */
void sim_file_reboot(struct sim_file *file);

#endif
