/* One flat mapping of words; YAML by libyaml, so that quoting and comments are as people expect. */
#include "cli/config_file.h"

#include "base/nearest.h"
#include "base/buf.h"
#include "base/sys.h"
#include "cli/command.h"

#include <stdio.h>
#include <yaml.h>

enum { FILE_BYTES_MAX = 1 << 20 };

static int complain(const char *file, yaml_mark_t mark, const char *text, struct str word)
{
    fprintf(stderr, "dialtone: %s:%zu:%zu: %s%.*s\n", file, mark.line + 1, mark.column + 1, text,
            STR_ARG(word));
    return EXIT_USAGE;
}

static struct str scalar(const yaml_node_t *node)
{
    return str_make((const char *)node->data.scalar.value, node->data.scalar.length);
}

static int unknown_key(const char *file, const struct option *table, const yaml_node_t *key)
{
    struct nearest nearest;
    nearest_init(&nearest, scalar(key));
    for (int i = 0; table[i].name; i++)
        nearest_feed(&nearest, str_of(table[i].name));
    if (nearest.best.at)
        return complain(file, key->start_mark, "unknown key; did you mean ", nearest.best);
    return complain(file, key->start_mark, "unknown key ", scalar(key));
}

static int take_pair(const char *file, const struct option *table, struct options *options,
                     struct arena *arena, const yaml_node_t *key, const yaml_node_t *value)
{
    if (key->type != YAML_SCALAR_NODE)
        return complain(file, key->start_mark, "expected an option's name", STR(""));
    if (value->type != YAML_SCALAR_NODE)
        return complain(file, value->start_mark, "expected one word", STR(""));
    for (int i = 0; table[i].name; i++) {
        if (!str_eq(str_of(table[i].name), scalar(key)) || strcmp(table[i].name, "config") == 0)
            continue;
        if (!options->values[i])
            options->values[i] = arena_str(arena, scalar(value)).at;
        return EXIT_OK;
    }
    return unknown_key(file, table, key);
}

static int take_document(const char *file, const struct option *table, struct options *options,
                         struct arena *arena, yaml_document_t *document)
{
    yaml_node_t *root = yaml_document_get_root_node(document);
    if (!root)
        return EXIT_OK;
    if (root->type != YAML_MAPPING_NODE)
        return complain(file, root->start_mark, "expected `option: value` lines", STR(""));
    int code = EXIT_OK;
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         !code && pair < root->data.mapping.pairs.top; pair++)
        code = take_pair(file, table, options, arena, yaml_document_get_node(document, pair->key),
                         yaml_document_get_node(document, pair->value));
    return code;
}

int config_file_read(const char *file, const struct option *table, struct options *options,
                     struct arena *arena)
{
    struct buf text = {0};
    struct why why = {0};
    if (sys_read_file(sys_real(), str_of(file), FILE_BYTES_MAX, &text, &why)) {
        fprintf(stderr, "dialtone: %s\n", why.text);
        buf_done(&text);
        return EXIT_USAGE;
    }
    yaml_parser_t parser;
    yaml_document_t document;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.at, text.size);
    int code;
    if (yaml_parser_load(&parser, &document)) {
        code = take_document(file, table, options, arena, &document);
        yaml_document_delete(&document);
    } else {
        code = complain(file, parser.problem_mark, parser.problem ? parser.problem : "not YAML", STR(""));
    }
    yaml_parser_delete(&parser);
    buf_done(&text);
    return code;
}
