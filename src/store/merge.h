/* merge.h: many small files of a day become one. The background thread's. Of this room only. */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/store_room.h"

/* Does one merge when one is due; true when it did (there may be more). */
bool merge_one(struct store *store);

#endif
