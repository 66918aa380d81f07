/* rewrite.h: the scheme's `rewrite` rules: a name as it came becomes the name it should have. Pure. */
#ifndef SCHEME_REWRITE_H
#define SCHEME_REWRITE_H

#include "scheme/scheme_room.h"

enum { REWRITE_SEGMENTS_MAX = 64 };

/* Views of from and to, and memory of the arena. false: *problem says what is wrong. */
bool rewrite_parse(struct str from, struct str to, struct arena *arena, struct rewrite_rule *out,
                   const char **problem);

/* The new name (a view of name or in the arena), or name itself when no rule fits. Rules apply in their
 * order, each at most once, each to what the one before made. Placeholders that `to` lacks are in match
 * (count, placeholders): they become fields of the source. */
struct str rewrite_name(const struct scheme *scheme, struct str name, struct arena *arena,
                        struct metric_match *match);

#endif
