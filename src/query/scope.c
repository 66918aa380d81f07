#include "query/scope.h"

static struct scope_value *compile_values(const struct match *match, struct arena *arena)
{
    struct scope_value *values = arena_array(arena, match->value_count + 1, sizeof(*values));
    for (uint32_t i = 0; i < match->value_count; i++) {
        values[i].text = match->values[i].text;
        values[i].is_glob = match->values[i].is_glob;
        values[i].is_number = str_u64(values[i].text, &values[i].number);
    }
    return values;
}

/* Values that say all: neither globs nor negated. */
static struct str *exact_values(const struct match *match, struct arena *arena)
{
    if (match->kind != MATCH_VALUES || match->negated || !match->value_count)
        return NULL;
    struct str *exact = arena_array(arena, match->value_count, sizeof(*exact));
    for (uint32_t i = 0; i < match->value_count; i++) {
        if (match->values[i].is_glob)
            return NULL;
        exact[i] = match->values[i].text;
    }
    return exact;
}

enum err scope_add(struct scope *scope, const struct match *matches, uint32_t count,
                   const struct query_options *options, struct arena *arena, struct query_error *error)
{
    if (count == 0)
        return ERR_OK;
    struct scope_match *items = arena_array(arena, scope->count + count, sizeof(*items));
    if (scope->count)
        memcpy(items, scope->items, scope->count * sizeof(*items));
    for (uint32_t i = 0; i < count; i++)
        items[scope->count + i] =
            (struct scope_match){.match = &matches[i],
                                 .field = names_find_field(options->names, matches[i].field),
                                 .values = compile_values(&matches[i], arena),
                                 .exact = exact_values(&matches[i], arena)};
    scope->items = items;
    scope->count += count;
    if (scope->count > 48)
        return query_fail(error, ERR_LIMIT, matches[0].column, NULL, "a scope has at most 48 matches");
    return ERR_OK;
}

static bool one_matches(const struct scope_value *wanted, struct source_value value)
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

static bool positive_match(const struct scope_match *match, struct source_value value)
{
    const struct match *wanted = match->match;
    if (value.type == SOURCE_UNSET)
        return wanted->kind == MATCH_UNSET;
    uint64_t number = value.number;
    switch (wanted->kind) {
    case MATCH_UNSET:
        return false;
    case MATCH_RANGE:
        return (value.type == SOURCE_NUMBER || str_u64(value.text, &number)) && number >= wanted->low &&
               number <= wanted->high;
    case MATCH_VALUES:
        break;
    }
    for (uint32_t i = 0; i < wanted->value_count; i++)
        if (one_matches(&match->values[i], value))
            return true;
    return false;
}

bool scope_match_value(const struct scope_match *match, struct source_value value)
{
    return positive_match(match, value) != match->match->negated;
}

struct str scope_host(const struct scope *scope)
{
    struct str host = STR_NONE;
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct match *match = scope->items[i].match;
        if (!str_eq(match->field, STR("host")) || match->negated || match->kind != MATCH_VALUES ||
            match->value_count != 1 || match->values[0].is_glob)
            continue;
        host = match->values[0].text;
    }
    return host;
}
