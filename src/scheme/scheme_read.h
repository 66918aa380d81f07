/* scheme_read.h: what the readers of a scheme's sections share: where we are, and how to complain. */
#ifndef SCHEME_SCHEME_READ_H
#define SCHEME_SCHEME_READ_H

#include "scheme/scheme_room.h"
#include "scheme/yaml_tree.h"

struct scheme_reader {
    struct scheme *scheme;
    struct names *names;
    struct str file;
    struct scheme_report *report;
    struct why *why; /* the first error */
};

/* FILE:LINE:COLUMN: text; the first error also goes into why. */
void scheme_complain(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
void scheme_warn(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Complains of `word`, with the nearest of the candidates (count of them) when there is one. */
void scheme_unknown(struct scheme_reader *reader, const struct yaml_node *at, const char *what,
                    struct str word, const struct str *candidates, uint32_t count);

/* Complains of every key that is not in the list (ends with NULL), and of a key that stands twice. false when
 * node is no map. */
bool scheme_check_keys(struct scheme_reader *reader, const struct yaml_node *node, const char *const *keys);

/* The word of a value, or complains and returns STR_NONE. */
struct str scheme_word(struct scheme_reader *reader, const struct yaml_node *node, const char *expected);
uint32_t scheme_length(const struct yaml_node *node); /* children */
bool scheme_duration(struct str text, int64_t *ms);   /* 90s, 5m, 500ms, 1h, 2d, 1w */

/* The sections; each complains on its own and goes on. */
void scheme_read_fields(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_templates(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_metrics(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_rest(struct scheme_reader *reader, const struct yaml_node *root);
/* Index of a template by name, or SCHEME_INDEX_NONE after a complaint. */
uint32_t scheme_template_index(struct scheme_reader *reader, const struct yaml_node *at, struct str name);

#endif
