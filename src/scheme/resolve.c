/* Two caches by raw bytes: metric names, and sources. A hit costs one hash and one compare; everything else
 * happens once per name or source. When either cache is full both start afresh, so memory is bounded whatever
 * comes. */
#include "scheme/resolve.h"

#include "base/hash.h"
#include "base/mem.h"
#include "scheme/infer.h"
#include "scheme/rewrite.h"
#include "scheme/source_cache.h"
#include "scheme/spelling.h"

enum { METRICS_CACHED_MAX = 65536, METRIC_HINTS = 1024 };

/* Where a name was found last time, by its size and last bytes: the names of one application differ there. */
struct metric_hint {
    const char *at; /* in metric_names; NULL when nothing is known */
    uint32_t size;
    uint32_t index;
};

/* The templates a source is read by, and fields that a rewritten name sets. */
struct template_set {
    const uint32_t *templates;
    uint32_t template_count;
    uint32_t extra_count;
    const struct placeholder *extra;
};

struct metric_entry {
    struct resolved_metric metric;
    bool declared;
    enum reason refused;
};

struct resolver {
    struct scheme *scheme;
    struct names *names;
    enum undeclared undeclared;
    struct intern metric_names;
    struct metric_hint hints[METRIC_HINTS];
    struct metric_entry *metrics;
    uint32_t metric_cap;
    struct intern set_keys;
    struct template_set *sets;
    uint32_t set_cap;
    struct infer infer;
    struct source_cache sources;
    struct arena set_arena;
    struct arena scratch; /* of one call */
    struct buf key, encoded;
    struct source_entry once; /* for reporters that are not remembered */
};

struct resolver *resolver_new(struct scheme *scheme, struct names *names, enum undeclared undeclared)
{
    struct resolver *resolver = MEM_NEW(struct resolver);
    resolver->scheme = scheme_ref(scheme);
    resolver->names = names;
    resolver->undeclared = undeclared;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    scheme_unref(resolver->scheme);
    intern_done(&resolver->metric_names);
    intern_done(&resolver->set_keys);
    mem_free(resolver->metrics);
    mem_free(resolver->sets);
    arena_done(&resolver->set_arena);
    infer_done(&resolver->infer);
    source_cache_reset(&resolver->sources);
    arena_done(&resolver->scratch);
    buf_done(&resolver->key);
    buf_done(&resolver->encoded);
    mem_free(resolver);
}

uint64_t resolver_generation(const struct resolver *resolver)
{
    return scheme_generation(resolver->scheme);
}

/* Sources are remembered by the number of their template set, so they go with the sets. */
static void forget_metrics(struct resolver *resolver)
{
    intern_reset(&resolver->metric_names);
    memset(resolver->hints, 0, sizeof resolver->hints);
    intern_reset(&resolver->set_keys);
    arena_reset(&resolver->set_arena);
    source_cache_reset(&resolver->sources);
}

/* Room for one more in an array that grows by doubling. */
#define GROW(array, cap, count)                                    \
    do {                                                           \
        if ((count) == (cap)) {                                    \
            (cap) = (cap) ? (cap)*2 : 64;                          \
            (array) = mem_resize((array), (cap), sizeof *(array)); \
        }                                                          \
    } while (0)

static uint32_t resolve_set(struct resolver *resolver, const struct metric_def *def,
                            const struct metric_match *extra)
{
    struct template_set set = {.extra_count = extra->count};
    if (def) {
        set.templates = def->templates;
        set.template_count = def->template_count;
    } else if (resolver->scheme->default_template != SCHEME_INDEX_NONE) {
        set.templates = &resolver->scheme->default_template;
        set.template_count = 1;
    }
    resolver->key.size = 0;
    for (uint32_t i = 0; i < set.template_count; i++)
        buf_u32(&resolver->key, set.templates[i]);
    for (uint32_t i = 0; i < extra->count; i++) {
        buf_sized_str(&resolver->key, extra->placeholders[i].field);
        buf_sized_str(&resolver->key, extra->placeholders[i].value);
    }
    uint32_t before = resolver->set_keys.count,
             index = intern_resolve(&resolver->set_keys, buf_view(&resolver->key));
    if (index < before)
        return index;
    struct placeholder *copies = arena_array(&resolver->set_arena, extra->count, sizeof *copies);
    for (uint32_t i = 0; i < extra->count; i++)
        copies[i] = (struct placeholder){arena_str(&resolver->set_arena, extra->placeholders[i].field),
                                         arena_str(&resolver->set_arena, extra->placeholders[i].value)};
    set.extra = copies;
    GROW(resolver->sets, resolver->set_cap, before);
    resolver->sets[index] = set;
    return index;
}

/* The number of an undeclared name, NAME_NONE when there are too many. Beyond the limit a segment that varies
 * becomes a field, in extra. */
static uint32_t undeclared_metric(struct resolver *resolver, struct str name, const struct measurement *m,
                                  struct metric_match *extra)
{
    enum unit unit = m->unit == UNIT_UNKNOWN ? UNIT_NONE : m->unit;
    uint32_t metric = names_find_metric(resolver->names, name);
    if (metric != NAME_NONE)
        return metric;
    if (names_undeclared_count(resolver->names) >= NAMES_UNDECLARED_MAX) {
        struct str value, shape;
        if (extra->count == SCHEME_PLACEHOLDERS_MAX ||
            names_resolve_field(resolver->names, STR("inferred")) == NAME_NONE ||
            !infer_name(&resolver->infer, resolver->names, name, &shape, &value))
            return NAME_NONE;
        extra->placeholders[extra->count++] = (struct placeholder){STR("inferred"), value};
        name = shape;
    }
    return names_resolve_metric(resolver->names, name, kind_of_verb(m->verb), unit);
}

static void learn_undeclared(struct resolver *resolver, struct metric_entry *entry, struct str name,
                             const struct measurement *m, struct metric_match *extra)
{
    entry->metric.parked = resolver->undeclared == UNDECLARED_PARK;
    if (resolver->undeclared == UNDECLARED_REFUSE) {
        entry->refused = REASON_undeclared;
        return;
    }
    entry->metric.metric = undeclared_metric(resolver, name, m, extra);
    if (entry->metric.metric == NAME_NONE) {
        entry->refused = REASON_too_many_names;
        return;
    }
    entry->metric.kind = names_kind(resolver->names, entry->metric.metric);
    entry->metric.unit = names_unit(resolver->names, entry->metric.metric);
}

static void learn_metric(struct resolver *resolver, struct metric_entry *entry, struct str raw,
                         const struct measurement *m)
{
    struct metric_match match, extra = {0};
    arena_reset(&resolver->scratch);
    struct str name = rewrite_name(resolver->scheme, raw, &resolver->scratch, &extra);
    *entry = (struct metric_entry){.refused = REASON_NONE};
    scheme_match(resolver->scheme, name, &match);
    entry->declared = match.def != NULL;
    if (!match.def)
        learn_undeclared(resolver, entry, name, m, &extra);
    entry->metric.template_set = resolve_set(resolver, match.def, &extra);
    if (!match.def)
        return;
    entry->metric.kind = match.def->kind;
    entry->metric.unit = match.def->unit;
    if (match.def->unit == UNIT_NONE && match.def->unit_text.size)
        entry->metric.label = match.def->unit_text;
    entry->metric.metric = names_resolve_metric(resolver->names, name, match.def->kind, match.def->unit);
    if (entry->metric.metric == NAME_NONE)
        entry->refused = REASON_too_many_names;
    else
        names_declare(resolver->names, entry->metric.metric, match.def->kind, match.def->unit);
}

static inline struct metric_hint *hint_of(struct resolver *resolver, struct str name)
{
    uint64_t tail = 0;
    if (name.size >= sizeof tail)
        memcpy(&tail, name.at + name.size - sizeof tail, sizeof tail);
    else if (name.size)
        memcpy(&tail, name.at, name.size);
    uint64_t mixed = (tail + name.size) * 0x9e3779b97f4a7c15u;
    return &resolver->hints[mixed >> 32 & (METRIC_HINTS - 1)];
}

static inline bool hint_is_of(const struct metric_hint *hint, struct str name)
{
    return __builtin_expect(hint->at && hint->size == name.size && !memcmp(hint->at, name.at, hint->size), 1);
}

static struct metric_entry *find_metric(struct resolver *resolver, const struct measurement *m,
                                        struct metric_hint *hint)
{
    uint32_t before = resolver->metric_names.count;
    if (before >= METRICS_CACHED_MAX) {
        forget_metrics(resolver);
        before = 0;
    }
    uint32_t index = intern_resolve(&resolver->metric_names, m->name);
    if (index == before) {
        GROW(resolver->metrics, resolver->metric_cap, before);
        learn_metric(resolver, &resolver->metrics[index], m->name, m);
    }
    struct str name = intern_get(&resolver->metric_names, index);
    *hint = (struct metric_hint){name.at, (uint32_t)name.size, index};
    return &resolver->metrics[index];
}

static inline struct metric_entry *metric_entry(struct resolver *resolver, const struct measurement *m)
{
    struct metric_hint *hint = hint_of(resolver, m->name);
    if (hint_is_of(hint, m->name))
        return &resolver->metrics[hint->index];
    return find_metric(resolver, m, hint);
}

/* The declared kind rules: is this verb welcome? */
static enum reason check_verb(const struct measurement *m, enum kind kind, struct remarks *remarks)
{
    if (kind_of_verb(m->verb) == kind)
        return REASON_NONE;
    double number;
    if (m->verb == VERB_COUNT && kind != KIND_UNIQUE)
        return REASON_kind_conflict;
    if (m->verb == VERB_UNIQUE && line_number(m->text, &number) != REASON_NONE)
        return REASON_kind_conflict;
    remarks_add(remarks, REASON_verb_differs);
    return REASON_NONE;
}

enum reason resolve_metric(struct resolver *resolver, const struct measurement *measurement,
                           struct remarks *remarks, struct resolved_metric *out)
{
    if (kind_of_verb(measurement->verb) == KIND_NONE)
        return REASON_verb_not_served;
    struct metric_entry *entry = metric_entry(resolver, measurement);
    if (entry->refused != REASON_NONE)
        return entry->refused;
    enum reason reason = check_verb(measurement, entry->metric.kind, remarks);
    if (reason != REASON_NONE)
        return reason;
    bool first_unit = !entry->declared && entry->metric.unit == UNIT_NONE && measurement->unit != UNIT_NONE &&
                      measurement->unit != UNIT_UNKNOWN;
    if (first_unit) {
        names_first_unit(resolver->names, entry->metric.metric, measurement->unit);
        entry->metric.unit = names_unit(resolver->names, entry->metric.metric);
    }
    *out = entry->metric;
    return REASON_NONE;
}

/* `memory_pgpgin=7pages` on a metric declared in pages. */
static bool has_label(const struct measurement *m, const struct resolved_metric *metric)
{
    double number;
    return metric->label.size && str_ends(m->text, metric->label) &&
           line_number(str_first(m->text, m->text.size - metric->label.size), &number) == REASON_NONE;
}

double resolve_value(const struct measurement *measurement, const struct resolved_metric *metric,
                     struct remarks *remarks)
{
    double value = measurement->number;
    if (metric->kind == KIND_UNIQUE)
        return measurement->verb == VERB_UNIQUE ? value : (double)(hash_bytes(measurement->text) >> 12);
    if (measurement->verb == VERB_UNIQUE && line_number(measurement->text, &value) != REASON_NONE)
        return 0; /* check_verb has made sure that it is a number */
    if (measurement->unit == UNIT_NONE || measurement->unit == metric->unit)
        return value;
    if (measurement->unit == UNIT_UNKNOWN && has_label(measurement, metric))
        return value;
    if (measurement->unit == UNIT_UNKNOWN)
        remarks_add(remarks, REASON_unit_unknown);
    else if (metric->unit == UNIT_NONE || !unit_convert(value, measurement->unit, metric->unit, &value))
        remarks_add(remarks, REASON_unit_differs);
    return value;
}

static void put_text(struct spelling *spelling, uint32_t field, struct str text)
{
    if (text.size && text.size <= SOURCE_TEXT_MAX &&
        source_set_get(spelling->set, field).type == SOURCE_UNSET)
        source_set_put(spelling->set, field, (struct source_value){.type = SOURCE_TEXT, .text = text});
}

/* A declared field says `text`. Where the set says otherwise already, that is a contradiction; then the set
 * stays as it is, or not when this one rules. */
static void put_field(struct spelling *spelling, const struct field_def *field, struct str text, bool rules)
{
    struct source_set alone;
    struct spelling probe = *spelling;
    alone.count = 0;
    probe.set = &alone;
    if (!spelling_put(&probe, field, text)) {
        spelling_remark(spelling, REASON_field_value_bad);
        return;
    }
    struct source_value there = source_set_get(spelling->set, field->id);
    bool differs = there.type != SOURCE_UNSET && !source_value_eq(there, source_set_get(&alone, field->id));
    if (differs)
        spelling_remark(spelling, REASON_contradiction);
    if (there.type == SOURCE_UNSET || (differs && rules))
        spelling_put(spelling, field, text);
}

/* A program may still write a field's former name. */
static const struct field_def *field_of_key(const struct scheme *scheme, struct str key)
{
    const struct field_def *field = scheme_find_field(scheme, key);
    struct str renamed = field || !scheme->change_count ? STR_NONE : scheme_renamed_field(scheme, key);
    return renamed.at ? scheme_find_field(scheme, renamed) : field;
}

/* A pair of an undeclared field is log text. */
static void put_pair(struct spelling *spelling, const struct pair *pair, bool rules)
{
    const struct field_def *field = field_of_key(spelling->scheme, pair->key);
    if (field)
        put_field(spelling, field, pair->value, rules);
}

static void put_source_text(struct spelling *spelling, const struct template_set *set, struct str text)
{
    if (spelling_is_keyed(spelling->scheme, text)) {
        spelling_keyed(spelling, text);
        return;
    }
    for (uint32_t i = 0; i < set->template_count; i++)
        if (spelling_positional(spelling, &spelling->scheme->templates[set->templates[i]], text))
            return;
    if (set->template_count)
        spelling_remark(spelling, REASON_source_unfit);
    spelling_whole(spelling, text);
}

static void put_reporter(struct spelling *spelling, const struct reporter *reporter)
{
    const struct scheme *scheme = spelling->scheme;
    struct str name = reporter->process;
    size_t dot = str_find(name, '.');
    uint64_t number;
    bool is_dyno = dot > 0 && dot < name.size && str_u64(str_from(name, dot + 1), &number);
    if (scheme_find_field(scheme, STR("process")))
        put_text(spelling, scheme->process_field, name);
    if (is_dyno && scheme_find_field(scheme, STR("dyno")))
        put_text(spelling, scheme->dyno_field, name);
    put_text(spelling, scheme->host_field, is_dyno ? name : reporter->host);
}

/* Fields that the metric's name gave away when it was rewritten. */
static void put_extras(struct resolver *resolver, struct spelling *spelling, const struct template_set *set)
{
    for (uint32_t i = 0; i < set->extra_count; i++) {
        struct str name = set->extra[i].field, value = set->extra[i].value;
        const struct field_def *field = scheme_find_field(spelling->scheme, name);
        if (field)
            put_field(spelling, field, value, false);
        else
            put_text(spelling, names_resolve_field(resolver->names, name), value);
    }
}

static void assemble(struct resolver *resolver, struct spelling *spelling, const struct template_set *set,
                     const struct line *line, const struct reporter *reporter)
{
    if (line->source.size)
        put_source_text(spelling, set, line->source);
    for (uint32_t i = 0; i < reporter->field_count; i++)
        put_pair(spelling, &reporter->fields[i], true);
    put_extras(resolver, spelling, set);
    for (uint32_t i = 0; i < line->pair_count; i++)
        put_pair(spelling, &line->pairs[i], false);
    put_reporter(spelling, reporter);
}

/* Its bytes are left in the resolver. */
static void learn_source(struct resolver *resolver, struct source_entry *entry,
                         const struct resolved_metric *metric, const struct line *line,
                         const struct reporter *reporter)
{
    struct source_set set;
    struct buf *bytes = &resolver->encoded;
    set.count = 0; /* the rest is 2.5 KB that need no zeroing */
    bytes->size = 0;
    arena_reset(&resolver->scratch);
    struct spelling spelling = {resolver->scheme, &resolver->scratch, &set, 0};
    assemble(resolver, &spelling, &resolver->sets[metric->template_set], line, reporter);
    source_encode(&set, bytes);
    entry->source = (struct resolved_source){.bytes = buf_view(bytes), .hash = hash_bytes(buf_view(bytes))};
    entry->remarks = spelling.remarks;
}

/* The pairs that name a declared field; each with its sizes, so that no two lists look the same. */
static struct str declared_pairs(struct resolver *resolver, const struct line *line)
{
    struct buf *key = &resolver->key;
    key->size = 0;
    for (uint32_t i = 0; i < line->pair_count; i++) {
        if (!field_of_key(resolver->scheme, line->pairs[i].key))
            continue;
        buf_sized_str(key, line->pairs[i].key);
        buf_sized_str(key, line->pairs[i].value);
    }
    return buf_view(key);
}

static struct source_entry *source_entry(struct resolver *resolver, const struct resolved_metric *metric,
                                         const struct line *line, const struct reporter *reporter)
{
    struct source_cache *sources = &resolver->sources;
    struct source_key key = {metric->template_set, reporter->id, line->source, STR_NONE};
    if (line->pair_count)
        key.pairs = declared_pairs(resolver, line);
    if (!reporter->id || key.text.size + key.pairs.size > SOURCE_KEY_BYTES_MAX) {
        learn_source(resolver, &resolver->once, metric, line, reporter);
        return &resolver->once;
    }
    if (sources->count >= RESOLVE_SOURCES_MAX || source_cache_bytes(sources) > SOURCE_CACHE_BYTES_MAX)
        source_cache_reset(sources);
    bool is_new;
    struct source_entry *entry = source_cache_resolve(sources, &key, &is_new);
    if (is_new) {
        learn_source(resolver, entry, metric, line, reporter);
        entry->source.bytes = source_cache_keep(sources, entry->source.bytes);
    }
    return entry;
}

struct resolved_source *resolve_source(struct resolver *resolver, const struct resolved_metric *metric,
                                       const struct line *line, const struct reporter *reporter,
                                       struct remarks *remarks)
{
    struct source_entry *entry = source_entry(resolver, metric, line, reporter);
    for (uint64_t left = entry->remarks; left; left &= left - 1)
        remarks_add(remarks, (enum reason)__builtin_ctzll(left));
    return &entry->source;
}

uint64_t resolve_foresee(struct resolver *resolver, const struct line *line, const struct reporter *reporter)
{
    const struct measurement *first = line->measurements;
    struct metric_hint *hint = line->measurement_count ? hint_of(resolver, first->name) : NULL;
    if (!hint || !hint_is_of(hint, first->name) || line->pair_count || !reporter->id)
        return 0;
    uint32_t set = resolver->metrics[hint->index].metric.template_set;
    struct source_key key = {set, reporter->id, line->source, STR_NONE};
    uint64_t hash = source_key_hash(&key);
    source_cache_fetch_slot(&resolver->sources, hash);
    return hash;
}

void resolve_foresee_entry(const struct resolver *resolver, uint64_t foreseen)
{
    if (foreseen)
        source_cache_fetch_entry(&resolver->sources, foreseen);
}

const struct resolved_source *resolve_foresee_bytes(const struct resolver *resolver, uint64_t foreseen,
                                                    uint64_t mark)
{
    const struct source_entry *entry =
        foreseen ? source_cache_fetch_bytes(&resolver->sources, foreseen, mark) : NULL;
    return entry ? &entry->source : NULL;
}
