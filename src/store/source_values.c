/* Sources come sorted, so that most share a field's value with the one before; the others cost one look-up.
 * Before this there was a search through the source's bytes for every field and purpose: 15 % of an import.
 */
#include "store/source_values.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

enum { FIELDS_MAX = 65536, SLOTS_FIRST = 64 };

/* ---- walking a source ---- */

struct walk {
    struct bytes in;
    unsigned left;
    uint32_t field; /* FIELDS_MAX behind the last */
    struct source_value value;
};

static inline void walk_on(struct walk *walk)
{
    walk->field = FIELDS_MAX;
    if (!walk->left)
        return;
    walk->left--;
    uint32_t field = bytes_u16(&walk->in);
    walk->value = (struct source_value){.type = (enum source_type)bytes_u8(&walk->in)};
    if (walk->value.type == SOURCE_NUMBER)
        walk->value.number = bytes_u64(&walk->in);
    else
        walk->value.text = bytes_str(&walk->in, bytes_u8(&walk->in));
    if (walk->in.bad)
        walk->left = 0;
    else
        walk->field = field;
}

static inline void walk_start(struct walk *walk, struct str source)
{
    walk->in = bytes_of(source);
    walk->left = bytes_u8(&walk->in);
    walk_on(walk);
}

/* ---- which fields ---- */

static void find_fields(struct source_values *values)
{
    uint8_t *seen = mem_zero(FIELDS_MAX, 1); /* 1: numbers, 2: texts */
    uint32_t highest = 0;
    for (uint32_t i = 0; i < values->source_count; i++) {
        struct walk walk;
        for (walk_start(&walk, values->sources[i]); walk.field < FIELDS_MAX; walk_on(&walk)) {
            seen[walk.field] |= walk.value.type == SOURCE_NUMBER ? 1 : 2;
            highest = walk.field > highest ? walk.field : highest;
        }
    }
    for (uint32_t f = 0; f <= highest; f++)
        values->field_count += seen[f] != 0;
    values->fields = mem_zero(values->field_count, sizeof *values->fields);
    for (uint32_t f = 0, at = 0; f <= highest; f++)
        if (seen[f])
            values->fields[at++] = (struct source_field_values){.field = f, .has_texts = (seen[f] & 2) != 0};
    mem_free(seen);
}

/* ---- which values ---- */

static inline bool same(const struct source_value *a, const struct source_value *b)
{
    return a->type == b->type && a->number == b->number && a->text.size == b->text.size &&
           (!a->text.size || !memcmp(a->text.at, b->text.at, a->text.size));
}

static uint64_t hash_of(const struct source_value *value)
{
    return value->type == SOURCE_TEXT ? hash_bytes(value->text) : hash_mix(value->number + value->type);
}

/* The slot that holds the value, or the free one where it belongs. */
static uint32_t *slot_of(const struct source_field_values *field, const struct source_value *value)
{
    uint32_t mask = field->slot_count - 1, at = (uint32_t)hash_of(value) & mask;
    while (field->slots[at] && !same(&field->values[field->slots[at] - 1], value))
        at = (at + 1) & mask;
    return &field->slots[at];
}

static void grow(struct source_field_values *field)
{
    mem_free(field->slots);
    field->slot_count = field->slot_count ? field->slot_count * 2 : SLOTS_FIRST;
    field->slots = mem_zero(field->slot_count, sizeof *field->slots);
    field->value_cap = field->slot_count / 2;
    field->values = mem_resize(field->values, field->value_cap, sizeof *field->values);
    for (uint32_t v = 0; v < field->count; v++)
        *slot_of(field, &field->values[v]) = v + 1;
}

static void forget_numbers(struct source_field_values *field)
{
    mem_free(field->values);
    mem_free(field->number);
    mem_free(field->slots);
    field->values = NULL;
    field->number = field->slots = NULL;
    field->count = 0;
}

static uint32_t number_of(struct source_field_values *field, const struct source_value *value)
{
    if (field->count == field->value_cap)
        grow(field);
    uint32_t *slot = slot_of(field, value);
    if (!*slot) {
        field->values[field->count++] = *value;
        *slot = field->count;
    }
    return *slot - 1;
}

static inline void take_value(struct source_field_values *field, uint32_t source,
                              const struct source_value *value)
{
    if (source && same(&field->values[field->number[source - 1]], value)) {
        field->number[source] = field->number[source - 1];
        return;
    }
    field->number[source] = number_of(field, value);
    if (!field->has_texts && field->count > SOURCE_VALUES_MANY) {
        forget_numbers(field);
        field->many = true;
    }
}

static void number_values(struct source_values *values)
{
    static const struct source_value unset = {.type = SOURCE_UNSET};
    for (uint32_t i = 0; i < values->source_count; i++) {
        struct walk walk;
        walk_start(&walk, values->sources[i]);
        for (uint32_t f = 0; f < values->field_count; f++) { /* both ascend by field */
            struct source_field_values *field = &values->fields[f];
            bool has = walk.field == field->field;
            if (!field->many)
                take_value(field, i, has ? &walk.value : &unset);
            if (has)
                walk_on(&walk);
        }
    }
}

void source_values_init(struct source_values *values, const struct str *sources, uint32_t count)
{
    *values = (struct source_values){.sources = sources, .source_count = count};
    find_fields(values);
    for (uint32_t f = 0; f < values->field_count; f++)
        values->fields[f].number = mem_alloc(count * sizeof(uint32_t));
    number_values(values);
    for (uint32_t f = 0; f < values->field_count; f++) {
        mem_free(values->fields[f].slots);
        values->fields[f].slots = NULL;
    }
}

void source_values_done(struct source_values *values)
{
    for (uint32_t f = 0; f < values->field_count; f++)
        forget_numbers(&values->fields[f]);
    mem_free(values->fields);
    *values = (struct source_values){0};
}

const struct source_field_values *source_values_find(const struct source_values *values, uint32_t field)
{
    for (uint32_t f = 0; f < values->field_count; f++)
        if (values->fields[f].field == field)
            return &values->fields[f];
    return NULL;
}
