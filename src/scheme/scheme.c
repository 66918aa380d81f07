#include "scheme/scheme_room.h"

#include "base/mem.h"
#include "base/nearest.h"

void scheme_report_done(struct scheme_report *report)
{
    buf_done(&report->text);
    *report = (struct scheme_report){0};
}

struct scheme *scheme_ref(struct scheme *scheme)
{
    __atomic_fetch_add(&scheme->references, 1, __ATOMIC_RELAXED);
    return scheme;
}

void scheme_unref(struct scheme *scheme)
{
    if (!scheme || __atomic_sub_fetch(&scheme->references, 1, __ATOMIC_ACQ_REL))
        return;
    intern_done(&scheme->exact);
    arena_done(&scheme->arena);
    mem_free(scheme);
}

struct str scheme_name(const struct scheme *scheme)
{
    return scheme->name;
}

uint64_t scheme_generation(const struct scheme *scheme)
{
    return scheme->generation;
}

uint32_t scheme_field_count(const struct scheme *scheme)
{
    return scheme->field_count;
}

const struct field_def *scheme_field(const struct scheme *scheme, uint32_t index)
{
    return &scheme->fields[index];
}

const struct field_def *scheme_find_field(const struct scheme *scheme, struct str name)
{
    uint8_t bit = name.size ? scheme_filter_bit(name) : 0;
    if (!name.size || !(scheme->field_filter[bit / 64] >> bit % 64 & 1))
        return NULL;
    for (uint32_t i = 0; i < scheme->field_count; i++)
        if (str_eq(scheme->fields[i].name, name))
            return &scheme->fields[i];
    return NULL;
}

uint32_t scheme_metric_count(const struct scheme *scheme)
{
    return scheme->metric_count;
}

const struct metric_def *scheme_metric(const struct scheme *scheme, uint32_t index)
{
    return &scheme->metrics[index];
}

uint32_t scheme_template_count(const struct scheme *scheme)
{
    return scheme->template_count;
}

const struct template_def *scheme_template(const struct scheme *scheme, uint32_t index)
{
    return &scheme->templates[index];
}

struct str scheme_renamed_field(const struct scheme *scheme, struct str former)
{
    for (uint32_t i = 0; i < scheme->change_count; i++)
        if (str_eq(scheme->changes[i].field, former))
            return scheme->changes[i].renamed;
    return STR_NONE;
}

void scheme_match(const struct scheme *scheme, struct str metric, struct metric_match *match)
{
    match->def = NULL;
    match->count = 0;
    uint32_t exact = intern_find(&scheme->exact, metric);
    if (exact != INTERN_NONE) {
        match->def = &scheme->metrics[scheme->exact_metric[exact]];
        return;
    }
    uint32_t segments = 1;
    for (size_t i = 0; i < metric.size; i++)
        segments += metric.at[i] == '.';
    for (uint32_t i = 0; i < scheme->family_count; i++) {
        if (scheme->families[i].segment_count != segments)
            continue;
        if (!family_match(&scheme->families[i], metric, match))
            continue;
        match->def = &scheme->metrics[scheme->families[i].metric];
        return;
    }
    match->count = 0;
}

struct str scheme_nearest_metric(const struct scheme *scheme, struct str metric)
{
    struct nearest nearest;
    nearest_init(&nearest, metric);
    for (uint32_t i = 0; i < scheme->metric_count; i++)
        nearest_feed(&nearest, scheme->metrics[i].pattern);
    return nearest.best;
}
