/* family.h: metric patterns: names whose segments may be placeholders, `{process}.{job}.jobs`. Pure. */
#ifndef SCHEME_FAMILY_H
#define SCHEME_FAMILY_H

#include "scheme/scheme.h"

enum { FAMILY_SEGMENTS_MAX = 64 };

struct family {
    uint32_t metric; /* index of its declaration */
    uint32_t segment_count;
    uint32_t literal_count;
    const struct str *segments; /* literal text, or a placeholder's field name */
    uint64_t literals;          /* bit i: segment i is literal; bit 63 is the leftmost, for ordering */
};

/* false: *problem says what is wrong with the pattern. */
bool family_parse(struct str pattern, struct arena *arena, struct family *out, const char **problem);
bool family_is_pattern(struct str name); /* has a placeholder */

/* Does it fit, and what are the placeholders bound to (match->count, match->placeholders; def is left alone)?
 */
bool family_match(const struct family *family, struct str name, struct metric_match *match);

/* Most literals first, then the leftmost literal; 0: a tie. */
int family_order(const struct family *a, const struct family *b);
/* Could one name fit both? */
bool family_overlaps(const struct family *a, const struct family *b);

#endif
