#include "scheme/rewrite.h"

/* `from` without `**` against name; with it, the rest of the name is *tail. */
static bool fits(struct str from, struct str name, struct metric_match *match, struct str *tail)
{
    struct str pattern, segment, left = name;
    match->count = 0;
    *tail = STR_NONE;
    for (struct str rest = from; rest.at;) {
        rest = str_cut(rest, '.', &pattern);
        if (str_eq(pattern, STR("**")) && !rest.at) {
            *tail = left;
            return left.size > 0;
        }
        if (!left.at)
            return false;
        left = str_cut(left, '.', &segment);
        if (pattern.size > 2 && pattern.at[0] == '{') {
            if (match->count == SCHEME_PLACEHOLDERS_MAX || !segment.size)
                return false;
            match->placeholders[match->count++] =
                (struct placeholder){str_make(pattern.at + 1, pattern.size - 2), segment};
        } else if (!str_eq(pattern, segment)) {
            return false;
        }
    }
    return !left.at;
}

static struct str bound(const struct metric_match *match, struct str field)
{
    for (uint32_t i = 0; i < match->count; i++)
        if (str_eq(match->placeholders[i].field, field))
            return match->placeholders[i].value;
    return STR_NONE;
}

static struct str spell(struct str to, const struct metric_match *match, struct str tail, struct arena *arena)
{
    struct str name = STR_NONE, segment;
    for (struct str rest = to; rest.at;) {
        rest = str_cut(rest, '.', &segment);
        struct str part = str_eq(segment, STR("**")) ? tail
                          : segment.size > 2 && segment.at[0] == '{'
                              ? bound(match, str_make(segment.at + 1, segment.size - 2))
                              : segment;
        name = name.size ? arena_printf(arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(part)) : part;
    }
    return name;
}

struct str rewrite_name(const struct scheme *scheme, struct str name, struct arena *arena,
                        struct metric_match *match)
{
    for (uint32_t i = 0; i < scheme->rewrite_count; i++) {
        struct str tail;
        if (!fits(scheme->rewrites[i].from, name, match, &tail))
            continue;
        struct str renamed = spell(scheme->rewrites[i].to, match, tail, arena);
        if (renamed.size && renamed.size <= LINE_NAME_MAX)
            return renamed;
    }
    match->count = 0;
    return name;
}
