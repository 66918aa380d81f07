/* functions.c: what joins lines of numbers, point by point. A gap in makes a gap out; a point is zero by
 * silence when all that went into it was. */
#include "query/evaluate.h"

#include "base/mem.h"

#include <math.h>

static double apply(char op, double a, double b)
{
    switch (op) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        return b == 0 ? NAN : a / b;
    }
}

static void put(struct table *out, size_t at, double value, bool silent)
{
    bool gap = !isfinite(value);
    out->values[at] = gap ? NAN : value;
    out->marks[at] = gap ? MARK_GAP : silent ? MARK_ZERO : MARK_KNOWN;
}

/* A side with one statistic goes with each of the other's. */
static size_t side_row(const struct table *side, uint32_t group, uint32_t line)
{
    return table_row(side, group, side->line_count == 1 ? 0 : line);
}

static struct line_info info_of(const struct table *side, uint32_t line)
{
    return side->info[side->line_count == 1 ? 0 : line];
}

void table_binary(char op, const struct table *left, const struct table *right, struct table *out)
{
    for (uint32_t line = 0; line < out->line_count; line++) {
        const struct table *many = left->line_count >= right->line_count ? left : right;
        struct line_info info = info_of(many, line), a = info_of(left, line), b = info_of(right, line);
        out->info[line].stat = out->line_count > 1 ? info.stat : STR("");
        out->info[line].unit = STR("");
        /* Units are kept where they are sure: sums of one unit, and a unit times or through a number. */
        if ((op == '+' || op == '-') && str_eq(a.unit, b.unit))
            out->info[line].unit = a.unit;
        else if (right->metric.size == 0 || (op == '*' && b.unit.size == 0))
            out->info[line].unit = a.unit;
        else if (op != '/' && (left->metric.size == 0 || (op == '*' && a.unit.size == 0)))
            out->info[line].unit = b.unit;
    }
    for (uint32_t group = 0; group < out->group_count; group++)
        for (uint32_t line = 0; line < out->line_count; line++) {
            size_t l = side_row(left, group, line), r = side_row(right, group, line);
            size_t o = table_row(out, group, line);
            out->present[o] = left->present[l] || right->present[r];
            for (uint32_t p = 0; p < out->stride; p++) {
                size_t li = l * out->stride + p, ri = r * out->stride + p;
                bool silent = left->marks[li] == MARK_ZERO && right->marks[ri] == MARK_ZERO;
                put(out, o * out->stride + p, apply(op, left->values[li], right->values[ri]), silent);
            }
        }
}

/* ---- functions ---- */

static double choose(enum func func, double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    return func == FUNC_MAX ? (a > b ? a : b) : (a < b ? a : b);
}

static void call_elementwise(enum func func, const struct table *args, uint32_t arg_count, struct table *out,
                             uint32_t group, uint32_t line)
{
    size_t o = table_row(out, group, line);
    for (uint32_t p = 0; p < out->stride; p++) {
        double value = 0;
        bool silent = true;
        for (uint32_t i = 0; i < arg_count; i++) {
            size_t at = side_row(&args[i], group, line) * out->stride + p;
            double v = func == FUNC_ABS ? fabs(args[i].values[at]) : args[i].values[at];
            value = i == 0 ? v : choose(func, value, v);
            silent &= args[i].marks[at] == MARK_ZERO;
        }
        put(out, o * out->stride + p, value, silent);
    }
    for (uint32_t i = 0; i < arg_count; i++)
        out->present[o] |= args[i].present[side_row(&args[i], group, line)];
}

static void call_share(const struct table *arg, struct table *out, uint32_t line)
{
    for (uint32_t p = 0; p < out->stride; p++) {
        double sum = 0;
        for (uint32_t group = 0; group < out->group_count; group++) {
            size_t row = table_row(out, group, line);
            double v = arg->values[row * out->stride + p];
            if (arg->present[row] && !isnan(v))
                sum += v;
        }
        for (uint32_t group = 0; group < out->group_count; group++) {
            size_t at = table_row(out, group, line) * out->stride + p;
            put(out, at, apply('/', arg->values[at], sum), arg->marks[at] == MARK_ZERO);
        }
    }
}

static void call_cumulate(const struct table *arg, struct table *out, uint32_t group, uint32_t line)
{
    size_t first = table_row(out, group, line) * out->stride;
    double sum = 0;
    for (uint32_t p = 0; p + 1 < out->stride; p++) {
        if (!isnan(arg->values[first + p]))
            sum += arg->values[first + p];
        put(out, first + p, isnan(arg->values[first + p]) ? NAN : sum, arg->marks[first + p] == MARK_ZERO);
    }
    size_t whole = first + out->stride - 1;
    put(out, whole, arg->values[whole], arg->marks[whole] == MARK_ZERO);
}

void table_call(enum func func, const struct table *args, uint32_t arg_count, struct table *out)
{
    for (uint32_t line = 0; line < out->line_count; line++) {
        const struct table *many = &args[0];
        for (uint32_t i = 1; i < arg_count; i++)
            if (args[i].line_count > many->line_count)
                many = &args[i];
        out->info[line] = info_of(many, line);
        if (arg_count > 1 && out->line_count == 1)
            out->info[line].stat = STR("");
        if (func == FUNC_SHARE) {
            out->info[line].unit = STR("");
            call_share(&args[0], out, line);
        }
        for (uint32_t group = 0; group < out->group_count; group++) {
            size_t row = table_row(out, group, line);
            if (func == FUNC_CUMULATE)
                call_cumulate(&args[0], out, group, line);
            if (func == FUNC_SHARE || func == FUNC_CUMULATE)
                out->present[row] = args[0].present[row];
            else
                call_elementwise(func, args, arg_count, out, group, line);
        }
    }
}

/* ---- outward clauses ---- */

/* marks keep saying what a point was before it was filled; only `zero` and `gap` change them. */
static void fill_row(double *values, char *marks, uint32_t count, enum fill fill)
{
    uint32_t known = UINT32_MAX;
    for (uint32_t p = 0; p < count; p++) {
        if (fill == FILL_GAP && marks[p] == MARK_ZERO) {
            values[p] = NAN;
            marks[p] = MARK_GAP;
        }
        if (isnan(values[p]) && fill == FILL_ZERO) {
            values[p] = 0;
            marks[p] = MARK_ZERO;
        }
        if (isnan(values[p]) && fill == FILL_LAST && known != UINT32_MAX)
            values[p] = values[known];
        else if (!isnan(values[p])) {
            if (fill == FILL_LINEAR && known != UINT32_MAX)
                for (uint32_t i = known + 1; i < p; i++)
                    values[i] = values[known] + (values[p] - values[known]) * (i - known) / (p - known);
            known = p;
        }
    }
}

void table_fill(struct table *table, enum fill fill)
{
    size_t rows = (size_t)table->group_count * table->line_count;
    for (size_t row = 0; row < rows; row++)
        fill_row(table->values + row * table->stride, table->marks + row * table->stride, table->stride - 1,
                 fill);
}

/* A running sum; long double, so that what was added comes off again without a trace that could be seen. */
static void smooth_row(double *values, const double *before, uint32_t count, uint32_t window)
{
    long double sum = 0;
    uint32_t known = 0;
    for (uint32_t p = 0; p < count; p++) {
        if (!isnan(before[p])) {
            sum += before[p];
            known++;
        }
        if (p >= window && !isnan(before[p - window])) {
            sum -= before[p - window];
            known--;
        }
        if (known == 0)
            sum = 0;
        if (!isnan(before[p]))
            values[p] = (double)(sum / known);
    }
}

void table_smooth(struct table *table, int64_t window_ms, int64_t step_ms)
{
    uint32_t count = table->stride - 1;
    int64_t steps = window_ms / step_ms;
    uint32_t window = steps < 1 ? 1 : steps > count ? count : (uint32_t)steps;
    double *before = mem_zero(count + 1, sizeof(*before));
    size_t rows = (size_t)table->group_count * table->line_count;
    for (size_t row = 0; row < rows && count; row++) {
        memcpy(before, table->values + row * table->stride, count * sizeof(*before));
        smooth_row(table->values + row * table->stride, before, count, window);
    }
    mem_free(before);
}
