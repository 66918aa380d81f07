/* recover.h: the list of segments at start. Of this room only. */
#ifndef STORE_RECOVER_H
#define STORE_RECOVER_H

#include "store/store_room.h"

/* Opens the catalog, or builds it anew; sets store->segments and what is known of lanes. */
enum err store_recover(struct store *store, struct store_report *report, struct why *why) MUST_USE;

/* After the replay: finished files that the catalog does not know are dropped when the log has their rows,
 * and set aside otherwise. */
void recover_leftovers(struct store *store, struct store_report *report);

#endif
