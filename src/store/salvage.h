/* salvage.h: what can still be read of a damaged file, as a new file. Of this room only. */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "store/store_room.h"

/* *rest: NULL when nothing could be read. *lost: rows that could not. Fails only when writing does. */
enum err salvage(struct store *store, struct segment *segment, struct segment **rest, uint64_t *lost,
                 struct why *why) MUST_USE;

#endif
