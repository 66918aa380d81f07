/* evaluate.h: filled cells become lines of numbers, and expressions join them, point by point. */
#ifndef QUERY_EVALUATE_H
#define QUERY_EVALUATE_H

#include "query/execute.h"

struct line_info {
    struct str stat; /* empty for an expression of several */
    struct str unit;
};

/* For each group (of the run) and each statistic a line of grid_stride values: one a step, and the whole
 * range. A group without rows has its lines too: zeros and gaps by the rules of silence. */
struct table {
    uint32_t stride;
    uint32_t group_count;
    uint32_t line_count; /* statistics */
    struct line_info *info;
    double *values; /* (group * line_count + line) * stride + point */
    char *marks;
    bool *present; /* group * line_count + line: did rows fall into it? */
    struct str metric;
};

static inline size_t table_row(const struct table *table, uint32_t group, uint32_t line)
{
    return (size_t)group * table->line_count + line;
}

/* Of a node of the plan, after run_execute. The table lives in the run's arena. whole: is the point of the
 * whole range asked for? (Percentiles over all of it cost a second selection.) */
enum err evaluate(struct run *run, const struct node *node, bool whole, struct table *out) MUST_USE;

/* Numbers of the groups that have a line, ranked by the whole range of their first line; gaps come last, and
 * equal ones in the order of their keys. */
uint32_t table_rank(const struct table *table, const struct groups *groups, bool bottom, uint32_t *ranked);

/* functions.c */
void table_call(enum func func, const struct table *args, uint32_t arg_count, struct table *out);
void table_binary(char op, const struct table *left, const struct table *right, struct table *out);
void table_fill(struct table *table, enum fill fill);
void table_smooth(struct table *table, int64_t window_ms, int64_t step_ms);

#endif
