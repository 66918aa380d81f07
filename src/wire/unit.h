/* unit.h: the units that may follow a number, and how to turn one into another.
 *
 * ns us ms s min h d (any case of ms and s), B kB MB GB TB (powers of ten), KiB MiB GiB (powers of two), %.
 * Two units convert when they share a dimension.
 */
#ifndef WIRE_UNIT_H
#define WIRE_UNIT_H

#include "base/str.h"

#define UNIT_LIST(X)                 \
    X(ns, "ns", TIME, 1e-6)          \
    X(us, "us", TIME, 1e-3)          \
    X(ms, "ms", TIME, 1)             \
    X(s, "s", TIME, 1e3)             \
    X(min, "min", TIME, 6e4)         \
    X(h, "h", TIME, 3.6e6)           \
    X(d, "d", TIME, 8.64e7)          \
    X(B, "B", BYTES, 1)              \
    X(kB, "kB", BYTES, 1e3)          \
    X(MB, "MB", BYTES, 1e6)          \
    X(GB, "GB", BYTES, 1e9)          \
    X(TB, "TB", BYTES, 1e12)         \
    X(KiB, "KiB", BYTES, 1024)       \
    X(MiB, "MiB", BYTES, 1048576)    \
    X(GiB, "GiB", BYTES, 1073741824) \
    X(percent, "%", PART, 1)

enum unit_dimension { UNIT_TIME, UNIT_BYTES, UNIT_PART };

enum unit {
    UNIT_NONE, /* no unit written */
#define X(name, text, dimension, factor) UNIT_##name,
    UNIT_LIST(X)
#undef X
        UNIT_COUNT,
    UNIT_UNKNOWN = UNIT_COUNT /* a unit was written that is not in the table */
};

enum unit unit_parse(struct str text); /* empty: UNIT_NONE */
struct str unit_text(enum unit unit);  /* empty for UNIT_NONE and UNIT_UNKNOWN */
/* false when they do not share a dimension; exact where the factor is 1. */
bool unit_convert(double value, enum unit from, enum unit to, double *out);

#endif
