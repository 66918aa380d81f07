/* cache.h: what was read of files, kept by bytes, least recently used first to go.
 *
 * An entry hangs in its owner's slot; whoever holds a reference keeps it alive beyond its eviction. Threads:
 * any.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

struct cache_entry {
    struct cache_entry *newer, *older;
    struct cache_entry **slot; /* NULL once it is evicted or forgotten */
    uint32_t refs;
    size_t bytes;
    void (*free)(struct cache_entry *entry);
};

struct cache *cache_new(uint64_t bytes_max, uint32_t entries_max);
void cache_free(struct cache *cache); /* NULL is fine; all owners must have forgotten their entries */

/* A reference to what hangs in the slot, or NULL. */
struct cache_entry *cache_get(struct cache *cache, struct cache_entry **slot);
/* Hangs entry (bytes and free set) into the slot and returns a reference; when another thread was quicker,
 * frees entry and returns the other's. */
struct cache_entry *cache_put(struct cache *cache, struct cache_entry **slot, struct cache_entry *entry);
void cache_release(struct cache *cache, struct cache_entry *entry); /* NULL is fine */
void cache_forget(struct cache *cache, struct cache_entry **slot);  /* the owner goes */

#endif
