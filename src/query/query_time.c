#include "query/query.h"

#include "wire/time_text.h"

bool query_duration(struct str text, int64_t *out_ms)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {{STR("ms"), 1},      {STR("s"), 1000},     {STR("m"), 60000},
                 {STR("h"), 3600000}, {STR("d"), 86400000}, {STR("w"), 604800000}};
    size_t digits = 0;
    int64_t count = 0;
    while (digits < text.size && digits < 12 && text.at[digits] >= '0' && text.at[digits] <= '9')
        count = count * 10 + (text.at[digits++] - '0');
    if (digits == 0)
        return false;
    struct str unit = str_from(text, digits);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!str_eq(unit, units[i].unit))
            continue;
        int64_t ms;
        if (__builtin_mul_overflow(count, units[i].ms, &ms) || ms > QUERY_DURATION_MS_MAX)
            return false;
        *out_ms = ms;
        return true;
    }
    return false;
}

bool query_time(struct str text, int64_t now_ms, int64_t *out)
{
    int64_t ms;
    text = str_trim(text);
    if (str_eq(text, STR("now"))) {
        *out = now_ms;
        return true;
    }
    if (text.size > 1 && text.at[0] == '-' && query_duration(str_from(text, 1), &ms)) {
        *out = now_ms - ms;
        return true;
    }
    if (!time_parse(text, &ms) || ms < 0 || ms > QUERY_TIME_MS_MAX)
        return false;
    *out = ms;
    return true;
}
