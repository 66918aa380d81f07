/* err.h: operating errors, and the sentence that explains one.
 *
 * A function that can fail for a reason outside the program returns an enum err; its last argument may be a
 * struct why, which then says what, where and what was expected. Bugs do not come this way: they hit CHECK.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdint.h>

#define MUST_USE                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

#define ERR_LIST(X)                 \
    X(OK, "ok")                     \
    X(IO, "input or output failed") \
    X(FULL, "no space left")        \
    X(CORRUPT, "damaged data")      \
    X(LIMIT, "a limit was reached") \
    X(SYNTAX, "not understood")     \
    X(UNKNOWN, "unknown name")      \
    X(MISSING, "not found")         \
    X(EXISTS, "exists already")     \
    X(BUSY, "busy")                 \
    X(CLOSED, "closed")             \
    X(REFUSED, "refused")           \
    X(TIMEOUT, "took too long")     \
    X(CANCELLED, "cancelled")

enum err {
#define X(name, text) ERR_##name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

/* Where and why something failed. line and column count from 1; 0 means "does not apply". */
struct why {
    enum err err;
    uint32_t line;
    uint32_t column;
    char text[320];
};

const char *err_text(enum err err);

/* Fills *why (NULL is fine) and returns err, so that a caller can write `return why_set(why, ERR_IO, ...)`.
 */
enum err why_set(struct why *why, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);
enum err why_set_at(struct why *why, enum err err, uint32_t line, uint32_t column, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* Puts "context: " before what *why says already; returns why->err. */
enum err why_wrap(struct why *why, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
