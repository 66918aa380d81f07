/* grid.h: the steps of an answer: aligned to the UTC epoch, the first and the last clipped to [from, to). */
#ifndef QUERY_GRID_H
#define QUERY_GRID_H

#include "query/query_error.h"

struct grid {
    int64_t from_ms, to_ms, now_ms;
    int64_t step_ms;
    int64_t origin_ms; /* where the first step starts, not clipped */
    uint32_t count;    /* 0: no steps, only the whole range */
};

/* step_ms 0: the smallest of the ladder 1s 5s ... 1d that gives at most 500 points. column: of `every`. */
enum err grid_init(struct grid *grid, const struct query_options *options, int64_t step_ms, uint32_t column,
                   struct query_error *error) MUST_USE;

/* Values a line holds: one a step, and behind them one for the whole range as a single step. */
static inline uint32_t grid_stride(const struct grid *grid)
{
    return grid->count + 1;
}

static inline int64_t grid_start(const struct grid *grid, uint32_t step)
{
    return grid->origin_ms + (int64_t)step * grid->step_ms;
}

/* Clipped; for step == count the whole range. */
void grid_span(const struct grid *grid, uint32_t step, int64_t *from_ms, int64_t *to_ms);
/* Time the step has covered so far: a step that now lies in has only begun. Never 0. */
int64_t grid_covered(const struct grid *grid, uint32_t step);
struct grid grid_shifted(const struct grid *grid, int64_t back_ms);
/* The same range as one step. */
struct grid grid_whole(const struct grid *grid);

/* In which steps (grid_stride of them) did the server accept any sample, of this host if one is named? A
 * window of over_ms before each step's end when it is not 0. */
enum err grid_presence(const struct grid *grid, struct snapshot *snapshot, struct str host, int64_t over_ms,
                       bool *present, struct query_error *error) MUST_USE;

#endif
