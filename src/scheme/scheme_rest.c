/* The smaller sections: stopwatches, yardstick, rewrite, changes, default_template. */
#include "scheme/rewrite.h"
#include "scheme/scheme_read.h"

enum { STOPWATCH_ENDS_MAX = 64 };

static const char *const stopwatch_keys[] = {"ends", "template", "ttl", "late", "doc", NULL};
static const char *const rewrite_keys[] = {"from", "to", NULL};
static const char *const change_keys[] = {"field", "renamed", NULL};

static void check_time(struct scheme_reader *reader, const struct yaml_node *map, const char *key)
{
    int64_t ms;
    const struct yaml_node *node = yaml_find(map, key);
    if (node && !scheme_duration(scheme_word(reader, node, "a time: 2m"), &ms))
        scheme_complain(reader, node, "%s expects a time such as 90s, 2m, 1h", key);
}

static bool is_declared(const struct scheme *scheme, struct str pattern)
{
    if (intern_find(&scheme->exact, pattern) != INTERN_NONE)
        return true;
    for (uint32_t i = 0; i < scheme->family_count; i++)
        if (str_eq(scheme->metrics[scheme->families[i].metric].pattern, pattern))
            return true;
    return false;
}

/* Every end of a stopwatch is a declared metric: its name plus one segment. */
static void check_ends(struct scheme_reader *reader, const struct yaml_node *watch)
{
    struct scheme *scheme = reader->scheme;
    const struct yaml_node *ends = yaml_find(watch, "ends");
    if (!ends || ends->type != YAML_LIST || !ends->first) {
        scheme_complain(reader, watch, "a stopwatch needs its ends: {ends: [answered, busy]}");
        return;
    }
    if (scheme_length(ends) > STOPWATCH_ENDS_MAX) {
        scheme_complain(reader, ends, "more than %d ends", STOPWATCH_ENDS_MAX);
        return;
    }
    for (const struct yaml_node *end = ends->first; end; end = end->next) {
        struct str segment = scheme_word(reader, end, "a segment");
        if (!segment.at)
            continue;
        struct str name =
            arena_printf(&scheme->arena, "%.*s.%.*s", STR_ARG(watch->key->word), STR_ARG(segment));
        if (!is_declared(scheme, name))
            scheme_complain(reader, end, "%.*s is not declared under metrics", STR_ARG(name));
    }
}

static void read_stopwatches(struct scheme_reader *reader, const struct yaml_node *section)
{
    if (!scheme_is_map(reader, section, SCHEME_RULES_MAX, "`name: {ends: [...]}` lines"))
        return;
    for (const struct yaml_node *watch = section->first; watch; watch = watch->next) {
        if (!scheme_check_keys(reader, watch, stopwatch_keys))
            continue;
        check_ends(reader, watch);
        check_time(reader, watch, "ttl");
        check_time(reader, watch, "late");
        const struct yaml_node *templates = yaml_find(watch, "template");
        if (templates)
            scheme_read_template_names(reader, templates, &(uint32_t){0});
    }
}

static struct str nth_metric(const void *list, uint32_t index)
{
    return ((const struct metric_def *)list)[index].pattern;
}

static void read_yardstick(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!scheme_is_map(reader, section, SCHEME_RULES_MAX, "{name: metric}"))
        return;
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        struct metric_match match;
        struct str name = scheme_word(reader, node, "a declared metric");
        if (name.at)
            scheme_match(scheme, name, &match);
        if (name.at && !match.def)
            scheme_unknown(reader, node, "metric", name, nth_metric, scheme->metrics, scheme->metric_count);
    }
}

static bool is_rules(struct scheme_reader *reader, const struct yaml_node *section, const char *expected)
{
    if (section->type == YAML_LIST && scheme_length(section) <= SCHEME_RULES_MAX)
        return true;
    scheme_complain(reader, section, "expected a list of %s, at most %d", expected, SCHEME_RULES_MAX);
    return false;
}

static void read_rewrites(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!is_rules(reader, section, "{from: pattern, to: name}"))
        return;
    scheme->rewrites = arena_array(&scheme->arena, scheme_length(section), sizeof *scheme->rewrites);
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        if (!scheme_check_keys(reader, node, rewrite_keys))
            continue;
        const struct yaml_node *from = yaml_find(node, "from"), *to = yaml_find(node, "to");
        if (!from || !to) {
            scheme_complain(reader, node, "a rewrite needs from and to");
            continue;
        }
        struct str from_text = scheme_word(reader, from, "a pattern: heroku.logs.**");
        struct str to_text = scheme_word(reader, to, "a name: **");
        struct rewrite_rule *rule = &scheme->rewrites[scheme->rewrite_count];
        const char *problem;
        if (!from_text.at || !to_text.at)
            continue;
        if (!rewrite_parse(from_text, to_text, &scheme->arena, rule, &problem)) {
            scheme_complain(reader, node, "%s", problem);
            continue;
        }
        for (uint32_t i = 0; i < rule->from_count; i++)
            if (rule->from[i].type == REWRITE_FIELD)
                scheme_name_field(reader, from, rule->from[i].text);
        scheme->rewrite_count++;
    }
}

static void read_changes(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (!is_rules(reader, section, "{field: old, renamed: new}"))
        return;
    scheme->changes = arena_array(&scheme->arena, scheme_length(section), sizeof *scheme->changes);
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        if (!scheme_check_keys(reader, node, change_keys))
            continue;
        const struct yaml_node *field = yaml_find(node, "field"), *renamed = yaml_find(node, "renamed");
        if (!field || !renamed) {
            scheme_complain(reader, node, "a change needs field and renamed");
            continue;
        }
        struct field_change change = {scheme_word(reader, field, "the old name"),
                                      scheme_word(reader, renamed, "a declared field")};
        if (!change.field.at || !change.renamed.at)
            continue;
        if (!scheme_find_field(scheme, change.renamed))
            scheme_unknown_field(reader, renamed, change.renamed);
        if (!names_field_good(change.field))
            scheme_complain(reader, field, "%.*s is no name of a field", STR_ARG(change.field));
        else if (scheme_find_field(scheme, change.field))
            scheme_complain(reader, field, "%.*s is still declared under fields", STR_ARG(change.field));
        else if (scheme_renamed_field(scheme, change.field).at)
            scheme_complain(reader, field, "%.*s was renamed above", STR_ARG(change.field));
        else if (scheme_name_field(reader, field, change.field) != NAME_NONE)
            scheme->changes[scheme->change_count++] = change;
    }
}

void scheme_read_rest(struct scheme_reader *reader, const struct yaml_node *root)
{
    const struct yaml_node *found = yaml_find(root, "default_template");
    if (found)
        reader->scheme->default_template =
            scheme_template_index(reader, found, scheme_word(reader, found, "a template's name"));
    if ((found = yaml_find(root, "stopwatches")))
        read_stopwatches(reader, found);
    if ((found = yaml_find(root, "yardstick")))
        read_yardstick(reader, found);
    if ((found = yaml_find(root, "rewrite")))
        read_rewrites(reader, found);
    if ((found = yaml_find(root, "changes")))
        read_changes(reader, found);
}
