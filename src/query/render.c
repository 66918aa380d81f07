#include "query/query.h"

#include "base/json_out.h"

#include <math.h>

/* ---- JSON ---- */

static void json_series(struct json_out *json, const struct series *series, uint32_t point_count)
{
    json_begin_object(json);
    json_key_str(json, "metric", series->metric);
    json_key_str(json, "stat", series->stat);
    json_key_str(json, "unit", series->unit);
    json_key(json, STR("fields"));
    json_begin_object(json);
    for (uint32_t i = 0; i < series->field_count; i++) {
        json_key(json, series->fields[i].name);
        if (series->fields[i].value.at)
            json_str(json, series->fields[i].value);
        else
            json_null_value(json);
    }
    json_end_object(json);
    json_key(json, STR("values"));
    json_begin_array(json);
    for (uint32_t i = 0; i < point_count; i++)
        json_number(json, series->values[i]);
    json_end_array(json);
    json_key_str(json, "marks", str_make(series->marks, point_count));
    json_end_object(json);
}

void answer_json(const struct answer *answer, struct buf *out)
{
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key_str(&json, "query", answer->query);
    json_key_i64(&json, "from", answer->from_ms);
    json_key_i64(&json, "to", answer->to_ms);
    json_key_i64(&json, "every", answer->step_ms);
    json_key_bool(&json, "exact", answer->exact);
    json_key_number(&json, "rel_err", answer->rel_err);
    json_key_number(&json, "coverage", answer->coverage);
    json_key_number(&json, "took_ms", (double)(answer->took_ns / 1000) / 1000);
    json_key_u64(&json, "rows_read", answer->rows_read);
    json_key(&json, STR("limits"));
    json_begin_array(&json);
    for (uint32_t i = 0; i < answer->limit_count; i++)
        json_str(&json, answer->limits[i]);
    json_end_array(&json);
    json_key(&json, STR("times"));
    json_begin_array(&json);
    for (uint32_t i = 0; i < answer->point_count; i++)
        json_i64(&json, answer->times[i]);
    json_end_array(&json);
    json_key(&json, STR("series"));
    json_begin_array(&json);
    for (uint32_t i = 0; i < answer->series_count; i++)
        json_series(&json, &answer->series[i], answer->point_count);
    json_end_array(&json);
    json_end_object(&json);
}

/* ---- CSV (RFC 4180): a row per series and step; a gap has no value ---- */

enum { COLUMNS_MAX = 32 };

static void csv_str(struct buf *out, struct str s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.size; i++)
        quoted |= s.at[i] == ',' || s.at[i] == '"' || s.at[i] == '\n' || s.at[i] == '\r';
    if (!quoted) {
        buf_str(out, s);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < s.size; i++) {
        if (s.at[i] == '"')
            buf_char(out, '"');
        buf_char(out, s.at[i]);
    }
    buf_char(out, '"');
}

static uint32_t field_columns(const struct answer *answer, struct str *columns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < answer->series_count; i++)
        for (uint32_t j = 0; j < answer->series[i].field_count; j++) {
            struct str name = answer->series[i].fields[j].name;
            uint32_t at = 0;
            while (at < count && !str_eq(columns[at], name))
                at++;
            if (at == count && count < COLUMNS_MAX)
                columns[count++] = name;
        }
    return count;
}

static struct str field_of(const struct series *series, struct str name)
{
    for (uint32_t i = 0; i < series->field_count; i++)
        if (str_eq(series->fields[i].name, name))
            return series->fields[i].value;
    return STR_NONE;
}

void answer_csv(const struct answer *answer, struct buf *out)
{
    struct str columns[COLUMNS_MAX];
    uint32_t column_count = field_columns(answer, columns);
    buf_str(out, STR("time,metric,stat,unit"));
    for (uint32_t c = 0; c < column_count; c++) {
        buf_char(out, ',');
        csv_str(out, columns[c]);
    }
    buf_str(out, STR(",value,mark\r\n"));
    for (uint32_t i = 0; i < answer->series_count; i++) {
        const struct series *series = &answer->series[i];
        for (uint32_t p = 0; p < answer->point_count; p++) {
            buf_time(out, answer->times[p]);
            buf_char(out, ',');
            csv_str(out, series->metric);
            buf_char(out, ',');
            csv_str(out, series->stat);
            buf_char(out, ',');
            csv_str(out, series->unit);
            for (uint32_t c = 0; c < column_count; c++) {
                buf_char(out, ',');
                csv_str(out, field_of(series, columns[c]));
            }
            buf_char(out, ',');
            if (!isnan(series->values[p]))
                buf_number(out, series->values[p]);
            buf_printf(out, ",%c\r\n", series->marks[p]);
        }
    }
}
