/* source.h: a source in its canonical spelling: the set of (field, value), as bytes that can be compared and
 * hashed.
 *
 *   u8 count, then per field, ascending by the field's number in names.h:
 *   u16 field, u8 type, and for SOURCE_NUMBER 8 bytes of the number, for SOURCE_TEXT u8 size and the bytes.
 *
 * Little-endian. Two equal sets have equal bytes within one process. The empty source is one zero byte. Files
 * use their own table of field names and are translated when read.
 */
#ifndef SCHEME_SOURCE_H
#define SCHEME_SOURCE_H

#include "base/buf.h"

enum { SOURCE_FIELDS_MAX = 64, SOURCE_TEXT_MAX = 255 };

enum source_type { SOURCE_UNSET, SOURCE_NUMBER, SOURCE_TEXT };

struct source_value {
    enum source_type type;
    uint64_t number;
    struct str text;
};

struct source_field {
    uint32_t field;
    struct source_value value;
};

/* A set being put together; zero-initialised is ready. Views are the caller's. */
struct source_set {
    uint32_t count;
    struct source_field fields[SOURCE_FIELDS_MAX]; /* ascending by field */
};

/* false when full or when the text is longer than SOURCE_TEXT_MAX. Replaces the value of a field that is set.
 */
bool source_set_put(struct source_set *set, uint32_t field, struct source_value value);
struct source_value source_set_get(const struct source_set *set,
                                   uint32_t field); /* SOURCE_UNSET when absent */
void source_encode(const struct source_set *set, struct buf *out);

/* Of encoded bytes; SOURCE_UNSET when absent. The view points into source. */
struct source_value source_get(struct str source, uint32_t field);
/* false when the bytes are no source. */
bool source_decode(struct str source, struct source_set *out);

bool source_value_eq(struct source_value a, struct source_value b); /* number 42 equals text "42" */
void source_value_print(struct source_value value, struct buf *out);

#endif
