/* parse.h: the text of a query becomes a tree (ast.h). Pure, bounded; says the column of what it does not
 * understand.
 *
 * Limits: QUERY_TEXT_MAX bytes of text, QUERY_DEPTH_MAX parentheses deep, QUERY_NODES_MAX parts.
 */
#ifndef QUERY_PARSE_H
#define QUERY_PARSE_H

#include "query/ast.h"
#include "query/lex.h"
#include "query/query.h"

enum { QUERY_TEXT_MAX = 16384, QUERY_DEPTH_MAX = 48, QUERY_NODES_MAX = 2000 };

/* The tree lives in the arena and points into text. ERR_SYNTAX or ERR_LIMIT: *error says where and why. */
enum err query_parse(struct str text, struct arena *arena, struct node **out,
                     struct query_error *error) MUST_USE;
/* "account_id:42,host:web*": the matches of a scope alone. */
enum err query_parse_scope(struct str text, struct arena *arena, struct match **matches, uint32_t *count,
                           struct query_error *error) MUST_USE;

/* ---- between parse.c, parse_selector.c and parse_clause.c ---- */

struct parser {
    struct lexer lex;
    struct arena *arena;
    struct query_error *error;
    uint32_t depth;
    uint32_t nodes;
};

/* Room for one more item behind count; grows by doubling in the arena. */
void *parse_push(struct parser *parser, void *items, uint32_t count, size_t size);
/* Always false, so that a caller can write `return parse_fail(...)`. */
bool parse_fail(struct parser *parser, uint32_t column, const char *expected, const char *format, ...)
    PRINTF_LIKE(4, 5);
bool parse_selector(struct parser *parser, struct str word, struct selector *out); /* moves past the word */

enum clause_found { CLAUSE_BAD, CLAUSE_NONE, CLAUSE_TAKEN };
/* One clause at the cursor, into *clauses. once: do by, every and vs belong here? */
enum clause_found parse_clause(struct parser *parser, bool once, struct clauses *clauses);
enum clause_found parse_test(struct parser *parser, struct test_term *test);
/* Which clause word was meant? */
void parse_near_clause(struct parser *parser, struct str word);
bool parse_is_operator(struct str word);

#endif
