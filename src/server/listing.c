#include "server/listing.h"

#include "base/intern.h"
#include "base/json_out.h"

static struct str unit_word(const struct metric_def *def, enum unit stored)
{
    return def && def->unit_text.size ? def->unit_text : unit_text(stored);
}

static void put_template_fields(struct json_out *json, const struct scheme *scheme,
                                const struct metric_def *def, struct intern *seen)
{
    for (uint32_t t = 0; t < def->template_count; t++) {
        const struct template_def *template = scheme_template(scheme, def->templates[t]);
        for (uint32_t f = 0; f < template->field_count; f++) {
            struct str name = scheme_field(scheme, template->fields[f])->name;
            uint32_t before = seen->count;
            intern_resolve(seen, name);
            if (seen->count > before)
                json_str(json, name);
        }
    }
}

static void put_fields(struct json_out *json, const struct scheme *scheme, const struct metric_match *match)
{
    struct intern seen = {0};
    json_key(json, STR("fields"));
    json_begin_array(json);
    for (uint32_t i = 0; i < match->count; i++) {
        intern_resolve(&seen, match->placeholders[i].field);
        json_str(json, match->placeholders[i].field);
    }
    if (match->def)
        put_template_fields(json, scheme, match->def, &seen);
    json_end_array(json);
    intern_done(&seen);
}

static void put_metric(struct json_out *json, const struct scheme *scheme, struct names *names,
                       struct snapshot *snapshot, uint32_t metric, bool aside)
{
    struct metric_match match;
    struct str name = names_metric(names, metric);
    int64_t from_ms = 0, to_ms = 0;
    uint64_t rows = 0;
    scheme_match(scheme, name, &match);
    if (aside != (match.def == NULL))
        return;
    bool has_rows = snapshot_metric_span(snapshot, metric, &from_ms, &to_ms, &rows);
    if (!has_rows && !match.def)
        return;
    enum kind kind = match.def ? match.def->kind : names_kind(names, metric);
    json_begin_object(json);
    json_key_str(json, "name", name);
    json_key_str(json, "kind", kind_text(kind));
    json_key_str(json, "unit", unit_word(match.def, names_unit(names, metric)));
    json_key_bool(json, "declared", match.def != NULL);
    struct str near = match.def ? STR_NONE : scheme_nearest_metric(scheme, name);
    if (near.size)
        json_key_str(json, "near", near);
    if (match.def && match.def->is_family)
        json_key_str(json, "family", match.def->pattern);
    if (match.def && match.def->doc.size)
        json_key_str(json, "doc", match.def->doc);
    put_fields(json, scheme, &match);
    json_key_u64(json, "rows", rows);
    if (has_rows) {
        json_key_i64(json, "from", from_ms);
        json_key_i64(json, "to", to_ms);
    }
    json_end_object(json);
}

/* A declared name that never came: the page shows it, greyed. */
static void put_silent(struct json_out *json, const struct scheme *scheme, const struct metric_def *def)
{
    struct metric_match match = {.def = def};
    json_begin_object(json);
    json_key_str(json, "name", def->pattern);
    json_key_str(json, "kind", kind_text(def->kind));
    json_key_str(json, "unit", unit_word(def, def->unit));
    json_key_bool(json, "declared", true);
    if (def->doc.size)
        json_key_str(json, "doc", def->doc);
    put_fields(json, scheme, &match);
    json_key_u64(json, "rows", 0);
    json_end_object(json);
}

static void put_families(struct json_out *json, const struct scheme *scheme)
{
    json_key(json, STR("families"));
    json_begin_array(json);
    for (uint32_t i = 0; i < scheme_metric_count(scheme); i++) {
        const struct metric_def *def = scheme_metric(scheme, i);
        if (!def->is_family)
            continue;
        json_begin_object(json);
        json_key_str(json, "pattern", def->pattern);
        json_key_str(json, "kind", kind_text(def->kind));
        json_key_str(json, "unit", unit_word(def, def->unit));
        if (def->doc.size)
            json_key_str(json, "doc", def->doc);
        json_key(json, STR("fields"));
        json_begin_array(json);
        for (struct str rest = def->pattern, segment; rest.at;) {
            rest = str_cut(rest, '.', &segment);
            if (segment.size > 2 && segment.at[0] == '{')
                json_str(json, str_make(segment.at + 1, segment.size - 2));
        }
        json_end_array(json);
        json_end_object(json);
    }
    json_end_array(json);
}

void listing_metrics(const struct scheme *scheme, struct names *names, struct snapshot *snapshot, bool parks,
                     struct buf *out)
{
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    uint32_t count = names_metric_count(names);
    if (parks) {
        json_key(&json, STR("parked"));
        json_begin_array(&json);
        for (uint32_t m = 0; m < count; m++)
            put_metric(&json, scheme, names, snapshot, m, true);
        json_end_array(&json);
    }
    json_key(&json, STR("metrics"));
    json_begin_array(&json);
    for (uint32_t m = 0; m < count; m++) {
        put_metric(&json, scheme, names, snapshot, m, false);
        if (!parks)
            put_metric(&json, scheme, names, snapshot, m, true);
    }
    for (uint32_t i = 0; i < scheme_metric_count(scheme); i++) {
        const struct metric_def *def = scheme_metric(scheme, i);
        if (!def->is_family && names_find_metric(names, def->pattern) == NAME_NONE)
            put_silent(&json, scheme, def);
    }
    json_end_array(&json);
    put_families(&json, scheme);
    json_end_object(&json);
}

static struct str field_type_text(enum field_type type)
{
    static const char *const texts[] = {
#define X(name, text) text,
        FIELD_TYPE_LIST(X)
#undef X
    };
    return str_of(texts[type]);
}

static void put_field(struct json_out *json, const struct field_def *def)
{
    json_begin_object(json);
    json_key_str(json, "name", def->name);
    json_key_str(json, "type", field_type_text(def->type));
    json_key_bool(json, "declared", true);
    if (def->key.at)
        json_key_str(json, "key", def->key);
    if (def->under.at)
        json_key_str(json, "under", def->under);
    if (def->link.at)
        json_key_str(json, "link", def->link);
    if (def->word_count) {
        json_key(json, STR("words"));
        json_begin_array(json);
        for (uint32_t w = 0; w < def->word_count; w++)
            json_str(json, def->words[w]);
        json_end_array(json);
    }
    json_end_object(json);
}

void listing_fields(const struct scheme *scheme, struct names *names, struct buf *out)
{
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key(&json, STR("fields"));
    json_begin_array(&json);
    for (uint32_t i = 0; i < scheme_field_count(scheme); i++)
        put_field(&json, scheme_field(scheme, i));
    for (uint32_t f = 0; f < names_field_count(names); f++) {
        struct str name = names_field(names, f);
        if (scheme_find_field(scheme, name))
            continue;
        json_begin_object(&json);
        json_key_str(&json, "name", name);
        json_key_str(&json, "type", STR("word"));
        json_key_bool(&json, "declared", false);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
}

enum err listing_values(struct str field, const struct values_options *values,
                        const struct query_options *options, struct snapshot *snapshot, struct buf *out,
                        struct query_error *error)
{
    struct arena arena = {0};
    struct value_count *found;
    uint32_t count;
    uint64_t distinct;
    enum err err = query_values(field, values, options, snapshot, &arena, &found, &count, &distinct, error);
    if (!err) {
        struct json_out json;
        json_init(&json, out);
        json_begin_object(&json);
        json_key_str(&json, "field", field);
        json_key(&json, STR("values"));
        json_begin_array(&json);
        for (uint32_t i = 0; i < count; i++) {
            json_begin_object(&json);
            json_key_str(&json, "value", found[i].value);
            json_key_u64(&json, "rows", found[i].rows);
            json_end_object(&json);
        }
        json_end_array(&json);
        json_key_u64(&json, "distinct", distinct);
        json_end_object(&json);
    }
    arena_done(&arena);
    return err;
}
