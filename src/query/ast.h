/* ast.h: a query as a tree, with the columns it came from (grammar: docs/query.md).
 *
 * A NODE_QUERY is an expression with the clauses that belong to it: the whole text, what stands between
 * parentheses, or a function's argument. Views point into the text of the query or into the arena.
 */
#ifndef QUERY_AST_H
#define QUERY_AST_H

#include "base/arena.h"
#include "base/buf.h"
#include "scheme/source_match.h"

enum seg_kind {
    SEG_LITERAL,
    SEG_GLOB,  /* with "*" in it */
    SEG_DEEP,  /* "**": any number of segments, also none */
    SEG_FIELD, /* a placeholder: exactly one segment */
};

struct seg {
    enum seg_kind kind;
    struct str text; /* of a placeholder: the field's name */
};

struct selector {
    struct str text; /* canonical: placeholders as {field}, quotes gone */
    struct seg *segs;
    uint32_t seg_count;
    bool is_exact; /* literal segments only: text is a metric's name */
};

struct match_value {
    struct str text;
    bool is_glob;
};

struct match {
    uint32_t column;
    struct str field;
    bool negated;
    enum match_kind kind;
    struct match_value *values;
    uint32_t value_count;
    uint64_t low, high; /* of a range, both included */
};

#define STAT_LIST(X)    \
    X(SUM, "sum")       \
    X(COUNT, "count")   \
    X(AVG, "avg")       \
    X(MIN, "min")       \
    X(MAX, "max")       \
    X(LAST, "last")     \
    X(STDDEV, "stddev") \
    X(UNIQ, "uniq")     \
    X(DIST, "dist")

enum stat_kind {
#define X(name, text) STAT_##name,
    STAT_LIST(X)
#undef X
        STAT_PERCENTILE,
};

struct stat_term {
    enum stat_kind kind;
    uint32_t column;
    struct str text;  /* as written: "p99.9", "uniq account_id" */
    struct str field; /* of uniq; at == NULL: the value itself */
    uint64_t part;    /* percentile: part / whole, so that ranks come out exact */
    uint64_t whole;
};

enum fill { FILL_ZERO, FILL_GAP, FILL_LAST, FILL_LINEAR };

enum outward_kind {
    OUTWARD_FILL,
    OUTWARD_TOP,
    OUTWARD_BOTTOM,
    OUTWARD_OTHER,
    OUTWARD_SMOOTH,
    OUTWARD_BAND,
    OUTWARD_AS
};

struct outward {
    enum outward_kind kind;
    uint32_t column;
    enum fill fill;
    uint32_t count; /* of top and bottom */
    int64_t ms;     /* of smooth and band */
    struct str word;
};

struct clauses {
    struct match *scope; /* inward */
    uint32_t scope_count;
    struct stat_term *stats;
    uint32_t stat_count;
    int64_t over_ms; /* 0: none */
    uint32_t over_column;
    int64_t rate_ms; /* 0: none */
    uint32_t rate_column;
    struct str per; /* at == NULL: none */
    uint32_t per_column;
    struct str *by; /* once */
    uint32_t by_count;
    uint32_t by_column; /* 0: none */
    int64_t every_ms;
    uint32_t every_column;
    int64_t *vs_ms;
    uint32_t vs_count;
    uint32_t vs_column;
    struct outward *outward; /* outward, in order */
    uint32_t outward_count;
};

#define TEST_LIST(X)      \
    X(ABOVE, "above")     \
    X(BELOW, "below")     \
    X(OUTSIDE, "outside") \
    X(ABSENT, "absent")   \
    X(OVERDUE, "overdue") \
    X(SPIKE, "spike")     \
    X(VALLEY, "valley")   \
    X(RISES, "rises")     \
    X(REACHES, "reaches")

enum test_kind {
    TEST_NONE,
#define X(name, text) TEST_##name,
    TEST_LIST(X)
#undef X
};

struct test_term {
    enum test_kind kind;
    uint32_t column;
    double low, high; /* above: low; below: high; xN and the limit of rises and reaches: low */
    int64_t ms;
    bool pct;
};

#define FUNC_LIST(X)        \
    X(ABS, "abs", 1, 1)     \
    X(MAX, "max", 1, 16)    \
    X(MIN, "min", 1, 16)    \
    X(IF, "if", 3, 3)       \
    X(SHARE, "share", 1, 1) \
    X(CUMULATE, "cumulate", 1, 1)

enum func {
#define X(name, text, least, most) FUNC_##name,
    FUNC_LIST(X)
#undef X
        FUNC_COUNT
};

enum node_kind { NODE_NUMBER, NODE_SELECTOR, NODE_BINARY, NODE_CALL, NODE_QUERY };

struct node {
    enum node_kind kind;
    uint32_t column; /* from 1 */
    struct str text; /* of an expression: as written */
    double number;
    struct selector selector;
    char op; /* + - * / */
    enum func func;
    struct node **kids; /* binary: two; call: its arguments; query: the expression */
    uint32_t kid_count;
    struct clauses clauses; /* of a query */
    struct test_term test;
    void *plan; /* what the planner hangs on a selector */
};

struct str stat_kind_text(enum stat_kind kind);
struct str func_text(enum func func);
struct str test_text(enum test_kind kind);

/* For tests and people: one line of nested lists. */
void ast_dump(const struct node *node, struct buf *out);

#endif
