/* The smaller sections: stopwatches, yardstick, rewrite, changes, default_template. */
#include "scheme/scheme_read.h"

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

/* Every end of a stopwatch is a declared metric: its name plus one segment. */
static void check_ends(struct scheme_reader *reader, const struct yaml_node *watch)
{
    struct scheme *scheme = reader->scheme;
    const struct yaml_node *ends = yaml_find(watch, "ends");
    if (!ends || ends->type != YAML_LIST || !ends->first) {
        scheme_complain(reader, watch, "a stopwatch needs its ends: {ends: [answered, busy]}");
        return;
    }
    for (const struct yaml_node *end = ends->first; end; end = end->next) {
        struct str name = arena_printf(&scheme->arena, "%.*s.%.*s", STR_ARG(watch->key->word),
                                       STR_ARG(scheme_word(reader, end, "a segment")));
        bool declared = false;
        for (uint32_t i = 0; i < scheme->metric_count; i++)
            declared = declared || str_eq(scheme->metrics[i].pattern, name);
        if (!declared)
            scheme_complain(reader, end, "%.*s is not declared under metrics", STR_ARG(name));
    }
}

static void read_stopwatches(struct scheme_reader *reader, const struct yaml_node *section)
{
    if (section->type != YAML_MAP) {
        scheme_complain(reader, section, "expected `name: {ends: [...]}` lines");
        return;
    }
    for (const struct yaml_node *watch = section->first; watch; watch = watch->next) {
        if (!scheme_check_keys(reader, watch, stopwatch_keys))
            continue;
        check_ends(reader, watch);
        check_time(reader, watch, "ttl");
        check_time(reader, watch, "late");
        const struct yaml_node *templates = yaml_find(watch, "template");
        const struct yaml_node *child =
            templates && templates->type == YAML_LIST ? templates->first : templates;
        for (; child; child = templates->type == YAML_LIST ? child->next : NULL)
            scheme_template_index(reader, child, scheme_word(reader, child, "a template's name"));
    }
}

static void read_yardstick(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (section->type != YAML_MAP) {
        scheme_complain(reader, section, "expected {name: metric}");
        return;
    }
    struct str *all = arena_array(&scheme->arena, scheme->metric_count, sizeof *all);
    for (uint32_t i = 0; i < scheme->metric_count; i++)
        all[i] = scheme->metrics[i].pattern;
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        struct metric_match match;
        struct str name = scheme_word(reader, node, "a declared metric");
        if (name.at)
            scheme_match(scheme, name, &match);
        if (name.at && !match.def)
            scheme_unknown(reader, node, "metric", name, all, scheme->metric_count);
    }
}

static void read_rewrites(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (section->type != YAML_LIST) {
        scheme_complain(reader, section, "expected a list of {from: pattern, to: name}");
        return;
    }
    scheme->rewrites = arena_array(&scheme->arena, scheme_length(section), sizeof *scheme->rewrites);
    for (const struct yaml_node *node = section->first; node; node = node->next) {
        if (!scheme_check_keys(reader, node, rewrite_keys))
            continue;
        const struct yaml_node *from = yaml_find(node, "from"), *to = yaml_find(node, "to");
        if (!from || !to) {
            scheme_complain(reader, node, "a rewrite needs from and to");
            continue;
        }
        struct rewrite_rule rule = {scheme_word(reader, from, "a pattern"),
                                    scheme_word(reader, to, "a name")};
        bool any = str_ends(rule.from, STR("**")), same = str_ends(rule.to, STR("**"));
        if (any != same)
            scheme_complain(reader, node, "** must end both from and to, or neither");
        for (struct str rest = rule.from, segment; rest.at;) {
            rest = str_cut(rest, '.', &segment);
            if (segment.size > 2 && segment.at[0] == '{')
                names_resolve_field(reader->names, str_make(segment.at + 1, segment.size - 2));
        }
        scheme->rewrites[scheme->rewrite_count++] = rule;
    }
}

static void read_changes(struct scheme_reader *reader, const struct yaml_node *section)
{
    struct scheme *scheme = reader->scheme;
    if (section->type != YAML_LIST) {
        scheme_complain(reader, section, "expected a list of {field: old, renamed: new}");
        return;
    }
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
        if (change.renamed.at && !scheme_find_field(scheme, change.renamed))
            scheme_complain(reader, renamed, "%.*s is not declared under fields", STR_ARG(change.renamed));
        if (change.field.at && scheme_find_field(scheme, change.field))
            scheme_complain(reader, field, "%.*s is still declared under fields", STR_ARG(change.field));
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
