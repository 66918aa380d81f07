/* metric_set.h: which metrics a selector means, and what their placeholders are bound to. */
#ifndef QUERY_METRIC_SET_H
#define QUERY_METRIC_SET_H

#include "query/ast.h"
#include "query/query_error.h"

struct metric_ref {
    struct str name;
    uint32_t id; /* in names.h; NAME_NONE: declared and never seen */
    enum kind kind;
    struct str unit;
    const struct metric_def *def; /* NULL: undeclared */
    struct placeholder *binds;
    uint32_t bind_count;
};

struct metric_set {
    struct metric_ref *items; /* by name */
    uint32_t count;
    bool is_family; /* the selector is spelled like a declared family */
    enum kind kind; /* of a declared family without a name so far */
};

/* Nothing stored and nothing declared: ERR_UNKNOWN with the nearest names. Everything lives in the arena. */
enum err metric_set_find(const struct node *selector, const struct query_options *options,
                         struct arena *arena, struct metric_set *out, struct query_error *error) MUST_USE;
/* What the metric's name says about a field: a placeholder's value, or the name itself for `metric`; at ==
 * NULL when it says nothing. */
struct str metric_bind(const struct metric_ref *metric, struct str field);
/* Does the name fit the segments? binds (room for all placeholders) gets their values. */
bool selector_matches(const struct selector *selector, struct str name, struct placeholder *binds);
/* May a query name this field: declared, seen in a source, or a placeholder of a family? */
bool field_is_known(struct str field, const struct query_options *options);
void field_near(struct str field, const struct query_options *options, struct query_error *error);

#endif
