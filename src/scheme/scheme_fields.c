/* The sections `fields` and `templates`. */
#include "scheme/scheme_read.h"

#include "scheme/source.h"

static const char *const field_keys[] = {"type", "enum", "key", "under", "expect",
                                         "link", "keep", "doc", NULL};

static struct str nth_field(const void *list, uint32_t index)
{
    return ((const struct field_def *)list)[index].name;
}

static struct str nth_template(const void *list, uint32_t index)
{
    return ((const struct template_def *)list)[index].name;
}

void scheme_unknown_field(struct scheme_reader *reader, const struct yaml_node *at, struct str name)
{
    scheme_unknown(reader, at, "field", name, nth_field, reader->scheme->fields, reader->scheme->field_count);
}

static void read_type(struct scheme_reader *reader, struct field_def *def, const struct yaml_node *node)
{
    static const struct str texts[] = {
#define X(name, text) {text, sizeof text - 1},
        FIELD_TYPE_LIST(X)
#undef X
    };
    struct str word = scheme_word(reader, node, "a type: id, word, dyno, uuid or enum");
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (str_eq(texts[i], word)) {
            def->type = (enum field_type)i;
            return;
        }
    if (word.at)
        scheme_unknown(reader, node, "type", word, scheme_nth_text, texts, sizeof texts / sizeof *texts);
}

static void read_enum(struct scheme_reader *reader, struct field_def *def, const struct yaml_node *node)
{
    if (node->type != YAML_LIST || !node->first) {
        scheme_complain(reader, node, "expected a list of words: [predictive, power]");
        return;
    }
    if (scheme_length(node) > SCHEME_RULES_MAX) {
        scheme_complain(reader, node, "more than %d words; this is a field of type word", SCHEME_RULES_MAX);
        return;
    }
    struct str *words = arena_array(&reader->scheme->arena, scheme_length(node), sizeof *words);
    def->type = FIELD_ENUM;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        struct str word = scheme_word(reader, child, "a word");
        if (str_find(word, '.') < word.size || word.size > SOURCE_TEXT_MAX)
            scheme_complain(reader, child, "a word of an enum has no dot and at most %d bytes",
                            SOURCE_TEXT_MAX);
        for (uint32_t i = 0; i < def->word_count; i++)
            if (str_eq(words[i], word))
                scheme_complain(reader, child, "%.*s stands here twice", STR_ARG(word));
        words[def->word_count++] = word;
    }
    def->words = words;
}

static void read_keep(struct scheme_reader *reader, struct field_def *def, const struct yaml_node *node)
{
    static const struct str texts[] = {
        [KEEP_VALUE] = {"value", 5}, [KEEP_HASH] = {"hash", 4}, [KEEP_NONE] = {"none", 4}};
    struct str word = scheme_word(reader, node, "keep: hash or none");
    for (unsigned i = 0; i < 3; i++)
        if (str_eq(texts[i], word)) {
            def->keep = (enum keep)i;
            return;
        }
    if (word.at)
        scheme_unknown(reader, node, "keep", word, scheme_nth_text, texts, 3);
}

static void read_key(struct scheme_reader *reader, struct field_def *def, const struct yaml_node *node)
{
    def->key = scheme_word(reader, node, "a short word that stands before the dash: ac");
    if (!def->key.at)
        return;
    if (str_find(def->key, '-') < def->key.size || str_find(def->key, '.') < def->key.size)
        scheme_complain(reader, node, "a key has no dash and no dot");
    for (uint32_t i = 0; i < reader->scheme->field_count; i++)
        if (&reader->scheme->fields[i] != def && str_eq(reader->scheme->fields[i].key, def->key))
            scheme_complain(reader, node, "key %.*s belongs to field %.*s already", STR_ARG(def->key),
                            STR_ARG(reader->scheme->fields[i].name));
}

static void read_field(struct scheme_reader *reader, struct field_def *def, const struct yaml_node *node)
{
    def->name = node->key->word;
    def->type = FIELD_WORD;
    if (!names_field_good(def->name))
        scheme_complain(reader, node->key,
                        "a field is named a-z, then a-z 0-9 _, at most 64; not metric, stat or time");
    if (def->name.size) {
        uint8_t bit = scheme_filter_bit(def->name);
        reader->scheme->field_filter[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    def->id = scheme_name_field(reader, node->key, def->name);
    if (!scheme_check_keys(reader, node, field_keys))
        return;
    const struct yaml_node *type = yaml_find(node, "type"), *words = yaml_find(node, "enum");
    if (type)
        read_type(reader, def, type);
    if (type && words && def->type != FIELD_ENUM)
        scheme_complain(reader, words, "words are for an enum, and this is of type %.*s",
                        STR_ARG(type->word));
    else if (words)
        read_enum(reader, def, words);
    if (!type && !words)
        scheme_complain(reader, node, "a field needs a type or an enum");
    if (def->type == FIELD_ENUM && !words)
        scheme_complain(reader, node, "an enum needs its words: {enum: [a, b]}");
    const struct yaml_node *found = yaml_find(node, "key");
    if (found)
        read_key(reader, def, found);
    if ((found = yaml_find(node, "keep")))
        read_keep(reader, def, found);
    if ((found = yaml_find(node, "link"))) {
        def->link = scheme_word(reader, found, "a URL with {value}");
        if (def->link.at && !memmem(def->link.at, def->link.size, "{value}", 7))
            scheme_complain(reader, found, "a link says where the value goes: https://example.org/{value}");
    }
    if ((found = yaml_find(node, "doc")))
        scheme_word(reader, found, "a sentence");
    if ((found = yaml_find(node, "under")))
        def->under = scheme_word(reader, found, "the field above this one");
    if ((found = yaml_find(node, "expect")) &&
        (found->type != YAML_WORD || !str_u64(found->word, &def->expect)))
        scheme_complain(reader, found, "expected a whole number: how many values are usual");
}

/* `under` names a field, and the way up ends. */
static void check_under(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        const struct yaml_node *at = yaml_find(node, "under");
        const struct field_def *field = scheme_find_field(scheme, node->key->word);
        if (!at || !field->under.at)
            continue;
        const struct field_def *above = scheme_find_field(scheme, field->under);
        if (!above)
            scheme_unknown_field(reader, at, field->under);
        for (uint32_t steps = 0; above; steps++) {
            if (above == field || steps > scheme->field_count) {
                scheme_complain(reader, at, "%.*s lies under itself", STR_ARG(field->name));
                break;
            }
            above = above->under.at ? scheme_find_field(scheme, above->under) : NULL;
        }
    }
}

void scheme_read_fields(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!scheme_is_map(reader, section, SCHEME_FIELDS_MAX, "`name: {type: ...}` lines"))
        return;
    scheme->fields = arena_array(&scheme->arena, scheme_length(section), sizeof *scheme->fields);
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        if (scheme_find_field(scheme, node->key->word)) {
            scheme_complain(reader, node->key, "field %.*s stands here twice", STR_ARG(node->key->word));
            continue;
        }
        struct field_def *def = &scheme->fields[scheme->field_count++];
        read_field(reader, def, node);
    }
    check_under(reader, section);
}

static void read_template(struct scheme_reader *reader, struct template_def *def,
                          const struct yaml_node *node)
{
    struct scheme *scheme = reader->scheme;
    struct str text = scheme_word(reader, node, "fields joined by dots: host.account_id");
    uint32_t *fields = arena_array(&scheme->arena, text.size + 1, sizeof *fields);
    def->name = node->key->word;
    def->fields = fields;
    if (!text.at)
        return;
    for (struct str rest = text, segment; rest.at;) {
        rest = str_cut(rest, '.', &segment);
        const struct field_def *field = scheme_find_field(scheme, segment);
        if (!field)
            scheme_unknown_field(reader, node, segment);
        else if (def->field_count < SOURCE_FIELDS_MAX)
            fields[def->field_count++] = (uint32_t)(field - scheme->fields);
        else
            scheme_complain(reader, node, "a source has at most %d fields", SOURCE_FIELDS_MAX);
    }
    for (uint32_t i = 0; i < def->field_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (fields[i] == fields[j])
                scheme_complain(reader, node, "field %.*s stands in the template twice",
                                STR_ARG(scheme->fields[fields[i]].name));
}

void scheme_read_templates(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!scheme_is_map(reader, section, SCHEME_TEMPLATES_MAX, "`name: field.field` lines"))
        return;
    scheme->templates = arena_array(&scheme->arena, scheme_length(section), sizeof *scheme->templates);
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        for (uint32_t i = 0; i < scheme->template_count; i++)
            if (str_eq(scheme->templates[i].name, node->key->word))
                scheme_complain(reader, node->key, "template %.*s stands here twice",
                                STR_ARG(node->key->word));
        read_template(reader, &scheme->templates[scheme->template_count++], node);
    }
}

uint32_t scheme_template_index(struct scheme_reader *reader, const struct yaml_node *at, struct str name)
{
    struct scheme *scheme = reader->scheme;
    for (uint32_t i = 0; i < scheme->template_count; i++)
        if (str_eq(scheme->templates[i].name, name))
            return i;
    if (name.at)
        scheme_unknown(reader, at, "template", name, nth_template, scheme->templates, scheme->template_count);
    return SCHEME_INDEX_NONE;
}
