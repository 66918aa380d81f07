/* The small texts inside a head: lists, queries, paths. */
#include "wire/http.h"

struct str http_header_find(const struct http_head *head, struct str name)
{
    for (uint32_t i = 0; i < head->header_count; i++)
        if (str_eq_fold(head->headers[i].name, name))
            return head->headers[i].value;
    return STR_NONE;
}

bool http_list_has(struct str list, struct str token)
{
    for (struct str rest = list, item; rest.at;) {
        rest = str_cut(rest, ',', &item);
        str_cut(item, ';', &item);
        if (str_eq_fold(str_trim(item), token))
            return true;
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(struct arena *arena, struct str raw, bool plus_is_blank, struct str *out)
{
    char *to = arena_alloc(arena, raw.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        char c = raw.at[i];
        if (c == '%') {
            int high = i + 2 < raw.size ? hex_digit(raw.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.at[i + 2]) : -1;
            if (low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        to[size++] = c;
    }
    *out = str_make(to, size);
    return true;
}

bool http_query_next(struct str *rest, struct str *name, struct str *value)
{
    while (rest->at && rest->size) {
        struct str pair;
        *rest = str_cut(*rest, '&', &pair);
        if (!pair.size)
            continue;
        *value = str_cut(pair, '=', name);
        if (!value->at)
            *value = str_make(pair.at + pair.size, 0);
        return true;
    }
    return false;
}

bool http_path_next(struct str *rest, struct str *segment)
{
    if (!rest->at || !rest->size || rest->at[0] != '/')
        return false;
    struct str tail = str_from(*rest, 1);
    size_t size = str_find(tail, '/');
    *segment = str_first(tail, size);
    *rest = str_from(tail, size);
    return true;
}
