/* retain.h: what goes out of service: days beyond retention or budget, damaged files. The background
 * thread's. Of this room only. */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include "store/store_room.h"

void retain(struct store *store);
/* Files in which a reader found damage: what can still be read of them goes into a new file, they themselves
 * go to quarantine. */
void retain_damaged(struct store *store);

/* One transaction and one instant: out with the first, in with the second. The files of the first are removed
 * when their last reader lets go, unless keep. */
enum err replace_segments(struct store *store, struct segment **out, uint32_t out_count, struct segment **in,
                          uint32_t in_count, bool keep, struct why *why) MUST_USE;

#endif
