/* backups.h: backups of the running server, one at a time, on a thread of their own: a large one to another
 * disk takes minutes, and no query should wait for it.
 */
#ifndef SERVER_BACKUPS_H
#define SERVER_BACKUPS_H

#include "server/exchange.h"
#include "store/store.h"

struct backups;

struct backups *backups_new(struct store *store);
/* Gives up the one under way, if any, and returns when its thread has ended; no other begins. */
void backups_stop(struct backups *backups);
void backups_free(struct backups *backups); /* stops; NULL is fine */

/* POST /api/admin/backup {"to": "/an/absolute/path"} */
extern const struct route_handler admin_backup_handler;

#endif
