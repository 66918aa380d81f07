/* rewrite.h: the scheme's `rewrite` rules: a name as it came becomes the name it should have. Pure. */
#ifndef SCHEME_REWRITE_H
#define SCHEME_REWRITE_H

#include "scheme/scheme_room.h"

/* The new name (a view of name or in the arena), or name itself when no rule fits. Placeholders of the rule
 * that fitted are in match (count, placeholders), as fields of the source. */
struct str rewrite_name(const struct scheme *scheme, struct str name, struct arena *arena,
                        struct metric_match *match);

#endif
