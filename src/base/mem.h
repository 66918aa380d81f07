/* mem.h: heap memory that never comes back NULL: out of memory stops the program, since every size that comes
 * from outside was bounded before. Free with mem_free (NULL is fine). Sizes are count * size, checked. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zero(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *mem_resize(void *old, size_t count, size_t size) __attribute__((alloc_size(2, 3), returns_nonnull));
void mem_free(void *block);

/* MEM_HUGE_BYTES, aligned to as much: a page of its own where the system grants such pages. For tables in
 * which everything is far from everything: with pages of 4 KiB each look-up in them waits for the page's
 * address first. */
enum { MEM_HUGE_BYTES = 2 << 20 };
void *mem_huge(void) __attribute__((malloc, returns_nonnull));

/* For a process that gives much memory back and takes it again all the time: up to 32 MiB stay with it, since
 * each page that comes from the system costs a fault. Call it before the first thread. */
void mem_keep_freed(void);

#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

#endif
