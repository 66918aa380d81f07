/* query.h: text in, answer out (docs/query.md). One evaluator for HTTP, command line, alerts and the page.
 *
 * Threads: any; a query runs on the caller's thread, and on others only before it returns (options.crew). All
 * results live in the answer's arena until answer_free.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "base/buf.h"
#include "base/crew.h"
#include "base/err.h"
#include "scheme/scheme.h"
#include "store/store.h"

struct query_options {
    const struct scheme *scheme;
    const struct names *names;
    int64_t now_ms;
    int64_t from_ms, to_ms; /* [from, to) */
    int64_t step_ms;      /* 0: the smallest step that gives at most 500 points; `every` in the text rules */
    uint64_t deadline_ns; /* in sys_mono_ns of sys; 0: none */
    struct sys *sys;
    bool (*gone)(void *ctx); /* asked now and then, by any thread: true cancels. May be NULL. */
    void *gone_ctx;
    bool hide_undeclared; /* names that the scheme does not declare are kept aside until it does */
    uint64_t rows_max;    /* rows read; default QUERY_ROWS_MAX when 0 */
    uint32_t groups_max;  /* default QUERY_GROUPS_MAX when 0 */
    /* Raw values kept for exact percentiles; beyond, they are within 1 %. Default QUERY_EXACT_BYTES_MAX when
     * 0. */
    uint64_t exact_bytes_max;
    struct crew *crew;   /* whose idle threads help reading; NULL: nobody does */
    uint32_t share_rows; /* what is worth another thread; default QUERY_SHARE_ROWS when 0 */
    bool rows_only;      /* reads rows where the store knows what they come to; for tests and comparisons */
};

enum {
    QUERY_POINTS_MAX = 11000,
    QUERY_GROUPS_MAX = 10000,
    QUERY_SHARE_ROWS = 1 << 16,
    QUERY_EXACT_BYTES_MAX = 64 << 20,
};

#define QUERY_ROWS_MAX        ((uint64_t)1 << 32)
#define QUERY_TIME_MS_MAX     INT64_C(253402300800000)    /* the year 10000 */
#define QUERY_DURATION_MS_MAX (INT64_C(36525) * 86400000) /* 100 years */

/* What is wrong with a query, for people: {"error":{"text","column","expected","near":[..]}}. */
struct query_error {
    enum err err;
    uint32_t column; /* from 1; 0: none */
    char text[320];
    char expected[160];
    uint32_t near_count;
    char near[5][256];
};

enum mark { MARK_KNOWN = 'k', MARK_ZERO = 'z', MARK_GAP = 'g', MARK_UPSTREAM = 'u' };

struct series_field {
    struct str name, value;
};

struct series {
    struct str metric; /* name, pattern, or the text of an expression */
    struct str stat;   /* "sum", "p95"; empty for an expression of several */
    struct str unit;
    uint32_t field_count;
    struct series_field
        *fields;    /* of the grouping; the group `other` has one field, named "other", value "true" */
    double *values; /* point_count; NAN is a gap */
    char *marks;    /* point_count letters */
};

struct answer {
    struct arena arena;
    struct str query;
    int64_t from_ms, to_ms, step_ms;
    bool exact;
    double rel_err;  /* 0 when exact */
    double coverage; /* 1: every row came with its distribution */
    uint64_t rows_read;
    uint64_t took_ns;
    uint32_t limit_count;
    struct str *limits; /* sentences: the limits that bit */
    uint32_t point_count;
    int64_t *times;
    uint32_t series_count;
    struct series *series;
};

/* Parses only; for `check` and editors. */
enum err query_check(struct str text, const struct scheme *scheme, struct query_error *error) MUST_USE;

enum err query_run(struct str text, const struct query_options *options, struct snapshot *snapshot,
                   struct answer **out, struct query_error *error) MUST_USE;
void answer_free(struct answer *answer); /* NULL is fine */

/* `from` and `to` of a request: epoch s or ms, RFC 3339, now, -3h. */
bool query_time(struct str text, int64_t now_ms, int64_t *out);
/* int (ms|s|m|h|d|w) */
bool query_duration(struct str text, int64_t *out_ms);

void answer_json(const struct answer *answer, struct buf *out);
void answer_csv(const struct answer *answer, struct buf *out);
void answer_table(const struct answer *answer, struct buf *out, uint32_t width); /* for a terminal */
void query_error_json(const struct query_error *error, struct buf *out);
/* Two lines: the text with a caret below the column, and the sentence. */
void query_error_text(const struct query_error *error, struct str query, struct buf *out);

/* Distinct values of a field with the number of samples that carry it, most first; the parts that overlap
 * [from, to) count whole. A placeholder of a family is a field too. */
struct value_count {
    struct str value;
    uint64_t rows;
};

struct values_options {
    struct str scope;  /* "account_id:42" without @; empty: none */
    struct str search; /* substring or prefix; empty: none */
    uint32_t limit;
};

enum err query_values(struct str field, const struct values_options *values,
                      const struct query_options *options, struct snapshot *snapshot, struct arena *arena,
                      struct value_count **out, uint32_t *count, uint64_t *distinct,
                      struct query_error *error) MUST_USE;

#endif
