#include "scheme/rewrite.h"

#include "scheme/spelling.h"

static bool parse_part(struct str segment, struct rewrite_part *out)
{
    if (str_eq(segment, STR("**"))) {
        *out = (struct rewrite_part){REWRITE_REST, STR_NONE};
        return true;
    }
    bool is_field = segment.size > 2 && segment.at[0] == '{' && segment.at[segment.size - 1] == '}';
    if (is_field) {
        *out = (struct rewrite_part){REWRITE_FIELD, str_make(segment.at + 1, segment.size - 2)};
        return names_field_good(out->text);
    }
    *out = (struct rewrite_part){REWRITE_LITERAL, segment};
    return names_metric_good(segment);
}

static bool has_field(const struct rewrite_part *parts, uint32_t count, struct str field)
{
    for (uint32_t i = 0; i < count; i++)
        if (parts[i].type == REWRITE_FIELD && str_eq(parts[i].text, field))
            return true;
    return false;
}

/* NULL, or what is wrong. */
static const char *parse_side(struct str text, struct arena *arena, const struct rewrite_part **out,
                              uint32_t *out_count)
{
    struct rewrite_part parts[REWRITE_SEGMENTS_MAX];
    uint32_t count = 0;
    for (struct str rest = text, segment; rest.at; count++) {
        rest = str_cut(rest, '.', &segment);
        if (count == REWRITE_SEGMENTS_MAX)
            return "more than 64 segments";
        if (!parse_part(segment, &parts[count]))
            return "a segment is a word, {field} or **";
        if (parts[count].type == REWRITE_REST && rest.at)
            return "** stands at the end only";
        if (parts[count].type == REWRITE_FIELD && has_field(parts, count, parts[count].text))
            return "a placeholder stands there twice";
    }
    struct rewrite_part *copy = arena_array(arena, count, sizeof *copy);
    memcpy(copy, parts, count * sizeof *copy);
    *out = copy;
    *out_count = count;
    return NULL;
}

static bool ends_open(const struct rewrite_part *parts, uint32_t count)
{
    return parts[count - 1].type == REWRITE_REST;
}

bool rewrite_parse(struct str from, struct str to, struct arena *arena, struct rewrite_rule *out,
                   const char **problem)
{
    struct rewrite_rule rule = {0};
    *problem = parse_side(from, arena, &rule.from, &rule.from_count);
    if (!*problem)
        *problem = parse_side(to, arena, &rule.to, &rule.to_count);
    if (*problem)
        return false;
    if (ends_open(rule.from, rule.from_count) != ends_open(rule.to, rule.to_count)) {
        *problem = "** must end both from and to, or neither";
        return false;
    }
    uint32_t fields = 0;
    for (uint32_t i = 0; i < rule.from_count; i++)
        fields += rule.from[i].type == REWRITE_FIELD;
    if (fields > SCHEME_PLACEHOLDERS_MAX) {
        *problem = "more than 16 placeholders";
        return false;
    }
    for (uint32_t i = 0; i < rule.to_count; i++)
        if (rule.to[i].type == REWRITE_FIELD && !has_field(rule.from, rule.from_count, rule.to[i].text)) {
            *problem = "to has a placeholder that from lacks";
            return false;
        }
    *out = rule;
    return true;
}

/* What ** stands for is *tail. A value that is not valid for its declared field does not fit, as it would be
 * lost. */
static bool fits(const struct scheme *scheme, const struct rewrite_rule *rule, struct str name,
                 struct metric_match *match, struct str *tail)
{
    struct str segment, left = name;
    match->count = 0;
    *tail = STR_NONE;
    for (uint32_t i = 0; i < rule->from_count; i++) {
        const struct rewrite_part *part = &rule->from[i];
        if (!left.at)
            return false;
        if (part->type == REWRITE_REST) {
            *tail = left;
            return left.size > 0;
        }
        left = str_cut(left, '.', &segment);
        if (part->type == REWRITE_LITERAL && !str_eq(part->text, segment))
            return false;
        if (part->type != REWRITE_FIELD)
            continue;
        const struct field_def *field = scheme_find_field(scheme, part->text);
        if (!segment.size || (field && !spelling_value_good(field, segment)))
            return false;
        match->placeholders[match->count++] = (struct placeholder){part->text, segment};
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

static struct str spell(const struct rewrite_rule *rule, const struct metric_match *match, struct str tail,
                        struct arena *arena)
{
    char text[LINE_NAME_MAX];
    size_t size = 0;
    for (uint32_t i = 0; i < rule->to_count; i++) {
        const struct rewrite_part *part = &rule->to[i];
        struct str word = part->type == REWRITE_REST    ? tail
                          : part->type == REWRITE_FIELD ? bound(match, part->text)
                                                        : part->text;
        if (size + 1 + word.size > sizeof text)
            return STR_NONE;
        if (size)
            text[size++] = '.';
        memcpy(text + size, word.at, word.size);
        size += word.size;
    }
    return arena_str(arena, str_make(text, size));
}

struct str rewrite_name(const struct scheme *scheme, struct str name, struct arena *arena,
                        struct metric_match *match)
{
    match->count = 0;
    for (uint32_t i = 0; i < scheme->rewrite_count; i++) {
        const struct rewrite_rule *rule = &scheme->rewrites[i];
        struct metric_match found;
        struct str tail;
        if (!fits(scheme, rule, name, &found, &tail) || match->count + found.count > SCHEME_PLACEHOLDERS_MAX)
            continue;
        struct str renamed = spell(rule, &found, tail, arena);
        if (!renamed.size)
            continue;
        for (uint32_t f = 0; f < found.count; f++)
            if (!has_field(rule->to, rule->to_count, found.placeholders[f].field))
                match->placeholders[match->count++] = found.placeholders[f];
        name = renamed;
    }
    return name;
}
