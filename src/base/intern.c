/* Open addressing over numbers of entries; entries live in chunks that never move, so that a reader on
 * another thread can look up an entry while the writer adds more. */
#include "base/intern.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

/* Entries before chunk c: 64 * (2^c - 1). */
static unsigned chunk_of(uint32_t index)
{
    return 31 - (unsigned)__builtin_clz(index / INTERN_CHUNK_FIRST + 1);
}

static uint32_t chunk_base(unsigned chunk)
{
    return (uint32_t)INTERN_CHUNK_FIRST * ((1u << chunk) - 1);
}

static struct intern_entry *entry_at(const struct intern *intern, uint32_t index)
{
    unsigned chunk = chunk_of(index);
    return &intern->chunks[chunk][index - chunk_base(chunk)];
}

static void rehash(struct intern *intern)
{
    uint32_t count = intern->slot_count ? intern->slot_count * 2 : 64;
    mem_free(intern->slots);
    intern->slots = mem_zero(count, sizeof *intern->slots);
    intern->slot_count = count;
    for (uint32_t i = 0; i < intern->count; i++) {
        uint32_t at = (uint32_t)entry_at(intern, i)->hash & (count - 1);
        while (intern->slots[at])
            at = (at + 1) & (count - 1);
        intern->slots[at] = i + 1;
    }
}

/* Slot that holds s, or the free one where it belongs. */
static uint32_t slot_for(const struct intern *intern, struct str s, uint64_t hash)
{
    uint32_t mask = intern->slot_count - 1, at = (uint32_t)hash & mask;
    for (; intern->slots[at]; at = (at + 1) & mask) {
        const struct intern_entry *entry = entry_at(intern, intern->slots[at] - 1);
        if (entry->hash == hash && str_eq(str_make(entry->at, entry->size), s))
            break;
    }
    return at;
}

static uint32_t add(struct intern *intern, struct str s, uint64_t hash)
{
    uint32_t index = intern->count;
    unsigned chunk = chunk_of(index);
    if (chunk >= INTERN_CHUNKS)
        return INTERN_NONE;
    CHECK(s.size <= UINT32_MAX);
    if (!intern->chunks[chunk])
        intern->chunks[chunk] =
            mem_alloc(((size_t)INTERN_CHUNK_FIRST << chunk) * sizeof(struct intern_entry));
    *entry_at(intern, index) = (struct intern_entry){arena_str(&intern->arena, s).at, (uint32_t)s.size, hash};
    intern->count++;
    return index;
}

uint32_t intern_resolve_hashed(struct intern *intern, struct str s, uint64_t hash)
{
    if (intern->count >= intern->slot_count / 2)
        rehash(intern);
    uint32_t at = slot_for(intern, s, hash);
    if (intern->slots[at])
        return intern->slots[at] - 1;
    uint32_t index = add(intern, s, hash);
    if (index != INTERN_NONE)
        intern->slots[at] = index + 1;
    return index;
}

uint32_t intern_resolve(struct intern *intern, struct str s)
{
    return intern_resolve_hashed(intern, s, hash_bytes(s));
}

uint32_t intern_find(const struct intern *intern, struct str s)
{
    if (!intern->slot_count)
        return INTERN_NONE;
    uint32_t at = slot_for(intern, s, hash_bytes(s));
    return intern->slots[at] ? intern->slots[at] - 1 : INTERN_NONE;
}

void intern_foresee(const struct intern *intern, uint64_t hash, enum intern_step step)
{
    uint32_t at = (uint32_t)hash & (intern->slot_count - 1);
    if (!intern->slot_count)
        return;
    if (step == INTERN_SLOT) {
        __builtin_prefetch(&intern->slots[at]);
    } else if (intern->slots[at]) { /* whatever is first in the row: most rows are short */
        const struct intern_entry *entry = entry_at(intern, intern->slots[at] - 1);
        __builtin_prefetch(step == INTERN_ENTRY ? (const void *)entry : entry->at);
    }
}

struct str intern_get(const struct intern *intern, uint32_t index)
{
    const struct intern_entry *entry = entry_at(intern, index);
    return str_make(entry->at, entry->size);
}

uint64_t intern_hash(const struct intern *intern, uint32_t index)
{
    return entry_at(intern, index)->hash;
}

size_t intern_bytes(const struct intern *intern)
{
    unsigned chunks = 0;
    while (chunks < INTERN_CHUNKS && intern->chunks[chunks])
        chunks++;
    size_t entries = chunk_base(chunks);
    return intern->arena.size + intern->slot_count * sizeof *intern->slots +
           entries * sizeof(struct intern_entry);
}

static void free_entries(struct intern *intern)
{
    for (unsigned c = 0; c < INTERN_CHUNKS; c++)
        mem_free(intern->chunks[c]);
    mem_free(intern->slots);
}

/* Who resets is mostly about to add as much again, so what was in use is kept. */
void intern_reset(struct intern *intern)
{
    struct arena arena = intern->arena;
    arena_reset(&arena);
    if (intern->count < intern->slot_count / 16) {
        free_entries(intern);
        *intern = (struct intern){.arena = arena};
        return;
    }
    if (intern->slot_count)
        memset(intern->slots, 0, intern->slot_count * sizeof *intern->slots);
    intern->arena = arena;
    intern->count = 0;
}

void intern_done(struct intern *intern)
{
    free_entries(intern);
    arena_done(&intern->arena);
    *intern = (struct intern){0};
}
