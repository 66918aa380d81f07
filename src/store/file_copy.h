/* file_copy.h: files and folders moved as a whole: copied with a sum, summed, counted, removed.
 *
 * A sum covers a file's bytes by pieces of 256 KiB: XXH3 of each, seeded by the sum so far.
 */
#ifndef STORE_FILE_COPY_H
#define STORE_FILE_COPY_H

#include "base/buf.h"
#include "base/sys.h"

struct file_sum {
    uint64_t bytes;
    uint64_t hash;
};

/* Both stop with ERR_CANCELLED once *cancel is set; NULL: never. */
enum err file_sum(struct sys *sys, struct str path, const _Atomic bool *cancel, struct file_sum *out,
                  struct why *why) MUST_USE;
/* The first bytes of from (UINT64_MAX: all) as a new file, synced; its name is not yet. */
enum err file_copy(struct sys *sys, struct str from, struct str to, uint64_t bytes,
                   const _Atomic bool *cancel, struct file_sum *out, struct why *why) MUST_USE;
/* A new file with these bytes, synced. */
enum err file_write(struct sys *sys, struct str path, struct str bytes, struct why *why) MUST_USE;

/* Is anything there under this name? */
enum err path_exists(struct sys *sys, struct str path, bool *exists, struct why *why) MUST_USE;
/* The path without its last name; "." when it has one only. No slash at the end but of the root. */
struct str path_parent(struct str path);
struct str path_name(struct str path); /* the last name; without slashes at its end */

/* Everything in a folder, and the folder unless only_inside. What cannot be removed stays; false: something
 * did. keep: a name in it that stays, or empty. */
bool folder_remove(struct sys *sys, struct str path, bool only_inside, struct str keep);

#endif
