#include "query/plan.h"

/* What the clauses around a selector say about it: inner ones win, scopes add up. */
struct context {
    struct scope scope;
    const struct stat_term *stats;
    uint32_t stat_count;
    int64_t over_ms, rate_ms;
    uint32_t rate_column;
    bool grouped;
    bool combined; /* inside arithmetic or a function: needs one plain statistic */
};

struct planner {
    struct plan *plan;
    const struct query_options *options;
    struct arena *arena;
    struct query_error *error;
    bool any_ungrouped;
    uint32_t ungrouped_column;
};

static const char STATS_EXPECTED[] = "a statistic: count sum avg min max last stddev or p50, p95, p99.9 ...";

/* ---- what this version serves ---- */

static enum err check_clauses(const struct node *node, bool root, struct query_error *error)
{
    const struct clauses *clauses = &node->clauses;
    static const char later[] = "is understood, but not served by this version";
    if (node->test.kind)
        return query_fail(error, ERR_REFUSED, node->test.column, "the query without its test", "`%.*s` %s",
                          STR_ARG(test_text(node->test.kind)), later);
    if (clauses->per.at)
        return query_fail(error, ERR_REFUSED, clauses->per_column, "a division: `(a / b)`", "`per` %s",
                          later);
    for (uint32_t i = 0; i < clauses->stat_count; i++)
        if (clauses->stats[i].kind == STAT_DIST)
            return query_fail(error, ERR_REFUSED, clauses->stats[i].column, "percentiles, such as p50 p95",
                              "`dist` %s", later);
    for (uint32_t i = 0; i < clauses->outward_count; i++) {
        const struct outward *outward = &clauses->outward[i];
        if (outward->kind == OUTWARD_BAND)
            return query_fail(error, ERR_REFUSED, outward->column, NULL, "`band` %s", later);
        if (outward->kind == OUTWARD_OTHER && !root)
            return query_fail(error, ERR_REFUSED, outward->column, NULL,
                              "`other` stands at the end of the whole query");
    }
    return ERR_OK;
}

static enum err check_node(const struct node *node, bool root, struct query_error *error)
{
    if (node->kind == NODE_QUERY && check_clauses(node, root, error) != ERR_OK)
        return error->err;
    if (node->kind == NODE_CALL && node->func == FUNC_IF)
        return query_fail(error, ERR_REFUSED, node->column, NULL,
                          "`if` is understood, but not served by this version");
    for (uint32_t i = 0; i < node->kid_count; i++)
        if (check_node(node->kids[i], false, error) != ERR_OK)
            return error->err;
    return ERR_OK;
}

enum err plan_check_served(const struct node *root, struct query_error *error)
{
    return check_node(root, true, error);
}

/* ---- feeds ---- */

static struct needs needs_of(const struct stat_term *stats, uint32_t count, bool level)
{
    struct needs needs = {0};
    for (uint32_t i = 0; i < count; i++) {
        enum stat_kind kind = stats[i].kind;
        needs.sum |= kind == STAT_SUM || kind == STAT_AVG || level;
        needs.range |= kind == STAT_MIN || kind == STAT_MAX;
        needs.last |= kind == STAT_LAST;
        needs.spread |= kind == STAT_STDDEV;
        needs.values |= kind == STAT_PERCENTILE;
        needs.distinct |= kind == STAT_UNIQ;
    }
    return needs;
}

static struct feed *add_feed(struct planner *planner, struct metric_ref **metrics, uint32_t count,
                             const struct node *selector, const struct context *context)
{
    struct plan *plan = planner->plan;
    if ((plan->feed_count & (plan->feed_count - 1)) == 0) {
        struct feed *more =
            arena_array(planner->arena, plan->feed_count ? (size_t)plan->feed_count * 2 : 1, sizeof(*more));
        if (plan->feed_count)
            memcpy(more, plan->feeds, plan->feed_count * sizeof(*more));
        plan->feeds = more;
    }
    struct feed *feed = &plan->feeds[plan->feed_count++];
    *feed = (struct feed){.selector = selector, .metrics = metrics, .metric_count = count};
    feed->scope = context->scope;
    feed->over_ms = context->over_ms;
    feed->rate_ms = context->rate_ms;
    feed->distinct_field = NAME_NONE;
    feed->kind = count ? metrics[0]->kind : KIND_NONE;
    for (uint32_t i = 1; i < count; i++)
        if (metrics[i]->kind != feed->kind)
            feed->kind = KIND_NONE;
    return feed;
}

static bool feed_take_stat(struct planner *planner, struct feed *feed, struct stat_term stat)
{
    struct stat_term *more = arena_array(planner->arena, feed->stat_count + 1, sizeof(*more));
    if (feed->stat_count)
        memcpy(more, feed->stats, feed->stat_count * sizeof(*more));
    more[feed->stat_count++] = stat;
    feed->stats = more;
    if (stat.kind == STAT_UNIQ) {
        if (feed->needs.distinct) {
            query_fail(planner->error, ERR_REFUSED, stat.column, NULL, "one `uniq` at a time");
            return false;
        }
        feed->distinct = stat.field;
        feed->distinct_field =
            stat.field.at ? names_find_field(planner->options->names, stat.field) : NAME_NONE;
        if (stat.field.at && !field_is_known(stat.field, planner->options)) {
            query_fail(planner->error, ERR_UNKNOWN, stat.column, "a declared field", "there is no field %.*s",
                       STR_ARG(stat.field));
            field_near(stat.field, planner->options, planner->error);
            return false;
        }
    }
    feed->needs = needs_of(feed->stats, feed->stat_count, feed->is_level);
    return true;
}

/* ---- levels ---- */

static enum across across_of(const struct stat_term *stat, enum across declared)
{
    return stat->kind == STAT_SUM ? ACROSS_SUM : stat->kind == STAT_AVG ? ACROSS_AVG : declared;
}

static bool plan_level(struct planner *planner, struct metric_ref **metrics, uint32_t count,
                       const struct node *selector, const struct context *context,
                       const struct stat_term *stats, uint32_t stat_count)
{
    enum across declared = metrics[0]->def ? metrics[0]->def->across : ACROSS_SUM;
    uint32_t first = planner->plan->feed_count;
    for (uint32_t i = 0; i < stat_count; i++) {
        const struct stat_term *stat = &stats[i];
        bool rows = stat->kind == STAT_COUNT || stat->kind == STAT_UNIQ;
        if (stat->kind == STAT_STDDEV || stat->kind == STAT_PERCENTILE) {
            query_fail(planner->error, ERR_REFUSED, stat->column, "sum avg min max last or count",
                       "`%.*s` of a level is not served by this version", STR_ARG(stat->text));
            return false;
        }
        enum across across = across_of(stat, declared);
        struct feed *feed = NULL;
        for (uint32_t j = first; j < planner->plan->feed_count; j++)
            if (planner->plan->feeds[j].is_level == !rows &&
                (rows || planner->plan->feeds[j].across == across))
                feed = &planner->plan->feeds[j];
        if (!feed) {
            feed = add_feed(planner, metrics, count, selector, context);
            feed->is_level = !rows;
            feed->across = across;
        }
        if (!feed_take_stat(planner, feed, *stat))
            return false;
    }
    return true;
}

/* ---- selectors ---- */

static struct stat_term stat_named(const struct node *selector, enum stat_kind kind)
{
    return (struct stat_term){.kind = kind, .column = selector->column, .text = stat_kind_text(kind)};
}

static uint32_t default_stats(const struct node *selector, enum kind kind, const struct metric_ref *metric,
                              struct stat_term *out)
{
    switch (kind) {
    case KIND_MEASURE:
        out[0] = (struct stat_term){STAT_PERCENTILE, selector->column, STR("p50"), STR_NONE, 50, 100};
        out[1] = (struct stat_term){STAT_PERCENTILE, selector->column, STR("p95"), STR_NONE, 95, 100};
        out[2] = stat_named(selector, STAT_MAX);
        return 3;
    case KIND_COUNT:
        out[0] = stat_named(selector, STAT_SUM);
        return 1;
    case KIND_LEVEL:
        out[0] = stat_named(selector, STAT_SUM);
        if (metric && metric->def && metric->def->across != ACROSS_SUM)
            out[0] = stat_named(selector, metric->def->across == ACROSS_AVG ? STAT_AVG : STAT_MAX);
        return 1;
    case KIND_UNIQUE:
        out[0] = stat_named(selector, STAT_UNIQ);
        return 1;
    default:
        out[0] = stat_named(selector, STAT_AVG);
        return 1;
    }
}

static const char *kind_name(enum kind kind)
{
    static const char *const names[KIND_COUNT_OF] = {"value",
#define X(name, text) text,
                                                     KIND_LIST(X)
#undef X
    };
    return names[kind];
}

/* Metrics of one kind without a statistic of their own. */
static bool plan_default(struct planner *planner, struct metric_ref **metrics, uint32_t count, enum kind kind,
                         const struct node *selector, const struct context *context)
{
    struct stat_term stats[3];
    uint32_t stat_count = default_stats(selector, kind, count ? metrics[0] : NULL, stats);
    if (context->combined && (kind == KIND_MEASURE || kind == KIND_VALUE || kind == KIND_NONE)) {
        query_fail(planner->error, ERR_SYNTAX, selector->column, STATS_EXPECTED,
                   "%.*s is a %s: here it needs a statistic",
                   STR_ARG(str_first(selector->selector.text, 150)), kind_name(kind));
        return false;
    }
    if (kind == KIND_LEVEL && count && stats[0].kind != STAT_MAX)
        return plan_level(planner, metrics, count, selector, context, stats, stat_count);
    struct feed *feed = add_feed(planner, metrics, count, selector, context);
    if (kind == KIND_LEVEL) {
        /* `across: max` by default: the mean over time of the greatest source. */
        feed->is_level = true;
        feed->across = count ? metrics[0]->def->across : ACROSS_SUM;
        stats[0].kind = STAT_AVG;
    }
    for (uint32_t i = 0; i < stat_count; i++)
        if (!feed_take_stat(planner, feed, stats[i]))
            return false;
    return true;
}

static uint32_t of_kind(struct planner *planner, const struct metric_set *set, uint32_t kinds,
                        struct metric_ref ***out)
{
    uint32_t count = 0;
    *out = arena_array(planner->arena, set->count + 1, sizeof(**out));
    for (uint32_t i = 0; i < set->count; i++)
        if (kinds & 1u << set->items[i].kind)
            (*out)[count++] = &set->items[i];
    return count;
}

static bool plan_defaults(struct planner *planner, const struct metric_set *set, const struct node *selector,
                          const struct context *context)
{
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < set->count; i++)
        kinds |= 1u << set->items[i].kind;
    if (set->count == 0)
        return plan_default(planner, NULL, 0, set->kind, selector, context);
    if (context->combined && (kinds & (kinds - 1))) {
        query_fail(planner->error, ERR_SYNTAX, selector->column, STATS_EXPECTED,
                   "%.*s matches metrics of several kinds: here it needs a statistic",
                   STR_ARG(str_first(selector->selector.text, 150)));
        return false;
    }
    for (int kind = 0; kind < KIND_COUNT_OF; kind++) {
        struct metric_ref **metrics;
        uint32_t count = kinds & 1u << kind ? of_kind(planner, set, 1u << kind, &metrics) : 0;
        if (count && !plan_default(planner, metrics, count, (enum kind)kind, selector, context))
            return false;
    }
    return true;
}

/* A statistic of single samples, asked of a pattern, means the metrics whose samples are worth looking at one
 * by one: measures and values, when the pattern matches any. Levels take part only when nothing else does. */
static uint32_t wanted_kinds(const struct metric_set *set, const struct stat_term *stats, uint32_t count)
{
    const uint32_t singles = 1u << KIND_MEASURE | 1u << KIND_VALUE | 1u << KIND_NONE;
    uint32_t kinds = 0;
    bool of_singles = false;
    for (uint32_t i = 0; i < set->count; i++)
        kinds |= 1u << set->items[i].kind;
    for (uint32_t i = 0; i < count; i++)
        of_singles |= stats[i].kind == STAT_COUNT || stats[i].kind == STAT_AVG ||
                      stats[i].kind == STAT_STDDEV || stats[i].kind == STAT_PERCENTILE;
    uint32_t wanted = kinds & (of_singles ? singles : 0);
    if (!wanted)
        wanted = kinds & ~(1u << KIND_LEVEL);
    return wanted ? wanted : kinds;
}

static bool plan_stats(struct planner *planner, const struct metric_set *set, const struct node *selector,
                       const struct context *context)
{
    struct metric_ref **metrics;
    uint32_t kinds = wanted_kinds(set, context->stats, context->stat_count);
    uint32_t count = of_kind(planner, set, kinds, &metrics);
    bool level = set->count ? kinds == 1u << KIND_LEVEL : false;
    if (level)
        return plan_level(planner, metrics, count, selector, context, context->stats, context->stat_count);
    struct feed *feed = add_feed(planner, metrics, count, selector, context);
    if (set->count == 0)
        feed->kind = set->kind;
    for (uint32_t i = 0; i < context->stat_count; i++)
        if (!feed_take_stat(planner, feed, context->stats[i]))
            return false;
    return true;
}

static bool check_rate(struct planner *planner, const struct context *context, uint32_t first)
{
    for (uint32_t i = first; context->rate_ms && i < planner->plan->feed_count; i++) {
        const struct feed *feed = &planner->plan->feeds[i];
        for (uint32_t j = 0; j < feed->stat_count; j++)
            if (feed->is_level || (feed->stats[j].kind != STAT_SUM && feed->stats[j].kind != STAT_COUNT)) {
                query_fail(planner->error, ERR_REFUSED, context->rate_column, "sum or count",
                           "`rate` goes with sums and counts, not with %s%.*s",
                           feed->is_level ? "a level's " : "", STR_ARG(feed->stats[j].text));
                return false;
            }
    }
    return true;
}

static bool plan_selector(struct planner *planner, struct node *node, const struct context *context)
{
    struct metric_set *set = ARENA_NEW(planner->arena, struct metric_set);
    if (metric_set_find(node, planner->options, planner->arena, set, planner->error) != ERR_OK)
        return false;
    struct selector_plan *made = ARENA_NEW(planner->arena, struct selector_plan);
    made->first_feed = planner->plan->feed_count;
    bool good = context->stat_count ? plan_stats(planner, set, node, context)
                                    : plan_defaults(planner, set, node, context);
    if (!good || !check_rate(planner, context, made->first_feed))
        return false;
    made->feed_count = planner->plan->feed_count - made->first_feed;
    for (uint32_t i = 0; i < made->feed_count; i++)
        made->stat_count += planner->plan->feeds[made->first_feed + i].stat_count;
    node->plan = made;
    if (!context->grouped && !planner->any_ungrouped) {
        planner->any_ungrouped = true;
        planner->ungrouped_column = node->column;
    }
    return true;
}

/* ---- the tree ---- */

static bool plan_by(struct planner *planner, const struct clauses *clauses)
{
    struct plan *plan = planner->plan;
    if (plan->grouped) {
        bool same = plan->by_count == clauses->by_count;
        for (uint32_t i = 0; same && i < plan->by_count; i++)
            same = str_eq(plan->by[i].name, clauses->by[i]);
        if (same)
            return true;
        query_fail(planner->error, ERR_REFUSED, clauses->by_column, "the same fields everywhere",
                   "two parts of the query are grouped by different fields");
        return false;
    }
    plan->grouped = true;
    plan->by = arena_array(planner->arena, clauses->by_count, sizeof(*plan->by));
    for (uint32_t i = 0; i < clauses->by_count; i++)
        plan->by[plan->by_count++] =
            (struct by_field){clauses->by[i], names_find_field(planner->options->names, clauses->by[i])};
    return true;
}

static bool plan_once(struct planner *planner, const struct clauses *clauses, struct context *context)
{
    struct plan *plan = planner->plan;
    if (clauses->every_ms) {
        if (plan->every_ms && plan->every_ms != clauses->every_ms) {
            query_fail(planner->error, ERR_REFUSED, clauses->every_column, NULL, "`every` stands twice");
            return false;
        }
        plan->every_ms = clauses->every_ms;
        plan->every_column = clauses->every_column;
    }
    if (clauses->vs_count) {
        if (plan->vs_count) {
            query_fail(planner->error, ERR_REFUSED, clauses->vs_column, NULL, "`vs` stands twice");
            return false;
        }
        plan->vs_ms = clauses->vs_ms;
        plan->vs_count = clauses->vs_count;
    }
    if (clauses->by_column) {
        if (context->grouped) {
            query_fail(planner->error, ERR_REFUSED, clauses->by_column, NULL,
                       "`by` stands inside a function whose query is grouped already");
            return false;
        }
        context->grouped = true;
        return plan_by(planner, clauses);
    }
    return true;
}

static bool plan_node(struct planner *planner, struct node *node, struct context context)
{
    switch (node->kind) {
    case NODE_NUMBER:
        return true;
    case NODE_SELECTOR:
        return plan_selector(planner, node, &context);
    case NODE_CALL:
        planner->plan->shares |= node->func == FUNC_SHARE;
        context.combined = true;
        break;
    case NODE_BINARY:
        context.combined = true;
        break;
    case NODE_QUERY: {
        const struct clauses *clauses = &node->clauses;
        if (scope_add(&context.scope, clauses->scope, clauses->scope_count, planner->options, planner->arena,
                      planner->error) != ERR_OK ||
            !plan_once(planner, clauses, &context))
            return false;
        if (clauses->stat_count) {
            context.stats = clauses->stats;
            context.stat_count = clauses->stat_count;
        }
        context.over_ms = clauses->over_ms ? clauses->over_ms : context.over_ms;
        if (clauses->rate_ms) {
            context.rate_ms = clauses->rate_ms;
            context.rate_column = clauses->rate_column;
        }
        break;
    }
    }
    for (uint32_t i = 0; i < node->kid_count; i++)
        if (!plan_node(planner, node->kids[i], context))
            return false;
    return true;
}

/* ---- fields ---- */

static bool bound_by_selector(const struct plan *plan, struct str field)
{
    for (uint32_t i = 0; i < plan->feed_count; i++) {
        const struct selector *selector = &plan->feeds[i].selector->selector;
        for (uint32_t j = 0; j < selector->seg_count; j++)
            if (selector->segs[j].kind == SEG_FIELD && str_eq(selector->segs[j].text, field))
                return true;
    }
    return false;
}

static bool check_field(struct planner *planner, struct str field, uint32_t column)
{
    if (field_is_known(field, planner->options) || bound_by_selector(planner->plan, field))
        return true;
    query_fail(planner->error, ERR_UNKNOWN, column, "a declared field or a placeholder",
               "there is no field %.*s", STR_ARG(field));
    field_near(field, planner->options, planner->error);
    return false;
}

static bool check_fields(struct planner *planner, const struct node *node)
{
    for (uint32_t i = 0; i < node->clauses.scope_count; i++)
        if (!check_field(planner, node->clauses.scope[i].field, node->clauses.scope[i].column))
            return false;
    for (uint32_t i = 0; i < node->clauses.by_count; i++)
        if (!check_field(planner, node->clauses.by[i], node->clauses.by_column))
            return false;
    for (uint32_t i = 0; i < node->kid_count; i++)
        if (!check_fields(planner, node->kids[i]))
            return false;
    return true;
}

static uint32_t count_stats(const struct node *node, struct planner *planner)
{
    if (node->kind == NODE_SELECTOR)
        return ((struct selector_plan *)node->plan)->stat_count;
    uint32_t most = 1;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        uint32_t count = count_stats(node->kids[i], planner);
        if (count > 1 && most > 1)
            query_fail(planner->error, ERR_REFUSED, node->kids[i]->column,
                       "several statistics on one side only", "both sides have several statistics");
        most = count > most ? count : most;
    }
    return most;
}

static void plan_rank(struct plan *plan)
{
    const struct clauses *clauses = &plan->root->clauses;
    for (uint32_t i = 0; i < clauses->outward_count; i++) {
        const struct outward *outward = &clauses->outward[i];
        plan->top |= outward->kind == OUTWARD_TOP;
        plan->bottom |= outward->kind == OUTWARD_BOTTOM;
        plan->other |= outward->kind == OUTWARD_OTHER;
        if (outward->kind == OUTWARD_TOP || outward->kind == OUTWARD_BOTTOM)
            plan->top_count = outward->count;
    }
}

enum err plan_make(struct node *root, const struct query_options *options, struct arena *arena,
                   struct plan *out, struct query_error *error)
{
    *out = (struct plan){.root = root};
    struct planner planner = {.plan = out, .options = options, .arena = arena, .error = error};
    if (plan_check_served(root, error) != ERR_OK || !plan_node(&planner, root, (struct context){0}) ||
        !check_fields(&planner, root))
        return error->err;
    if (out->feed_count == 0)
        return query_fail(error, ERR_SYNTAX, 1, "a metric", "the query names no metric");
    if (out->grouped && planner.any_ungrouped)
        return query_fail(error, ERR_REFUSED, planner.ungrouped_column, "`by` at the end of the whole query",
                          "this part is not grouped and another one is");
    count_stats(root, &planner);
    if (error->err != ERR_OK)
        return error->err;
    if (out->feed_count > 256)
        return query_fail(error, ERR_LIMIT, 1, NULL, "a query reads at most 256 groups of metrics");
    plan_rank(out);
    return ERR_OK;
}
