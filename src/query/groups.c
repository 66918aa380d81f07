#include "query/groups.h"

uint32_t groups_resolve(struct groups *groups, struct str key)
{
    if (groups->closed) {
        uint32_t found = intern_find(&groups->keys, key);
        return found != INTERN_NONE ? found : groups->other;
    }
    if (groups->keys.count >= groups->max) {
        uint32_t found = intern_find(&groups->keys, key);
        if (found != INTERN_NONE)
            return found;
        groups->overflow = true;
        return GROUP_DROPPED;
    }
    return intern_resolve(&groups->keys, key);
}

uint32_t groups_count(const struct groups *groups)
{
    return groups->keys.count + (groups->closed && groups->other != GROUP_DROPPED);
}

void groups_done(struct groups *groups)
{
    intern_done(&groups->keys);
    *groups = (struct groups){0};
}

void groups_close(struct groups *groups, const struct groups *from, const uint32_t *kept, uint32_t count,
                  bool other)
{
    *groups = (struct groups){.max = count, .closed = true, .other = GROUP_DROPPED};
    for (uint32_t i = 0; i < count; i++)
        intern_resolve(&groups->keys, intern_get(&from->keys, kept[i]));
    if (other)
        groups->other = count;
}

void key_put(struct buf *key, struct source_value value)
{
    switch (value.type) {
    case SOURCE_UNSET:
        buf_char(key, 'u');
        return;
    case SOURCE_NUMBER:
        buf_char(key, 'n');
        buf_u64(key, value.number);
        return;
    case SOURCE_TEXT:
        key_put_text(key, value.text);
        return;
    }
}

void key_put_text(struct buf *key, struct str text)
{
    uint64_t number;
    if (str_u64(text, &number)) {
        buf_char(key, 'n');
        buf_u64(key, number);
        return;
    }
    buf_char(key, 't');
    buf_u16(key, (uint16_t)text.size);
    buf_str(key, text);
}

struct source_value key_take(struct str *key)
{
    struct source_value value = {.type = SOURCE_UNSET};
    char type = key->at[0];
    *key = str_from(*key, 1);
    if (type == 'n') {
        value.type = SOURCE_NUMBER;
        for (int i = 7; i >= 0; i--)
            value.number = value.number << 8 | (unsigned char)key->at[i];
        *key = str_from(*key, 8);
    } else if (type == 't') {
        size_t size = (unsigned char)key->at[0] | (size_t)(unsigned char)key->at[1] << 8;
        value.type = SOURCE_TEXT;
        value.text = str_make(key->at + 2, size);
        *key = str_from(*key, 2 + size);
    }
    return value;
}

int key_compare(struct str a, struct str b)
{
    while (a.size && b.size) {
        struct source_value v = key_take(&a), w = key_take(&b);
        if (v.type != w.type)
            return v.type < w.type ? -1 : 1;
        if (v.number != w.number)
            return v.number < w.number ? -1 : 1;
        int order = v.type == SOURCE_TEXT ? str_compare(v.text, w.text) : 0;
        if (order)
            return order;
    }
    return 0;
}
