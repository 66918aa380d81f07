/* delete.h: the files of tombstones, tomb/ID.tomb. The background thread's and the start's. Of this room
 * only. */
#ifndef STORE_DELETE_H
#define STORE_DELETE_H

#include "store/store_room.h"

/* Durable when it returns. */
enum err delete_write_file(struct store *store, uint64_t id, struct str bytes, struct why *why) MUST_USE;
void delete_remove_file(struct store *store, uint64_t id);
/* A line each; counts the damaged ones. Any folder, any thread. */
enum err delete_inspect(struct sys *sys, struct str dir, struct names *names, struct buf *out,
                        uint64_t *damaged, struct why *why) MUST_USE;

#endif
