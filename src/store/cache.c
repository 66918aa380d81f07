#include "store/cache.h"

#include "base/check.h"
#include "base/mem.h"

#include <pthread.h>

struct cache {
    pthread_mutex_t lock;
    struct cache_entry *newest, *oldest;
    uint64_t bytes, bytes_max;
    uint32_t count, count_max;
};

struct cache *cache_new(uint64_t bytes_max, uint32_t entries_max)
{
    struct cache *cache = MEM_NEW(struct cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->bytes_max = bytes_max;
    cache->count_max = entries_max;
    return cache;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    CHECK(cache->count == 0);
    pthread_mutex_destroy(&cache->lock);
    mem_free(cache);
}

static void link_newest(struct cache *cache, struct cache_entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void unlink_entry(struct cache *cache, struct cache_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

/* Out of the cache; freed now or by the last one who holds it. */
static void detach(struct cache *cache, struct cache_entry *entry)
{
    unlink_entry(cache, entry);
    cache->bytes -= entry->bytes;
    cache->count--;
    *entry->slot = NULL;
    entry->slot = NULL;
    if (entry->refs == 0)
        entry->free(entry);
}

static void evict(struct cache *cache)
{
    struct cache_entry *entry = cache->oldest, *newer;
    for (; entry && (cache->bytes > cache->bytes_max || cache->count > cache->count_max); entry = newer) {
        newer = entry->newer;
        if (entry->refs == 0)
            detach(cache, entry);
    }
}

struct cache_entry *cache_get(struct cache *cache, struct cache_entry **slot)
{
    pthread_mutex_lock(&cache->lock);
    struct cache_entry *entry = *slot;
    if (entry) {
        entry->refs++;
        unlink_entry(cache, entry);
        link_newest(cache, entry);
    }
    pthread_mutex_unlock(&cache->lock);
    return entry;
}

struct cache_entry *cache_put(struct cache *cache, struct cache_entry **slot, struct cache_entry *entry)
{
    pthread_mutex_lock(&cache->lock);
    struct cache_entry *other = *slot;
    if (other) {
        other->refs++;
    } else {
        entry->refs = 1;
        entry->slot = slot;
        *slot = entry;
        link_newest(cache, entry);
        cache->bytes += entry->bytes;
        cache->count++;
        evict(cache);
    }
    pthread_mutex_unlock(&cache->lock);
    if (other)
        entry->free(entry);
    return other ? other : entry;
}

void cache_release(struct cache *cache, struct cache_entry *entry)
{
    if (!entry)
        return;
    pthread_mutex_lock(&cache->lock);
    CHECK(entry->refs > 0);
    bool last = --entry->refs == 0 && !entry->slot;
    if (!last)
        evict(cache);
    pthread_mutex_unlock(&cache->lock);
    if (last)
        entry->free(entry);
}

void cache_forget(struct cache *cache, struct cache_entry **slot)
{
    pthread_mutex_lock(&cache->lock);
    if (*slot)
        detach(cache, *slot);
    pthread_mutex_unlock(&cache->lock);
}
