/* parse.c: expressions. Recursive descent after the grammar, one function a rule. */
#include "query/parse.h"

#include "base/nearest.h"
#include "query/query_error.h"

#include <stdarg.h>
#include <stdio.h>

static struct node *parse_query(struct parser *parser, bool once);

void *parse_push(struct parser *parser, void *items, uint32_t count, size_t size)
{
    if (count && (count & (count - 1)))
        return items;
    void *more = arena_array(parser->arena, count ? (size_t)count * 2 : 1, size);
    if (count)
        memcpy(more, items, count * size);
    return more;
}

bool parse_fail(struct parser *parser, uint32_t column, const char *expected, const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    query_fail(parser->error, ERR_SYNTAX, column, expected, "%s", text);
    return false;
}

bool parse_is_operator(struct str word)
{
    return word.size == 1 &&
           (word.at[0] == '+' || word.at[0] == '-' || word.at[0] == '*' || word.at[0] == '/');
}

static struct node *node_new(struct parser *parser, enum node_kind kind, uint32_t column)
{
    if (++parser->nodes > QUERY_NODES_MAX) {
        query_fail(parser->error, ERR_LIMIT, column, NULL, "a query has at most %d parts", QUERY_NODES_MAX);
        return NULL;
    }
    struct node *node = ARENA_NEW(parser->arena, struct node);
    node->kind = kind;
    node->column = column;
    return node;
}

static void node_add(struct parser *parser, struct node *node, struct node *kid)
{
    node->kids = parse_push(parser, node->kids, node->kid_count, sizeof(*node->kids));
    node->kids[node->kid_count++] = kid;
}

/* The expression's text as written, from its column to the cursor. */
static void node_end(struct parser *parser, struct node *node)
{
    size_t start = node->column - 1;
    node->text = str_trim(str_make(parser->lex.text.at + start, parser->lex.at - start));
}

static bool find_func(struct parser *parser, struct str word, uint32_t column, enum func *out)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (int i = 0; i < FUNC_COUNT; i++) {
        if (str_eq(word, func_text((enum func)i))) {
            *out = (enum func)i;
            return true;
        }
        nearest_feed(&nearest, func_text((enum func)i));
    }
    parse_fail(parser, column, "abs, max, min, if, share or cumulate", "there is no function %.*s",
               STR_ARG(str_first(word, 60)));
    query_error_near(parser->error, nearest.best);
    return false;
}

static struct node *parse_call(struct parser *parser, struct str word, uint32_t column)
{
    static const uint8_t least[] = {
#define X(name, text, low, high) low,
        FUNC_LIST(X)
#undef X
    };
    static const uint8_t most[] = {
#define X(name, text, low, high) high,
        FUNC_LIST(X)
#undef X
    };
    enum func func;
    if (!find_func(parser, word, column, &func))
        return NULL;
    struct node *node = node_new(parser, NODE_CALL, column);
    if (!node)
        return NULL;
    node->func = func;
    parser->lex.at += word.size + 1;
    do {
        struct node *kid = parse_query(parser, true);
        if (!kid)
            return NULL;
        node_add(parser, node, kid);
    } while (lex_take(&parser->lex, ','));
    uint32_t here = lex_column(&parser->lex);
    if (!lex_take(&parser->lex, ')')) {
        parse_fail(parser, here, "`)` or `,`", "the arguments of %.*s do not end", STR_ARG(word));
        return NULL;
    }
    if (node->kid_count < least[func] || node->kid_count > most[func]) {
        parse_fail(parser, column, NULL, "%.*s takes %u to %u arguments, not %u", STR_ARG(word), least[func],
                   most[func], node->kid_count);
        return NULL;
    }
    node_end(parser, node);
    return node;
}

static struct node *parse_parens(struct parser *parser, uint32_t column)
{
    parser->lex.at++;
    struct node *node = parse_query(parser, false);
    if (!node)
        return NULL;
    uint32_t here = lex_column(&parser->lex);
    if (!lex_take(&parser->lex, ')')) {
        parse_fail(parser, here, "`)`", "the parenthesis of column %u does not end", column);
        return NULL;
    }
    return node;
}

static struct node *parse_factor(struct parser *parser)
{
    static const char expected[] = "a metric, a number, a function or `(`";
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    if (lex_peek(&parser->lex) == '(')
        return parse_parens(parser, column);
    struct str word = lex_word(&parser->lex);
    if (word.size == 0) {
        bool end = parser->lex.at >= parser->lex.text.size;
        parse_fail(parser, column, expected, end ? "the query ends too early" : "no metric stands here");
        return NULL;
    }
    if (column + word.size <= parser->lex.text.size && word.at[word.size] == '(')
        return parse_call(parser, word, column);
    double number;
    bool is_number = lex_number(word, &number);
    struct node *node = node_new(parser, is_number ? NODE_NUMBER : NODE_SELECTOR, column);
    if (!node)
        return NULL;
    if (is_number) {
        node->number = number;
        parser->lex.at += word.size;
    } else if (!parse_selector(parser, word, &node->selector)) {
        return NULL;
    }
    node_end(parser, node);
    return node;
}

/* rank 0: + and -; rank 1: * and /. */
static struct node *parse_binary(struct parser *parser, int rank)
{
    struct node *left = rank ? parse_factor(parser) : parse_binary(parser, 1);
    while (left) {
        lex_blanks(&parser->lex);
        struct str word = lex_word(&parser->lex);
        if (!parse_is_operator(word) || (strchr("*/", word.at[0]) != NULL) != rank)
            return left;
        struct node *node = node_new(parser, NODE_BINARY, left->column);
        if (!node)
            return NULL;
        node->op = word.at[0];
        parser->lex.at++;
        struct node *right = rank ? parse_factor(parser) : parse_binary(parser, 1);
        if (!right)
            return NULL;
        node_add(parser, node, left);
        node_add(parser, node, right);
        node_end(parser, node);
        left = node;
    }
    return NULL;
}

/* What stands where a clause, an operator or the end should. */
static void fail_at_word(struct parser *parser, size_t start, size_t end, bool clauses)
{
    static const char expected[] = "a statistic, a clause, an operator or the end";
    struct str word = lex_word(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    if (parse_is_operator(word) && clauses) {
        struct str inner = str_trim(str_make(parser->lex.text.at + start, end - start));
        struct str rest = str_trim(str_from(parser->lex.text, parser->lex.at));
        char form[150];
        snprintf(form, sizeof(form), "`(%.*s) %.*s`", STR_ARG(inner), STR_ARG(rest));
        parse_fail(parser, column, form, "no operator may follow a clause without parentheses");
    } else if (word.size > 1 && parse_is_operator(str_first(word, 1))) {
        parse_fail(parser, column, "blanks on both sides of the operator", "`%.*s` is not understood here",
                   STR_ARG(str_first(word, 60)));
    } else if (word.size == 0) {
        parse_fail(parser, column, expected, "`%c` is not understood here", lex_peek(&parser->lex));
    } else {
        parse_fail(parser, column, expected, "`%.*s` is not understood here", STR_ARG(str_first(word, 60)));
        parse_near_clause(parser, word);
    }
}

static bool query_has_ended(struct parser *parser)
{
    lex_blanks(&parser->lex);
    char c = lex_peek(&parser->lex);
    return parser->lex.at >= parser->lex.text.size || (c == ')' && parser->depth > 1) ||
           (c == ',' && parser->depth > 1);
}

static bool parse_clauses(struct parser *parser, bool once, struct node *node, size_t start)
{
    bool any = false;
    size_t end = parser->lex.at;
    while (!query_has_ended(parser)) {
        enum clause_found found = node->test.kind ? CLAUSE_NONE : parse_clause(parser, once, &node->clauses);
        if (found == CLAUSE_NONE && !node->test.kind)
            found = parse_test(parser, &node->test);
        if (found == CLAUSE_NONE)
            fail_at_word(parser, start, end, any);
        if (found != CLAUSE_TAKEN)
            return false;
        any = true;
        end = parser->lex.at;
    }
    return true;
}

static struct node *parse_query(struct parser *parser, bool once)
{
    lex_blanks(&parser->lex);
    struct node *node = node_new(parser, NODE_QUERY, lex_column(&parser->lex));
    if (!node)
        return NULL;
    if (++parser->depth > QUERY_DEPTH_MAX) {
        query_fail(parser->error, ERR_LIMIT, node->column, NULL, "parentheses go at most %d deep",
                   QUERY_DEPTH_MAX);
        return NULL;
    }
    size_t start = parser->lex.at;
    struct node *expr = parse_binary(parser, 0);
    if (!expr)
        return NULL;
    node_add(parser, node, expr);
    node->text = str_trim(str_make(parser->lex.text.at + start, parser->lex.at - start));
    if (!parse_clauses(parser, once, node, start))
        return NULL;
    parser->depth--;
    return node;
}

enum err query_parse(struct str text, struct arena *arena, struct node **out, struct query_error *error)
{
    struct parser parser = {.lex = {.text = text}, .arena = arena, .error = error};
    if (text.size > QUERY_TEXT_MAX)
        return query_fail(error, ERR_LIMIT, 0, NULL, "a query has at most %d bytes", QUERY_TEXT_MAX);
    if (str_trim(text).size == 0)
        return query_fail(error, ERR_SYNTAX, 1, "a metric, such as `dialer.requests.total`",
                          "the query is empty");
    struct node *node = parse_query(&parser, true);
    if (!node)
        return error->err;
    *out = node;
    return ERR_OK;
}
