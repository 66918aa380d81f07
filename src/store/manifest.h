/* manifest.h: the list of a backup's files, written last: a folder without a whole one is no backup.
 *
 * Text, a line each, in the file `backup`:
 *
 *   dialtone backup 1
 *   taken 2026-03-01T02:00:00.000Z
 *   rows 123456                                  in segments; what the log has comes on top
 *   file 4096 00c0ffee00c0ffee catalog.db        bytes, sum (file_copy.h), path
 *   segment 81234 seg/20260301/NAME.seg          its checksums are inside
 *   end 2 00c0ffee00c0ffee                       how many, and XXH3 of everything before this line
 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include "base/buf.h"
#include "base/err.h"
#include "store/file_copy.h"

#define MANIFEST_NAME STR("backup")

struct manifest_entry {
    struct str path; /* in the backup's folder */
    bool is_segment;
    struct file_sum sum; /* hash: 0 for a segment */
};

struct manifest {
    struct buf text; /* views go into it */
    uint64_t rows, bytes;
    struct manifest_entry *entries;
    uint32_t count, cap;
};

void manifest_begin(struct buf *text, int64_t taken_ms, uint64_t rows);
/* ERR_LIMIT: a name that cannot stand in a line. */
enum err manifest_add(struct buf *text, const struct manifest_entry *entry, struct why *why) MUST_USE;
void manifest_end(struct buf *text, uint32_t count);

/* ERR_CORRUPT: it is not whole, or names a place outside of the folder. */
enum err manifest_parse(struct manifest *manifest, struct str text, struct why *why) MUST_USE;
/* ERR_MISSING: the folder has none. */
enum err manifest_read(struct sys *sys, struct str dir, struct manifest *manifest, struct why *why) MUST_USE;
void manifest_done(struct manifest *manifest);

#endif
