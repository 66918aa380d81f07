/* line.h: one line of logfmt in, its time, source, pairs and measurements out (the grammar:
 * docs/line-format.md).
 *
 * Pure: reads the bytes of one line (without its newline), writes into the caller's struct line. All views
 * point into the line or into the struct's scratch arena and are valid until the next line_parse with it or
 * line_done. No line makes it fail: what is not understood is a measurement with a reason, or a remark, or
 * plain text that is ignored. Bounded: LINE_BYTES_MAX, LINE_MEASUREMENTS_MAX. One thread per struct line.
 */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include "base/arena.h"
#include "wire/reason.h"
#include "wire/unit.h"

enum {
    LINE_BYTES_MAX = 64 * 1024,
    LINE_MEASUREMENTS_MAX = 10000,
    LINE_PAIRS_MAX = 256, /* plain pairs kept of a line */
    LINE_NAME_MAX = 255,
    LINE_VALUE_MAX = 255,
};

#define VERB_LIST(X)      \
    X(COUNT, "count")     \
    X(SAMPLE, "sample")   \
    X(MEASURE, "measure") \
    X(LEVEL, "level")     \
    X(UNIQUE, "unique")   \
    X(START, "start")     \
    X(STOP, "stop")       \
    X(STATE, "state")     \
    X(NOTE, "note")

enum verb {
#define X(name, text) VERB_##name,
    VERB_LIST(X)
#undef X
        VERB_COUNT_OF
};

struct measurement {
    enum verb verb;
    enum unit unit;      /* UNIT_NONE, UNIT_UNKNOWN or a unit */
    enum reason refused; /* REASON_NONE: good */
    uint32_t column;     /* of the token in the line, from 1 */
    struct str name;
    struct str text; /* what stands after '=': the id of start/stop/state/unique, the number as written */
    double number; /* for count, sample, measure, level (before unit conversion); for unique a 52-bit hash of
                      text */
};

struct pair {
    struct str key;
    struct str value;
    uint32_t column;
};

struct line {
    struct str source;  /* the first source=, unquoted; at == NULL when there is none */
    struct str process; /* of `name[process]:` after a leading stamp; at == NULL when absent */
    bool has_time;      /* a good ts= or leading stamp */
    bool has_bad_time;  /* ts= was written and is not understood: every measurement is refused time_bad (a
                           source= that is not UTF-8: utf8_bad) */
    int64_t time_ms;
    uint32_t source_column;
    uint32_t measurement_count; /* good and refused ones, those beyond LINE_MEASUREMENTS_MAX too */
    uint32_t refused_count;
    uint32_t pair_count;
    uint32_t quote_stray; /* remarks counted here, as they belong to no measurement: tokens left out for a
                             stray quote; 0 on lines that have and lost no measurement */
    uint32_t pairs_bad;   /* pairs left out, as they are not UTF-8 */
    struct measurement *measurements;
    struct pair *pairs; /* key=value tokens that are neither verbs, source, nor ts */
    uint32_t measurement_cap;
    struct arena scratch; /* unescaped values */
};

struct line_options {
    bool router; /* the frame's procid is `router`: connect= service= bytes= are measures, method= status=
                    pairs */
};

void line_init(struct line *line);
void line_done(struct line *line);

/* false: the line itself is refused, *refused says why (then nothing else is set). */
bool line_parse(struct line *line, struct str bytes, const struct line_options *options,
                enum reason *refused);

/* A number with sign, fraction, exponent; all of s. REASON_NONE, or number_bad, or not_finite. */
enum reason line_number(struct str s, double *out);

struct str verb_text(enum verb verb);

#endif
