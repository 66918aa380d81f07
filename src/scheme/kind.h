/* kind.h: what a metric's numbers mean: its default statistic and what silence says (docs/query.md). */
#ifndef SCHEME_KIND_H
#define SCHEME_KIND_H

#include "wire/line.h"

#define KIND_LIST(X)      \
    X(COUNT, "count")     \
    X(LEVEL, "level")     \
    X(VALUE, "value")     \
    X(MEASURE, "measure") \
    X(UNIQUE, "unique")

enum kind {
    KIND_NONE,
#define X(name, text) KIND_##name,
    KIND_LIST(X)
#undef X
        KIND_COUNT_OF
};

struct str kind_text(enum kind kind);
enum kind kind_parse(struct str text);  /* KIND_NONE when unknown */
enum kind kind_of_verb(enum verb verb); /* KIND_NONE for start, stop, state, note */

#endif
