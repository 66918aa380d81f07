/* source_cache.h: what sources resolved to, by the bytes they were written with and who sent them.
 *
 * Inside scheme only. Zero-initialised is ready. One thread. Entries stay valid until source_cache_reset.
 */
#ifndef SCHEME_SOURCE_CACHE_H
#define SCHEME_SOURCE_CACHE_H

#include "scheme/resolve.h"

enum {
    SOURCE_KEY_BYTES_MAX = 1024, /* text and pairs of what is remembered */
    SOURCE_KEPT_BYTES_MAX = 32 * 1024,
    SOURCE_CACHE_BYTES_MAX = 128 * 1024 * 1024, /* beyond, it is full whatever its count */
};

/* Everything that a source depends on. Views are the caller's. */
struct source_key {
    uint32_t template_set;
    uint32_t reporter;
    struct str text;  /* of source= */
    struct str pairs; /* those that name a declared field, in bytes that tell them apart; mostly empty */
};

struct source_entry {
    struct resolved_source source;
    uint64_t remarks; /* bit by reason, counted again at every use */
    uint32_t template_set, reporter;
    uint32_t text_size, pairs_size;
    char words[]; /* text, then pairs */
};

struct source_slot {
    uint32_t tag;   /* of the hash */
    uint32_t place; /* of the entry, in cells, + 1; 0: free */
};

struct source_cache {
    struct source_slot *slots;
    uint32_t slot_count; /* a power of two; three quarters of it may be taken */
    uint32_t count;
    char **chunks; /* of cells */
    uint32_t chunk_count, chunk_cap;
    uint32_t chunk_used; /* cells of the last chunk */
};

/* The entry of key, whose text and pairs are at most SOURCE_KEY_BYTES_MAX together. When it is new it is
 * zeroed but for its key, and *is_new says so. */
struct source_entry *source_cache_resolve(struct source_cache *cache, const struct source_key *key,
                                          bool *is_new);
/* A look-up waits for places in memory, one after the other: the slot, the entry, and the bytes of the source
 * when the caller wants them. Who knows keys ahead of time has these fetched in three calls, each a while
 * after the one before. A source with this mark needs no bytes. */
uint64_t source_key_hash(const struct source_key *key);
void source_cache_fetch_slot(const struct source_cache *cache, uint64_t hash);
void source_cache_fetch_entry(const struct source_cache *cache, uint64_t hash);
const struct source_entry *source_cache_fetch_bytes(const struct source_cache *cache, uint64_t hash,
                                                    uint64_t mark); /* the entry, or NULL */
/* A copy that lives as long as the entries: of what the entry that was added last points to, so that it lies
 * next to it. At most SOURCE_KEPT_BYTES_MAX. */
struct str source_cache_keep(struct source_cache *cache, struct str bytes);
size_t source_cache_bytes(const struct source_cache *cache); /* memory held */
void source_cache_reset(struct source_cache *cache);         /* also at the end */

#endif
