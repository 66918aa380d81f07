/* Whole queries over a small store: no text crashes the planner or the executor, and an answer is whole: as
 * many values and marks as steps, marks and gaps agreeing. */
#include "../fuzz.h"

#include "../../unit/query/world.h"

#include <math.h>

static const char SCHEME[] = "scheme: fuzz\n"
                             "fields:\n"
                             "  host: {type: dyno}\n"
                             "  id: {type: id, key: i}\n"
                             "templates:\n"
                             "  t: host.id\n"
                             "metrics:\n"
                             "  c: {kind: count, template: t, doc: x}\n"
                             "  c.x: {kind: count, template: t, doc: x}\n"
                             "  m: {kind: measure, unit: ms, template: t, doc: x}\n"
                             "  l: {kind: level, template: t, every: 60s, doc: x}\n"
                             "  v: {kind: value, template: t, doc: x}\n"
                             "  u: {kind: unique, template: t, doc: x}\n"
                             "  \"{p}.j\": {kind: count, template: t, doc: x}\n";

static struct world world;
static struct snapshot *snapshot;

static void make_world(void)
{
    static const char *const names[] = {"c", "c.x", "m", "l", "v", "u", "a.j", "b.j"};
    world_init(&world, str_of(SCHEME));
    for (uint32_t i = 0; i < 600; i++) {
        struct source_set set = {0};
        char host[8] = "h0", id[8] = "0";
        host[1] = (char)('0' + i % 3);
        id[0] = (char)('0' + i % 7);
        world_put(&set, &world, STR("host"), str_of(host));
        if (i % 5)
            world_put(&set, &world, STR("id"), str_of(id));
        batch_add(world.batch, world_metric(&world, str_of(names[i % 8]), KIND_VALUE),
                  world_source(&world, &set), WORLD_DAY_MS + (int64_t)hash_mix(i) % 600000,
                  (double)(i % 11) - 2);
        if (i % 200 == 199)
            world_commit(&world, i % WORLD_LANES);
    }
    store_tidy(world.store, false);
    snapshot = store_snapshot(world.store);
}

static void check_answer(const struct answer *answer)
{
    CHECK(answer->point_count > 0 && answer->point_count <= QUERY_POINTS_MAX);
    for (uint32_t i = 0; i < answer->series_count; i++) {
        const struct series *series = &answer->series[i];
        for (uint32_t p = 0; p < answer->point_count; p++) {
            CHECK(strchr("kzg", series->marks[p]) && series->marks[p]);
            CHECK(!isinf(series->values[p]));
            CHECK(series->marks[p] == MARK_GAP || !isnan(series->values[p]));
        }
    }
    struct buf out = {0};
    answer_json(answer, &out);
    answer_csv(answer, &out);
    answer_table(answer, &out, 80);
    CHECK(out.size > 0);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!snapshot)
        make_world();
    /* The first byte picks the range and the limits, so that small inputs reach the rarer paths. */
    uint8_t knobs = size ? data[0] : 0;
    struct str text = size ? fuzz_input(data + 1, size - 1) : STR("");
    struct query_options options = {.scheme = world.scheme,
                                    .names = world.names,
                                    .sys = world.sys,
                                    .now_ms = WORLD_DAY_MS + 500000,
                                    .from_ms = WORLD_DAY_MS + (knobs & 7) * 33333,
                                    .to_ms = WORLD_DAY_MS + 600000,
                                    .step_ms = knobs & 8 ? 60000 : 7000,
                                    .groups_max = knobs & 16 ? 2 : 0,
                                    .exact_bytes_max = knobs & 32 ? 1 : 0,
                                    .rows_max = 100000};
    struct query_error error;
    struct answer *answer;
    if (query_run(text, &options, snapshot, &answer, &error) == ERR_OK) {
        check_answer(answer);
        answer_free(answer);
    } else {
        CHECK(error.err != ERR_OK && error.text[0] && error.column <= text.size + 1);
    }
    return 0;
}
