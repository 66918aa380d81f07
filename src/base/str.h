/* str.h: a view of bytes that somebody else owns.
 *
 * A str is never terminated and may hold any byte. It is valid as long as the bytes behind it are: the
 * function that hands one out says how long.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *at;
    size_t size;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).size, (s).at

static inline struct str str_of(const char *terminated)
{
    return (struct str){terminated, terminated ? strlen(terminated) : 0};
}

static inline struct str str_make(const char *at, size_t size)
{
    return (struct str){at, size};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* s without its first n bytes (n is clamped). */
static inline struct str str_from(struct str s, size_t n)
{
    if (n > s.size)
        n = s.size;
    return n ? (struct str){s.at + n, s.size - n} : s; /* NULL + 0 is undefined in C */
}

static inline struct str str_first(struct str s, size_t n)
{
    return (struct str){s.at, n < s.size ? n : s.size};
}

int str_compare(struct str a, struct str b);  /* by bytes; a prefix comes first */
bool str_eq_fold(struct str a, struct str b); /* ASCII case folded */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the byte or of s.size when absent. */
size_t str_find(struct str s, char byte);
struct str str_trim(struct str s); /* without blanks and tabs and CR LF at both ends */

/* Cuts s at the first byte: *head is what stands before it, the result what stands after. Without the byte
 * *head is all of s and the result is empty with at == NULL. So: for (rest = s; rest.at;) rest =
 * str_cut(rest, '.', &seg); */
struct str str_cut(struct str s, char byte, struct str *head);

/* Canonical decimal below 2^64: digits only, no leading zero but "0" itself. */
bool str_u64(struct str s, uint64_t *out);

/* "*" in the pattern stands for any run of bytes. */
bool str_glob(struct str pattern, struct str s);

#endif
