#include "server/answer_cache.h"

#include "base/hash.h"
#include "base/mem.h"
#include "query/query.h"

#include <pthread.h>

enum { BUCKETS = 1024 };

struct kept_answer {
    struct kept_answer *newer, *older; /* by use */
    struct kept_answer *next;          /* of its bucket */
    uint64_t hash;
    char *key;
    size_t key_size;
    struct answer *answer;
    size_t bytes;
    uint32_t refs; /* readers, and the cache */
};

struct answer_cache {
    pthread_mutex_t lock;
    struct kept_answer *buckets[BUCKETS];
    struct kept_answer *newest, *oldest;
    size_t bytes_max;
    struct answer_cache_stats stats;
};

struct answer_cache *answer_cache_new(size_t bytes_max)
{
    struct answer_cache *cache = MEM_NEW(struct answer_cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->bytes_max = bytes_max;
    return cache;
}

static void unref(struct kept_answer *kept)
{
    if (--kept->refs)
        return;
    answer_free(kept->answer);
    mem_free(kept->key);
    mem_free(kept);
}

static void link_newest(struct answer_cache *cache, struct kept_answer *kept)
{
    kept->newer = NULL;
    kept->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = kept;
    cache->newest = kept;
}

static void unlink_kept(struct answer_cache *cache, struct kept_answer *kept)
{
    *(kept->newer ? &kept->newer->older : &cache->newest) = kept->older;
    *(kept->older ? &kept->older->newer : &cache->oldest) = kept->newer;
}

static struct kept_answer **find(struct answer_cache *cache, struct str key, uint64_t hash)
{
    struct kept_answer **at = &cache->buckets[hash % BUCKETS];
    while (*at && !((*at)->hash == hash && str_eq(str_make((*at)->key, (*at)->key_size), key)))
        at = &(*at)->next;
    return at;
}

static void drop(struct answer_cache *cache, struct kept_answer *kept)
{
    *find(cache, str_make(kept->key, kept->key_size), kept->hash) = kept->next;
    unlink_kept(cache, kept);
    cache->stats.bytes -= kept->bytes;
    cache->stats.answers--;
    unref(kept);
}

void answer_cache_free(struct answer_cache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        drop(cache, cache->oldest);
    pthread_mutex_destroy(&cache->lock);
    mem_free(cache);
}

struct kept_answer *answer_cache_get(struct answer_cache *cache, struct str key)
{
    pthread_mutex_lock(&cache->lock);
    struct kept_answer *kept = *find(cache, key, hash_bytes(key));
    if (kept) {
        kept->refs++;
        unlink_kept(cache, kept);
        link_newest(cache, kept);
    }
    *(kept ? &cache->stats.hits : &cache->stats.misses) += 1;
    pthread_mutex_unlock(&cache->lock);
    return kept;
}

struct kept_answer *answer_cache_put(struct answer_cache *cache, struct str key, struct answer *answer)
{
    struct kept_answer *kept = MEM_NEW(struct kept_answer);
    kept->refs = 1;
    kept->answer = answer;
    kept->hash = hash_bytes(key);
    kept->key = mem_alloc(key.size);
    memcpy(kept->key, key.at, key.size);
    kept->key_size = key.size;
    kept->bytes = sizeof *kept + key.size + sizeof *answer + answer->arena.size;
    pthread_mutex_lock(&cache->lock);
    struct kept_answer **at = find(cache, key, kept->hash);
    if (!*at && kept->bytes <= cache->bytes_max / 8) {
        kept->refs++;
        *at = kept;
        link_newest(cache, kept);
        cache->stats.bytes += kept->bytes;
        cache->stats.answers++;
        while (cache->stats.bytes > cache->bytes_max)
            drop(cache, cache->oldest);
    }
    pthread_mutex_unlock(&cache->lock);
    return kept;
}

void answer_cache_release(struct answer_cache *cache, struct kept_answer *kept)
{
    if (!kept)
        return;
    pthread_mutex_lock(&cache->lock);
    unref(kept);
    pthread_mutex_unlock(&cache->lock);
}

const struct answer *kept_answer_get(const struct kept_answer *kept)
{
    return kept->answer;
}

void answer_cache_stats(struct answer_cache *cache, struct answer_cache_stats *out)
{
    pthread_mutex_lock(&cache->lock);
    *out = cache->stats;
    pthread_mutex_unlock(&cache->lock);
}
