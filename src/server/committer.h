/* committer.h: the threads that make rows durable and keep the store tidy.
 *
 * One committing thread per lane: woken when something was submitted, it commits all that waits in one group,
 * so that the group grows by itself with the load. One tidying thread: seals, retention, disk.
 */
#ifndef SERVER_COMMITTER_H
#define SERVER_COMMITTER_H

#include "store/store.h"

struct committer;

struct committer *committer_new(struct store *store, uint32_t lanes);
/* Commits what is pending, then ends the threads. Nothing may be submitted any more. */
void committer_free(struct committer *committer);
void committer_wake(struct committer *committer, uint32_t lane); /* any thread; after lane_submit */
/* Seals everything now; returns when done. Any thread but its own. */
void committer_tidy_now(struct committer *committer);

#endif
