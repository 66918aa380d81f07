#include "query/query_error.h"

#include "base/json_out.h"

#include <stdarg.h>
#include <stdio.h>

enum err query_fail(struct query_error *error, enum err err, uint32_t column, const char *expected,
                    const char *format, ...)
{
    if (error->err != ERR_OK)
        return error->err;
    error->err = err;
    error->column = column;
    error->near_count = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    snprintf(error->expected, sizeof(error->expected), "%s", expected ? expected : "");
    return err;
}

void query_error_near(struct query_error *error, struct str word)
{
    uint32_t max = sizeof(error->near) / sizeof(error->near[0]);
    if (word.size == 0 || word.size >= sizeof(error->near[0]) || error->near_count >= max)
        return;
    for (uint32_t i = 0; i < error->near_count; i++)
        if (str_eq(str_of(error->near[i]), word))
            return;
    char *to = error->near[error->near_count++];
    memcpy(to, word.at, word.size);
    to[word.size] = 0;
}

void query_error_json(const struct query_error *error, struct buf *out)
{
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key(&json, STR("error"));
    json_begin_object(&json);
    json_key_str(&json, "text", str_of(error->text));
    json_key(&json, STR("column"));
    if (error->column)
        json_u64(&json, error->column);
    else
        json_null_value(&json);
    json_key_str(&json, "expected", str_of(error->expected));
    json_key(&json, STR("near"));
    json_begin_array(&json);
    for (uint32_t i = 0; i < error->near_count; i++)
        json_str(&json, str_of(error->near[i]));
    json_end_array(&json);
    json_end_object(&json);
    json_end_object(&json);
}

/* Columns count bytes; the caret must stand below the character, so continuation bytes take no room. */
static void put_caret(struct str query, uint32_t column, struct buf *out)
{
    for (uint32_t i = 0; i + 1 < column && i < query.size; i++)
        if (((unsigned char)query.at[i] & 0xc0) != 0x80)
            buf_char(out, query.at[i] == '\t' ? '\t' : ' ');
    buf_str(out, STR("^\n"));
}

void query_error_text(const struct query_error *error, struct str query, struct buf *out)
{
    if (error->column && str_find(query, '\n') == query.size) {
        buf_str(out, query);
        buf_char(out, '\n');
        put_caret(query, error->column, out);
    }
    buf_str(out, str_of(error->text));
    if (error->expected[0])
        buf_printf(out, "; expected %s", error->expected);
    for (uint32_t i = 0; i < error->near_count; i++)
        buf_printf(out, "%s`%s`",
                   i == 0                       ? "; did you mean "
                   : i + 1 == error->near_count ? " or "
                                                : ", ",
                   error->near[i]);
    if (error->near_count)
        buf_char(out, '?');
    buf_char(out, '\n');
}
