/* The samples of a span are those that sessions log themselves, the reports of campaigns, and what hosts and
 * workers say. All three are known by slots of five minutes of a day, for a number of arrivals: callers at
 * work are the rhythm of arrivals smoothed by how long sessions live; a campaign reports while somebody is at
 * work in it. The number of arrivals that gives the samples asked for is found by proportion, in a few
 * rounds: only the reports are not proportional to it.
 *
 * The constants were measured on 184,000 sessions of two whole days. Whoever changes how a caller works
 * measures again: a run whose arrivals do not follow fleet_urge() logs what its plan says within a hundredth.
 */
#include "cli/fleet_plan.h"

#include "cli/fleet_room.h"

enum { SLOT_MS = 5 * 60 * 1000, DAY_MS = FLEET_PLAN_SLOTS * SLOT_MS, ROUNDS = 6, AGES = 13 };

static const double life_s = 1355; /* mean, of a session: the sum of the row below times 300 s */

/* Of a thousand sessions, so many live in their first five minutes, the next, and so on. */
static const uint16_t alive_permille[AGES] = {1000, 991, 892, 667, 428, 249, 137, 74, 39, 20, 10, 5, 3};

/* And so many samples do a hundred sessions log in each. */
static const uint16_t own_of_100[AGES] = {1156, 762, 626, 422, 253, 140, 75, 40, 21, 11, 5, 3, 1};
static const double own_samples = 35.15; /* of a session: the sum of that row */

struct draft {
    double slot_ms[FLEET_PLAN_SLOTS]; /* how much of the span lies in this slot of a day */
    double rhythm[FLEET_PLAN_SLOTS];
    /* For one arrival a second at an average hour: */
    double callers[FLEET_PLAN_SLOTS];   /* at work */
    double own_per_s[FLEET_PLAN_SLOTS]; /* samples of their own */
};

static uint32_t clamp(double value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

static void make_weights(struct fleet_plan *plan)
{
    double sum = 0;
    for (uint32_t a = 0; a < FLEET_ACCOUNTS_MAX; a++)
        plan->account_sums[a] = sum += fleet_exp(-1.12 * fleet_log(a + 2.0));
    sum = 0;
    for (uint32_t c = 0; c < FLEET_CAMPAIGNS; c++)
        plan->campaign_sums[c] = sum += fleet_exp(-2.6 * fleet_log(c + 1.0));
}

static double weight(const double *sums, uint32_t at, uint32_t count)
{
    return (sums[at] - (at ? sums[at - 1] : 0)) / sums[count - 1];
}

static void cut_into_slots(const struct fleet_options *options, struct draft *draft)
{
    int64_t span_ms = options->span_ms > 0 ? options->span_ms : DAY_MS, days = span_ms / DAY_MS;
    int64_t at = options->start_ms % DAY_MS, rest = span_ms % DAY_MS;
    at += at < 0 ? DAY_MS : 0;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        draft->slot_ms[s] = (double)days * SLOT_MS;
    while (rest > 0) {
        int64_t part = SLOT_MS - at % SLOT_MS;
        part = part < rest ? part : rest;
        draft->slot_ms[at / SLOT_MS] += (double)part;
        at = (at + part) % DAY_MS;
        rest -= part;
    }
}

static void follow_sessions(struct draft *draft)
{
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++) {
        int64_t middle_ms = (int64_t)s * SLOT_MS + SLOT_MS / 2;
        draft->rhythm[s] = fleet_rhythm(middle_ms);
        draft->callers[s] = draft->own_per_s[s] = 0;
        for (uint32_t age = 0; age < AGES; age++) {
            double arrived = fleet_rhythm(middle_ms - (int64_t)age * SLOT_MS - SLOT_MS / 2);
            draft->callers[s] += arrived * alive_permille[age] * SLOT_MS / 1e6;
            draft->own_per_s[s] += arrived * own_of_100[age] / 100;
        }
    }
}

/* e^-x for x >= 0, good to a hundredth, in one division: it is asked for in every campaign and slot. */
static double falling(double x)
{
    double e = 1 / (1 + x / 64);
    for (int i = 0; i < 6; i++)
        e *= e;
    return e;
}

/* Reports a second of one campaign with this many callers at work on average: one every 90 s while there is
 * somebody, and one of nobody when the last has gone. */
static double reports_per_s(double callers)
{
    double nobody = falling(callers);
    return (1 - nobody) / 90 + callers * nobody / life_s;
}

static double all_reports_per_s(const struct fleet_plan *plan, double callers)
{
    double sum = 0;
    for (uint32_t a = 0; a < plan->account_count; a++) {
        double in_account = callers * weight(plan->account_sums, a, plan->account_count);
        for (uint32_t c = 0; c < FLEET_CAMPAIGNS; c++)
            sum += reports_per_s(in_account * weight(plan->campaign_sums, c, FLEET_CAMPAIGNS));
    }
    return sum;
}

static double calls_per_ms(const struct fleet_plan *plan, const struct draft *draft, uint32_t slot)
{
    double arrivals_per_s = plan->arrivals_per_ms * 1000;
    return (arrivals_per_s * draft->own_per_s[slot] +
            3 * all_reports_per_s(plan, arrivals_per_s * draft->callers[slot])) /
           1000;
}

static double beside_per_ms(const struct fleet_plan *plan, double rhythm)
{
    return (fleet_hosts_samples_per_s(plan->host_count) +
            fleet_workers_samples_per_s(plan->host_count, rhythm)) /
           plan->stretch / 1000;
}

/* Expected samples of hosts and workers in the span. */
static double sum_beside(const struct fleet_plan *plan, const struct draft *draft)
{
    double sum = 0;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        sum += draft->slot_ms[s] * beside_per_ms(plan, draft->rhythm[s]);
    return sum;
}

static double sum_calls(const struct fleet_plan *plan, const struct draft *draft)
{
    double sum = 0;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        if (draft->slot_ms[s] > 0)
            sum += draft->slot_ms[s] * calls_per_ms(plan, draft, s);
    return sum;
}

static void make_hosts(struct fleet_plan *plan, const struct draft *draft, double samples)
{
    double rhythm_ms = 0;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        rhythm_ms += draft->slot_ms[s] * draft->rhythm[s];
    plan->host_count = clamp(samples / rhythm_ms * 1000 / 3, 2, FLEET_HOSTS_MAX);
    plan->stretch = 1;
    double share = sum_beside(plan, draft) / (samples / 2);
    plan->stretch = share > 1 ? share : 1;
    plan->arrivals_per_ms = (samples - sum_beside(plan, draft)) / rhythm_ms / (own_samples + 5);
}

void fleet_plan_make(const struct fleet_options *options, struct fleet_plan *plan)
{
    struct draft draft;
    *plan = (struct fleet_plan){0};
    cut_into_slots(options, &draft);
    follow_sessions(&draft);
    make_weights(plan);
    double span_ms = 0;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        span_ms += draft.slot_ms[s];
    double samples = options->samples_per_s * span_ms / 1000;
    make_hosts(plan, &draft, samples);
    double calls = samples - sum_beside(plan, &draft);
    for (int round = 0; round < ROUNDS; round++) {
        plan->callers = plan->arrivals_per_ms * 1000 * life_s;
        plan->account_count = clamp(plan->callers / 8, 5, FLEET_ACCOUNTS_MAX);
        plan->arrivals_per_ms *= calls / sum_calls(plan, &draft);
    }
    plan->callers = plan->arrivals_per_ms * 1000 * life_s;
    for (uint32_t s = 0; s < FLEET_PLAN_SLOTS; s++)
        plan->samples_per_ms[s] = calls_per_ms(plan, &draft, s) + beside_per_ms(plan, draft.rhythm[s]);
}

double fleet_plan_rate(const struct fleet_plan *plan, int64_t time_ms)
{
    int64_t in_day = time_ms % DAY_MS;
    return plan->samples_per_ms[(in_day < 0 ? in_day + DAY_MS : in_day) / SLOT_MS];
}
