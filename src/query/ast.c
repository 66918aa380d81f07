#include "query/ast.h"

struct str stat_kind_text(enum stat_kind kind)
{
    static const struct str texts[] = {
#define X(name, text) STR(text),
        STAT_LIST(X)
#undef X
            STR("p"),
    };
    return texts[kind];
}

struct str func_text(enum func func)
{
    static const struct str texts[] = {
#define X(name, text, least, most) STR(text),
        FUNC_LIST(X)
#undef X
    };
    return texts[func];
}

struct str test_text(enum test_kind kind)
{
    static const struct str texts[] = {STR(""),
#define X(name, text) STR(text),
                                       TEST_LIST(X)
#undef X
    };
    return texts[kind];
}

static void dump_match(const struct match *match, struct buf *out)
{
    buf_printf(out, " (@ %.*s%s", STR_ARG(match->field), match->negated ? "!" : "");
    if (match->kind == MATCH_UNSET)
        buf_str(out, STR(" unset"));
    if (match->kind == MATCH_RANGE)
        buf_printf(out, " %llu..%llu", (unsigned long long)match->low, (unsigned long long)match->high);
    for (uint32_t i = 0; i < match->value_count; i++)
        buf_printf(out, " %s%.*s", match->values[i].is_glob ? "~" : "", STR_ARG(match->values[i].text));
    buf_char(out, ')');
}

static void dump_outward(const struct outward *outward, struct buf *out)
{
    static const char *const fills[] = {"zero", "gap", "last", "linear"};
    switch (outward->kind) {
    case OUTWARD_FILL:
        buf_printf(out, " (fill %s)", fills[outward->fill]);
        break;
    case OUTWARD_TOP:
        buf_printf(out, " (top %u)", outward->count);
        break;
    case OUTWARD_BOTTOM:
        buf_printf(out, " (bottom %u)", outward->count);
        break;
    case OUTWARD_OTHER:
        buf_str(out, STR(" (other)"));
        break;
    case OUTWARD_SMOOTH:
        buf_printf(out, " (smooth %lld)", (long long)outward->ms);
        break;
    case OUTWARD_BAND:
        buf_printf(out, " (band %lld)", (long long)outward->ms);
        break;
    case OUTWARD_AS:
        buf_printf(out, " (as %.*s)", STR_ARG(outward->word));
        break;
    }
}

static void dump_clauses(const struct clauses *clauses, struct buf *out)
{
    for (uint32_t i = 0; i < clauses->scope_count; i++)
        dump_match(&clauses->scope[i], out);
    for (uint32_t i = 0; i < clauses->stat_count; i++)
        buf_printf(out, " (stat %.*s)", STR_ARG(clauses->stats[i].text));
    if (clauses->over_ms)
        buf_printf(out, " (over %lld)", (long long)clauses->over_ms);
    if (clauses->rate_ms)
        buf_printf(out, " (rate %lld)", (long long)clauses->rate_ms);
    if (clauses->per.at)
        buf_printf(out, " (per %.*s)", STR_ARG(clauses->per));
    if (clauses->by_column) {
        buf_str(out, STR(" (by"));
        for (uint32_t i = 0; i < clauses->by_count; i++)
            buf_printf(out, " %.*s", STR_ARG(clauses->by[i]));
        buf_char(out, ')');
    }
    if (clauses->every_ms)
        buf_printf(out, " (every %lld)", (long long)clauses->every_ms);
    for (uint32_t i = 0; i < clauses->vs_count; i++)
        buf_printf(out, " (vs %lld)", (long long)clauses->vs_ms[i]);
    for (uint32_t i = 0; i < clauses->outward_count; i++)
        dump_outward(&clauses->outward[i], out);
}

static void dump_test(const struct test_term *test, struct buf *out)
{
    if (test->kind == TEST_NONE)
        return;
    buf_printf(out, " (%.*s", STR_ARG(test_text(test->kind)));
    if (test->kind == TEST_ABOVE || test->kind == TEST_BELOW || test->kind == TEST_OUTSIDE ||
        test->kind == TEST_RISES || test->kind == TEST_REACHES || test->low != 0) {
        buf_char(out, ' ');
        buf_number(out, test->low);
    }
    if (test->kind == TEST_OUTSIDE) {
        buf_str(out, STR(".."));
        buf_number(out, test->high);
    }
    if (test->pct)
        buf_str(out, STR("pct"));
    if (test->ms)
        buf_printf(out, " in %lld", (long long)test->ms);
    buf_char(out, ')');
}

void ast_dump(const struct node *node, struct buf *out)
{
    switch (node->kind) {
    case NODE_NUMBER:
        buf_number(out, node->number);
        return;
    case NODE_SELECTOR:
        buf_str(out, node->selector.text);
        return;
    case NODE_BINARY:
        buf_printf(out, "(%c ", node->op);
        break;
    case NODE_CALL:
        buf_printf(out, "(%.*s ", STR_ARG(func_text(node->func)));
        break;
    case NODE_QUERY:
        buf_str(out, STR("(query "));
        break;
    }
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (i)
            buf_char(out, ' ');
        ast_dump(node->kids[i], out);
    }
    if (node->kind == NODE_QUERY) {
        dump_clauses(&node->clauses, out);
        dump_test(&node->test, out);
    }
    buf_char(out, ')');
}
