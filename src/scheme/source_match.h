/* source_match.h: what a source is to be like in one field: values and globs, a range of numbers, or unset.
 * Pure.
 */
#ifndef SCHEME_SOURCE_MATCH_H
#define SCHEME_SOURCE_MATCH_H

#include "scheme/source.h"

enum match_kind { MATCH_VALUES, MATCH_RANGE, MATCH_UNSET };

struct source_pattern {
    struct str text;
    bool is_glob;
    bool is_number; /* canonical decimal: compared as a number with number fields */
    uint64_t number;
};

/* Views are the caller's. */
struct source_match {
    enum match_kind kind;
    bool negated;
    struct source_pattern *values;
    uint32_t value_count;
    uint64_t low, high; /* of a range, both included */
};

struct source_pattern source_pattern_of(struct str text, bool is_glob);
/* value: SOURCE_UNSET when the source does not have the field. */
bool source_match_value(const struct source_match *match, struct source_value value);

#endif
