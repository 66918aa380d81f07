/* feed_source.c: from a source's number in a part to the number of its group, evaluated once a source.
 *
 * Two steps, so that the parsing of sources is shared by all metrics of a feed: key_of_source (per part: out
 * of scope, or which combination of `by` values) and group_of_key (per metric, since placeholders and
 * `metric` are said by the name). Which matches and `by` fields the name decides differs between metrics: the
 * tables start afresh when it does. When no source need be looked at, key_of_source stays NULL.
 */
#include "query/execute.h"

#include "base/hash.h"
#include "base/mem.h"

void source_map_init(struct source_map *map, struct run *run, struct feed *feed)
{
    *map = (struct source_map){.run = run, .feed = feed};
}

void source_map_done(struct source_map *map)
{
    intern_done(&map->keys);
    mem_free(map->key_of_source);
    mem_free(map->group_of_key);
    mem_free(map->distinct_of_source);
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

bool source_map_needs_sources(const struct source_map *map)
{
    return map->has_source_scope || map->has_source_by || map->has_source_distinct;
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

static void make_tables(struct source_map *map)
{
    uint32_t count = map->source_count;
    bool stale = map->stale;
    if (count > map->source_cap || !map->key_of_source) {
        map->source_cap = count > 1024 ? count : 1024;
        map->key_of_source = mem_resize(map->key_of_source, map->source_cap, sizeof(uint32_t));
        if (map->feed->distinct.at)
            map->distinct_of_source = mem_resize(map->distinct_of_source, map->source_cap, sizeof(uint64_t));
        stale = true;
    }
    if (stale) {
        memset(map->key_of_source, 0xff, count * sizeof(uint32_t));
        if (map->feed->distinct.at)
            memset(map->distinct_of_source, 0xff, count * sizeof(uint64_t));
    }
    if (map->has_metric_by && map->key_cap)
        memset(map->group_of_key, 0xff, map->key_cap * sizeof(uint32_t));
    map->stale = false;
}

static uint32_t key_of(struct source_map *map, uint32_t source)
{
    struct str bytes = part_source(map->part, source);
    for (uint32_t i = 0; i < map->feed->scope.count; i++) {
        const struct scope_match *match = &map->feed->scope.items[i];
        if (!(map->scope_bound & UINT64_C(1) << i) &&
            !scope_match_value(match, source_get(bytes, match->field)))
            return KEY_OUT;
    }
    const struct plan *plan = map->run->plan;
    struct buf *key = &map->scratch;
    key->size = 0;
    for (uint32_t i = 0; i < plan->by_count; i++)
        if (!(map->by_bound & UINT64_C(1) << i))
            key_put(key, source_get(bytes, plan->by[i].field));
    return intern_resolve(&map->keys, buf_view(key));
}

/* Looks at every source of the part, which its rows would do anyway: a narrow scope has rows in few parts,
 * and the others need not be read. */
static bool none_in_scope(struct source_map *map)
{
    bool none = true;
    for (uint32_t source = 0; source < map->source_count; source++) {
        map->key_of_source[source] = key_of(map, source);
        none &= map->key_of_source[source] == KEY_OUT;
    }
    return none;
}

bool source_map_enter(struct source_map *map, struct part *part, const struct metric_ref *metric)
{
    bool changed = bind_metric(map, metric);
    map->stale |= changed || map->part != part;
    if (changed) {
        intern_reset(&map->keys);
        if (map->key_cap)
            memset(map->group_of_key, 0xff, map->key_cap * sizeof(uint32_t));
    }
    map->metric = metric;
    map->part = part;
    if (map->metric_out)
        return false;
    if (!source_map_needs_sources(map)) {
        mem_free(map->key_of_source);
        map->key_of_source = NULL;
        map->source_cap = 0;
        map->fixed_group = group_of(map, STR_NONE);
        return map->fixed_group != GROUP_DROPPED;
    }
    struct why why = {0};
    if (part_load_sources(map->run->snapshot, part, &map->source_count, &why) != ERR_OK) {
        query_fail(map->run->error, why.err, 0, NULL, "sources could not be read: %s", why.text);
        return false;
    }
    bool stale = map->stale || !map->key_of_source;
    make_tables(map);
    if (stale)
        map->none = map->has_source_scope && part_metric_rows(part, metric->id) > map->source_count / 4 &&
                    none_in_scope(map);
    return !map->none;
}

uint32_t source_map_resolve(struct source_map *map, uint32_t source)
{
    uint32_t key = map->key_of_source[source];
    if (key == KEY_UNKNOWN)
        key = map->key_of_source[source] = key_of(map, source);
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
    if (source >= map->source_count)
        return 0;
    uint64_t hash = map->distinct_of_source[source];
    if (hash != UINT64_MAX)
        return hash;
    struct source_value value = source_get(part_source(map->part, source), map->feed->distinct_field);
    hash = 0;
    if (value.type != SOURCE_UNSET) {
        map->scratch.size = 0;
        key_put(&map->scratch, value);
        hash = hash_bytes(buf_view(&map->scratch)) >> 1 | 1;
    }
    map->distinct_of_source[source] = hash;
    return hash;
}
