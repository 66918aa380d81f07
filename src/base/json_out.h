/* json_out.h: writes JSON (RFC 8259) into a buf; commas and quoting are its business. What would not be JSON
 * (a value without key in an object, a bracket that closes the other kind, depth over 64) is a bug: CHECK.
 *
 * Bytes that are not UTF-8 come out as U+FFFD. Numbers that JSON cannot hold (nan, inf) come out as null.
 */
#ifndef BASE_JSON_OUT_H
#define BASE_JSON_OUT_H

#include "base/buf.h"

enum { JSON_DEPTH_MAX = 64 };

struct json_out {
    struct buf *buf;
    uint64_t objects; /* bit d: what was opened at depth d is an object */
    unsigned depth;
    bool comma; /* before the next key or value of an array */
    bool keyed; /* a key waits for its value */
};

void json_init(struct json_out *json, struct buf *buf);
void json_begin_object(struct json_out *json); /* { */
void json_end_object(struct json_out *json);
void json_begin_array(struct json_out *json); /* [ */
void json_end_array(struct json_out *json);
void json_key(struct json_out *json, struct str key);
void json_str(struct json_out *json, struct str s);
void json_number(struct json_out *json, double v);
void json_u64(struct json_out *json, uint64_t v);
void json_i64(struct json_out *json, int64_t v);
void json_bool(struct json_out *json, bool v);
void json_null_value(struct json_out *json);

/* key and value in one. */
void json_key_str(struct json_out *json, const char *key, struct str s);
void json_key_number(struct json_out *json, const char *key, double v);
void json_key_u64(struct json_out *json, const char *key, uint64_t v);
void json_key_i64(struct json_out *json, const char *key, int64_t v);
void json_key_bool(struct json_out *json, const char *key, bool v);

#endif
