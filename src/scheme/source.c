#include "scheme/source.h"

#include "base/bytes.h"
#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

/* Where field is, or belongs. */
static uint32_t position(const struct source_set *set, uint32_t field)
{
    uint32_t at = set->count;
    while (at > 0 && set->fields[at - 1].field >= field)
        at--;
    return at;
}

bool source_set_put(struct source_set *set, uint32_t field, struct source_value value)
{
    CHECK(field <= UINT16_MAX && value.type != SOURCE_UNSET);
    if (value.type == SOURCE_TEXT && value.text.size > SOURCE_TEXT_MAX)
        return false;
    uint32_t at = position(set, field);
    if (at == set->count || set->fields[at].field != field) {
        if (set->count == SOURCE_FIELDS_MAX)
            return false;
        memmove(&set->fields[at + 1], &set->fields[at], (set->count - at) * sizeof set->fields[0]);
        set->count++;
    }
    set->fields[at] = (struct source_field){field, value};
    return true;
}

struct source_value source_set_get(const struct source_set *set, uint32_t field)
{
    uint32_t at = position(set, field);
    if (at < set->count && set->fields[at].field == field)
        return set->fields[at].value;
    return (struct source_value){0};
}

void source_encode(const struct source_set *set, struct buf *out)
{
    buf_u8(out, (uint8_t)set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct source_field *f = &set->fields[i];
        buf_u16(out, (uint16_t)f->field);
        buf_u8(out, (uint8_t)f->value.type);
        if (f->value.type == SOURCE_NUMBER) {
            buf_u64(out, f->value.number);
        } else {
            buf_u8(out, (uint8_t)f->value.text.size);
            buf_str(out, f->value.text);
        }
    }
}

static struct source_value read_value(struct bytes *b)
{
    struct source_value value = {.type = (enum source_type)bytes_u8(b)};
    if (value.type == SOURCE_NUMBER)
        value.number = bytes_u64(b);
    else if (value.type == SOURCE_TEXT)
        value.text = bytes_str(b, bytes_u8(b));
    else
        b->bad = true;
    return value;
}

struct source_value source_get(struct str source, uint32_t field)
{
    struct bytes b = bytes_of(source);
    for (unsigned left = bytes_u8(&b); left > 0 && !b.bad; left--) {
        uint32_t at = bytes_u16(&b);
        struct source_value value = read_value(&b);
        if (at == field && !b.bad)
            return value;
        if (at > field)
            break;
    }
    return (struct source_value){0};
}

bool source_decode(struct str source, struct source_set *out)
{
    struct bytes b = bytes_of(source);
    unsigned count = bytes_u8(&b);
    if (count > SOURCE_FIELDS_MAX)
        return false;
    uint32_t least = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t field = bytes_u16(&b);
        out->fields[i] = (struct source_field){field, read_value(&b)};
        if (b.bad || field < least)
            return false;
        least = field + 1;
    }
    out->count = count;
    return !b.bad && bytes_left(&b) == 0;
}

static struct str number_text(uint64_t number, char room[24])
{
    int size = snprintf(room, 24, "%" PRIu64, number);
    return str_make(room, (size_t)size);
}

bool source_value_eq(struct source_value a, struct source_value b)
{
    char room[24];
    if (a.type == SOURCE_UNSET || b.type == SOURCE_UNSET)
        return a.type == b.type;
    if (a.type == b.type)
        return a.type == SOURCE_NUMBER ? a.number == b.number : str_eq(a.text, b.text);
    struct str text = a.type == SOURCE_TEXT ? a.text : b.text;
    return str_eq(text, number_text(a.type == SOURCE_NUMBER ? a.number : b.number, room));
}

void source_value_print(struct source_value value, struct buf *out)
{
    char room[24];
    if (value.type == SOURCE_NUMBER)
        buf_str(out, number_text(value.number, room));
    else if (value.type == SOURCE_TEXT)
        buf_str(out, value.text);
}
