/* feed_source.c: from a source's number in a part to the number of its group, evaluated once a source.
 *
 * The scope is asked of the store, which looks only where a source in scope can be. Then two steps, so that
 * the looking at sources is shared by all metrics of a feed: key_of_source (per part, filled for 1,024
 * sources when the first of them is met: which combination of `by` values) and group_of_key (per metric,
 * since placeholders and `metric` are said by the name). Which matches and `by` fields the name decides
 * differs between metrics: the tables start afresh when it does. When no source need be looked at,
 * chunk_known stays NULL.
 */
#include "query/execute.h"

#include "base/hash.h"
#include "base/mem.h"

/* Keys of values met lately: neighbours mostly differ in few fields, and those have few values. */
enum { MEMO_SLOTS = 256 };

struct key_memo {
    struct source_value value;
    uint32_t key;
    bool known;
};

void source_map_init(struct source_map *map, struct run *run, struct feed *feed)
{
    *map = (struct source_map){.run = run, .feed = feed};
}

void source_map_done(struct source_map *map)
{
    intern_done(&map->keys);
    source_ranges_done(&map->ranges);
    mem_free(map->tests);
    mem_free(map->chunk_known);
    mem_free(map->key_of_source);
    mem_free(map->group_of_key);
    mem_free(map->distinct_of_source);
    mem_free(map->values);
    mem_free(map->memo);
    buf_done(&map->scratch);
    *map = (struct source_map){0};
}

/* What the name alone says; true when tables made for other metrics can no longer be used. */
static bool bind_metric(struct source_map *map, const struct metric_ref *metric)
{
    const struct plan *plan = map->run->plan;
    uint64_t scope_bound = 0, by_bound = 0;
    map->metric_out = false;
    for (uint32_t i = 0; i < map->feed->scope.count; i++) {
        const struct scope_match *match = &map->feed->scope.items[i];
        struct str bound = metric_bind(metric, match->match->field);
        if (!bound.at)
            continue;
        scope_bound |= UINT64_C(1) << i;
        map->metric_out |=
            !scope_match_value(match, (struct source_value){.type = SOURCE_TEXT, .text = bound});
    }
    for (uint32_t i = 0; i < plan->by_count; i++)
        if (metric_bind(metric, plan->by[i].name).at)
            by_bound |= UINT64_C(1) << i;
    bool changed = !map->metric || scope_bound != map->scope_bound || by_bound != map->by_bound;
    map->scope_bound = scope_bound;
    map->by_bound = by_bound;
    map->has_source_scope = scope_bound != (UINT64_C(1) << map->feed->scope.count) - 1;
    map->has_source_by = by_bound != (UINT64_C(1) << plan->by_count) - 1;
    map->has_metric_by = by_bound != 0;
    map->has_source_distinct = false;
    if (map->feed->distinct.at) {
        struct str bound = metric_bind(metric, map->feed->distinct);
        map->has_source_distinct = !bound.at;
        map->fixed_distinct = bound.at ? hash_bytes(bound) | 1 : 0;
    }
    return changed;
}

/* The group of a metric and a combination of source values. */
static uint32_t group_of(struct source_map *map, struct str source_key)
{
    const struct plan *plan = map->run->plan;
    struct buf *key = &map->scratch;
    key->size = 0;
    for (uint32_t i = 0; i < plan->by_count; i++) {
        if (map->by_bound & UINT64_C(1) << i) {
            key_put_text(key, metric_bind(map->metric, plan->by[i].name));
            continue;
        }
        key_put(key, key_take(&source_key));
    }
    uint32_t group = groups_resolve(&map->run->groups, buf_view(key));
    if (group != GROUP_DROPPED)
        cells_reserve(&map->feed->cells, group + 1);
    return group;
}

/* ---- the scope ---- */

static bool find_sources(struct source_map *map)
{
    const struct scope *scope = &map->feed->scope;
    struct why why = {0};
    uint32_t count = 0;
    if (!map->tests)
        map->tests = mem_zero(scope->count, sizeof *map->tests);
    for (uint32_t i = 0; i < scope->count; i++) {
        if (!(map->scope_bound & UINT64_C(1) << i))
            map->tests[count++] = scope_match_test(&scope->items[i]);
    }
    if (part_find_sources(map->run->snapshot, map->part, map->tests, count, &map->ranges, &why) == ERR_OK)
        return map->ranges.count > 0;
    query_fail(map->run->error, why.err, 0, NULL, "sources could not be read: %s", why.text);
    return false;
}

const struct source_ranges *source_map_ranges(const struct source_map *map)
{
    return map->has_source_scope ? &map->ranges : NULL;
}

/* ---- the keys of 1,024 sources ---- */

static bool same_value(const struct source_value *a, const struct source_value *b)
{
    return a->type == b->type && a->number == b->number && a->text.at == b->text.at &&
           a->text.size == b->text.size;
}

static uint32_t key_of_one(struct source_map *map, const struct source_value *value)
{
    uint64_t bits = value->type == SOURCE_TEXT ? (uint64_t)(uintptr_t)value->text.at : value->number;
    struct key_memo *memo = &map->memo[hash_mix(bits + value->type) % MEMO_SLOTS];
    if (memo->known && same_value(&memo->value, value))
        return memo->key;
    map->scratch.size = 0;
    key_put(&map->scratch, *value);
    *memo = (struct key_memo){*value, intern_resolve(&map->keys, buf_view(&map->scratch)), true};
    return memo->key;
}

/* count: of the fields that sources say. */
static uint32_t key_of_several(struct source_map *map, uint32_t count, uint32_t i, uint32_t before)
{
    bool same = before != KEY_OUT;
    for (uint32_t f = 0; f < count && same; f++)
        same = same_value(&map->values[f].value[i], &map->values[f].value[i - 1]);
    if (same)
        return before;
    map->scratch.size = 0;
    for (uint32_t f = 0; f < count; f++)
        key_put(&map->scratch, map->values[f].value[i]);
    return intern_resolve(&map->keys, buf_view(&map->scratch));
}

static enum err read_fields(struct source_map *map, uint32_t chunk, uint32_t *count, struct why *why)
{
    const struct plan *plan = map->run->plan;
    enum err err = ERR_OK;
    *count = 0;
    for (uint32_t i = 0; i < plan->by_count && !err; i++)
        if (!(map->by_bound & UINT64_C(1) << i))
            err = part_field_chunk(map->run->snapshot, map->part, plan->by[i].field, chunk,
                                   &map->values[(*count)++], why);
    return err;
}

static void put_keys(struct source_map *map, uint32_t chunk, uint32_t fields)
{
    uint32_t first = chunk * FIELD_CHUNK, left = map->source_count - first;
    uint32_t count = left < FIELD_CHUNK ? left : FIELD_CHUNK, range = 0, *key = map->key_of_source + first;
    for (uint32_t i = 0; i < count; i++) {
        const struct source_ranges *ranges = source_map_ranges(map);
        while (ranges && range < ranges->count && ranges->at[range].end <= first + i)
            range++;
        if (ranges && (range == ranges->count || ranges->at[range].first > first + i))
            key[i] = KEY_OUT;
        else if (fields == 1)
            key[i] = key_of_one(map, &map->values[0].value[i]);
        else
            key[i] = key_of_several(map, fields, i, i ? key[i - 1] : KEY_OUT);
    }
}

static enum err put_distincts(struct source_map *map, uint32_t chunk, struct why *why)
{
    struct field_chunk *values = map->values; /* free again */
    enum err err =
        part_field_chunk(map->run->snapshot, map->part, map->feed->distinct_field, chunk, values, why);
    for (uint32_t i = 0; i < values->count && !err; i++) {
        uint64_t hash = 0;
        if (values->value[i].type != SOURCE_UNSET) {
            map->scratch.size = 0;
            key_put(&map->scratch, values->value[i]);
            hash = hash_bytes(buf_view(&map->scratch)) >> 1 | 1;
        }
        map->distinct_of_source[chunk * FIELD_CHUNK + i] = hash;
    }
    return err;
}

/* false: they could not be read, and the run fails. */
static bool learn_chunk(struct source_map *map, uint32_t chunk)
{
    struct why why = {0};
    uint32_t fields;
    enum err err = read_fields(map, chunk, &fields, &why);
    memset(map->memo, 0, MEMO_SLOTS * sizeof *map->memo); /* texts may have been released since */
    if (!err)
        put_keys(map, chunk, fields);
    if (!err && map->has_source_distinct)
        err = put_distincts(map, chunk, &why);
    if (err)
        query_fail(map->run->error, err, 0, NULL, "sources could not be read: %s", why.text);
    map->chunk_known[chunk] = !err;
    return !err;
}

static void make_tables(struct source_map *map)
{
    uint32_t count = part_source_count(map->part);
    map->source_count = count;
    if (count > map->source_cap || !map->chunk_known) {
        map->source_cap = count > 1024 ? count : 1024;
        map->key_of_source = mem_resize(map->key_of_source, map->source_cap, sizeof(uint32_t));
        map->chunk_known = mem_resize(map->chunk_known, map->source_cap / FIELD_CHUNK + 1, sizeof(bool));
        if (map->feed->distinct.at)
            map->distinct_of_source = mem_resize(map->distinct_of_source, map->source_cap, sizeof(uint64_t));
    }
    if (!map->values) {
        map->values = mem_alloc((map->run->plan->by_count + 1) * sizeof *map->values);
        map->memo = mem_alloc(MEMO_SLOTS * sizeof *map->memo);
    }
    memset(map->chunk_known, false, count / FIELD_CHUNK + 1);
}

static void forget_tables(struct source_map *map)
{
    mem_free(map->chunk_known);
    map->chunk_known = NULL;
    map->source_cap = 0;
}

static void forget_groups(struct source_map *map)
{
    if (map->key_cap)
        memset(map->group_of_key, 0xff, map->key_cap * sizeof(uint32_t));
}

bool source_map_enter(struct source_map *map, struct part *part, const struct metric_ref *metric)
{
    bool changed = bind_metric(map, metric), other_part = map->part != part;
    map->metric = metric;
    map->part = part;
    if (changed) {
        intern_reset(&map->keys);
        forget_groups(map);
    }
    if (map->metric_out) {
        map->part = NULL; /* nothing is known of it */
        return false;
    }
    if (map->has_source_scope && (changed || other_part) && !find_sources(map))
        map->ranges.count = 0;
    if (map->has_source_scope && !map->ranges.count)
        return false;
    if (!map->has_source_scope && !map->has_source_by && !map->has_source_distinct) {
        forget_tables(map);
        map->fixed_group = group_of(map, STR_NONE);
        return map->fixed_group != GROUP_DROPPED;
    }
    if (changed || other_part || !map->chunk_known)
        make_tables(map);
    if (map->has_metric_by)
        forget_groups(map);
    return true;
}

uint32_t source_map_resolve(struct source_map *map, uint32_t source)
{
    if (!map->chunk_known[source / FIELD_CHUNK] && !learn_chunk(map, source / FIELD_CHUNK))
        return GROUP_DROPPED;
    uint32_t key = map->key_of_source[source];
    if (key == KEY_OUT)
        return GROUP_DROPPED;
    if (key >= map->key_cap) {
        uint32_t cap = map->key_cap ? map->key_cap * 2 : 64;
        while (cap <= key)
            cap *= 2;
        map->group_of_key = mem_resize(map->group_of_key, cap, sizeof(uint32_t));
        memset(map->group_of_key + map->key_cap, 0xff, (cap - map->key_cap) * sizeof(uint32_t));
        map->key_cap = cap;
    }
    if (map->group_of_key[key] == GROUP_UNKNOWN)
        map->group_of_key[key] = group_of(map, intern_get(&map->keys, key));
    return map->group_of_key[key];
}

uint64_t source_map_distinct(struct source_map *map, uint32_t source)
{
    if (!map->has_source_distinct)
        return map->fixed_distinct;
    bool known = source < map->source_count &&
                 (map->chunk_known[source / FIELD_CHUNK] || learn_chunk(map, source / FIELD_CHUNK));
    return known ? map->distinct_of_source[source] : 0;
}

uint32_t source_map_value_group(struct source_map *map, struct source_value value)
{
    struct buf key = {0};
    if (map->has_source_by)
        key_put(&key, value);
    uint32_t group = group_of(map, buf_view(&key));
    buf_done(&key);
    return group;
}
