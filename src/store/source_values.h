/* source_values.h: the values that a list of sources has in each field, read once; what a file says of its
 * sources (cubes, columns, dictionaries, counts, presence) is all made from this.
 *
 * Distinct values of a field are numbered as they come; where a source lacks the field its value is
 * SOURCE_UNSET, which has a number like any other. Costs four bytes per source and field. A field of numbers
 * of which there are more than SOURCE_VALUES_MANY is not numbered. Views point into the sources, which stay
 * the caller's. One thread.
 */
#ifndef STORE_SOURCE_VALUES_H
#define STORE_SOURCE_VALUES_H

#include "scheme/source.h"

enum { SOURCE_VALUES_MANY = 65536 };

struct source_field_values {
    uint32_t field; /* in names.h */
    bool has_texts; /* some value is a text */
    bool many;      /* not numbered: the rest is not set */
    uint32_t count;
    struct source_value *values; /* by number */
    uint32_t *number;            /* by source */
    /* While they are read. */
    uint32_t value_cap;
    uint32_t *slots; /* open addressing: number + 1 */
    uint32_t slot_count;
};

struct source_values {
    const struct str *sources;
    uint32_t source_count;
    struct source_field_values *fields; /* ascending by field; those that any source has */
    uint32_t field_count;
};

void source_values_init(struct source_values *values, const struct str *sources, uint32_t count);
void source_values_done(struct source_values *values);
/* NULL: no source has the field. */
const struct source_field_values *source_values_find(const struct source_values *values, uint32_t field);

static inline struct source_value source_values_get(const struct source_values *values,
                                                    const struct source_field_values *field, uint32_t source)
{
    return field->many ? source_get(values->sources[source], field->field)
                       : field->values[field->number[source]];
}

#endif
