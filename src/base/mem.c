#include "base/mem.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

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
