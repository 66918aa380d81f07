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
    struct str field, search;
    struct scope scope;
    struct intern values;
    uint64_t *rows; /* by value */
    uint32_t room;
    struct buf text;
};

static void count_text(struct counting *counting, struct str text, uint64_t rows)
{
    if (counting->search.size && !memmem(text.at, text.size, counting->search.at, counting->search.size))
        return;
    uint32_t at = counting->values.count < VALUES_MAX ? intern_resolve(&counting->values, text)
                                                      : intern_find(&counting->values, text);
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

static bool in_scope(const struct scope *scope, struct str source)
{
    for (uint32_t i = 0; i < scope->count; i++)
        if (!scope_match_value(&scope->items[i], source_get(source, scope->items[i].field)))
            return false;
    return true;
}

static enum err count_sources(struct counting *counting, struct snapshot *snapshot, struct part *part,
                              uint32_t field, struct query_error *error)
{
    uint32_t count;
    struct why why = {0};
    if (part_load_sources(snapshot, part, &count, &why) != ERR_OK)
        return query_fail(error, why.err, 0, NULL, "sources could not be read: %s", why.text);
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        const struct query_options *options = counting->options;
        if ((i & 0xffff) == 0xffff && options->deadline_ns &&
            sys_mono_ns(options->sys) > options->deadline_ns)
            err = query_fail(error, ERR_TIMEOUT, 0, "a shorter range", "listing the values took too long");
        struct str source = part_source(part, i);
        struct source_value value = source_get(source, field);
        if (value.type == SOURCE_UNSET || !in_scope(&counting->scope, source))
            continue;
        counting->text.size = 0;
        source_value_print(value, &counting->text);
        count_text(counting, buf_view(&counting->text), part_source_rows(part, i));
    }
    part_release_sources(snapshot, part);
    return err;
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

static void put_counts(struct counting *counting, uint32_t limit, struct arena *arena,
                       struct value_count **out, uint32_t *count, uint64_t *distinct)
{
    uint32_t all = counting->values.count;
    struct value_count *sorted = mem_zero(all + 1, sizeof(*sorted));
    for (uint32_t i = 0; i < all; i++)
        sorted[i] = (struct value_count){intern_get(&counting->values, i), counting->rows[i]};
    qsort(sorted, all, sizeof(*sorted), compare_counts);
    *distinct = all;
    *count = limit && limit < all ? limit : all;
    *out = arena_array(arena, *count + 1, sizeof(**out));
    for (uint32_t i = 0; i < *count; i++)
        (*out)[i] = (struct value_count){arena_str(arena, sorted[i].value), sorted[i].rows};
    mem_free(sorted);
}

static enum err count_parts(struct counting *counting, struct snapshot *snapshot, struct query_error *error)
{
    const struct query_options *options = counting->options;
    uint32_t field = names_find_field(options->names, counting->field);
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        int64_t from, to;
        if (!part_span(part, &from, &to) || to < options->from_ms || from >= options->to_ms)
            continue;
        if (!str_eq(counting->field, STR("metric")) && field != NAME_NONE &&
            count_sources(counting, snapshot, part, field, error) != ERR_OK)
            return error->err;
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
    struct counting counting = {.options = options, .field = field, .search = values->search};
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
        err = count_parts(&counting, snapshot, error);
    if (err == ERR_OK)
        put_counts(&counting, values->limit, arena, out, count, distinct);
    intern_done(&counting.values);
    mem_free(counting.rows);
    buf_done(&counting.text);
    arena_done(&scratch);
    return err;
}
