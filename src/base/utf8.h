/* utf8.h: is this UTF-8 (RFC 3629: no overlong form, no surrogate, at most U+10FFFF)? */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

/* Bytes of the valid character at s.at[0] (1 to 4), or 0 when there is none. */
static inline unsigned utf8_next(struct str s)
{
    if (s.size == 0)
        return 0;
    const unsigned char *b = (const unsigned char *)s.at;
    if (b[0] < 0x80)
        return 1;
    unsigned size = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || s.size < size)
        return 0;
    for (unsigned i = 1; i < size; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) || (b[0] == 0xf0 && b[1] < 0x90) ||
        (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return size;
}

static inline bool utf8_valid(struct str s)
{
    while (s.size) {
        unsigned size = utf8_next(s);
        if (!size)
            return false;
        s.at += size;
        s.size -= size;
    }
    return true;
}

#endif
