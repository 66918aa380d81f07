#include "base/arena.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* Chunks double from the first size to the last, so that many arenas with a few bytes each cost little. */
enum { CHUNK_FIRST = 1024, CHUNK_LAST = 32 * 1024, LARGE_BYTES = CHUNK_LAST / 4 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(16) char bytes[];
};

static struct arena_chunk *new_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + size);
    chunk->size = size;
    arena->size += size;
    return chunk;
}

static void add_chunk(struct arena *arena, size_t least)
{
    size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_FIRST;
    while (size < least)
        size *= 2;
    struct arena_chunk *chunk = new_chunk(arena, size < CHUNK_LAST ? size : CHUNK_LAST);
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->at = chunk->bytes;
    arena->left = chunk->size;
}

/* A large block has a chunk of its own, behind the first one, whose rest stays in use. */
static char *add_large(struct arena *arena, size_t size)
{
    if (!arena->chunks)
        add_chunk(arena, 0);
    struct arena_chunk *chunk = new_chunk(arena, size);
    chunk->next = arena->chunks->next;
    arena->chunks->next = chunk;
    return chunk->bytes;
}

void *arena_room(struct arena *arena, size_t size)
{
    CHECK(size < SIZE_MAX / 2);
    size_t rounded = (size + 15) & ~(size_t)15;
    if (rounded > arena->left || !arena->at) {
        if (rounded > LARGE_BYTES)
            return add_large(arena, rounded);
        add_chunk(arena, rounded);
    }
    void *block = arena->at;
    arena->at += rounded;
    arena->left -= rounded;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_room(arena, size), 0, size);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    CHECK(!__builtin_mul_overflow(count, size, &bytes));
    return arena_alloc(arena, bytes);
}

struct str arena_str(struct arena *arena, struct str s)
{
    char *copy = arena_alloc(arena, s.size + 1);
    if (s.size)
        memcpy(copy, s.at, s.size);
    return str_make(copy, s.size);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(size >= 0);
    char *text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return str_make(text, (size_t)size);
}

void arena_take(struct arena *arena, struct arena *from)
{
    if (!arena->chunks) {
        *arena = *from;
    } else if (from->chunks) {
        struct arena_chunk *last = from->chunks;
        while (last->next)
            last = last->next;
        last->next = arena->chunks->next;
        arena->chunks->next = from->chunks;
        arena->size += from->size;
    }
    *from = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *keep = arena->chunks;
    if (!keep)
        return;
    for (struct arena_chunk *chunk = keep->next, *next; chunk; chunk = next) {
        next = chunk->next;
        mem_free(chunk);
    }
    keep->next = NULL;
    arena->at = keep->bytes;
    arena->left = arena->size = keep->size;
}

void arena_done(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        mem_free(chunk);
    }
    *arena = (struct arena){0};
}
