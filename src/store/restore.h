/* restore.h: what a backup holds, verified; and whether one is half way back. Of this room only. */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include "store/manifest.h"

#define RESTORE_MARK STR("restore.unfinished") /* in a data folder that is being filled */

/* Reads and checks every byte of every file listed; the entries then have their sums. Returns how many are
 * damaged; *why says what is wrong with the first, and *out (NULL is fine) has a line for each. */
uint64_t backup_check(struct sys *sys, struct str dir, struct manifest *manifest, const _Atomic bool *cancel,
                      struct buf *out, struct why *why);

/* ERR_CORRUPT: a restore into this data folder was begun and did not end. */
enum err restore_check_done(struct sys *sys, struct str dir, struct why *why) MUST_USE;

#endif
