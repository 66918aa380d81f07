/* mem.h: heap memory that never comes back NULL: out of memory stops the program, since every size that comes
 * from outside was bounded before. Free with mem_free (NULL is fine). Sizes are count * size, checked. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zero(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *mem_resize(void *old, size_t count, size_t size) __attribute__((alloc_size(2, 3), returns_nonnull));
void mem_free(void *block);

#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

#endif
