#include "scheme/family.h"

bool family_is_pattern(struct str name)
{
    return str_find(name, '{') < name.size;
}

static bool is_literal(const struct family *family, uint32_t i)
{
    return family->literals >> (63 - i) & 1;
}

static bool take_segment(struct family *family, struct str segment, struct str *out, const char **problem)
{
    bool opens = segment.size && segment.at[0] == '{';
    if (!opens) {
        if (str_find(segment, '{') < segment.size || str_find(segment, '}') < segment.size) {
            *problem = "a placeholder is {field_name} and takes a whole segment";
            return false;
        }
        if (!names_metric_good(segment)) {
            *problem = "a segment is made of A-Z a-z 0-9 _ : / - and is not empty";
            return false;
        }
        family->literals |= (uint64_t)1 << (63 - family->segment_count);
        family->literal_count++;
        *out = segment;
        return true;
    }
    struct str name = str_make(segment.at + 1, segment.size > 2 ? segment.size - 2 : 0);
    if (segment.at[segment.size - 1] != '}' || !names_field_good(name)) {
        *problem = "a placeholder is {field_name} and takes a whole segment";
        return false;
    }
    *out = name;
    return true;
}

bool family_parse(struct str pattern, struct arena *arena, struct family *out, const char **problem)
{
    struct str found[FAMILY_SEGMENTS_MAX];
    if (pattern.size > LINE_NAME_MAX) {
        *problem = "longer than 255 bytes";
        return false;
    }
    struct family family = {0};
    uint32_t placeholders = 0;
    for (struct str rest = pattern, segment; rest.at;) {
        rest = str_cut(rest, '.', &segment);
        if (family.segment_count == FAMILY_SEGMENTS_MAX) {
            *problem = "more than 64 segments";
            return false;
        }
        if (!take_segment(&family, segment, &found[family.segment_count], problem))
            return false;
        family.segment_count++;
    }
    placeholders = family.segment_count - family.literal_count;
    if (placeholders > SCHEME_PLACEHOLDERS_MAX) {
        *problem = "more than 16 placeholders";
        return false;
    }
    struct str *segments = arena_array(arena, family.segment_count, sizeof *segments);
    memcpy(segments, found, family.segment_count * sizeof *segments);
    family.segments = segments;
    *out = family;
    return true;
}

bool family_match(const struct family *family, struct str name, struct metric_match *match)
{
    uint32_t i = 0, bound = 0;
    for (struct str rest = name, segment; rest.at; i++) {
        rest = str_cut(rest, '.', &segment);
        if (i == family->segment_count || !segment.size)
            return false;
        if (!is_literal(family, i))
            match->placeholders[bound++] = (struct placeholder){family->segments[i], segment};
        else if (!str_eq(family->segments[i], segment))
            return false;
    }
    match->count = bound;
    return i == family->segment_count;
}

int family_order(const struct family *a, const struct family *b)
{
    if (a->literal_count != b->literal_count)
        return a->literal_count > b->literal_count ? -1 : 1;
    return a->literals == b->literals ? 0 : a->literals > b->literals ? -1 : 1;
}

bool family_overlaps(const struct family *a, const struct family *b)
{
    if (a->segment_count != b->segment_count)
        return false;
    for (uint32_t i = 0; i < a->segment_count; i++)
        if (is_literal(a, i) && is_literal(b, i) && !str_eq(a->segments[i], b->segments[i]))
            return false;
    return true;
}
