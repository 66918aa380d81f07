/* The live sources of a busy server fit no inner cache, so what a look-up costs is the memory it waits for.
 * Open addressing with eight bytes a slot keeps the slots small; a slot names its entry by a 64-byte cell of
 * a chunk, so there is no pointer to follow in between; entries start at a cell, their key right behind, so
 * that a hit on a key of 64 bytes reads two neighbouring cache lines. */
#include "scheme/source_cache.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    SLOTS_FIRST = 1024,
    CELL_BYTES = 64,
    CHUNK_CELLS = 1024,
    CHUNK_BYTES = CHUNK_CELLS * CELL_BYTES,
    /* The first chunks are small blocks, so that a few sources cost little; then huge pages hold 32 each. */
    SMALL_CHUNKS = 16,
    CHUNKS_PER_PAGE = MEM_HUGE_BYTES / CHUNK_BYTES,
};

uint64_t source_key_hash(const struct source_key *key)
{
    uint64_t hash = hash_bytes(key->text) ^ ((uint64_t)key->template_set << 32 | key->reporter);
    if (__builtin_expect(key->pairs.size != 0, 0))
        hash = hash_mix(hash) + hash_bytes(key->pairs);
    return hash_mix(hash);
}

static inline char *cell_at(const struct source_cache *cache, uint32_t place)
{
    uint32_t cell = place - 1;
    uintptr_t chunk = (uintptr_t)cache->chunks[cell / CHUNK_CELLS];
    chunk = (chunk + CELL_BYTES - 1) & ~(uintptr_t)(CELL_BYTES - 1);
    return (char *)chunk + (size_t)(cell % CHUNK_CELLS) * CELL_BYTES;
}

static inline struct source_entry *entry_at(const struct source_cache *cache, uint32_t place)
{
    return (struct source_entry *)(void *)cell_at(cache, place);
}

static inline bool holds(const struct source_entry *entry, const struct source_key *key)
{
    if (entry->template_set != key->template_set || entry->reporter != key->reporter ||
        entry->text_size != key->text.size || entry->pairs_size != key->pairs.size)
        return false;
    if (key->text.size && memcmp(entry->words, key->text.at, key->text.size) != 0)
        return false;
    return !key->pairs.size || !memcmp(entry->words + key->text.size, key->pairs.at, key->pairs.size);
}

static char *new_chunk(struct source_cache *cache)
{
    uint32_t in_page = (cache->chunk_count - SMALL_CHUNKS) % CHUNKS_PER_PAGE;
    if (cache->chunk_count < SMALL_CHUNKS)
        return mem_alloc(CHUNK_BYTES + CELL_BYTES);
    return in_page ? cache->chunks[cache->chunk_count - 1] + CHUNK_BYTES : mem_huge();
}

static void add_chunk(struct source_cache *cache)
{
    if (cache->chunk_count == cache->chunk_cap) {
        cache->chunk_cap = cache->chunk_cap ? cache->chunk_cap * 2 : 16;
        cache->chunks = mem_resize(cache->chunks, cache->chunk_cap, sizeof *cache->chunks);
    }
    char *chunk = new_chunk(cache);
    cache->chunks[cache->chunk_count++] = chunk;
    cache->chunk_used = 0;
}

/* Returns the place of cells for size bytes in a row. */
static uint32_t take_cells(struct source_cache *cache, size_t size)
{
    uint32_t cells = (uint32_t)((size + CELL_BYTES - 1) / CELL_BYTES);
    CHECK(cells <= CHUNK_CELLS);
    if (!cache->chunk_count || cache->chunk_used + cells > CHUNK_CELLS)
        add_chunk(cache);
    uint32_t place = (cache->chunk_count - 1) * CHUNK_CELLS + cache->chunk_used + 1;
    cache->chunk_used += cells;
    return place;
}

struct str source_cache_keep(struct source_cache *cache, struct str bytes)
{
    CHECK(bytes.size <= SOURCE_KEPT_BYTES_MAX);
    char *copy = cell_at(cache, take_cells(cache, bytes.size + 1));
    if (bytes.size)
        memcpy(copy, bytes.at, bytes.size);
    return str_make(copy, bytes.size);
}

/* Returns the place of a new entry. */
static uint32_t add(struct source_cache *cache, const struct source_key *key)
{
    size_t size = sizeof(struct source_entry) + key->text.size + key->pairs.size;
    CHECK(key->text.size + key->pairs.size <= SOURCE_KEY_BYTES_MAX);
    uint32_t place = take_cells(cache, size);
    cache->count++;
    struct source_entry *entry = entry_at(cache, place);
    *entry = (struct source_entry){.template_set = key->template_set,
                                   .reporter = key->reporter,
                                   .text_size = (uint32_t)key->text.size,
                                   .pairs_size = (uint32_t)key->pairs.size};
    if (key->text.size)
        memcpy(entry->words, key->text.at, key->text.size);
    if (key->pairs.size)
        memcpy(entry->words + key->text.size, key->pairs.at, key->pairs.size);
    return place;
}

static uint64_t hash_entry(const struct source_entry *entry)
{
    struct source_key key = {entry->template_set,
                             entry->reporter,
                             {entry->words, entry->text_size},
                             {entry->words + entry->text_size, entry->pairs_size}};
    return source_key_hash(&key);
}

/* The low half of a hash chooses the slot, the high half is its tag. */
static void grow(struct source_cache *cache)
{
    uint32_t count = cache->slot_count ? cache->slot_count * 2 : SLOTS_FIRST, mask = count - 1;
    struct source_slot *slots = mem_zero(count, sizeof *slots);
    for (uint32_t i = 0; i < cache->slot_count; i++) {
        if (!cache->slots[i].place)
            continue;
        uint32_t at = (uint32_t)hash_entry(entry_at(cache, cache->slots[i].place)) & mask;
        while (slots[at].place)
            at = (at + 1) & mask;
        slots[at] = cache->slots[i];
    }
    mem_free(cache->slots);
    cache->slots = slots;
    cache->slot_count = count;
}

struct source_entry *source_cache_resolve(struct source_cache *cache, const struct source_key *key,
                                          bool *is_new)
{
    if (cache->count >= cache->slot_count / 4 * 3)
        grow(cache);
    uint64_t hash = source_key_hash(key);
    uint32_t tag = (uint32_t)(hash >> 32), mask = cache->slot_count - 1, at = (uint32_t)hash & mask;
    for (; cache->slots[at].place; at = (at + 1) & mask) {
        struct source_slot slot = cache->slots[at];
        if (slot.tag != tag)
            continue;
        struct source_entry *entry = entry_at(cache, slot.place);
        if (holds(entry, key)) {
            *is_new = false;
            return entry;
        }
    }
    *is_new = true;
    cache->slots[at] = (struct source_slot){tag, add(cache, key)};
    return entry_at(cache, cache->slots[at].place);
}

void source_cache_fetch_slot(const struct source_cache *cache, uint64_t hash)
{
    if (cache->slot_count)
        __builtin_prefetch(&cache->slots[(uint32_t)hash & (cache->slot_count - 1)]);
}

/* The entry that the hash most likely means, or NULL. */
static inline struct source_entry *likely_entry(const struct source_cache *cache, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32), mask = cache->slot_count - 1, at = (uint32_t)hash & mask;
    if (!cache->slot_count)
        return NULL;
    while (cache->slots[at].place && cache->slots[at].tag != tag)
        at = (at + 1) & mask;
    return cache->slots[at].place ? entry_at(cache, cache->slots[at].place) : NULL;
}

void source_cache_fetch_entry(const struct source_cache *cache, uint64_t hash)
{
    const char *entry = (const char *)likely_entry(cache, hash);
    if (!entry)
        return;
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + CELL_BYTES);
}

const struct source_entry *source_cache_fetch_bytes(const struct source_cache *cache, uint64_t hash,
                                                    uint64_t mark)
{
    const struct source_entry *entry = likely_entry(cache, hash);
    if (!entry || entry->source.mark == mark)
        return NULL;
    __builtin_prefetch(entry->source.bytes.at);
    __builtin_prefetch(entry->source.bytes.at + CELL_BYTES);
    return entry;
}

size_t source_cache_bytes(const struct source_cache *cache)
{
    return cache->slot_count * sizeof *cache->slots + (size_t)cache->chunk_count * CHUNK_BYTES;
}

void source_cache_reset(struct source_cache *cache)
{
    for (uint32_t i = 0; i < cache->chunk_count; i++)
        if (i < SMALL_CHUNKS || (i - SMALL_CHUNKS) % CHUNKS_PER_PAGE == 0)
            mem_free(cache->chunks[i]);
    mem_free(cache->chunks);
    mem_free(cache->slots);
    *cache = (struct source_cache){0};
}
