#include "query/delete_query.h"

#include "query/parse.h"
#include "query/scope.h"

static bool has_only_scope(const struct node *node)
{
    static const struct clauses none;
    struct clauses rest = node->clauses;
    rest.scope = NULL;
    rest.scope_count = 0;
    return memcmp(&rest, &none, sizeof none) == 0 && node->test.kind == TEST_NONE;
}

/* A selector with a scope; *node becomes the selector. */
static enum err find_selector(const struct node **node, struct scope *scope,
                              const struct query_options *options, struct arena *arena,
                              struct query_error *error)
{
    static const char expected[] = "a metric, or a glob such as `dialer.**`, and `@field:value`";
    enum err err = ERR_OK;
    while ((*node)->kind == NODE_QUERY && !err) {
        if (!has_only_scope(*node))
            return query_fail(error, ERR_SYNTAX, (*node)->column, expected,
                              "a delete takes metrics and a scope, and nothing else");
        err = scope_add(scope, (*node)->clauses.scope, (*node)->clauses.scope_count, options, arena, error);
        *node = (*node)->kids[0];
    }
    if (!err && (*node)->kind != NODE_SELECTOR)
        err = query_fail(error, ERR_SYNTAX, (*node)->column, expected,
                         "a delete takes the names of metrics, no arithmetic");
    return err;
}

static enum err check_fields(const struct scope *scope, const struct query_options *options,
                             struct query_error *error)
{
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct match *match = scope->items[i].match;
        if (field_is_known(match->field, options))
            continue;
        query_fail(error, ERR_UNKNOWN, match->column, "a declared field", "there is no field %.*s",
                   STR_ARG(str_first(match->field, 64)));
        field_near(match->field, options, error);
        return error->err;
    }
    return ERR_OK;
}

/* false: the name alone puts it out of scope. */
static bool bind_metric(const struct metric_ref *metric, const struct scope *scope, uint64_t *bound)
{
    *bound = 0;
    for (uint32_t i = 0; i < scope->count; i++) {
        struct str value = metric_bind(metric, scope->items[i].match->field);
        if (!value.at)
            continue;
        *bound |= UINT64_C(1) << i;
        if (!scope_match_value(&scope->items[i], (struct source_value){.type = SOURCE_TEXT, .text = value}))
            return false;
    }
    return true;
}

static void fill(const struct metric_set *set, const struct scope *scope, struct arena *arena,
                 struct delete_request *out)
{
    struct delete_metric *metrics = arena_array(arena, set->count + 1, sizeof *metrics);
    struct delete_test *tests = arena_array(arena, scope->count + 1, sizeof *tests);
    for (uint32_t m = 0; m < set->count; m++) {
        uint64_t bound;
        if (set->items[m].id != NAME_NONE && bind_metric(&set->items[m], scope, &bound))
            metrics[out->metric_count++] = (struct delete_metric){set->items[m].id, bound};
    }
    for (uint32_t i = 0; i < scope->count; i++)
        tests[i] = (struct delete_test){scope->items[i].match->field, scope->items[i].test};
    out->metrics = metrics;
    out->tests = tests;
    out->test_count = scope->count;
}

enum err query_delete_request(struct str text, const struct query_options *options, struct arena *arena,
                              struct delete_request *out, struct query_error *error)
{
    struct node *tree;
    struct scope scope = {0};
    struct metric_set set = {0};
    struct query_options all = *options;
    all.hide_undeclared = false;
    *error = (struct query_error){0};
    *out = (struct delete_request){.text = text, .from_ms = options->from_ms, .to_ms = options->to_ms};
    if (options->from_ms >= options->to_ms)
        return query_fail(error, ERR_SYNTAX, 0, NULL, "from lies behind to");
    enum err err = query_parse(text, arena, &tree, error);
    const struct node *node = tree;
    if (!err)
        err = find_selector(&node, &scope, &all, arena, error);
    if (!err)
        err = check_fields(&scope, &all, error);
    if (!err)
        err = metric_set_find(node, &all, arena, &set, error);
    if (!err)
        fill(&set, &scope, arena, out);
    return err;
}
