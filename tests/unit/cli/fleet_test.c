/* The fleet: the same bytes for ever, the shape it promises, and not one remark from the parser and the pack.
 */
#include "cli/fleet.h"
#include "scheme/resolve.h"

#include "../cmocka_all.h"

#include "base/hash.h"
#include "cli/fleet_room.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
    assert_int_equal(hash_of_lines(1, 50000), 0xfb3ab30b4adf374f);
    assert_int_equal(hash_of_lines(2, 50000), 0x57fbe13da4455b01);
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

/* When the last of the samples that the span is to hold is logged, as a part of the span. */
static double part_of_span(const struct fleet_options *options)
{
    struct fleet *fleet = fleet_new(options);
    struct buf line = {0};
    uint64_t count = (uint64_t)(options->samples_per_s * (double)options->span_ms / 1000);
    int64_t last = 0;
    for (uint64_t samples = 0; samples < count; line.size = 0) {
        struct fleet_line next = fleet_next(fleet, &line);
        samples += next.samples;
        last = next.time_ms;
    }
    buf_done(&line);
    fleet_free(fleet);
    return (double)(last - options->start_ms) / (double)options->span_ms;
}

static void a_plan_is_kept(void **state)
{
    static const struct {
        unsigned samples, hours, hour;
        double least, most;
    } cases[] = {
        {20000, 3, 8, 0.95, 1.05},   {20000, 8, 22, 0.95, 1.05}, {100000, 3, 0, 0.97, 1.03},
        {100000, 1, 12, 0.95, 1.05}, {150000, 8, 8, 0.97, 1.03}, {150000, 30, 17, 0.97, 1.03},
        {1000, 3, 8, 0.6, 1.5},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct fleet_options options = {.seed = seed,
                                            .start_ms = 1767571200000 + cases[i].hour * 3600000LL,
                                            .span_ms = cases[i].hours * 3600000LL,
                                            .samples_per_s = cases[i].samples / (cases[i].hours * 3600.0)};
            double part = part_of_span(&options);
            if (part < cases[i].least || part > cases[i].most)
                fail_msg("%u samples in %u h from %u:00, seed %u: at %.3f of the span", cases[i].samples,
                         cases[i].hours, cases[i].hour, (unsigned)seed, part);
        }
    }
}

/* The day's samples by slot are what was asked for, for fleets of any size. */
static void a_plan_adds_up(void **state)
{
    for (double rate = 0.01; rate < 1e6; rate *= 10) {
        struct fleet_options options = {.seed = 1, .samples_per_s = rate, .span_ms = 24 * 3600000LL};
        struct fleet_plan plan;
        double sum = 0;
        fleet_plan_make(&options, &plan);
        for (int64_t minute = 0; minute < 24 * 60; minute++)
            sum += 60000 * fleet_plan_rate(&plan, minute * 60000);
        assert_true(fabs(sum / (rate * 24 * 3600) - 1) < 0.02);
        assert_true(plan.host_count >= 2 && plan.host_count <= FLEET_HOSTS_MAX);
        assert_true(plan.account_count >= 5 && plan.account_count <= FLEET_ACCOUNTS_MAX);
        assert_true(plan.arrivals_per_ms > 0 && plan.stretch >= 1);
        assert_true(fabs(fleet_plan_rate(&plan, -60000) / fleet_plan_rate(&plan, 24 * 3600000 - 60000) - 1) <
                    1e-9);
    }
}

struct numbers {
    uint64_t least, most;
};

/* Of the sessions that log something in this many milliseconds. */
static struct numbers session_numbers(int64_t start_ms, double rate, int64_t ms)
{
    struct fleet_options options = {
        .seed = 1, .start_ms = start_ms, .samples_per_s = rate, .span_ms = 3600000, .lives = true};
    struct fleet *fleet = fleet_new(&options);
    struct buf line = {0};
    struct numbers numbers = {UINT64_MAX, 0};
    while (fleet_next(fleet, &line).time_ms < start_ms + ms) {
        unsigned long long id = 0;
        buf_char(&line, 0);
        const char *keyed = strstr(line.at, ".cs-"), *web = strstr(line.at, "source=web");
        if (keyed)
            id = strtoull(keyed + 4, NULL, 10);
        else if (web)
            sscanf(web, "source=web%*u.%*u.%*u.%llu.", &id);
        if (id && id < numbers.least)
            numbers.least = id;
        numbers.most = id > numbers.most ? id : numbers.most;
        line.size = 0;
    }
    buf_done(&line);
    fleet_free(fleet);
    return numbers;
}

static void a_fleet_begun_again_has_other_sessions(void **state)
{
    for (double rate = 20; rate <= 100; rate *= 5) {
        uint64_t most = 0;
        for (int64_t s = 0; s < 3; s++) {
            /* Not quite the same rate: a later start has another span to plan for. */
            struct numbers numbers =
                session_numbers(1767600000000 + s * 1000, rate * (1 + (double)s / 50), 990);
            assert_true(numbers.least > most && numbers.most >= numbers.least);
            assert_true(numbers.most < (uint64_t)1 << 53);
            most = numbers.most;
        }
    }
}

struct looks { /* of an autoscaler; at some it acts */
    uint64_t all, moves;
};

static void autoscalers_are_calm_but_for_the_incident(void **state)
{
    struct fleet *fleet = fleet_of(1);
    struct buf line = {0};
    struct looks windows[6][5] = {0}; /* of half an hour, by process */
    static const char *const processes[5] = {"worker", "mailer", "billing", "crm", "reports"};
    for (;; line.size = 0) {
        int64_t at = (fleet_next(fleet, &line).time_ms - 1767600000000) / 1800000;
        if (at >= 6)
            break;
        buf_char(&line, 0);
        const char *scale = strstr(line.at, "count#autoscale.");
        for (unsigned p = 0; scale && p < 5; p++)
            if (strncmp(scale + 16, processes[p], strlen(processes[p])) == 0) {
                windows[at][p].all++;
                windows[at][p].moves += strstr(line.at, ".up=") || strstr(line.at, ".down=");
            }
    }
    unsigned calm = 0, flapping = 0;
    for (unsigned i = 0; i < 30; i++) {
        const struct looks *looks = &windows[i / 5][i % 5];
        assert_true(looks->all > 55 && looks->all < 65);
        calm += looks->moves <= 8;
        flapping += looks->moves >= 12;
    }
    assert_true(flapping >= 1 && flapping <= 4); /* an incident may lie across two of them */
    assert_true(calm >= 26);
    buf_done(&line);
    fleet_free(fleet);
}

static void in_every_window_one_of_the_frequent_jobs_fails(void **state)
{
    struct fleet fleet = {.options.seed = 3};
    unsigned met[FLEET_JOBS] = {0};
    for (unsigned window = 0; window < 100; window++) {
        unsigned minutes = 0;
        for (unsigned minute = 0; minute < 120; minute++) {
            fleet.now_ms = 1767600000000 + (window * 120 + minute) * 60000LL;
            for (uint32_t job = 0; job < FLEET_JOBS; job++)
                if (fleet_incident_failing(&fleet, job) > 10) {
                    assert_true(job < FLEET_JOBS_FREQUENT);
                    met[job]++;
                    minutes++;
                }
        }
        assert_int_equal(minutes, 15);
    }
    for (uint32_t job = 0; job < FLEET_JOBS_FREQUENT; job++)
        assert_true(met[job] > 0);
}

/* At noon, when the rhythm is flat, the load that a host logs goes with the callers that are at work on it;
 * the fleet is a small one, so that they are not equally many everywhere. */
static void hosts_follow_the_callers_at_work(void **state)
{
    int64_t noon_ms = 1767614400000, hour_ms = 3600 * 1000;
    struct fleet *fleet = fleet_new(
        &(struct fleet_options){.seed = 1, .start_ms = noon_ms, .samples_per_s = 30, .span_ms = hour_ms});
    struct buf line = {0};
    double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    while (fleet_next(fleet, &line).time_ms < noon_ms + hour_ms) {
        buf_char(&line, 0);
        const char *load = strstr(line.at, "level#host.load.1m="), *host = strstr(line.at, "source=web");
        if (load && host) {
            double x = fleet->callers_at[strtoul(host + 10, NULL, 10) - 1], y = strtod(load + 19, NULL);
            n++, sx += x, sy += y, sxx += x * x, syy += y * y, sxy += x * y;
        }
        line.size = 0;
    }
    double correlation = (n * sxy - sx * sy) / sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
    assert_true(n > 1000 && correlation > 0.8);
    buf_done(&line);
    fleet_free(fleet);
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
        cmocka_unit_test(a_plan_adds_up),
        cmocka_unit_test(a_plan_is_kept),
        cmocka_unit_test(a_fleet_begun_again_has_other_sessions),
        cmocka_unit_test(autoscalers_are_calm_but_for_the_incident),
        cmocka_unit_test(in_every_window_one_of_the_frequent_jobs_fails),
        cmocka_unit_test(hosts_follow_the_callers_at_work),
        cmocka_unit_test(times_never_go_back),
        cmocka_unit_test(the_pack_understands_every_line_and_the_shape_is_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
