/* check.h: CHECK(cond) stops the program at a bug, in release builds too. No call with effects inside. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#define CHECK(cond)                                  \
    do {                                             \
        if (__builtin_expect(!(cond), 0))            \
            check_failed(#cond, __FILE__, __LINE__); \
    } while (0)

void check_failed(const char *condition, const char *file, int line) __attribute__((noreturn, cold));

#endif
