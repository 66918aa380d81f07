/* time_text.h: RFC 3339 stamps and epoch numbers in, milliseconds since 1970 UTC out. Pure. */
#ifndef WIRE_TIME_TEXT_H
#define WIRE_TIME_TEXT_H

#include "base/str.h"

/* RFC 3339 at the start of s (T or t or blank between, any fraction, Z or offset; leap second becomes
 * :59.999). Bytes used, or 0 when there is none. */
size_t time_rfc3339(struct str s, int64_t *time_ms);

/* All of s: RFC 3339, epoch seconds (with fraction) or milliseconds; a number >= 1e11 is milliseconds. */
bool time_parse(struct str s, int64_t *time_ms);

#endif
