#include "scheme/source_match.h"

struct source_pattern source_pattern_of(struct str text, bool is_glob)
{
    struct source_pattern pattern = {.text = text, .is_glob = is_glob};
    pattern.is_number = str_u64(text, &pattern.number);
    return pattern;
}

static bool one_matches(const struct source_pattern *wanted, struct source_value value)
{
    if (value.type == SOURCE_TEXT)
        return wanted->is_glob ? str_glob(wanted->text, value.text) : str_eq(wanted->text, value.text);
    if (!wanted->is_glob)
        return wanted->is_number && wanted->number == value.number;
    struct buf text = {0};
    source_value_print(value, &text);
    bool matches = str_glob(wanted->text, buf_view(&text));
    buf_done(&text);
    return matches;
}

static bool positive_match(const struct source_match *match, struct source_value value)
{
    if (value.type == SOURCE_UNSET)
        return match->kind == MATCH_UNSET;
    uint64_t number = value.number;
    switch (match->kind) {
    case MATCH_UNSET:
        return false;
    case MATCH_RANGE:
        return (value.type == SOURCE_NUMBER || str_u64(value.text, &number)) && number >= match->low &&
               number <= match->high;
    case MATCH_VALUES:
        break;
    }
    for (uint32_t i = 0; i < match->value_count; i++)
        if (one_matches(&match->values[i], value))
            return true;
    return false;
}

bool source_match_value(const struct source_match *match, struct source_value value)
{
    return positive_match(match, value) != match->negated;
}
