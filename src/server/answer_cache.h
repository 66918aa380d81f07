/* answer_cache.h: answers to queries about times that are over, kept while no row of them changes, so that a
 * board that ten people look at is worked out once.
 *
 * The caller's key says all that an answer depends on: the query, its times and step, the scheme, the version
 * of the rows. Answers go by bytes, least recently used first. Threads: any.
 */
#ifndef SERVER_ANSWER_CACHE_H
#define SERVER_ANSWER_CACHE_H

#include "base/str.h"

struct answer;
struct answer_cache;
struct kept_answer;

struct answer_cache *answer_cache_new(size_t bytes_max);
void answer_cache_free(struct answer_cache *cache); /* NULL is fine; nobody holds an answer */

/* NULL when it is not there. */
struct kept_answer *answer_cache_get(struct answer_cache *cache, struct str key);
/* Takes the answer over; it may not be kept, but it can be read until it is released. */
struct kept_answer *answer_cache_put(struct answer_cache *cache, struct str key, struct answer *answer);
void answer_cache_release(struct answer_cache *cache, struct kept_answer *kept); /* NULL is fine */
/* Read-only: others read it too. */
const struct answer *kept_answer_get(const struct kept_answer *kept);

struct answer_cache_stats {
    uint64_t hits, misses, bytes, answers;
};

void answer_cache_stats(struct answer_cache *cache, struct answer_cache_stats *out);

#endif
