/* table.c: an answer for a terminal: a row a step and a column a series while that fits the width, else a row
 * a series with its least, mean, greatest and last value and a curve of eight heights. */
#include "query/query.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>

enum { NUMBER_WIDTH = 12, TIME_WIDTH = 24, CURVE_MOST = 60, NAME_MOST = 60, FOLD_LEAST = 4 };

/* Columns on the screen: characters, not bytes. */
static uint32_t text_width(struct str s)
{
    uint32_t width = 0;
    for (size_t i = 0; i < s.size; i++)
        width += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return width;
}

static void put_pad(struct buf *out, struct str s, uint32_t width, bool right)
{
    uint32_t have = text_width(s);
    for (uint32_t i = have; right && i < width; i++)
        buf_char(out, ' ');
    buf_str(out, s);
    for (uint32_t i = have; !right && i < width; i++)
        buf_char(out, ' ');
}

static struct str number_text(double v, char *to, size_t size)
{
    if (isnan(v))
        return STR("-");
    bool whole = v == floor(v) && fabs(v) < 1e15;
    int n = snprintf(to, size, whole ? "%.0f" : "%.6g", v);
    return str_make(to, (size_t)n);
}

/* host=web1 account_id=42 p95 ms: what tells a series from its neighbours. */
static void put_label(struct buf *out, const struct series *series, bool with_metric)
{
    if (with_metric)
        buf_str(out, series->metric);
    for (uint32_t i = 0; i < series->field_count; i++) {
        buf_printf(out, "%s%.*s=", out->size ? " " : "", STR_ARG(series->fields[i].name));
        buf_str(out, series->fields[i].value.at ? series->fields[i].value : STR("-"));
    }
    if (series->stat.size)
        buf_printf(out, "%s%.*s", out->size ? " " : "", STR_ARG(series->stat));
    if (series->unit.size)
        buf_printf(out, "%s%.*s", out->size ? " " : "", STR_ARG(series->unit));
    for (size_t i = 0; i < out->size; i++)
        if ((unsigned char)out->at[i] < 0x20 || out->at[i] == 0x7f)
            out->at[i] = '?'; /* a value must not steer the terminal */
}

/* ---- a row a step ---- */

/* No series has anything to say of this step: gaps, and zeros that are only silence. */
static bool is_silent(const struct answer *answer, uint32_t point)
{
    for (uint32_t i = 0; i < answer->series_count; i++)
        if (!isnan(answer->series[i].values[point]) && answer->series[i].marks[point] != MARK_ZERO)
            return false;
    return true;
}

/* How many silent steps begin here. */
static uint32_t silent_run(const struct answer *answer, uint32_t point)
{
    uint32_t end = point;
    while (end < answer->point_count && is_silent(answer, end))
        end++;
    return end - point;
}

static void put_step(const struct answer *answer, const struct buf *labels, uint32_t point, struct buf *out)
{
    char text[64];
    buf_time(out, answer->times[point]);
    for (uint32_t i = 0; i < answer->series_count; i++) {
        uint32_t width = text_width(buf_view(&labels[i]));
        buf_str(out, STR("  "));
        put_pad(out, number_text(answer->series[i].values[point], text, sizeof(text)),
                width > NUMBER_WIDTH ? width : NUMBER_WIDTH, true);
    }
    buf_char(out, '\n');
}

static void put_steps(const struct answer *answer, const struct buf *labels, struct buf *out)
{
    put_pad(out, STR("time"), TIME_WIDTH, false);
    for (uint32_t i = 0; i < answer->series_count; i++) {
        uint32_t width = text_width(buf_view(&labels[i]));
        buf_str(out, STR("  "));
        put_pad(out, buf_view(&labels[i]), width > NUMBER_WIDTH ? width : NUMBER_WIDTH, true);
    }
    buf_char(out, '\n');
    for (uint32_t p = 0; p < answer->point_count; p++) {
        uint32_t run = silent_run(answer, p);
        if (run < FOLD_LEAST) {
            put_step(answer, labels, p, out);
            continue;
        }
        buf_printf(out, "... %u steps without a sample\n", run);
        p += run - 1;
    }
}

/* ---- a row a series ---- */

struct summary {
    double least, mean, greatest, last;
};

static struct summary summarize(const struct series *series, uint32_t count)
{
    struct summary sum = {NAN, NAN, NAN, NAN};
    double total = 0;
    uint32_t known = 0;
    for (uint32_t p = 0; p < count; p++) {
        double v = series->values[p];
        if (isnan(v))
            continue;
        sum.least = known == 0 || v < sum.least ? v : sum.least;
        sum.greatest = known == 0 || v > sum.greatest ? v : sum.greatest;
        sum.last = v;
        total += v;
        known++;
    }
    sum.mean = known ? total / known : NAN;
    return sum;
}

static void put_curve(struct buf *out, const struct series *series, uint32_t count, struct summary summary,
                      uint32_t width)
{
    uint32_t columns = count < width ? count : width;
    for (uint32_t c = 0; c < columns; c++) {
        uint32_t from = (uint32_t)((uint64_t)c * count / columns);
        uint32_t to = (uint32_t)((uint64_t)(c + 1) * count / columns);
        double top = NAN;
        for (uint32_t p = from; p < to; p++)
            if (!isnan(series->values[p]) && (isnan(top) || series->values[p] > top))
                top = series->values[p];
        if (isnan(top)) {
            buf_char(out, ' ');
            continue;
        }
        double span = summary.greatest - summary.least;
        int height = span > 0 ? (int)((top - summary.least) / span * 7.999) : 3;
        buf_printf(out, "\xe2\x96%c", 0x81 + height); /* U+2581 to U+2588 */
    }
}

static void put_summaries(const struct answer *answer, const struct buf *labels, struct buf *out,
                          uint32_t width)
{
    static const char *const heads[] = {"min", "mean", "max", "last"};
    uint32_t name = 6;
    for (uint32_t i = 0; i < answer->series_count; i++) {
        uint32_t have = text_width(buf_view(&labels[i]));
        name = have > name ? have : name;
    }
    uint32_t used = name + 4 * (NUMBER_WIDTH + 1) + 2;
    uint32_t curve = width > used + 10 ? width - used : 10;
    curve = curve > CURVE_MOST ? CURVE_MOST : curve;
    put_pad(out, STR("series"), name, false);
    for (int i = 0; i < 4; i++) {
        buf_char(out, ' ');
        put_pad(out, str_of(heads[i]), NUMBER_WIDTH, true);
    }
    buf_char(out, '\n');
    for (uint32_t i = 0; i < answer->series_count; i++) {
        struct summary summary = summarize(&answer->series[i], answer->point_count);
        double values[] = {summary.least, summary.mean, summary.greatest, summary.last};
        char text[64];
        put_pad(out, buf_view(&labels[i]), name, false);
        for (int j = 0; j < 4; j++) {
            buf_char(out, ' ');
            put_pad(out, number_text(values[j], text, sizeof(text)), NUMBER_WIDTH, true);
        }
        buf_str(out, STR("  "));
        put_curve(out, &answer->series[i], answer->point_count, summary, curve);
        buf_char(out, '\n');
    }
}

static void put_foot(const struct answer *answer, struct buf *out)
{
    buf_printf(out, "%u series, %u steps of ", answer->series_count, answer->point_count);
    buf_number(out, (double)answer->step_ms / 1000);
    buf_printf(out, " s, %llu rows read in ", (unsigned long long)answer->rows_read);
    buf_number(out, (double)(answer->took_ns / 10000) / 100);
    buf_str(out, STR(" ms"));
    if (!answer->exact)
        buf_printf(out, ", percentiles within %g %%", answer->rel_err * 100);
    buf_char(out, '\n');
    for (uint32_t i = 0; i < answer->limit_count; i++)
        buf_printf(out, "limit: %.*s\n", STR_ARG(answer->limits[i]));
}

void answer_table(const struct answer *answer, struct buf *out, uint32_t width)
{
    struct buf *labels = mem_zero(answer->series_count + 1, sizeof(*labels));
    uint32_t total = TIME_WIDTH;
    bool several = false;
    for (uint32_t i = 1; i < answer->series_count; i++)
        several |= !str_eq(answer->series[i].metric, answer->series[0].metric);
    for (uint32_t i = 0; i < answer->series_count; i++) {
        const struct series *series = &answer->series[i];
        put_label(&labels[i], series, several || (series->field_count == 0 && series->stat.size == 0));
        if (labels[i].size == 0)
            buf_str(&labels[i], series->metric);
        uint32_t have = text_width(buf_view(&labels[i]));
        if (total < 1u << 20)
            total += 2 + (have > NUMBER_WIDTH ? have : NUMBER_WIDTH);
    }
    if (!several && answer->series_count) {
        buf_str(out, answer->series[0].metric);
        buf_char(out, '\n');
    }
    if (!answer->series_count)
        buf_str(out, STR("no group has a sample in this range\n"));
    else if (total <= (width ? width : 100))
        put_steps(answer, labels, out);
    else
        put_summaries(answer, labels, out, width ? width : 100);
    put_foot(answer, out);
    for (uint32_t i = 0; i < answer->series_count; i++)
        buf_done(&labels[i]);
    mem_free(labels);
}
