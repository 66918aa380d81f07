#include "base/mem.h"

#include "base/check.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "dialtone: bug: %s is false at %s:%d\n", condition, file, line);
    abort();
}

void *mem_alloc(size_t size)
{
    void *block = malloc(size ? size : 1);
    CHECK(block != NULL);
    return block;
}

void *mem_zero(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size ? size : 1);
    CHECK(block != NULL);
    return block;
}

void *mem_resize(void *old, size_t count, size_t size)
{
    void *block = reallocarray(old, count ? count : 1, size ? size : 1);
    CHECK(block != NULL);
    return block;
}

void mem_free(void *block)
{
    free(block);
}

void *mem_huge(void)
{
    void *block = aligned_alloc(MEM_HUGE_BYTES, MEM_HUGE_BYTES);
    CHECK(block);
    madvise(block, MEM_HUGE_BYTES, MADV_HUGEPAGE); /* a wish */
    return block;
}

void mem_keep_freed(void)
{
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
}
