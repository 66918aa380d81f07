/* world.h: a small world for tests of queries: a scheme, names, and a store on a simulated machine. */
#ifndef TEST_QUERY_WORLD_H
#define TEST_QUERY_WORLD_H

#include "base/check.h"
#include "base/hash.h"
#include "base/sys_sim.h"
#include "query/query.h"
#include "scheme/source.h"

#include <stdio.h>

enum { WORLD_LANES = 3 };

#define WORLD_DAY_MS INT64_C(1795392000000) /* 2026-11-23 */

struct world {
    struct sys *sys;
    struct names *names;
    struct scheme *scheme;
    struct store *store;
    struct batch *batch;
};

static inline void world_open_store(struct world *world)
{
    struct store_options options;
    struct store_report report = {0};
    struct why why = {0};
    store_options_default(&options);
    options.sys = world->sys;
    options.dir = STR("data");
    options.names = world->names;
    options.lanes = WORLD_LANES;
    if (store_open(&options, &world->store, &report, &why) != ERR_OK) {
        fprintf(stderr, "store: %s\n", why.text);
        CHECK(false);
    }
    buf_done(&report.text);
}

static inline void world_init(struct world *world, struct str scheme_text)
{
    struct sys_sim_options sim = {.seed = 1, .wall_ms = WORLD_DAY_MS + 13 * 3600000};
    struct scheme_report report = {0};
    struct why why = {0};
    *world = (struct world){.sys = sys_sim_new(&sim), .names = names_new(), .batch = batch_new()};
    if (scheme_parse(scheme_text, STR("scheme.yaml"), world->names, &world->scheme, &report, &why) !=
        ERR_OK) {
        fprintf(stderr, "%.*s\n", STR_ARG(buf_view(&report.text)));
        CHECK(false);
    }
    scheme_report_done(&report);
    world_open_store(world);
}

static inline void world_done(struct world *world)
{
    batch_free(world->batch);
    store_close(world->store);
    scheme_unref(world->scheme);
    names_free(world->names);
    sys_sim_free(world->sys);
}

/* Everything stored is gone; names stay. */
static inline void world_forget(struct world *world)
{
    struct sys_sim_options sim = {.seed = 1, .wall_ms = WORLD_DAY_MS + 13 * 3600000};
    store_close(world->store);
    sys_sim_free(world->sys);
    world->sys = sys_sim_new(&sim);
    world_open_store(world);
}

static inline void world_put(struct source_set *set, struct world *world, struct str field, struct str value)
{
    const struct field_def *def = scheme_find_field(world->scheme, field);
    struct source_value v = {.type = SOURCE_TEXT, .text = value};
    if (def && def->type == FIELD_ID && str_u64(value, &v.number))
        v.type = SOURCE_NUMBER;
    CHECK(source_set_put(set, names_resolve_field(world->names, field), v));
}

static inline uint32_t world_source(struct world *world, const struct source_set *set)
{
    struct buf bytes = {0};
    source_encode(set, &bytes);
    uint32_t source = batch_source(world->batch, buf_view(&bytes), hash_bytes(buf_view(&bytes)));
    buf_done(&bytes);
    return source;
}

/* Declared metrics take their kind from the scheme. */
static inline uint32_t world_metric(struct world *world, struct str name, enum kind kind)
{
    struct metric_match match = {0};
    scheme_match(world->scheme, name, &match);
    enum unit unit = match.def ? match.def->unit : UNIT_NONE;
    uint32_t metric = names_resolve_metric(world->names, name, match.def ? match.def->kind : kind, unit);
    CHECK(metric != NAME_NONE);
    return metric;
}

/* What is in the batch becomes rows of a lane. */
static inline void world_commit(struct world *world, uint32_t lane)
{
    struct why why = {0};
    if (lane_submit(store_lane(world->store, lane), world->batch, &why) != ERR_OK) {
        fprintf(stderr, "submit: %s\n", why.text);
        CHECK(false);
    }
    CHECK(lane_commit(store_lane(world->store, lane)) == 1);
    batch_reset(world->batch);
}

#endif
