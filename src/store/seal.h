/* seal.h: heads become files. The background thread's. Of this room only. */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "store/store_room.h"

/* Nothing to do is fine. On failure everything is as before; ERR_FULL, ERR_IO. */
enum err seal_head(struct store *store, struct lane *lane, enum head_class class, struct why *why) MUST_USE;
/* Puts keys into the catalog, so that a log that holds nothing else can go. */
enum err seal_keys(struct store *store, struct why *why) MUST_USE;
void seal_release_log(struct store *store, struct lane *lane);

#endif
