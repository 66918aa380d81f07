/* intern.h: distinct byte strings, numbered 0, 1, 2... in the order they came. Zero-initialised is ready.
 *
 * Bytes are copied and compared, so a collision of hashes never unites two strings. Memory: the bytes plus
 * about 40 bytes each. One thread; but a reader that was told a count by other means may call intern_get
 * below it as long as no one calls intern_reset or intern_done (entries and bytes never move).
 */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include "base/arena.h"

enum { INTERN_NONE = 0xffffffff };

struct intern_entry {
    const char *at;
    uint32_t size;
    uint64_t hash;
};

/* Chunk c holds 64 << c entries, so that a few strings cost little and entries never move. */
enum { INTERN_CHUNK_FIRST = 64, INTERN_CHUNKS = 18 };

struct intern {
    struct arena arena;
    struct intern_entry *chunks[INTERN_CHUNKS];
    uint32_t *slots;     /* index + 1, or 0 */
    uint32_t slot_count; /* a power of two */
    uint32_t count;
};

/* Number of s, which is added when it is new. INTERN_NONE only beyond 2^24 strings. */
uint32_t intern_resolve(struct intern *intern, struct str s);
uint32_t intern_resolve_hashed(struct intern *intern, struct str s, uint64_t hash); /* hash = hash_bytes(s) */
uint32_t intern_find(const struct intern *intern, struct str s);                    /* or INTERN_NONE */
/* A look-up in a large table waits for three places in memory, one after the other: the slot, the entry, the
 * bytes. Who knows hashes ahead of time calls this with INTERN_SLOT, a while later with INTERN_ENTRY, and
 * again with INTERN_BYTES; each fetches into the cache what the one before has found. */
enum intern_step { INTERN_SLOT, INTERN_ENTRY, INTERN_BYTES };
void intern_foresee(const struct intern *intern, uint64_t hash, enum intern_step step);
struct str intern_get(const struct intern *intern, uint32_t index);
uint64_t intern_hash(const struct intern *intern, uint32_t index); /* hash_bytes of the string */
size_t intern_bytes(const struct intern *intern);                  /* memory held */
void intern_reset(struct intern *intern);
void intern_done(struct intern *intern);

#endif
