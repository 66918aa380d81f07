/* Every line goes the server's way (line_parse, resolve_metric, resolve_source), with a listener that refuses
 * undeclared names; what that way only counts is then looked up again, to say which word it was. */
#include "scheme/lint.h"

#include "base/mem.h"
#include "base/nearest.h"
#include "scheme/resolve.h"
#include "scheme/scheme_room.h"
#include "scheme/spelling.h"
#include "wire/syslog.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct lint {
    struct scheme *scheme;
    struct names *names;
    struct resolver *resolver;
    struct str file;
    struct line line;
    struct lint_totals totals;
};

/* Where the reports of one line go. */
struct lint_place {
    struct lint *lint;
    struct buf *out;
    uint32_t before; /* bytes of the frame */
    uint32_t count;
};

struct lint *lint_new(struct scheme *scheme, struct names *names, struct str file)
{
    struct lint *lint = MEM_NEW(struct lint);
    lint->scheme = scheme_ref(scheme);
    lint->resolver = resolver_new(scheme, names, UNDECLARED_REFUSE);
    lint->names = names;
    lint->file = file;
    line_init(&lint->line);
    return lint;
}

void lint_free(struct lint *lint)
{
    if (!lint)
        return;
    resolver_free(lint->resolver);
    scheme_unref(lint->scheme);
    line_done(&lint->line);
    mem_free(lint);
}

void lint_totals(const struct lint *lint, struct lint_totals *out)
{
    *out = lint->totals;
}

PRINTF_LIKE(3, 4)
static void say(struct lint_place *place, uint32_t column, const char *format, ...)
{
    va_list args;
    char text[600];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_printf(place->out, "%.*s:%" PRIu64 ":%u: %s\n", STR_ARG(place->lint->file), place->lint->totals.lines,
               place->before + (column ? column : 1), text);
    place->count++;
}

static void say_reason(struct lint_place *place, uint32_t column, struct str what, enum reason reason)
{
    struct str shown = str_first(what, 80), text = reason_text(reason);
    say(place, column, "%.*s%s%.*s", STR_ARG(shown), shown.size ? ": " : "", STR_ARG(text));
}

static void say_undeclared(struct lint_place *place, const struct measurement *m)
{
    struct str near = scheme_nearest_metric(place->lint->scheme, m->name);
    if (near.at)
        say(place, m->column, "unknown metric %.*s; did you mean %.*s?", STR_ARG(m->name), STR_ARG(near));
    else
        say(place, m->column, "unknown metric %.*s", STR_ARG(m->name));
}

static void say_value(struct lint_place *place, const struct measurement *m,
                      const struct resolved_metric *metric, const struct remarks *remarks)
{
    struct str unit = unit_text(metric->unit);
    if (remarks->counts[REASON_verb_differs])
        say(place, m->column, "%.*s is a %.*s, so it is written %.*s#, not %.*s#", STR_ARG(m->name),
            STR_ARG(kind_text(metric->kind)),
            STR_ARG(metric->kind == KIND_VALUE ? STR("sample") : kind_text(metric->kind)),
            STR_ARG(verb_text(m->verb)));
    if (remarks->counts[REASON_unit_unknown])
        say(place, m->column, "%.*s: %.*s has an unknown unit; the number is kept as %s%.*s",
            STR_ARG(m->name), STR_ARG(str_first(m->text, 40)), unit.size ? "" : "it is", STR_ARG(unit));
    if (remarks->counts[REASON_unit_differs])
        say(place, m->column, "%.*s: %.*s cannot be turned into %s%.*s; the number is kept", STR_ARG(m->name),
            STR_ARG(str_first(m->text, 40)), unit.size ? "" : "a metric without a unit", STR_ARG(unit));
}

/* The templates a metric's source may be written by. */
static void say_unfit(struct lint_place *place, const struct line *line, const struct metric_def *def)
{
    const struct scheme *scheme = place->lint->scheme;
    struct buf shapes = {0};
    for (uint32_t t = 0; t < def->template_count; t++) {
        const struct template_def *template = &scheme->templates[def->templates[t]];
        buf_str(&shapes, t ? STR(" or ") : STR(""));
        for (uint32_t f = 0; f < template->field_count; f++)
            buf_printf(&shapes, "%s%.*s", f ? "." : "", STR_ARG(scheme->fields[template->fields[f]].name));
    }
    say(place, line->source_column, "source %.*s does not fit %.*s", STR_ARG(str_first(line->source, 120)),
        STR_ARG(buf_view(&shapes)));
    buf_done(&shapes);
}

static void say_enums(struct lint_place *place, const struct line *line, struct str source)
{
    const struct scheme *scheme = place->lint->scheme;
    for (uint32_t i = 0; i < scheme->field_count; i++) {
        const struct field_def *field = &scheme->fields[i];
        struct source_value value = source_get(source, field->id);
        if (field->type != FIELD_ENUM || value.type != SOURCE_TEXT || spelling_is_word(field, value.text))
            continue;
        struct nearest nearest;
        nearest_init(&nearest, value.text);
        for (uint32_t w = 0; w < field->word_count; w++)
            nearest_feed(&nearest, field->words[w]);
        if (nearest.best.at)
            say(place, line->source_column, "%.*s has no word %.*s; did you mean %.*s?", STR_ARG(field->name),
                STR_ARG(value.text), STR_ARG(nearest.best));
        else
            say(place, line->source_column, "%.*s has no word %.*s", STR_ARG(field->name),
                STR_ARG(value.text));
    }
}

static struct str type_text(const struct field_def *field)
{
    static const struct str texts[] = {
#define X(name, text) {text, sizeof text - 1},
        FIELD_TYPE_LIST(X)
#undef X
    };
    return texts[field->type];
}

/* A key that is one slip away from a declared field was most likely meant to be it. */
static void say_near_field(struct lint_place *place, const struct pair *pair)
{
    const struct scheme *scheme = place->lint->scheme;
    for (uint32_t i = 0; i < scheme->field_count && pair->key.size > 3; i++)
        if (nearest_distance(pair->key, scheme->fields[i].name, 1) == 1) {
            say(place, pair->column, "%.*s= is no field and ignored; did you mean %.*s?", STR_ARG(pair->key),
                STR_ARG(scheme->fields[i].name));
            return;
        }
}

static void say_pairs(struct lint_place *place, const struct line *line, struct str source)
{
    const struct scheme *scheme = place->lint->scheme;
    for (uint32_t i = 0; i < line->pair_count; i++) {
        const struct pair *pair = &line->pairs[i];
        const struct field_def *field = scheme_find_field(scheme, pair->key);
        struct source_value text = {.type = SOURCE_TEXT, .text = pair->value};
        if (!field)
            say_near_field(place, pair);
        else if (!spelling_value_good(field, pair->value))
            say(place, pair->column, "%.*s=%.*s: not a value of type %.*s; left out", STR_ARG(pair->key),
                STR_ARG(str_first(pair->value, 80)), STR_ARG(type_text(field)));
        else if (field->keep == KEEP_VALUE && field->type != FIELD_UUID &&
                 !source_value_eq(text, source_get(source, field->id)))
            say(place, pair->column, "%.*s=%.*s contradicts what the line says already; left out",
                STR_ARG(pair->key), STR_ARG(str_first(pair->value, 80)));
    }
}

static void lint_source(struct lint_place *place, const struct line *line,
                        const struct resolved_metric *metric, struct str name)
{
    static const struct reporter nobody = {.id = 1};
    struct remarks remarks = {0};
    struct metric_match match;
    struct resolved_source *source = resolve_source(place->lint->resolver, metric, line, &nobody, &remarks);
    scheme_match(place->lint->scheme, name, &match);
    if (remarks.counts[REASON_source_unfit] && match.def)
        say_unfit(place, line, match.def);
    if (remarks.counts[REASON_source_rest])
        say_reason(place, line->source_column, line->source, REASON_source_rest);
    if (remarks.counts[REASON_enum_unknown])
        say_enums(place, line, source->bytes);
    say_pairs(place, line, source->bytes);
}

static void lint_measurement(struct lint_place *place, const struct line *line, const struct measurement *m,
                             uint32_t *last_set)
{
    struct resolved_metric metric;
    struct remarks remarks = {0};
    enum reason reason = m->refused;
    if (reason == REASON_NONE)
        reason = resolve_metric(place->lint->resolver, m, &remarks, &metric);
    if (reason == REASON_time_bad)
        return; /* said once for the line */
    if (reason == REASON_undeclared) {
        say_undeclared(place, m);
    } else if (reason != REASON_NONE) {
        say_reason(place, m->column, m->name, reason);
    } else {
        resolve_value(m, &metric, &remarks);
        say_value(place, m, &metric, &remarks);
        if (metric.template_set != *last_set) /* once for all measurements that read the source alike */
            lint_source(place, line, &metric, names_metric(place->lint->names, metric.metric));
        *last_set = metric.template_set;
    }
}

static struct str unframed(struct str text, bool *is_router, struct lint_place *place)
{
    struct frame frame;
    if (!text.size || text.at[0] != '<')
        return text;
    if (!syslog_parse(text, 0, &frame))
        say_reason(place, 1, STR(""), REASON_frame_bad);
    *is_router = str_eq(frame.process, STR("router"));
    place->before = (uint32_t)(frame.text.at - text.at);
    return frame.text;
}

uint32_t lint_line(struct lint *lint, struct str text, struct buf *out)
{
    struct lint_place place = {.lint = lint, .out = out};
    struct line_options options = {0};
    enum reason refused;
    uint32_t last_set = UINT32_MAX;
    lint->totals.lines++;
    if (text.size && text.at[text.size - 1] == '\r')
        text.size--;
    text = unframed(text, &options.router, &place);
    if (!line_parse(&lint->line, text, &options, &refused)) {
        say_reason(&place, 1, STR(""), refused);
    } else if (lint->line.measurement_count) {
        lint->totals.with_measurements++;
        lint->totals.measurements += lint->line.measurement_count;
        if (lint->line.has_bad_time)
            say_reason(&place, 1, STR(""), REASON_time_bad);
        for (uint32_t i = 0; i < lint->line.measurement_count; i++)
            lint_measurement(&place, &lint->line, &lint->line.measurements[i], &last_set);
        if (lint->line.quote_stray)
            say_reason(&place, 1, STR(""), REASON_quote_stray);
    }
    lint->totals.problems += place.count;
    return place.count;
}
