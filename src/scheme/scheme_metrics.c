/* The section `metrics`: names and families, and which of two families a name belongs to. */
#include "scheme/scheme_read.h"

enum { LASTS_MS = 5 * 60 * 1000, SCHEME_METRIC_TEMPLATES_MAX = 16 };

static const char *const metric_keys[] = {"kind",  "unit",   "template", "doc", "every",
                                          "lasts", "across", "volume",   NULL};

static void read_kind(struct scheme_reader *reader, struct metric_def *def, const struct yaml_node *node)
{
    static const struct str texts[] = {
#define X(name, text) {text, sizeof text - 1},
        KIND_LIST(X)
#undef X
    };
    struct str word = scheme_word(reader, node, "a kind: count, level, value, measure or unique");
    def->kind = kind_parse(word);
    if (def->kind == KIND_NONE && word.at)
        scheme_unknown(reader, node, "kind", word, scheme_nth_text, texts, sizeof texts / sizeof *texts);
}

static void read_unit(struct scheme_reader *reader, struct metric_def *def, const struct yaml_node *node)
{
    def->unit_text = scheme_word(reader, node, "a unit: ms, s, B, MB, %, or a word such as callers");
    def->unit = unit_parse(def->unit_text);
    if (def->unit != UNIT_UNKNOWN)
        return;
    def->unit = UNIT_NONE; /* a label for people; nothing is converted */
    for (unsigned u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (str_eq_fold(unit_text((enum unit)u), def->unit_text))
            scheme_warn(reader, node, "%.*s is a label here and does not convert; did you mean %.*s?",
                        STR_ARG(def->unit_text), STR_ARG(unit_text((enum unit)u)));
}

static void read_across(struct scheme_reader *reader, struct metric_def *def, const struct yaml_node *node)
{
    static const struct str texts[] = {
        [ACROSS_SUM] = {"sum", 3}, [ACROSS_AVG] = {"avg", 3}, [ACROSS_MAX] = {"max", 3}};
    struct str word = scheme_word(reader, node, "across: sum, avg or max");
    for (unsigned i = 0; i < 3; i++)
        if (str_eq(texts[i], word)) {
            def->across = (enum across)i;
            return;
        }
    if (word.at)
        scheme_unknown(reader, node, "across", word, scheme_nth_text, texts, 3);
}

const uint32_t *scheme_read_template_names(struct scheme_reader *reader, const struct yaml_node *node,
                                           uint32_t *count)
{
    bool is_list = node->type == YAML_LIST;
    if (node->type == YAML_MAP || (is_list && !node->first) ||
        scheme_length(node) > SCHEME_METRIC_TEMPLATES_MAX) {
        scheme_complain(reader, node, "expected a template's name or a list of 1 to %d of them",
                        SCHEME_METRIC_TEMPLATES_MAX);
        return NULL;
    }
    uint32_t *found = arena_array(&reader->scheme->arena, scheme_length(node) + 1, sizeof *found);
    for (const struct yaml_node *child = is_list ? node->first : node; child;
         child = is_list ? child->next : NULL) {
        struct str name = scheme_word(reader, child, "a template's name");
        uint32_t index = scheme_template_index(reader, child, name);
        if (index != SCHEME_INDEX_NONE)
            found[(*count)++] = index;
    }
    return found;
}

static void read_time(struct scheme_reader *reader, const struct yaml_node *map, const char *key, int64_t *ms)
{
    const struct yaml_node *node = yaml_find(map, key);
    if (node && !scheme_duration(scheme_word(reader, node, "a time: 90s"), ms))
        scheme_complain(reader, node, "%s expects a time such as 10s, 90s, 5m", key);
}

static void check_level_only(struct scheme_reader *reader, const struct metric_def *def,
                             const struct yaml_node *node)
{
    static const char *const keys[] = {"lasts", "across"};
    for (unsigned i = 0; i < 2 && def->kind != KIND_LEVEL && def->kind != KIND_NONE; i++) {
        const struct yaml_node *found = yaml_find(node, keys[i]);
        if (found)
            scheme_complain(reader, found->key, "%s is for levels, and this is a %.*s", keys[i],
                            STR_ARG(kind_text(def->kind)));
    }
}

static void read_metric(struct scheme_reader *reader, struct metric_def *def, const struct yaml_node *node)
{
    if (!scheme_check_keys(reader, node, metric_keys))
        return;
    const struct yaml_node *found = yaml_find(node, "kind");
    if (found)
        read_kind(reader, def, found);
    else
        scheme_complain(reader, node, "a metric needs a kind: count, level, value, measure or unique");
    if ((found = yaml_find(node, "unit")))
        read_unit(reader, def, found);
    if ((found = yaml_find(node, "template")))
        def->templates = scheme_read_template_names(reader, found, &def->template_count);
    if ((found = yaml_find(node, "across")))
        read_across(reader, def, found);
    if ((found = yaml_find(node, "doc")))
        def->doc = scheme_word(reader, found, "a sentence");
    uint64_t volume;
    if ((found = yaml_find(node, "volume")) && (found->type != YAML_WORD || !str_u64(found->word, &volume)))
        scheme_complain(reader, found, "expected a whole number: the least count for a verdict");
    read_time(reader, node, "every", &def->every_ms);
    read_time(reader, node, "lasts", &def->lasts_ms);
    check_level_only(reader, def, node);
    if (!def->lasts_ms)
        def->lasts_ms = def->every_ms ? 3 * def->every_ms : LASTS_MS;
}

/* A placeholder is a field; one that a template of the metric has too would be said twice. */
static void check_placeholders(struct scheme_reader *reader, const struct metric_def *def,
                               const struct family *family, const struct yaml_node *at)
{
    const struct scheme *scheme = reader->scheme;
    for (uint32_t s = 0; s < family->segment_count; s++) {
        if (family->literals >> (63 - s) & 1)
            continue;
        scheme_name_field(reader, at, family->segments[s]);
        for (uint32_t other = 0; other < s; other++)
            if (!(family->literals >> (63 - other) & 1) &&
                str_eq(family->segments[s], family->segments[other]))
                scheme_complain(reader, at, "{%.*s} stands here twice", STR_ARG(family->segments[s]));
        for (uint32_t t = 0; t < def->template_count; t++) {
            const struct template_def *template = &scheme->templates[def->templates[t]];
            for (uint32_t f = 0; f < template->field_count; f++)
                if (str_eq(scheme->fields[template->fields[f]].name, family->segments[s]))
                    scheme_complain(reader, at, "{%.*s} is a field of template %.*s already",
                                    STR_ARG(family->segments[s]), STR_ARG(template->name));
        }
    }
}

static void add_family(struct scheme_reader *reader, uint32_t metric, const struct yaml_node *key)
{
    struct scheme *scheme = reader->scheme;
    struct family family = {0};
    const char *problem;
    if (!family_parse(key->word, &scheme->arena, &family, &problem)) {
        scheme_complain(reader, key, "%s", problem);
        return;
    }
    family.metric = metric;
    check_placeholders(reader, &scheme->metrics[metric], &family, key);
    uint32_t at = 0;
    for (uint32_t i = 0; i < scheme->family_count; i++) {
        int order = family_order(&scheme->families[i], &family);
        if (order == 0 && family_overlaps(&scheme->families[i], &family))
            scheme_complain(reader, key, "%.*s and %.*s tie: a name could belong to either",
                            STR_ARG(key->word), STR_ARG(scheme->metrics[scheme->families[i].metric].pattern));
        if (order <= 0)
            at = i + 1;
    }
    memmove(&scheme->families[at + 1], &scheme->families[at], (scheme->family_count - at) * sizeof family);
    scheme->families[at] = family;
    scheme->family_count++;
}

static void add_name(struct scheme_reader *reader, uint32_t metric, const struct yaml_node *key)
{
    struct scheme *scheme = reader->scheme;
    if (!names_metric_good(key->word)) {
        scheme_complain(reader, key, "a metric is named by 1 to 255 of A-Z a-z 0-9 _ . : / -");
        return;
    }
    uint32_t number = intern_resolve(&scheme->exact, key->word);
    scheme->exact_metric[number] = metric;
}

void scheme_read_metrics(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!scheme_is_map(reader, section, SCHEME_METRICS_MAX, "`name: {kind: ...}` lines"))
        return;
    uint32_t count = scheme_length(section);
    scheme->metrics = arena_array(&scheme->arena, count, sizeof *scheme->metrics);
    scheme->exact_metric = arena_array(&scheme->arena, count, sizeof *scheme->exact_metric);
    scheme->families = arena_array(&scheme->arena, count + 1, sizeof *scheme->families);
    struct intern seen = {0};
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        uint32_t before = seen.count;
        intern_resolve(&seen, node->key->word);
        if (seen.count == before) {
            scheme_complain(reader, node->key, "metric %.*s stands here twice", STR_ARG(node->key->word));
            continue;
        }
        struct metric_def *def = &scheme->metrics[scheme->metric_count];
        def->pattern = node->key->word;
        def->is_family = family_is_pattern(def->pattern);
        read_metric(reader, def, node);
        if (def->is_family)
            add_family(reader, scheme->metric_count, node->key);
        else
            add_name(reader, scheme->metric_count, node->key);
        scheme->metric_count++;
    }
    intern_done(&seen);
}
