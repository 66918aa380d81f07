/* A chained hash table of keys, and a ring that knows their age. Arrival times of kept keys may be out of
 * order by the skew between lanes; expiry by the ring's head is then late by that much, which is harmless. */
#include "store/keys.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

enum { SLOTS = 1 << 17 };

void keys_init(struct keys *keys)
{
    *keys = (struct keys){.slot_count = SLOTS};
    pthread_mutex_init(&keys->lock, NULL);
}

void keys_done(struct keys *keys)
{
    for (uint32_t i = 0; keys->slots && i < keys->slot_count; i++)
        for (struct key_entry *entry = keys->slots[i], *next; entry; entry = next) {
            next = entry->next;
            mem_free(entry);
        }
    mem_free(keys->slots);
    mem_free(keys->ring);
    pthread_mutex_destroy(&keys->lock);
}

static struct key_entry **place(struct keys *keys, struct str key, uint64_t hash)
{
    if (!keys->slots) {
        keys->slots = mem_zero(keys->slot_count, sizeof *keys->slots);
        keys->ring = mem_zero(KEYS_MAX, sizeof *keys->ring);
    }
    struct key_entry **at = &keys->slots[hash & (keys->slot_count - 1)];
    while (*at && !((*at)->hash == hash && str_eq(str_make((*at)->at, (*at)->size), key)))
        at = &(*at)->next;
    return at;
}

static struct key_entry *find(struct keys *keys, struct str key)
{
    return keys->slots ? *place(keys, key, hash_bytes(key)) : NULL;
}

static struct key_entry *add(struct keys *keys, struct str key)
{
    uint64_t hash = hash_bytes(key);
    struct key_entry **at = place(keys, key, hash);
    struct key_entry *entry = mem_zero(1, sizeof *entry + key.size);
    CHECK(*at == NULL && key.size <= KEY_BYTES_MAX);
    entry->hash = hash;
    entry->size = (uint16_t)key.size;
    memcpy(entry->at, key.at, key.size);
    *at = entry;
    return entry;
}

static void drop(struct keys *keys, struct key_entry *entry)
{
    struct key_entry **at = &keys->slots[entry->hash & (keys->slot_count - 1)];
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    mem_free(entry);
}

static void drop_oldest(struct keys *keys)
{
    drop(keys, keys->ring[keys->ring_head]);
    keys->ring_head = (keys->ring_head + 1) % KEYS_MAX;
    keys->ring_count--;
}

static void push(struct keys *keys, struct key_entry *entry, int64_t time_ms)
{
    if (keys->ring_count == KEYS_MAX)
        drop_oldest(keys);
    entry->claimed = false;
    entry->time_ms = time_ms;
    entry->serial = ++keys->serial;
    keys->ring[(keys->ring_head + keys->ring_count++) % KEYS_MAX] = entry;
}

static void expire(struct keys *keys, int64_t now_ms)
{
    while (keys->ring_count && keys->ring[keys->ring_head]->time_ms < now_ms - KEYS_AGE_MS)
        drop_oldest(keys);
}

enum key_claim keys_claim(struct keys *keys, struct str key, int64_t now_ms)
{
    pthread_mutex_lock(&keys->lock);
    expire(keys, now_ms);
    struct key_entry *entry = find(keys, key);
    enum key_claim claim = !entry ? KEY_CLAIMED : entry->claimed ? KEY_ON_THE_WAY : KEY_KNOWN;
    if (!entry)
        add(keys, key)->claimed = true;
    pthread_mutex_unlock(&keys->lock);
    return claim;
}

void keys_keep(struct keys *keys, struct str key, int64_t time_ms)
{
    pthread_mutex_lock(&keys->lock);
    struct key_entry *entry = find(keys, key);
    CHECK(entry && entry->claimed);
    push(keys, entry, time_ms);
    pthread_mutex_unlock(&keys->lock);
}

void keys_let_go(struct keys *keys, struct str key)
{
    pthread_mutex_lock(&keys->lock);
    struct key_entry *entry = find(keys, key);
    CHECK(entry && entry->claimed);
    drop(keys, entry);
    pthread_mutex_unlock(&keys->lock);
}

void keys_remember(struct keys *keys, struct str key, int64_t time_ms, bool saved)
{
    if (key.size == 0 || key.size > KEY_BYTES_MAX)
        return;
    pthread_mutex_lock(&keys->lock);
    struct key_entry *entry = find(keys, key);
    if (!entry) {
        entry = add(keys, key);
        entry->saved = saved;
        push(keys, entry, time_ms);
    }
    pthread_mutex_unlock(&keys->lock);
}

bool keys_seen(struct keys *keys, struct str key, int64_t now_ms)
{
    pthread_mutex_lock(&keys->lock);
    expire(keys, now_ms);
    struct key_entry *entry = find(keys, key);
    bool seen = entry && !entry->claimed;
    pthread_mutex_unlock(&keys->lock);
    return seen;
}

bool keys_last_seq(struct keys *keys, struct str client, int64_t now_ms, uint64_t *seq)
{
    bool found = false;
    uint64_t last = 0;
    pthread_mutex_lock(&keys->lock);
    expire(keys, now_ms);
    for (uint32_t i = 0; i < keys->ring_count; i++) {
        const struct key_entry *entry = keys->ring[(keys->ring_head + i) % KEYS_MAX];
        struct str key = str_make(entry->at, entry->size);
        uint64_t number;
        if (key.size > client.size && key.at[client.size] == '/' && str_starts(key, client) &&
            str_u64(str_from(key, client.size + 1), &number)) {
            last = !found || number > last ? number : last;
            found = true;
        }
    }
    pthread_mutex_unlock(&keys->lock);
    if (found)
        *seq = last;
    return found;
}

uint64_t keys_unsaved(struct keys *keys, keys_each_fn *each, void *ctx)
{
    pthread_mutex_lock(&keys->lock);
    for (uint32_t i = 0; i < keys->ring_count; i++) {
        const struct key_entry *entry = keys->ring[(keys->ring_head + i) % KEYS_MAX];
        if (!entry->saved)
            each(ctx, str_make(entry->at, entry->size), entry->time_ms);
    }
    uint64_t mark = keys->serial;
    pthread_mutex_unlock(&keys->lock);
    return mark;
}

void keys_mark_saved(struct keys *keys, uint64_t mark)
{
    pthread_mutex_lock(&keys->lock);
    for (uint32_t i = 0; i < keys->ring_count; i++) {
        struct key_entry *entry = keys->ring[(keys->ring_head + i) % KEYS_MAX];
        entry->saved |= entry->serial <= mark;
    }
    pthread_mutex_unlock(&keys->lock);
}
