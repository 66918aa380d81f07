#include "store/store_room.h"

void disk_failed(struct store *store, const struct why *why)
{
    store_note(store, why);
    store->full = true;
}
