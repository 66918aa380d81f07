/* crew.h: threads that lend a hand to whoever has work to share, when they have nothing else to do.
 *
 * A crew never queues: whoever calls crew_run works too, and is alone with its work when all helpers are
 * busy. So any number of callers keep no more threads running than there are callers and helpers.
 */
#ifndef BASE_CREW_H
#define BASE_CREW_H

#include <stdint.h>

struct crew;

struct crew *crew_new(uint32_t helpers);
void crew_free(struct crew *crew); /* no crew_run is under way; NULL is fine */
uint32_t crew_helpers(const struct crew *crew);

/* Calls work(ctx, 0) on this thread and work(ctx, 1), work(ctx, 2)... up to helpers on idle threads of the
 * crew, each number at most once; returns when all that began have ended. A helper may come at any time until
 * then, or not at all: work takes from a common supply until that is empty. Any thread; crew NULL: alone. */
void crew_run(struct crew *crew, uint32_t helpers, void (*work)(void *ctx, uint32_t worker), void *ctx);

#endif
