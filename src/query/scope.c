#include "query/scope.h"

static struct source_match compile(const struct match *match, struct arena *arena)
{
    struct source_match test = {.kind = match->kind,
                                .negated = match->negated,
                                .values = arena_array(arena, match->value_count + 1, sizeof(*test.values)),
                                .value_count = match->value_count,
                                .low = match->low,
                                .high = match->high};
    for (uint32_t i = 0; i < match->value_count; i++)
        test.values[i] = source_pattern_of(match->values[i].text, match->values[i].is_glob);
    return test;
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
                                 .test = compile(&matches[i], arena),
                                 .exact = exact_values(&matches[i], arena)};
    scope->items = items;
    scope->count += count;
    if (scope->count > 48)
        return query_fail(error, ERR_LIMIT, matches[0].column, NULL, "a scope has at most 48 matches");
    return ERR_OK;
}

bool scope_match_value(const struct scope_match *match, struct source_value value)
{
    return source_match_value(&match->test, value);
}

static bool match_value(const void *ctx, struct source_value value)
{
    return scope_match_value(ctx, value);
}

struct source_test scope_match_test(const struct scope_match *match)
{
    return (struct source_test){match->field, match_value, match, match->exact,
                                match->exact ? match->match->value_count : 0};
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
