/* yaml_tree.h: a YAML text as a tree of nodes that know their line and column. libyaml behind it.
 *
 * Strict on purpose: no aliases or anchors, no tags, at most YAML_DEPTH_MAX deep, one document.
 */
#ifndef SCHEME_YAML_TREE_H
#define SCHEME_YAML_TREE_H

#include "base/arena.h"
#include "base/err.h"

enum { YAML_DEPTH_MAX = 16, YAML_BYTES_MAX = 1 << 20 };

enum yaml_type { YAML_WORD, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_type type;
    uint32_t line, column; /* from 1 */
    struct str word;       /* of a WORD; "" for a value that was left out */
    struct yaml_node *key; /* of a child of a MAP */
    struct yaml_node *first, *next;
};

/* Nodes and words live in the arena. An empty text is an empty map. */
enum err yaml_tree_parse(struct str text, struct arena *arena, struct yaml_node **out,
                         struct why *why) MUST_USE;

/* The value of a key in a MAP, or NULL. */
struct yaml_node *yaml_find(const struct yaml_node *map, const char *key);

#endif
