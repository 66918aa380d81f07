/* plan.h: what a parsed query reads and how: its selectors become feeds, the rules of the language are
 * checked.
 *
 * A feed is some metrics of one selector that are read the same way, and the statistics made of them. One
 * selector has several feeds when its metrics are of several kinds, or when its statistics look at levels in
 * several ways. All feeds of a query share its grouping. Everything lives in the arena.
 */
#ifndef QUERY_PLAN_H
#define QUERY_PLAN_H

#include "query/cells.h"
#include "query/metric_set.h"
#include "query/scope.h"

struct by_field {
    struct str name;
    uint32_t field; /* in names.h; NAME_NONE: no source has it */
};

struct feed {
    const struct node *selector;
    struct metric_ref **metrics;
    uint32_t metric_count;
    enum kind kind; /* of all of them, or KIND_NONE when mixed */
    bool is_level;  /* read on the grid of levels, not row by row */
    enum across across;
    struct stat_term *stats;
    uint32_t stat_count;
    struct scope scope;
    int64_t over_ms;
    int64_t rate_ms;
    struct needs needs;
    struct str distinct; /* the field of uniq; at == NULL: the value */
    uint32_t distinct_field;
    /* filled by execute.h */
    struct cells cells;
    bool *present; /* grid_stride of them: was the server there? */
};

/* The feeds of one selector stand together; node->plan points here. */
struct selector_plan {
    uint32_t first_feed, feed_count;
    uint32_t stat_count; /* of all of them */
};

struct plan {
    struct node *root;
    struct feed *feeds;
    uint32_t feed_count;
    struct by_field *by;
    uint32_t by_count;
    bool grouped;
    int64_t every_ms; /* 0: not said */
    uint32_t every_column;
    const int64_t *vs_ms;
    uint32_t vs_count;
    bool top, bottom, other; /* of the whole query */
    uint32_t top_count;
    bool shares; /* share() needs the rest of the groups too */
};

enum err plan_make(struct node *root, const struct query_options *options, struct arena *arena,
                   struct plan *out, struct query_error *error) MUST_USE;
/* Rules that need no stored names; for `check`. */
enum err plan_check_served(const struct node *root, struct query_error *error) MUST_USE;

#endif
