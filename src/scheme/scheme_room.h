/* scheme_room.h: a scheme's inside, for the files that build and use it. */
#ifndef SCHEME_SCHEME_ROOM_H
#define SCHEME_SCHEME_ROOM_H

#include "base/intern.h"
#include "scheme/family.h"
#include "scheme/scheme.h"

enum { SCHEME_INDEX_NONE = 0xffffffff };

enum rewrite_type { REWRITE_LITERAL, REWRITE_FIELD, REWRITE_REST };

struct rewrite_part {
    enum rewrite_type type;
    struct str text; /* of a literal, or the field's name */
};

struct rewrite_rule {
    const struct rewrite_part *from, *to; /* segments */
    uint32_t from_count, to_count;
};

struct field_change {
    struct str field, renamed;
};

struct scheme {
    uint32_t references; /* atomic */
    uint64_t generation;
    struct arena arena;
    struct str name;
    struct field_def *fields;
    uint32_t field_count;
    uint64_t field_filter[4]; /* bit by scheme_filter_bit of the fields' names */
    struct template_def *templates;
    uint32_t template_count;
    struct metric_def *metrics;
    uint32_t metric_count;
    struct intern exact;     /* names without placeholders */
    uint32_t *exact_metric;  /* by number in exact */
    struct family *families; /* in order of precedence */
    uint32_t family_count;
    uint32_t default_template; /* or SCHEME_INDEX_NONE */
    struct rewrite_rule *rewrites;
    uint32_t rewrite_count;
    struct field_change *changes;
    uint32_t change_count;
    uint32_t source_field; /* numbers in names.h of fields with a meaning of their own */
    uint32_t host_field, process_field, dyno_field;
};

/* Most words of a log line are no field: one bit says so. */
static inline uint8_t scheme_filter_bit(struct str name)
{
    return (uint8_t)(name.size * 7 + (uint8_t)name.at[0] * 31u + (uint8_t)name.at[name.size - 1]);
}

#endif
