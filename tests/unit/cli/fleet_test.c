/* The fleet: the same bytes for ever, the shape it promises, and not one remark from the parser and the pack.
 */
#include "cli/fleet.h"
#include "scheme/resolve.h"

#include "../cmocka_all.h"

#include "base/hash.h"
#include "cli/fleet_random.h"

#include <math.h>

static struct fleet *fleet_of(uint64_t seed)
{
    struct fleet_options options = {
        .seed = seed, .start_ms = 1767600000000, .samples_per_s = 300, .span_ms = 3 * 3600 * 1000};
    return fleet_new(&options);
}

static uint64_t hash_of_lines(uint64_t seed, unsigned count)
{
    struct fleet *fleet = fleet_of(seed);
    struct buf lines = {0};
    for (unsigned i = 0; i < count; i++)
        fleet_next(fleet, &lines);
    uint64_t hash = hash_bytes(buf_view(&lines));
    buf_done(&lines);
    fleet_free(fleet);
    return hash;
}

static void the_same_bytes_on_every_machine(void **state)
{
    assert_int_equal(hash_of_lines(1, 100000), 0xb26ce9c928006534);
    assert_int_equal(hash_of_lines(2, 100000), 0xbd09d0a142507b20);
}

static void logarithm_and_exponential_agree_with_the_library(void **state)
{
    struct rng rng = {7};
    for (unsigned i = 0; i < 100000; i++) {
        double x = rng_unit(&rng) * 60 - 30;
        assert_true(fabs(fleet_exp(x) / exp(x) - 1) < 1e-11);
        assert_true(fabs(fleet_log(exp(x)) - x) < 1e-11);
    }
}

static void times_never_go_back(void **state)
{
    struct fleet *fleet = fleet_of(3);
    struct buf line = {0};
    int64_t last = 1767600000000;
    for (unsigned i = 0; i < 100000; i++) {
        line.size = 0;
        struct fleet_line next = fleet_next(fleet, &line);
        assert_true(next.time_ms >= last);
        assert_true(line.size > 0 && line.at[line.size - 1] == '\n');
        last = next.time_ms;
    }
    buf_done(&line);
    fleet_free(fleet);
}

struct shape {
    uint64_t samples, latencies, answered, counts, levels, answered_below_6s;
    double answered_max;
};

static void count_measurement(struct shape *shape, const struct measurement *m)
{
    shape->samples++;
    if (str_starts(m->name, STR("dialer.")) && m->verb == VERB_MEASURE)
        shape->latencies++;
    if (str_starts(m->name, STR("dialer.")) && m->verb == VERB_COUNT)
        shape->counts++;
    shape->levels += m->verb == VERB_LEVEL;
    if (str_eq(m->name, STR("dialer.contact.answered"))) {
        shape->answered++;
        shape->answered_below_6s += m->number < 6000;
        shape->answered_max = m->number > shape->answered_max ? m->number : shape->answered_max;
    }
}

static void the_pack_understands_every_line_and_the_shape_is_as_promised(void **state)
{
    struct names *names = names_new();
    struct scheme *scheme;
    struct scheme_report report = {0};
    struct fleet *fleet = fleet_of(1);
    struct buf text = {0};
    struct line line;
    struct shape shape = {0};
    struct remarks remarks = {0};
    struct reporter reporter = {.id = 1};
    assert_int_equal(scheme_load(NULL, STR_NONE, names, &scheme, &report, NULL), ERR_OK);
    struct resolver *resolver = resolver_new(scheme, names, UNDECLARED_REFUSE);
    line_init(&line);
    for (unsigned i = 0; i < 300000; i++) {
        enum reason refused;
        text.size = 0;
        struct fleet_line next = fleet_next(fleet, &text);
        assert_true(line_parse(&line, str_trim(buf_view(&text)), &(struct line_options){0}, &refused));
        assert_int_equal(line.measurement_count, next.samples);
        assert_int_equal(line.refused_count, 0);
        assert_true(line.has_time && line.time_ms == next.time_ms);
        for (uint32_t m = 0; m < line.measurement_count; m++) {
            struct resolved_metric metric;
            assert_int_equal(resolve_metric(resolver, &line.measurements[m], &remarks, &metric), REASON_NONE);
            resolve_value(&line.measurements[m], &metric, &remarks);
            resolve_source(resolver, &metric, &line, &reporter, &remarks);
            count_measurement(&shape, &line.measurements[m]);
        }
    }
    for (unsigned r = 0; r < REASON_COUNT; r++)
        if (remarks.counts[r])
            fail_msg("%.*s: %llu times", STR_ARG(reason_name((enum reason)r)),
                     (unsigned long long)remarks.counts[r]);
    double all = (double)shape.samples;
    assert_true(shape.latencies / all > 0.33 && shape.latencies / all < 0.5);
    assert_true(shape.counts / all > 0.33 && shape.counts / all < 0.5);
    assert_true(shape.levels / all < 0.25);
    assert_true(fabs((double)shape.answered / (double)shape.latencies - 0.6) < 0.02);
    assert_true(fabs((double)shape.answered_below_6s / (double)shape.answered - 0.5) < 0.05);
    assert_true(shape.answered_max <= 30000);
    assert_true(fleet_sessions(fleet) > 5000);
    line_done(&line);
    buf_done(&text);
    fleet_free(fleet);
    resolver_free(resolver);
    scheme_unref(scheme);
    scheme_report_done(&report);
    names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bytes_on_every_machine),
        cmocka_unit_test(logarithm_and_exponential_agree_with_the_library),
        cmocka_unit_test(times_never_go_back),
        cmocka_unit_test(the_pack_understands_every_line_and_the_shape_is_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
