#include "scheme/scheme_read.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { COMPLAINTS_MAX = 100, SHOWN_MAX = 6 };

static void complain(struct scheme_reader *reader, const struct yaml_node *at, bool is_warning,
                     const char *format, va_list args)
{
    char text[320];
    *(is_warning ? &reader->report->warnings : &reader->report->errors) += 1;
    if (reader->complaint_count == COMPLAINTS_MAX)
        return;
    if (!reader->complaints)
        reader->complaints = mem_zero(COMPLAINTS_MAX, sizeof *reader->complaints);
    int size = vsnprintf(text, sizeof text, format, args);
    struct str view = str_make(text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
    struct complaint *complaint = &reader->complaints[reader->complaint_count];
    *complaint = (struct complaint){at->line, at->column, reader->complaint_count, is_warning,
                                    arena_str(&reader->scheme->arena, view)};
    reader->complaint_count++;
}

void scheme_complain(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(reader, at, false, format, args);
    va_end(args);
}

void scheme_warn(struct scheme_reader *reader, const struct yaml_node *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(reader, at, true, format, args);
    va_end(args);
}

static int by_place(const void *left, const void *right)
{
    const struct complaint *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* Complaints come section by section and are shown in the order of the file. */
static void write_report(struct scheme_reader *reader, struct why *why)
{
    struct buf *text = &reader->report->text;
    bool has_first = false;
    if (reader->complaint_count)
        qsort(reader->complaints, reader->complaint_count, sizeof *reader->complaints, by_place);
    for (uint32_t i = 0; i < reader->complaint_count; i++) {
        const struct complaint *c = &reader->complaints[i];
        buf_printf(text, "%.*s:%u:%u: %s%.*s\n", STR_ARG(reader->file), c->line, c->column,
                   c->is_warning ? "warning: " : "", STR_ARG(c->text));
        if (!c->is_warning && !has_first) {
            why_set_at(why, ERR_SYNTAX, c->line, c->column, "%.*s:%u:%u: %.*s", STR_ARG(reader->file),
                       c->line, c->column, STR_ARG(c->text));
            has_first = true;
        }
    }
    if (reader->complaint_count == COMPLAINTS_MAX)
        buf_printf(text, "%.*s: there may be more; only %d are shown\n", STR_ARG(reader->file),
                   COMPLAINTS_MAX);
    mem_free(reader->complaints);
}

void scheme_unknown(struct scheme_reader *reader, const struct yaml_node *at, const char *what,
                    struct str word, scheme_word_fn *nth, const void *list, uint32_t count)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    if (reader->complaint_count < COMPLAINTS_MAX) /* what nobody sees need not be searched */
        for (uint32_t i = 0; i < count; i++)
            nearest_feed(&nearest, nth(list, i));
    struct buf known = {0};
    for (uint32_t i = 0; i < count && count <= SHOWN_MAX; i++)
        buf_printf(&known, "%s%.*s", i ? ", " : "", STR_ARG(nth(list, i)));
    if (nearest.best.at)
        scheme_complain(reader, at, "unknown %s %.*s; did you mean %.*s?", what, STR_ARG(word),
                        STR_ARG(nearest.best));
    else if (known.size)
        scheme_complain(reader, at, "unknown %s %.*s; there are %.*s", what, STR_ARG(word),
                        STR_ARG(buf_view(&known)));
    else
        scheme_complain(reader, at, "unknown %s %.*s", what, STR_ARG(word));
    buf_done(&known);
}

struct str scheme_nth_text(const void *list, uint32_t index)
{
    return ((const struct str *)list)[index];
}

static struct str nth_key(const void *list, uint32_t index)
{
    return str_of(((const char *const *)list)[index]);
}

static uint32_t key_index(const char *const *keys, struct str word)
{
    uint32_t i = 0;
    while (keys[i] && !str_eq(str_of(keys[i]), word))
        i++;
    return i;
}

bool scheme_check_keys(struct scheme_reader *reader, const struct yaml_node *node, const char *const *keys)
{
    uint32_t count = 0, seen = 0; /* bit by key */
    if (node->type != YAML_MAP) {
        scheme_complain(reader, node, "expected {key: value, ...}");
        return false;
    }
    while (keys[count])
        count++;
    CHECK(count < 32);
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        uint32_t index = key_index(keys, child->key->word);
        if (index == count)
            scheme_unknown(reader, child->key, "key", child->key->word, nth_key, keys, count);
        else if (seen >> index & 1)
            scheme_complain(reader, child->key, "%.*s stands here twice", STR_ARG(child->key->word));
        seen |= index < count ? UINT32_C(1) << index : 0;
    }
    return true;
}

bool scheme_is_map(struct scheme_reader *reader, const struct yaml_node *section, uint32_t max,
                   const char *expected)
{
    if (section->type != YAML_MAP) {
        scheme_complain(reader, section, "expected %s", expected);
        return false;
    }
    if (scheme_length(section) > max) {
        scheme_complain(reader, section, "more than %u entries", max);
        return false;
    }
    return true;
}

uint32_t scheme_name_field(struct scheme_reader *reader, const struct yaml_node *at, struct str name)
{
    uint32_t id = names_declare_field(reader->names, name);
    if (id == NAME_NONE)
        scheme_complain(reader, at, "more than %d names of fields in all", NAMES_FIELDS_MAX);
    return id;
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
    struct scheme *scheme = MEM_NEW(struct scheme);
    struct scheme_reader reader = {.scheme = scheme, .names = names, .file = file, .report = report};
    struct yaml_node *root = NULL;
    uint32_t errors_before = report->errors;
    scheme->references = 1;
    scheme->generation = next_generation();
    scheme->default_template = SCHEME_INDEX_NONE;
    struct why yaml = {0};
    enum err err = yaml_tree_parse(text, &scheme->arena, &root, &yaml);
    if (err) {
        struct yaml_node at = {.line = yaml.line ? yaml.line : 1, .column = yaml.column ? yaml.column : 1};
        scheme_complain(&reader, &at, "%s", yaml.text);
    } else {
        scheme->source_field = scheme_name_field(&reader, root, STR("source"));
        scheme->host_field = scheme_name_field(&reader, root, STR("host"));
        scheme->process_field = scheme_name_field(&reader, root, STR("process"));
        scheme->dyno_field = scheme_name_field(&reader, root, STR("dyno"));
        read_sections(&reader, root);
    }
    write_report(&reader, why);
    if (report->errors > errors_before) {
        scheme_unref(scheme);
        return ERR_SYNTAX;
    }
    scheme_rename_fields(scheme, names);
    *out = scheme;
    return ERR_OK;
}

enum err scheme_load_file(struct sys *sys, struct str path, struct names *names, struct scheme **out,
                          struct scheme_report *report, struct why *why)
{
    struct buf text = {0};
    enum err err = sys_read_file(sys, path, YAML_BYTES_MAX, &text, why);
    if (!err)
        err = scheme_parse(buf_view(&text), path, names, out, report, why);
    buf_done(&text);
    return err;
}

enum err scheme_load(struct sys *sys, struct str dir, struct names *names, struct scheme **out,
                     struct scheme_report *report, struct why *why)
{
    char path[SYS_PATH_MAX + 1];
    if (!dir.at)
        return scheme_parse(scheme_builtin(), STR("packs/dialer/scheme.yaml"), names, out, report, why);
    int size = snprintf(path, sizeof path, "%.*s/scheme.yaml", STR_ARG(dir));
    if (size < 0 || size > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "the path of the pack is too long");
    return scheme_load_file(sys, str_make(path, (size_t)size), names, out, report, why);
}

struct str scheme_pack_of(struct sys *sys, struct str data, struct str named, char *text)
{
    if (named.size)
        return named;
    struct sys_file *file;
    int size = snprintf(text, SYS_PATH_MAX + 1, "%.*s/pack/scheme.yaml", STR_ARG(data));
    if (size < 0 || size > SYS_PATH_MAX || sys_open(sys, str_make(text, (size_t)size), SYS_READ, &file, NULL))
        return STR_NONE;
    sys_close(sys, file);
    return str_make(text, (size_t)size - strlen("/scheme.yaml"));
}
