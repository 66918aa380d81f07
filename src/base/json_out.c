#include "base/json_out.h"

#include "base/check.h"
#include "base/utf8.h"

#include <math.h>

void json_init(struct json_out *json, struct buf *buf)
{
    *json = (struct json_out){.buf = buf};
}

static bool in_object(const struct json_out *json)
{
    return json->depth && (json->objects >> (json->depth - 1) & 1);
}

static void before_value(struct json_out *json)
{
    CHECK(in_object(json) ? json->keyed : json->depth || !json->comma);
    if (json->comma)
        buf_char(json->buf, ',');
    json->comma = true;
    json->keyed = false;
}

static void open_with(struct json_out *json, char bracket)
{
    before_value(json);
    CHECK(json->depth < JSON_DEPTH_MAX);
    uint64_t bit = UINT64_C(1) << json->depth++;
    json->objects = bracket == '{' ? json->objects | bit : json->objects & ~bit;
    json->comma = false;
    buf_char(json->buf, bracket);
}

static void close_with(struct json_out *json, char bracket)
{
    CHECK(json->depth > 0 && in_object(json) == (bracket == '}') && !json->keyed);
    json->depth--;
    buf_char(json->buf, bracket);
    json->comma = true;
}

void json_begin_object(struct json_out *json)
{
    open_with(json, '{');
}

void json_end_object(struct json_out *json)
{
    close_with(json, '}');
}

void json_begin_array(struct json_out *json)
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

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_quoted(struct buf *buf, struct str s)
{
    buf_char(buf, '"');
    while (s.size) {
        size_t size = 0;
        while (size < s.size && is_plain((unsigned char)s.at[size]))
            size++;
        buf_put(buf, s.at, size);
        s = str_from(s, size);
        size = utf8_next(s);
        if (size > 1) {
            buf_put(buf, s.at, size);
        } else if (size == 1) {
            put_escaped(buf, (unsigned char)s.at[0]);
        } else if (s.size) {
            buf_str(buf, STR("\xef\xbf\xbd"));
            size = 1;
        }
        s = str_from(s, size);
    }
    buf_char(buf, '"');
}

void json_key(struct json_out *json, struct str key)
{
    CHECK(in_object(json) && !json->keyed);
    if (json->comma)
        buf_char(json->buf, ',');
    put_quoted(json->buf, key);
    buf_char(json->buf, ':');
    json->comma = false;
    json->keyed = true;
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
    buf_u64_text(json->buf, v);
}

void json_i64(struct json_out *json, int64_t v)
{
    before_value(json);
    buf_i64_text(json->buf, v);
}

void json_bool(struct json_out *json, bool v)
{
    before_value(json);
    buf_str(json->buf, v ? STR("true") : STR("false"));
}

void json_null_value(struct json_out *json)
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
