/* cells_add.c: rows into cells, the hottest loop of a query.
 *
 * A batch is cut into runs of rows of one cell. Where they are long, every statistic goes over a run with its
 * state in registers; where rows jump between cells, every statistic goes over the batch row by row. Either
 * way a loop serves one statistic and no row asks which are needed.
 */
#include "query/cells_room.h"

#include "base/check.h"

#include <math.h>

enum { SLICE = 256, RUN_LONG = 6 };

/* ---- runs ---- */

static void add_range_run(struct cells *cells, uint32_t c, const double *value, uint32_t n)
{
    double min = cells->min[c], max = cells->max[c];
    for (uint32_t i = 0; i < n; i++) {
        min = value[i] < min ? value[i] : min;
        max = value[i] > max ? value[i] : max;
    }
    cells->min[c] = min;
    cells->max[c] = max;
}

void cells_sketch_run(struct cells *cells, uint32_t cell, const double *value, uint32_t n)
{
    struct sketch *sketch = &cells->sketches[cell];
    size_t before = sketch_bytes(sketch);
    for (uint32_t i = 0; i < n; i++)
        sketch_add(sketch, value[i]);
    cells->sketch_bytes += sketch_bytes(sketch) - before;
}

void cells_add_run(struct cells *cells, uint32_t c, const double *value, const int64_t *time_ms, uint32_t n)
{
    cells->count[c] += n;
    if (cells->needs.sum)
        exact_add_run(&cells->sum[c], value, n);
    if (cells->needs.spread)
        exact_add_squares(&cells->squares[c], value, n);
    if (cells->needs.range)
        add_range_run(cells, c, value, n);
    if (cells->needs.last)
        for (uint32_t i = 0; i < n; i++)
            cells_last_take(&cells->last[c], time_ms[i], value[i]);
    if (cells->sketches)
        cells_sketch_run(cells, c, value, n);
    else if (cells->needs.values)
        value_add_run(cells->store, &cells->values[c], value, n);
}

void cells_add_partial(struct cells *cells, uint32_t cell, uint64_t count, double sum, double min, double max)
{
    cells->count[cell] += count;
    if (cells->needs.sum)
        exact_merge(&cells->sum[cell], (struct exact_sum){sum, 0});
    if (cells->needs.range) {
        cells->min[cell] = fmin(cells->min[cell], min);
        cells->max[cell] = fmax(cells->max[cell], max);
    }
}

void cells_add_bins(struct cells *cells, uint32_t cell, const struct log_bin *bins, uint32_t count,
                    double min, double max)
{
    CHECK(cells->sketches);
    struct sketch *sketch = &cells->sketches[cell];
    size_t before = sketch_bytes(sketch);
    sketch_add_bins(sketch, bins, count, min, max);
    cells->sketch_bytes += sketch_bytes(sketch) - before;
}

/* ---- rows that jump between cells ---- */

static void scatter_counts(struct cells *cells, const uint32_t *cell, uint32_t n)
{
    uint64_t *count = cells->count;
    for (uint32_t i = 0; i < n; i++)
        count[cell[i]]++;
}

static void scatter_sums(struct exact_sum *sums, const uint32_t *cell, const double *value, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        exact_add(&sums[cell[i]], value[i]);
}

/* A deviation is the difference of large numbers: its sums may not drift (exact_sum.h). */
static void scatter_both(struct exact_sum *sums, struct exact_sum *squares, const uint32_t *cell,
                         const double *value, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        exact_merge(&sums[cell[i]], (struct exact_sum){value[i], 0});
        exact_merge(&squares[cell[i]], exact_square(value[i]));
    }
}

static void scatter_ranges(struct cells *cells, const uint32_t *cell, const double *value, uint32_t n)
{
    double *min = cells->min, *max = cells->max;
    for (uint32_t i = 0; i < n; i++) {
        double v = value[i];
        uint32_t c = cell[i];
        min[c] = v < min[c] ? v : min[c];
        max[c] = v > max[c] ? v : max[c];
    }
}

static void scatter(struct cells *cells, const uint32_t *cell, const double *value, const int64_t *time_ms,
                    uint32_t n)
{
    scatter_counts(cells, cell, n);
    if (cells->needs.spread)
        scatter_both(cells->sum, cells->squares, cell, value, n);
    else if (cells->needs.sum)
        scatter_sums(cells->sum, cell, value, n);
    if (cells->needs.range)
        scatter_ranges(cells, cell, value, n);
    if (cells->needs.last)
        for (uint32_t i = 0; i < n; i++)
            cells_last_take(&cells->last[cell[i]], time_ms[i], value[i]);
    if (cells->sketches)
        for (uint32_t i = 0; i < n; i++)
            cells_sketch_run(cells, cell[i], &value[i], 1);
    else if (cells->needs.values)
        for (uint32_t i = 0; i < n; i++)
            value_add(cells->store, &cells->values[cell[i]], value[i]);
}

/* ---- batches ---- */

/* Where runs of one cell begin, and n behind the last; returns their number. n > 0. */
static uint32_t find_runs(const uint32_t *cell, uint32_t n, uint32_t starts[SLICE + 1])
{
    uint32_t count = 1;
    starts[0] = 0;
    for (uint32_t i = 1; i < n; i++) {
        starts[count] = i;
        count += cell[i] != cell[i - 1];
    }
    starts[count] = n;
    return count;
}

void cells_add(struct cells *cells, const uint32_t *cell, const double *value, const int64_t *time_ms,
               uint32_t n)
{
    uint32_t starts[SLICE + 1];
    for (uint32_t done = 0, some; done < n; done += some) {
        some = n - done < SLICE ? n - done : SLICE;
        uint32_t runs = find_runs(cell + done, some, starts);
        if (runs * RUN_LONG > some) {
            scatter(cells, cell + done, value + done, time_ms + done, some);
            continue;
        }
        for (uint32_t i = 0; i < runs; i++) {
            uint32_t at = done + starts[i];
            cells_add_run(cells, cell[at], value + at, time_ms + at, starts[i + 1] - starts[i]);
        }
    }
}

void cells_add_distinct(struct cells *cells, const uint32_t *cell, const uint64_t *hash, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        double bits;
        memcpy(&bits, &hash[i], sizeof(bits));
        value_add(&cells->distincts, &cells->distinct[cell[i]], bits);
    }
}
