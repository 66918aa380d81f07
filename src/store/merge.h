/* merge.h: many small files of a day become one. Under store.tidy_lock. Of this room only. */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/store_room.h"

enum {
    MERGE_INPUTS_MAX = 32,
    MERGE_ROWS_MAX = 16 << 20,
    MERGE_SOURCES_MAX = 750000, /* of all inputs together; some 80 bytes each while it runs */
};

/* Told of the rows that were written; false: give up. */
typedef bool merge_watch_fn(void *ctx, uint64_t rows);

/* Puts one file in the place of some of one day, in one transaction. */
enum err merge_files(struct store *store, struct segment **segments, uint32_t count, merge_watch_fn *watch,
                     void *ctx, struct why *why) MUST_USE;

/* Does one merge when one is due; true when it did (there may be more). */
bool merge_one(struct store *store);
/* Writes a file anew of which rows were deleted an hour ago; true when it did. */
bool merge_touched(struct store *store);

#endif
