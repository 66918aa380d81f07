/* scheme_read.h: what the readers of a scheme's sections share: where we are, and how to complain. */
#ifndef SCHEME_SCHEME_READ_H
#define SCHEME_SCHEME_READ_H

#include "scheme/scheme_room.h"
#include "scheme/yaml_tree.h"

enum {
    SCHEME_FIELDS_MAX = 1000,
    SCHEME_TEMPLATES_MAX = 1000,
    SCHEME_METRICS_MAX = 10000,
    SCHEME_RULES_MAX = 1000, /* of each of the other sections */
};

struct complaint {
    uint32_t line, column, order;
    bool is_warning;
    struct str text;
};

struct scheme_reader {
    struct scheme *scheme;
    struct names *names;
    struct str file;
    struct scheme_report *report;
    struct complaint *complaints;
    uint32_t complaint_count;
};

/* Becomes FILE:LINE:COLUMN: text in the report. Beyond a hundred they are only counted. */
void scheme_complain(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);
void scheme_warn(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Complains of `word`, with the nearest of the list's words when one is near. */
typedef struct str scheme_word_fn(const void *list, uint32_t index);
void scheme_unknown(struct scheme_reader *reader, const struct yaml_node *at, const char *what,
                    struct str word, scheme_word_fn *nth, const void *list, uint32_t count);
struct str scheme_nth_text(const void *list, uint32_t index); /* of an array of struct str */

/* Complains of every key that is not in the list (ends with NULL), and of a key that stands twice. false when
 * node is no map. */
bool scheme_check_keys(struct scheme_reader *reader, const struct yaml_node *node, const char *const *keys);

/* Complains and returns false when a section is no map or has more than max entries. */
bool scheme_is_map(struct scheme_reader *reader, const struct yaml_node *section, uint32_t max,
                   const char *expected);

/* The field's number in names.h; NAME_NONE after a complaint. */
uint32_t scheme_name_field(struct scheme_reader *reader, const struct yaml_node *at, struct str name);

/* The word of a value, or complains and returns STR_NONE. */
struct str scheme_word(struct scheme_reader *reader, const struct yaml_node *node, const char *expected);
uint32_t scheme_length(const struct yaml_node *node); /* children */
bool scheme_duration(struct str text, int64_t *ms);   /* 90s, 5m, 500ms, 1h, 2d, 1w */

/* The sections; each complains on its own and goes on. */
void scheme_read_fields(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_templates(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_metrics(struct scheme_reader *reader, const struct yaml_node *section);
void scheme_read_rest(struct scheme_reader *reader, const struct yaml_node *root);
void scheme_unknown_field(struct scheme_reader *reader, const struct yaml_node *at, struct str name);
/* A template's name or a list of them; adds to *count. */
const uint32_t *scheme_read_template_names(struct scheme_reader *reader, const struct yaml_node *node,
                                           uint32_t *count);
/* Index of a template by name, or SCHEME_INDEX_NONE after a complaint. */
uint32_t scheme_template_index(struct scheme_reader *reader, const struct yaml_node *at, struct str name);

#endif
