#include "base/str.h"

int str_compare(struct str a, struct str b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int order = least ? memcmp(a.at, b.at, least) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static unsigned char fold(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool str_eq_fold(struct str a, struct str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (fold(a.at[i]) != fold(b.at[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.size >= prefix.size && str_eq(str_first(s, prefix.size), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.size >= suffix.size && str_eq(str_from(s, s.size - suffix.size), suffix);
}

size_t str_find(struct str s, char byte)
{
    const char *hit = s.size ? memchr(s.at, byte, s.size) : NULL;
    return hit ? (size_t)(hit - s.at) : s.size;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.size && is_blank(s.at[0]))
        s = str_from(s, 1);
    while (s.size && is_blank(s.at[s.size - 1]))
        s.size--;
    return s;
}

struct str str_cut(struct str s, char byte, struct str *head)
{
    size_t at = str_find(s, byte);
    *head = str_first(s, at);
    return at == s.size ? STR_NONE : str_from(s, at + 1);
}

bool str_u64(struct str s, uint64_t *out)
{
    if (s.size == 0 || s.size > 20 || (s.size > 1 && s.at[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned digit = (unsigned char)s.at[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_glob(struct str pattern, struct str s)
{
    size_t p = 0, i = 0, star = SIZE_MAX, from = 0;
    while (i < s.size) {
        if (p < pattern.size && pattern.at[p] == '*') {
            star = p++;
            from = i;
        } else if (p < pattern.size && pattern.at[p] == s.at[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.at[p] == '*')
        p++;
    return p == pattern.size;
}
