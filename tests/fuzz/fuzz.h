/* fuzz.h: what every fuzzer needs: the entry point's prototype and its input as a view.
 *
 * The input is copied to a block of exactly its size by libFuzzer, so the address sanitizer sees any read
 * past the end. State what must hold with CHECK.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include "base/check.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
    return str_make((const char *)data, size);
}

#endif
