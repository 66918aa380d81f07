#include "scheme/yaml_tree.h"

#include "base/check.h"

#include <yaml.h>

struct reading {
    yaml_parser_t parser;
    struct arena *arena;
    struct why *why;
    uint32_t depth;
};

static enum err fail(struct reading *reading, yaml_mark_t mark, const char *text)
{
    return why_set_at(reading->why, ERR_SYNTAX, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1, "%s",
                      text);
}

static enum err next_event(struct reading *reading, yaml_event_t *event)
{
    if (yaml_parser_parse(&reading->parser, event))
        return ERR_OK;
    const char *problem = reading->parser.problem ? reading->parser.problem : "this is not YAML";
    return fail(reading, reading->parser.problem_mark, problem);
}

static struct yaml_node *node_new(struct reading *reading, enum yaml_type type, yaml_mark_t mark)
{
    struct yaml_node *node = ARENA_NEW(reading->arena, struct yaml_node);
    node->type = type;
    node->line = (uint32_t)mark.line + 1;
    node->column = (uint32_t)mark.column + 1;
    return node;
}

static enum err read_node(struct reading *reading, const yaml_event_t *event, struct yaml_node **out);

/* The children of a list or map, up to its end event. */
static enum err read_children(struct reading *reading, struct yaml_node *parent, yaml_event_type_t end)
{
    struct yaml_node **last = &parent->first, *key = NULL;
    for (;;) {
        yaml_event_t event;
        struct yaml_node *child = NULL;
        enum err err = next_event(reading, &event);
        if (err)
            return err;
        bool is_end = event.type == end;
        if (!is_end)
            err = read_node(reading, &event, &child);
        yaml_event_delete(&event);
        if (err || is_end)
            return err;
        if (parent->type == YAML_MAP && !key) {
            if (child->type != YAML_WORD)
                return why_set_at(reading->why, ERR_SYNTAX, child->line, child->column,
                                  "a key must be one word");
            key = child;
            continue;
        }
        child->key = key;
        key = NULL;
        *last = child;
        last = &child->next;
    }
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor || event->data.scalar.tag;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    return event->type == YAML_MAPPING_START_EVENT &&
           (event->data.mapping_start.anchor || event->data.mapping_start.tag);
}

static enum err read_node(struct reading *reading, const yaml_event_t *event, struct yaml_node **out)
{
    if (event->type == YAML_ALIAS_EVENT || has_anchor_or_tag(event))
        return fail(reading, event->start_mark, "anchors, aliases and tags are not understood here");
    if (event->type == YAML_SCALAR_EVENT) {
        *out = node_new(reading, YAML_WORD, event->start_mark);
        (*out)->word = arena_str(reading->arena,
                                 str_make((const char *)event->data.scalar.value, event->data.scalar.length));
        return ERR_OK;
    }
    CHECK(event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT);
    if (++reading->depth > YAML_DEPTH_MAX)
        return fail(reading, event->start_mark, "nested too deeply");
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    *out = node_new(reading, is_map ? YAML_MAP : YAML_LIST, event->start_mark);
    enum err err = read_children(reading, *out, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT);
    reading->depth--;
    return err;
}

/* Skips stream and document starts; at the end of the stream *out stays an empty map. */
static enum err read_document(struct reading *reading, struct yaml_node **out)
{
    bool seen = false;
    *out = ARENA_NEW(reading->arena, struct yaml_node);
    **out = (struct yaml_node){.type = YAML_MAP, .line = 1, .column = 1};
    for (;;) {
        yaml_event_t event;
        enum err err = next_event(reading, &event);
        if (err)
            return err;
        yaml_event_type_t type = event.type;
        bool is_mark = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
                       type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT;
        if (!is_mark && seen)
            err = fail(reading, event.start_mark, "one document only");
        else if (!is_mark)
            err = read_node(reading, &event, out);
        seen = seen || !is_mark;
        yaml_event_delete(&event);
        if (err || type == YAML_STREAM_END_EVENT)
            return err;
    }
}

enum err yaml_tree_parse(struct str text, struct arena *arena, struct yaml_node **out, struct why *why)
{
    struct reading reading = {.arena = arena, .why = why};
    if (text.size > YAML_BYTES_MAX)
        return why_set(why, ERR_LIMIT, "the file has %zu bytes, more than %d", text.size, YAML_BYTES_MAX);
    yaml_parser_initialize(&reading.parser);
    yaml_parser_set_input_string(&reading.parser, (const unsigned char *)(text.at ? text.at : ""), text.size);
    enum err err = read_document(&reading, out);
    yaml_parser_delete(&reading.parser);
    return err;
}

struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
    for (struct yaml_node *child = map->type == YAML_MAP ? map->first : NULL; child; child = child->next)
        if (str_eq(child->key->word, str_of(key)))
            return child;
    return NULL;
}
