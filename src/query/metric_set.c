#include "query/metric_set.h"

#include "base/nearest.h"

#include <stdlib.h>

/* ---- names against segments ---- */

static bool match_segs(const struct seg *segs, uint32_t count, struct str rest, struct placeholder *binds)
{
    for (uint32_t i = 0; i < count; i++) {
        if (segs[i].kind == SEG_DEEP) {
            for (;;) {
                if (match_segs(segs + i + 1, count - i - 1, rest, binds))
                    return true;
                struct str skipped;
                if (!rest.at)
                    return false;
                rest = str_cut(rest, '.', &skipped);
            }
        }
        struct str part;
        if (!rest.at)
            return false;
        rest = str_cut(rest, '.', &part);
        switch (segs[i].kind) {
        case SEG_LITERAL:
            if (!str_eq(segs[i].text, part))
                return false;
            break;
        case SEG_GLOB:
            if (!str_glob(segs[i].text, part))
                return false;
            break;
        case SEG_FIELD:
            *binds++ = (struct placeholder){segs[i].text, part};
            break;
        case SEG_DEEP:
            break;
        }
    }
    return rest.at == NULL;
}

bool selector_matches(const struct selector *selector, struct str name, struct placeholder *binds)
{
    return match_segs(selector->segs, selector->seg_count, name, binds);
}

/* ---- one metric ---- */

static void add_bind(struct metric_ref *metric, struct placeholder bind)
{
    for (uint32_t i = 0; i < metric->bind_count; i++)
        if (str_eq(metric->binds[i].field, bind.field))
            return;
    metric->binds[metric->bind_count++] = bind;
}

static void add_metric(struct metric_set *set, struct arena *arena, const struct query_options *options,
                       struct str name, const struct placeholder *binds, uint32_t bind_count)
{
    struct metric_match match = {0};
    scheme_match(options->scheme, name, &match);
    if (!match.def && options->hide_undeclared)
        return;
    struct metric_ref metric = {
        .name = name, .id = names_find_metric(options->names, name), .def = match.def};
    if (metric.id != NAME_NONE) {
        metric.kind = names_kind(options->names, metric.id);
        metric.unit = unit_text(names_unit(options->names, metric.id));
    }
    if (match.def) {
        metric.kind = match.def->kind;
        metric.unit = match.def->unit_text.size ? match.def->unit_text : unit_text(match.def->unit);
    }
    metric.binds = arena_array(arena, bind_count + match.count + 1, sizeof(*metric.binds));
    for (uint32_t i = 0; i < bind_count; i++)
        add_bind(&metric, binds[i]);
    for (uint32_t i = 0; i < match.count; i++)
        add_bind(&metric, match.placeholders[i]);
    if (set->count == 0 || (set->count & (set->count - 1)) == 0) {
        struct metric_ref *more = arena_array(arena, set->count ? (size_t)set->count * 2 : 1, sizeof(*more));
        if (set->count)
            memcpy(more, set->items, set->count * sizeof(*more));
        set->items = more;
    }
    set->items[set->count++] = metric;
}

struct str metric_bind(const struct metric_ref *metric, struct str field)
{
    if (str_eq(field, STR("metric")))
        return metric->name;
    for (uint32_t i = 0; i < metric->bind_count; i++)
        if (str_eq(metric->binds[i].field, field))
            return metric->binds[i].value;
    return STR_NONE;
}

/* ---- the set ---- */

static const struct metric_def *find_family(const struct scheme *scheme, struct str pattern)
{
    for (uint32_t i = 0; i < scheme_metric_count(scheme); i++) {
        const struct metric_def *def = scheme_metric(scheme, i);
        if (def->is_family && str_eq(def->pattern, pattern))
            return def;
    }
    return NULL;
}

static bool has_metric(const struct metric_set *set, struct str name)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (str_eq(set->items[i].name, name))
            return true;
    return false;
}

static void find_by_pattern(const struct selector *selector, const struct query_options *options,
                            struct arena *arena, struct metric_set *out)
{
    const struct metric_def *family = find_family(options->scheme, selector->text);
    out->is_family = family != NULL;
    out->kind = family ? family->kind : KIND_NONE;
    struct placeholder binds[64];
    uint32_t bind_count = 0;
    for (uint32_t i = 0; i < selector->seg_count; i++)
        bind_count += selector->segs[i].kind == SEG_FIELD;
    for (uint32_t id = 0; id < names_metric_count(options->names); id++) {
        struct str name = names_metric(options->names, id);
        if (!selector_matches(selector, name, binds))
            continue;
        struct metric_match match = {0};
        if (family)
            scheme_match(options->scheme, name, &match);
        if (match.def == family)
            add_metric(out, arena, options, name, binds, bind_count);
    }
    if (family)
        return;
    for (uint32_t i = 0; i < scheme_metric_count(options->scheme); i++) {
        const struct metric_def *def = scheme_metric(options->scheme, i);
        if (!def->is_family && selector_matches(selector, def->pattern, binds) &&
            names_find_metric(options->names, def->pattern) == NAME_NONE && !has_metric(out, def->pattern))
            add_metric(out, arena, options, def->pattern, binds, bind_count);
    }
}

static void near_metrics(struct str wanted, const struct query_options *options, struct query_error *error)
{
    struct nearest nearest;
    nearest_init(&nearest, wanted);
    for (uint32_t id = 0; id < names_metric_count(options->names); id++)
        nearest_feed(&nearest, names_metric(options->names, id));
    query_error_near(error, nearest.best);
    query_error_near(error, scheme_nearest_metric(options->scheme, wanted));
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(((const struct metric_ref *)a)->name, ((const struct metric_ref *)b)->name);
}

enum err metric_set_find(const struct node *selector, const struct query_options *options,
                         struct arena *arena, struct metric_set *out, struct query_error *error)
{
    const struct selector *wanted = &selector->selector;
    *out = (struct metric_set){0};
    if (wanted->is_exact) {
        struct metric_match match = {0};
        scheme_match(options->scheme, wanted->text, &match);
        if (names_find_metric(options->names, wanted->text) != NAME_NONE || match.def)
            add_metric(out, arena, options, wanted->text, NULL, 0);
    } else {
        find_by_pattern(wanted, options, arena, out);
    }
    if (out->count == 0 && !out->is_family) {
        query_fail(error, ERR_UNKNOWN, selector->column, "a metric that is stored or declared",
                   wanted->is_exact ? "there is no metric %.*s" : "no metric matches %.*s",
                   STR_ARG(str_first(wanted->text, 200)));
        near_metrics(wanted->text, options, error);
        return error->err;
    }
    if (out->count > 1)
        qsort(out->items, out->count, sizeof(*out->items), compare_names);
    return ERR_OK;
}

/* ---- fields ---- */

/* Calls feed for each {placeholder} of the declared families. */
static void each_placeholder(const struct scheme *scheme, void (*feed)(void *ctx, struct str field),
                             void *ctx)
{
    for (uint32_t i = 0; i < scheme_metric_count(scheme); i++) {
        const struct metric_def *def = scheme_metric(scheme, i);
        struct str rest = def->is_family ? def->pattern : STR_NONE, seg;
        while (rest.at) {
            rest = str_cut(rest, '.', &seg);
            if (seg.size > 2 && seg.at[0] == '{')
                feed(ctx, str_make(seg.at + 1, seg.size - 2));
        }
    }
}

struct field_search {
    struct str field;
    bool found;
};

static void search_field(void *ctx, struct str field)
{
    struct field_search *search = ctx;
    search->found |= str_eq(search->field, field);
}

bool field_is_known(struct str field, const struct query_options *options)
{
    if (str_eq(field, STR("metric")) || names_find_field(options->names, field) != NAME_NONE ||
        scheme_find_field(options->scheme, field))
        return true;
    struct field_search search = {field, false};
    each_placeholder(options->scheme, search_field, &search);
    return search.found;
}

static void feed_nearest(void *ctx, struct str field)
{
    nearest_feed(ctx, field);
}

void field_near(struct str field, const struct query_options *options, struct query_error *error)
{
    struct nearest nearest;
    nearest_init(&nearest, field);
    nearest_feed(&nearest, STR("metric"));
    for (uint32_t i = 0; i < names_field_count(options->names); i++)
        nearest_feed(&nearest, names_field(options->names, i));
    for (uint32_t i = 0; i < scheme_field_count(options->scheme); i++)
        nearest_feed(&nearest, scheme_field(options->scheme, i)->name);
    each_placeholder(options->scheme, feed_nearest, &nearest);
    query_error_near(error, nearest.best);
}
