#include "scheme/scheme_read.h"

#include "base/mem.h"
#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>

static void put(struct scheme_reader *reader, const struct yaml_node *at, const char *format, va_list args)
{
    char text[320];
    vsnprintf(text, sizeof text, format, args);
    buf_printf(&reader->report->text, "%.*s:%u:%u: %s\n", STR_ARG(reader->file), at->line, at->column, text);
}

void scheme_complain(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
{
    size_t before = reader->report->text.size;
    va_list args;
    va_start(args, format);
    put(reader, at, format, args);
    va_end(args);
    if (!reader->report->errors++)
        why_set_at(reader->why, ERR_SYNTAX, at->line, at->column, "%.*s",
                   (int)(reader->report->text.size - before - 1), reader->report->text.at + before);
}

void scheme_warn(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
{
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_printf(&reader->report->text, "%.*s:%u:%u: warning: %s\n", STR_ARG(reader->file), at->line,
               at->column, text);
    reader->report->warnings++;
}

void scheme_unknown(struct scheme_reader *reader, const struct yaml_node *at, const char *what,
                    struct str word, const struct str *candidates, uint32_t count)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (uint32_t i = 0; i < count; i++)
        nearest_feed(&nearest, candidates[i]);
    if (nearest.best.at)
        scheme_complain(reader, at, "unknown %s %.*s; did you mean %.*s?", what, STR_ARG(word),
                        STR_ARG(nearest.best));
    else
        scheme_complain(reader, at, "unknown %s %.*s", what, STR_ARG(word));
}

bool scheme_check_keys(struct scheme_reader *reader, const struct yaml_node *node, const char *const *keys)
{
    struct str words[24];
    uint32_t count = 0;
    if (node->type != YAML_MAP) {
        scheme_complain(reader, node, "expected {key: value, ...}");
        return false;
    }
    while (keys[count] && count < 24) {
        words[count] = str_of(keys[count]);
        count++;
    }
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        bool known = false;
        for (uint32_t i = 0; i < count; i++)
            known = known || str_eq(words[i], child->key->word);
        if (!known)
            scheme_unknown(reader, child->key, "key", child->key->word, words, count);
        for (const struct yaml_node *other = node->first; other != child; other = other->next)
            if (str_eq(other->key->word, child->key->word))
                scheme_complain(reader, child->key, "%.*s stands here twice", STR_ARG(child->key->word));
    }
    return true;
}

struct str scheme_word(struct scheme_reader *reader, const struct yaml_node *node, const char *expected)
{
    if (node->type == YAML_WORD && node->word.size)
        return node->word;
    scheme_complain(reader, node, "expected %s", expected);
    return STR_NONE;
}

uint32_t scheme_length(const struct yaml_node *node)
{
    uint32_t count = 0;
    for (const struct yaml_node *child = node->first; child; child = child->next)
        count++;
    return count;
}

bool scheme_duration(struct str text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    size_t digits = 0;
    while (digits < text.size && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    uint64_t count;
    if (!str_u64(str_first(text, digits), &count) || count > 100000)
        return false;
    for (unsigned i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eq(str_from(text, digits), str_of(units[i].unit))) {
            *ms = (int64_t)count * units[i].ms;
            return *ms > 0;
        }
    return false;
}

static const char *const top_keys[] = {"scheme",      "fields",    "templates", "default_template", "metrics",
                                       "stopwatches", "yardstick", "rewrite",   "changes",          NULL};

static void read_sections(struct scheme_reader *reader, const struct yaml_node *root)
{
    if (!scheme_check_keys(reader, root, top_keys))
        return;
    const struct yaml_node *name = yaml_find(root, "scheme");
    if (name)
        reader->scheme->name = scheme_word(reader, name, "the scheme's name");
    else
        scheme_complain(reader, root, "the first line must be `scheme: NAME`");
    const struct yaml_node *fields = yaml_find(root, "fields"), *templates = yaml_find(root, "templates");
    const struct yaml_node *metrics = yaml_find(root, "metrics");
    if (fields)
        scheme_read_fields(reader, fields);
    if (templates)
        scheme_read_templates(reader, templates);
    if (metrics)
        scheme_read_metrics(reader, metrics);
    scheme_read_rest(reader, root);
}

static uint64_t next_generation(void)
{
    static uint64_t last;
    return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

enum err scheme_parse(struct str text, struct str file, struct names *names, struct scheme **out,
                      struct scheme_report *report, struct why *why)
{
    struct why local;
    struct scheme *scheme = MEM_NEW(struct scheme);
    struct scheme_reader reader = {scheme, names, file, report, why ? why : &local};
    struct yaml_node *root = NULL;
    uint32_t errors_before = report->errors;
    scheme->references = 1;
    scheme->generation = next_generation();
    scheme->default_template = SCHEME_INDEX_NONE;
    scheme->source_field = names_resolve_field(names, STR("source"));
    scheme->host_field = names_resolve_field(names, STR("host"));
    scheme->process_field = names_resolve_field(names, STR("process"));
    scheme->dyno_field = names_resolve_field(names, STR("dyno"));
    struct why yaml = {0};
    enum err err = yaml_tree_parse(text, &scheme->arena, &root, &yaml);
    if (err) {
        struct yaml_node at = {.line = yaml.line ? yaml.line : 1, .column = yaml.column ? yaml.column : 1};
        scheme_complain(&reader, &at, "%s", yaml.text);
    } else {
        read_sections(&reader, root);
    }
    if (report->errors > errors_before) {
        scheme_unref(scheme);
        return ERR_SYNTAX;
    }
    *out = scheme;
    return ERR_OK;
}

enum err scheme_load(struct sys *sys, struct str dir, struct names *names, struct scheme **out,
                     struct scheme_report *report, struct why *why)
{
    char path[SYS_PATH_MAX + 1];
    struct buf text = {0};
    if (!dir.at)
        return scheme_parse(scheme_builtin(), STR("packs/dialer/scheme.yaml"), names, out, report, why);
    int size = snprintf(path, sizeof path, "%.*s/scheme.yaml", STR_ARG(dir));
    if (size < 0 || size > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "the path of the pack is too long");
    enum err err = sys_read_file(sys, str_make(path, (size_t)size), YAML_BYTES_MAX, &text, why);
    if (!err)
        err = scheme_parse(buf_view(&text), str_make(path, (size_t)size), names, out, report, why);
    buf_done(&text);
    return err;
}
