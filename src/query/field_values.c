/* field_values.c: the values of a field with how many samples carry each: from the tables of sources, no row
 * is read. A field that the metric's name says (`metric`, placeholders) is counted by metrics instead; then
 * the matches of the scope that the name does not decide are left out of account. */
#include "query/query.h"

#include "base/mem.h"
#include "query/groups.h"
#include "query/metric_set.h"
#include "query/parse.h"
#include "query/scope.h"

#include <stdlib.h>

enum { VALUES_MAX = 1 << 20 };

struct counting {
    const struct query_options *options;
    struct snapshot *snapshot;
    struct query_error *error;
    struct str field, search;
    struct scope scope;
    struct intern values; /* keys, see groups.h */
    uint64_t *rows;       /* by value */
    uint32_t room;
    struct buf key;
    struct source_test *tests; /* of the scope */
    struct source_ranges ranges;
    struct field_chunk *chunk;
};

static void count_key(struct counting *counting, uint64_t rows)
{
    struct str key = buf_view(&counting->key);
    uint32_t at = counting->values.count < VALUES_MAX ? intern_resolve(&counting->values, key)
                                                      : intern_find(&counting->values, key);
    if (at == INTERN_NONE)
        return;
    if (at >= counting->room) {
        uint32_t room = counting->room ? counting->room * 2 : 256;
        counting->rows = mem_resize(counting->rows, room, sizeof(*counting->rows));
        memset(counting->rows + counting->room, 0, (room - counting->room) * sizeof(*counting->rows));
        counting->room = room;
    }
    counting->rows[at] += rows;
}

static void count_value(struct counting *counting, struct source_value value, uint64_t rows)
{
    counting->key.size = 0;
    key_put(&counting->key, value);
    count_key(counting, rows);
}

static void count_text(struct counting *counting, struct str text, uint64_t rows)
{
    counting->key.size = 0;
    key_put_text(&counting->key, text);
    count_key(counting, rows);
}

static enum err could_not(struct counting *counting, const struct why *why)
{
    return query_fail(counting->error, why->err, 0, NULL, "sources could not be read: %s", why->text);
}

/* Values of the sources in scope, of one chunk. */
static enum err count_chunk(struct counting *counting, struct part *part, uint32_t field, uint32_t chunk,
                            uint32_t *range, struct why *why)
{
    const struct source_ranges *ranges = &counting->ranges;
    uint32_t rows[FIELD_CHUNK], first = chunk * FIELD_CHUNK;
    enum err err = part_field_chunk(counting->snapshot, part, field, chunk, counting->chunk, why);
    if (!err)
        err = part_rows_chunk(counting->snapshot, part, chunk, rows, why);
    for (uint32_t i = 0; i < counting->chunk->count && !err; i++) {
        struct source_value value = counting->chunk->value[i];
        while (*range < ranges->count && ranges->at[*range].end <= first + i)
            (*range)++;
        bool in_scope =
            !counting->scope.count || (*range < ranges->count && ranges->at[*range].first <= first + i);
        if (in_scope && value.type != SOURCE_UNSET && rows[i])
            count_value(counting, value, rows[i]);
    }
    return err;
}

/* Does the scope leave any source of the chunk? */
static bool is_wanted(const struct counting *counting, uint32_t chunk, uint32_t range)
{
    const struct source_ranges *ranges = &counting->ranges;
    while (range < ranges->count && ranges->at[range].end <= chunk * FIELD_CHUNK)
        range++;
    return !counting->scope.count ||
           (range < ranges->count && ranges->at[range].first < (chunk + 1) * FIELD_CHUNK);
}

static enum err count_sources(struct counting *counting, struct part *part, uint32_t field)
{
    const struct query_options *options = counting->options;
    struct why why = {0};
    uint32_t chunks = (part_source_count(part) + FIELD_CHUNK - 1) / FIELD_CHUNK, range = 0;
    enum err err = ERR_OK;
    if (counting->scope.count)
        err = part_find_sources(counting->snapshot, part, counting->tests, counting->scope.count,
                                &counting->ranges, &why);
    for (uint32_t chunk = 0; chunk < chunks && !err; chunk++) {
        if (chunk % 64 == 63 && options->deadline_ns && sys_mono_ns(options->sys) > options->deadline_ns)
            return query_fail(counting->error, ERR_TIMEOUT, 0, "a shorter range",
                              "listing the values took too long");
        if (is_wanted(counting, chunk, range))
            err = count_chunk(counting, part, field, chunk, &range, &why);
    }
    return err ? could_not(counting, &why) : ERR_OK;
}

/* From what the store counted, when there is no scope; else source by source. */
static enum err count_field(struct counting *counting, struct part *part, uint32_t field)
{
    struct value_rows *values;
    struct why why = {0};
    uint32_t count;
    int known =
        counting->scope.count ? 0 : part_field_rows(counting->snapshot, part, field, &values, &count, &why);
    if (known <= 0)
        return known < 0 ? could_not(counting, &why) : count_sources(counting, part, field);
    for (uint32_t i = 0; i < count; i++)
        count_value(counting, values[i].value, values[i].rows);
    mem_free(values);
    return ERR_OK;
}

static void count_metrics(struct counting *counting, struct part *part)
{
    const struct query_options *options = counting->options;
    for (uint32_t id = 0; id < names_metric_count(options->names); id++) {
        uint64_t rows = part_metric_rows(part, id);
        if (rows == 0)
            continue;
        struct metric_match match = {0};
        struct metric_ref metric = {.name = names_metric(options->names, id)};
        scheme_match(options->scheme, metric.name, &match);
        metric.binds = match.placeholders;
        metric.bind_count = match.count;
        struct str value = metric_bind(&metric, counting->field);
        bool wanted = value.at != NULL;
        for (uint32_t i = 0; wanted && i < counting->scope.count; i++) {
            struct str bound = metric_bind(&metric, counting->scope.items[i].match->field);
            if (bound.at)
                wanted = scope_match_value(&counting->scope.items[i],
                                           (struct source_value){.type = SOURCE_TEXT, .text = bound});
        }
        if (wanted)
            count_text(counting, value, rows);
    }
}

static int compare_counts(const void *a, const void *b)
{
    const struct value_count *x = a, *y = b;
    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return str_compare(x->value, y->value);
}

/* The values that the search leaves, with their texts in the arena. */
static uint32_t print_values(struct counting *counting, struct arena *arena, struct value_count *out)
{
    struct buf text = {0};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < counting->values.count; i++) {
        struct str key = intern_get(&counting->values, i), search = counting->search;
        text.size = 0;
        source_value_print(key_take(&key), &text);
        if (search.size && (!text.size || !memmem(text.at, text.size, search.at, search.size)))
            continue;
        out[kept++] = (struct value_count){arena_str(arena, buf_view(&text)), counting->rows[i]};
    }
    buf_done(&text);
    return kept;
}

static void put_counts(struct counting *counting, uint32_t limit, struct arena *arena,
                       struct value_count **out, uint32_t *count, uint64_t *distinct)
{
    struct arena texts = {0};
    struct value_count *sorted = mem_zero(counting->values.count + 1, sizeof(*sorted));
    uint32_t all = print_values(counting, &texts, sorted);
    qsort(sorted, all, sizeof(*sorted), compare_counts);
    *distinct = all;
    *count = limit && limit < all ? limit : all;
    *out = arena_array(arena, *count + 1, sizeof(**out));
    for (uint32_t i = 0; i < *count; i++)
        (*out)[i] = (struct value_count){arena_str(arena, sorted[i].value), sorted[i].rows};
    mem_free(sorted);
    arena_done(&texts);
}

static void make_tests(struct counting *counting)
{
    counting->tests = mem_zero(counting->scope.count + 1, sizeof *counting->tests);
    for (uint32_t i = 0; i < counting->scope.count; i++)
        counting->tests[i] = scope_match_test(&counting->scope.items[i]);
    counting->chunk = mem_alloc(sizeof *counting->chunk);
}

static enum err count_parts(struct counting *counting)
{
    const struct query_options *options = counting->options;
    uint32_t field = names_find_field(options->names, counting->field);
    make_tests(counting);
    for (uint32_t p = 0; p < snapshot_part_count(counting->snapshot); p++) {
        struct part *part = snapshot_part(counting->snapshot, p);
        int64_t from, to;
        if (!part_span(part, &from, &to) || to < options->from_ms || from >= options->to_ms)
            continue;
        enum err err = ERR_OK;
        if (!str_eq(counting->field, STR("metric")) && field != NAME_NONE)
            err = count_field(counting, part, field);
        part_release_sources(counting->snapshot, part);
        if (err)
            return err;
        count_metrics(counting, part);
    }
    return ERR_OK;
}

enum err query_values(struct str field, const struct values_options *values,
                      const struct query_options *options, struct snapshot *snapshot, struct arena *arena,
                      struct value_count **out, uint32_t *count, uint64_t *distinct,
                      struct query_error *error)
{
    *error = (struct query_error){0};
    struct arena scratch = {0};
    struct match *matches = NULL;
    uint32_t match_count = 0;
    struct counting counting = {
        .options = options, .snapshot = snapshot, .error = error, .field = field, .search = values->search};
    enum err err = ERR_OK;
    if (!field_is_known(field, options)) {
        err = query_fail(error, ERR_UNKNOWN, 0, "a declared field", "there is no field %.*s",
                         STR_ARG(str_first(field, 64)));
        field_near(field, options, error);
    }
    if (err == ERR_OK && str_trim(values->scope).size)
        err = query_parse_scope(values->scope, &scratch, &matches, &match_count, error);
    if (err == ERR_OK)
        err = scope_add(&counting.scope, matches, match_count, options, &scratch, error);
    if (err == ERR_OK)
        err = count_parts(&counting);
    if (err == ERR_OK)
        put_counts(&counting, values->limit, arena, out, count, distinct);
    intern_done(&counting.values);
    mem_free(counting.rows);
    buf_done(&counting.key);
    source_ranges_done(&counting.ranges);
    mem_free(counting.tests);
    mem_free(counting.chunk);
    arena_done(&scratch);
    return err;
}
