#include "base/json_out.h"

#include "base/check.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

void json_init(struct json_out *json, struct buf *buf)
{
    *json = (struct json_out){.buf = buf};
}

static void before_value(struct json_out *json)
{
    if (json->comma)
        buf_char(json->buf, ',');
    json->comma = true;
}

static void open_with(struct json_out *json, char bracket)
{
    before_value(json);
    buf_char(json->buf, bracket);
    json->depth++;
    json->comma = false;
}

static void close_with(struct json_out *json, char bracket)
{
    CHECK(json->depth > 0);
    json->depth--;
    buf_char(json->buf, bracket);
    json->comma = true;
}

void json_object(struct json_out *json)
{
    open_with(json, '{');
}

void json_end_object(struct json_out *json)
{
    close_with(json, '}');
}

void json_array(struct json_out *json)
{
    open_with(json, '[');
}

void json_end_array(struct json_out *json)
{
    close_with(json, ']');
}

static void put_escaped(struct buf *buf, unsigned char c)
{
    static const char letters[] = "btn?fr";
    if (c == '"' || c == '\\')
        buf_printf(buf, "\\%c", c);
    else if (c >= '\b' && c <= '\r' && c != '\v')
        buf_printf(buf, "\\%c", letters[c - '\b']);
    else
        buf_printf(buf, "\\u%04x", c);
}

static void put_quoted(struct buf *buf, struct str s)
{
    buf_char(buf, '"');
    while (s.size) {
        unsigned char c = (unsigned char)s.at[0];
        unsigned size = utf8_next(s);
        if (size == 0) {
            buf_str(buf, STR("\xef\xbf\xbd"));
            size = 1;
        } else if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            put_escaped(buf, c);
        } else {
            buf_put(buf, s.at, size);
        }
        s = str_from(s, size);
    }
    buf_char(buf, '"');
}

void json_key(struct json_out *json, struct str key)
{
    before_value(json);
    put_quoted(json->buf, key);
    buf_char(json->buf, ':');
    json->comma = false;
}

void json_str(struct json_out *json, struct str s)
{
    before_value(json);
    put_quoted(json->buf, s);
}

void json_number(struct json_out *json, double v)
{
    before_value(json);
    if (isfinite(v))
        buf_number(json->buf, v);
    else
        buf_str(json->buf, STR("null"));
}

void json_u64(struct json_out *json, uint64_t v)
{
    before_value(json);
    buf_printf(json->buf, "%" PRIu64, v);
}

void json_i64(struct json_out *json, int64_t v)
{
    before_value(json);
    buf_printf(json->buf, "%" PRId64, v);
}

void json_bool(struct json_out *json, bool v)
{
    before_value(json);
    buf_str(json->buf, v ? STR("true") : STR("false"));
}

void json_null(struct json_out *json)
{
    before_value(json);
    buf_str(json->buf, STR("null"));
}

void json_key_str(struct json_out *json, const char *key, struct str s)
{
    json_key(json, str_of(key));
    json_str(json, s);
}

void json_key_number(struct json_out *json, const char *key, double v)
{
    json_key(json, str_of(key));
    json_number(json, v);
}

void json_key_u64(struct json_out *json, const char *key, uint64_t v)
{
    json_key(json, str_of(key));
    json_u64(json, v);
}

void json_key_i64(struct json_out *json, const char *key, int64_t v)
{
    json_key(json, str_of(key));
    json_i64(json, v);
}

void json_key_bool(struct json_out *json, const char *key, bool v)
{
    json_key(json, str_of(key));
    json_bool(json, v);
}
