/* Sources: whatever stands in source=, no segment of it is lost, and the second reading equals the first. The
 * first byte chooses the metric, so that each list of templates is tried. */
#include "../fuzz.h"

#include "scheme/resolve.h"

static const char scheme_text[] =
    "scheme: f\n"
    "fields:\n"
    "  host: {type: dyno}\n"
    "  account: {type: id, key: ac}\n"
    "  session: {type: uuid, key: se}\n"
    "  mode: {enum: [predictive, power], key: mo}\n"
    "  side: {enum: [webui, phone]}\n"
    "  note: {type: word, key: no}\n"
    "templates: {call: host.account.session.mode.side.note, worker: host, note: note}\n"
    "metrics:\n"
    "  a: {kind: count, template: call}\n"
    "  b: {kind: count, template: [worker, call]}\n"
    "  c: {kind: count, template: note}\n"
    "  d: {kind: count}\n";

static const struct str names_of_metrics[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"undeclared", 10}};

static struct resolver *resolver;

static void start(void)
{
    struct scheme *scheme;
    struct scheme_report report = {0};
    struct names *names = names_new();
    enum err err = scheme_parse(STR(scheme_text), STR("f"), names, &scheme, &report, NULL);
    CHECK(err == ERR_OK);
    resolver = resolver_new(scheme, names, UNDECLARED_ACCEPT);
}

/* Folded, as a uuid is spelled in lower case. */
static bool holds(struct str text, struct str part)
{
    for (size_t i = 0; i + part.size <= text.size; i++)
        if (str_eq_fold(str_make(text.at + i, part.size), part))
            return true;
    return false;
}

static bool is_kept(const struct source_set *set, struct str part)
{
    bool kept = false;
    for (uint32_t i = 0; i < set->count && !kept; i++) {
        struct buf text = {0};
        source_value_print(set->fields[i].value, &text);
        kept = holds(buf_view(&text), part);
        buf_done(&text);
    }
    return kept;
}

static void check_segments(struct str source, const struct source_set *set)
{
    for (struct str rest = source, segment; rest.at;) {
        rest = str_cut(rest, '.', &segment);
        size_t dash = str_find(segment, '-');
        bool dashed = dash < segment.size;
        CHECK(!segment.size || str_eq(segment, STR("-")) || is_kept(set, segment) ||
              (dashed && is_kept(set, str_from(segment, dash + 1))));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!resolver)
        start();
    if (!size)
        return 0;
    struct str source = fuzz_input(data + 1, size - 1);
    struct measurement m = {.verb = VERB_COUNT, .refused = REASON_NONE, .number = 1};
    m.name = names_of_metrics[data[0] % (sizeof names_of_metrics / sizeof *names_of_metrics)];
    struct remarks remarks = {0}, again = {0};
    struct resolved_metric metric;
    struct reporter reporter = {.id = 1};
    struct line line = {.source = source};
    enum reason reason = resolve_metric(resolver, &m, &remarks, &metric);
    CHECK(reason == REASON_NONE);
    struct source_set set;
    struct resolved_source *first = resolve_source(resolver, &metric, &line, &reporter, &remarks);
    bool decoded = source_decode(first->bytes, &set);
    CHECK(decoded);
    bool long_or_escaped = source.size > SOURCE_TEXT_MAX || str_find(source, '%') < source.size;
    if (!long_or_escaped)
        check_segments(source, &set);
    uint64_t hash = first->hash;
    struct resolved_source *second = resolve_source(resolver, &metric, &line, &reporter, &again);
    CHECK(second->hash == hash);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        CHECK(remarks.counts[r] == again.counts[r]);
    reporter.id = 0; /* read anew */
    CHECK(resolve_source(resolver, &metric, &line, &reporter, &again)->hash == hash);
    return 0;
}
