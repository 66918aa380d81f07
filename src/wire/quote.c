#include "wire/quote.h"

#include "base/check.h"

enum { REPLACEMENT = 0xfffd };

/* Index of the closing quote, s.size when there is none. */
static size_t find_close(struct str s)
{
    for (size_t at = 1; at < s.size;) {
        const char *quote = memchr(s.at + at, '"', s.size - at);
        if (!quote)
            break;
        size_t i = (size_t)(quote - s.at), slashes = 0;
        while (i - slashes > at && s.at[i - slashes - 1] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return i;
        at = i + 1;
    }
    return s.size;
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

static bool read_hex4(struct str s, unsigned *out)
{
    unsigned v = 0;
    if (s.size < 4)
        return false;
    for (unsigned i = 0; i < 4; i++) {
        unsigned digit = hex_digit(s.at[i]);
        if (digit > 15)
            return false;
        v = v * 16 + digit;
    }
    *out = v;
    return true;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (char)(0xe0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    } else {
        *to++ = (char)(0xf0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
        *to++ = (char)(0x80 | (c & 0x3f));
    }
    return to;
}

/* The character of "uXXXX" at the start of s, two of them for one above U+FFFF. Bytes used, 0 for no such
 * escape. */
static size_t read_unicode(struct str s, unsigned *out)
{
    unsigned high, low;
    if (s.size < 5 || s.at[0] != 'u' || !read_hex4(str_from(s, 1), &high))
        return 0;
    *out = high;
    if (high < 0xd800 || high > 0xdfff)
        return 5;
    *out = REPLACEMENT;
    if (high > 0xdbff || s.size < 11 || s.at[5] != '\\' || s.at[6] != 'u' ||
        !read_hex4(str_from(s, 7), &low) || low < 0xdc00 || low > 0xdfff)
        return 5;
    *out = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return 11;
}

static char plain_escape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* No escape is shorter than what it stands for, so s.size bytes are room enough. */
static struct str unescape(struct str s, struct arena *arena)
{
    char *text = arena_alloc(arena, s.size), *to = text;
    for (size_t i = 0; i < s.size;) {
        if (s.at[i] != '\\' || i + 1 == s.size) {
            *to++ = s.at[i++];
            continue;
        }
        unsigned c;
        size_t used = read_unicode(str_from(s, ++i), &c);
        if (used) {
            to = put_utf8(to, c);
            i += used;
        } else {
            *to++ = plain_escape(s.at[i++]);
        }
    }
    CHECK((size_t)(to - text) <= s.size);
    return str_make(text, (size_t)(to - text));
}

bool quote_read(struct str s, struct arena *arena, struct str *text, size_t *used)
{
    CHECK(s.size && s.at[0] == '"');
    size_t close = find_close(s);
    if (close == s.size)
        return false;
    struct str inside = str_make(s.at + 1, close - 1);
    *text = inside.size && memchr(inside.at, '\\', inside.size) ? unescape(inside, arena) : inside;
    *used = close + 1;
    return true;
}
