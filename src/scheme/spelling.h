/* spelling.h: the two spellings of source=: keyed and positional (docs/line-format.md). Pure but for the
 * names' numbers.
 *
 * Values put into the set are views of the text or of the arena.
 */
#ifndef SCHEME_SPELLING_H
#define SCHEME_SPELLING_H

#include "scheme/resolve.h"
#include "scheme/scheme_room.h"

struct spelling {
    const struct scheme *scheme;
    struct arena *arena;
    struct source_set *set;
    uint64_t remarks; /* bit by enum reason */
};

static inline void spelling_remark(struct spelling *spelling, enum reason reason)
{
    spelling->remarks |= (uint64_t)1 << reason;
}

/* Puts text as the value of a field, as its type and keep say. false: not valid for its type (nothing is
 * put). */
bool spelling_put(struct spelling *spelling, const struct field_def *field, struct str text);
bool spelling_is_word(const struct field_def *field, struct str word); /* of an enum, listed */
bool spelling_value_good(const struct field_def *field, struct str text);

/* Is any segment KEY-VALUE with a declared key and a valid value? */
bool spelling_is_keyed(const struct scheme *scheme, struct str text);
void spelling_keyed(struct spelling *spelling, struct str text);
/* false: does not fit; nothing is put. */
bool spelling_positional(struct spelling *spelling, const struct template_def *template, struct str text);
/* Kept whole in field `source`. */
void spelling_whole(struct spelling *spelling, struct str text);

#endif
