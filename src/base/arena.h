/* arena.h: memory that is freed all at once: a packet's, a request's, a query's.
 *
 * Zero-initialised is ready. One thread. Pointers stay valid until arena_reset or arena_done.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks;
    char *at;
    size_t left;
    size_t size; /* bytes held from the heap */
};

void *arena_alloc(struct arena *arena, size_t size)
    __attribute__((returns_nonnull)); /* aligned to 16, zeroed */
void *arena_room(struct arena *arena, size_t size)
    __attribute__((returns_nonnull)); /* aligned to 16, not zeroed */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
struct str arena_str(struct arena *arena, struct str s); /* a copy, with a NUL behind it */
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes over what another arena holds; that one is empty then, its pointers stay valid. */
void arena_take(struct arena *arena, struct arena *from);
void arena_reset(struct arena *arena); /* keeps at most 32 KiB for re-use */
void arena_done(struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

#endif
