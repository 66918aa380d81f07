#include "scheme/spelling.h"

#include "base/hash.h"

#include <inttypes.h>

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_uuid(struct str text)
{
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.at[i] != '-' : !is_hex(text.at[i]))
            return false;
    }
    return true;
}

bool spelling_value_good(const struct field_def *field, struct str text)
{
    uint64_t number;
    if (!text.size || text.size > SOURCE_TEXT_MAX)
        return false;
    return field->type == FIELD_ID     ? str_u64(text, &number)
           : field->type == FIELD_UUID ? is_uuid(text)
                                       : true;
}

bool spelling_is_word(const struct field_def *field, struct str word)
{
    for (uint32_t i = 0; i < field->word_count; i++)
        if (str_eq(field->words[i], word))
            return true;
    return false;
}

static void put_value(struct spelling *spelling, uint32_t field, struct source_value value)
{
    if (!source_set_put(spelling->set, field, value))
        spelling_remark(spelling, REASON_too_many_fields);
}

/* One uuid has one spelling. */
static struct str lower(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.size);
    for (size_t i = 0; i < text.size; i++)
        copy[i] = text.at[i] >= 'A' && text.at[i] <= 'F' ? (char)(text.at[i] + 32) : text.at[i];
    return str_make(copy, text.size);
}

bool spelling_put(struct spelling *spelling, const struct field_def *field, struct str text)
{
    if (!spelling_value_good(field, text))
        return false;
    if (field->keep == KEEP_NONE)
        return true;
    struct source_value value = {.type = SOURCE_TEXT, .text = text};
    if (field->keep == KEEP_HASH)
        value.text = arena_printf(spelling->arena, "%016" PRIx64, hash_bytes(text));
    else if (field->type == FIELD_ID && str_u64(text, &value.number))
        value.type = SOURCE_NUMBER;
    else if (field->type == FIELD_UUID)
        value.text = lower(spelling->arena, text);
    if (field->type == FIELD_ENUM && !spelling_is_word(field, text))
        spelling_remark(spelling, REASON_enum_unknown);
    put_value(spelling, field->id, value);
    return true;
}

void spelling_whole(struct spelling *spelling, struct str text)
{
    if (text.size > SOURCE_TEXT_MAX) {
        spelling_remark(spelling, REASON_field_value_bad);
        text = str_first(text, SOURCE_TEXT_MAX);
    }
    if (text.size)
        put_value(spelling, spelling->scheme->source_field,
                  (struct source_value){.type = SOURCE_TEXT, .text = text});
}

/* The field whose key stands before the first dash, when what follows is valid for it. */
static const struct field_def *keyed_field(const struct scheme *scheme, struct str segment, struct str *value)
{
    size_t dash = str_find(segment, '-');
    if (!dash || dash == segment.size)
        return NULL;
    struct str key = str_first(segment, dash);
    *value = str_from(segment, dash + 1);
    for (uint32_t i = 0; i < scheme->field_count; i++)
        if (scheme->fields[i].key.size && str_eq(scheme->fields[i].key, key))
            return spelling_value_good(&scheme->fields[i], *value) ? &scheme->fields[i] : NULL;
    return NULL;
}

bool spelling_is_keyed(const struct scheme *scheme, struct str text)
{
    struct str segment, value;
    if (str_find(text, '-') == text.size)
        return false;
    for (struct str rest = text; rest.at;) {
        rest = str_cut(rest, '.', &segment);
        if (keyed_field(scheme, segment, &value))
            return true;
    }
    return false;
}

/* The one enum field that lists the word, or NULL. */
static const struct field_def *field_of_word(const struct scheme *scheme, struct str word)
{
    const struct field_def *found = NULL;
    for (uint32_t i = 0; i < scheme->field_count; i++) {
        if (scheme->fields[i].type != FIELD_ENUM || !spelling_is_word(&scheme->fields[i], word))
            continue;
        if (found)
            return NULL;
        found = &scheme->fields[i];
    }
    return found;
}

/* What a keyed source is read with: the value that a segment without a key may continue, and what fits
 * nothing. */
struct keyed {
    struct spelling *spelling;
    const struct field_def *before; /* NULL: nothing to continue */
    struct str value;               /* of it, so far */
    struct str rest;
};

/* A dot may belong to a value: `phone-555.1234`. A word of an enum that is whole is not continued. */
static bool may_continue(const struct keyed *keyed, struct str segment)
{
    const struct field_def *field = keyed->before;
    if (!field || keyed->value.at + keyed->value.size + 1 != segment.at)
        return false;
    if (field->type == FIELD_ENUM && spelling_is_word(field, keyed->value))
        return false;
    return spelling_value_good(field, str_make(keyed->value.at, keyed->value.size + 1 + segment.size));
}

/* By hand: a segment may hold any byte, and printf stops at a zero. */
static void put_rest(struct keyed *keyed, struct str segment)
{
    struct str before = keyed->rest;
    if (!before.size) {
        keyed->rest = segment;
        return;
    }
    if (before.size > SOURCE_TEXT_MAX)
        return; /* what is kept is full; a line of 30,000 segments must not be joined 30,000 times */
    char *text = arena_alloc(keyed->spelling->arena, before.size + 1 + segment.size);
    memcpy(text, before.at, before.size);
    text[before.size] = '.';
    memcpy(text + before.size + 1, segment.at, segment.size);
    keyed->rest = str_make(text, before.size + 1 + segment.size);
}

/* The first of two values for one field stays. The other is not lost but put with the rest, unless the field
 * is not to be kept in the clear. */
static bool put_first(struct keyed *keyed, const struct field_def *field, struct str value,
                      struct str segment)
{
    if (source_set_get(keyed->spelling->set, field->id).type == SOURCE_UNSET)
        return spelling_put(keyed->spelling, field, value);
    if (field->keep == KEEP_VALUE)
        put_rest(keyed, segment);
    else
        spelling_remark(keyed->spelling, REASON_field_value_bad);
    return false;
}

static void read_segment(struct keyed *keyed, struct str segment)
{
    struct str value;
    const struct field_def *field = keyed_field(keyed->spelling->scheme, segment, &value);
    if (field) {
        keyed->before = put_first(keyed, field, value, segment) ? field : NULL;
        keyed->value = value;
    } else if ((field = field_of_word(keyed->spelling->scheme, segment))) {
        put_first(keyed, field, segment, segment);
    } else if (may_continue(keyed, segment)) {
        keyed->value.size += 1 + segment.size;
        spelling_put(keyed->spelling, keyed->before, keyed->value);
    } else {
        put_rest(keyed, segment);
    }
}

void spelling_keyed(struct spelling *spelling, struct str text)
{
    struct keyed keyed = {.spelling = spelling};
    for (struct str left = text, segment; left.at;) {
        left = str_cut(left, '.', &segment);
        if (segment.size)
            read_segment(&keyed, segment);
    }
    if (keyed.rest.size) {
        spelling_remark(spelling, REASON_source_rest);
        spelling_whole(spelling, keyed.rest);
    }
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.size; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.size > 0;
}

/* `web.1` as Heroku names it: a name without digits, then a number. `web01.42` is a host and something else.
 */
static bool is_dyno(struct str name, struct str number)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.at[i] >= '0' && name.at[i] <= '9')
            return false;
    return name.size && all_digits(number) && number.size < 6;
}

/* %2E is a dot inside a value. */
static struct str undot(struct spelling *spelling, struct str segment)
{
    if (str_find(segment, '%') == segment.size)
        return segment;
    char *text = arena_alloc(spelling->arena, segment.size);
    size_t size = 0;
    for (size_t i = 0; i < segment.size; i++) {
        bool dot = segment.size - i >= 3 && str_eq_fold(str_make(segment.at + i, 3), STR("%2e"));
        text[size++] = dot ? '.' : segment.at[i];
        i += dot ? 2 : 0;
    }
    return str_make(text, size);
}

bool spelling_positional(struct spelling *spelling, const struct template_def *template, struct str text)
{
    struct str found[64], segment;
    const struct field_def *fields = spelling->scheme->fields;
    uint32_t count = 0;
    for (struct str rest = text; rest.at; count++) {
        rest = str_cut(rest, '.', &segment);
        if (count == template->field_count)
            return false;
        const struct field_def *field = &fields[template->fields[count]];
        if (field->type == FIELD_DYNO && rest.at) {
            struct str next, after = str_cut(rest, '.', &next);
            if (is_dyno(segment, next)) {
                segment = str_make(segment.at, (size_t)(next.at + next.size - segment.at));
                rest = after;
            }
        }
        bool unset = !segment.size || str_eq(segment, STR("-"));
        found[count] = unset ? STR_NONE : undot(spelling, segment);
        if (!unset && !spelling_value_good(field, found[count]))
            return false;
    }
    for (uint32_t i = 0; i < count; i++)
        if (found[i].size)
            spelling_put(spelling, &fields[template->fields[i]], found[i]);
    return true;
}
