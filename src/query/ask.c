/* ask.c: from text to answer.
 *
 * Mostly one run is enough. When there are more groups than fit with all their steps, the run stops and a
 * second one ranks them over the whole range as a single step; a third then reads the steps of the ones that
 * are kept. `other` needs its own run too: the statistic of the pooled rest is made from its rows, not from
 * the groups' results.
 */
#include "query/query.h"

#include "base/mem.h"
#include "query/evaluate.h"
#include "query/parse.h"

#include <stdlib.h>

struct asking {
    const struct query_options *options;
    struct snapshot *snapshot;
    struct answer *answer;
    struct query_error *error;
    struct plan plan;
    struct grid grid;
    struct run run;
    bool running;
    struct table table;
    uint32_t *order; /* groups of the table, as they are shown */
    uint32_t order_count;
    bool pooled; /* the run has a group of the rest */
};

static void run_end(struct asking *asking)
{
    if (!asking->running)
        return;
    asking->answer->rows_read = asking->run.rows_read;
    run_done(&asking->run);
    asking->running = false;
}

static enum err run_start(struct asking *asking, const struct grid *grid, struct groups groups,
                          bool stop_early)
{
    run_end(asking);
    asking->run = (struct run){.options = asking->options,
                               .snapshot = asking->snapshot,
                               .plan = &asking->plan,
                               .grid = *grid,
                               .groups = groups,
                               .rows_read = asking->answer->rows_read, /* of all runs together */
                               .error = asking->error};
    asking->running = true;
    return run_execute(&asking->run, stop_early);
}

static void say_limit(struct asking *asking, struct str sentence)
{
    struct answer *answer = asking->answer;
    struct str *more = arena_array(&answer->arena, answer->limit_count + 1, sizeof(*more));
    if (answer->limit_count)
        memcpy(more, answer->limits, answer->limit_count * sizeof(*more));
    more[answer->limit_count++] = sentence;
    answer->limits = more;
}

/* ---- which groups, in which order ---- */

struct sorted_group {
    struct str key;
    uint32_t group;
};

static int compare_keys(const void *a, const void *b)
{
    return key_compare(((const struct sorted_group *)a)->key, ((const struct sorted_group *)b)->key);
}

static bool group_has_line(const struct table *table, uint32_t group)
{
    for (uint32_t line = 0; line < table->line_count; line++)
        if (table->present[table_row(table, group, line)])
            return true;
    return false;
}

static void order_by_key(struct asking *asking)
{
    const struct table *table = &asking->table;
    struct sorted_group *sorted = mem_zero(table->group_count + 1, sizeof(*sorted));
    uint32_t count = 0;
    for (uint32_t group = 0; group < table->group_count; group++)
        if (group_has_line(table, group))
            sorted[count++] = (struct sorted_group){intern_get(&asking->run.groups.keys, group), group};
    qsort(sorted, count, sizeof(*sorted), compare_keys);
    for (uint32_t i = 0; i < count; i++)
        asking->order[i] = sorted[i].group;
    asking->order_count = count;
    mem_free(sorted);
}

static void new_order(struct asking *asking, uint32_t room)
{
    mem_free(asking->order);
    asking->order = mem_zero(room + 1, sizeof(*asking->order));
    asking->order_count = 0;
}

static enum err evaluate_root(struct asking *asking, bool whole)
{
    return evaluate(&asking->run, asking->plan.root, whole, &asking->table);
}

static uint32_t groups_wanted(const struct asking *asking)
{
    uint32_t most = asking->options->groups_max;
    return most == 0 || most > QUERY_GROUPS_MAX ? QUERY_GROUPS_MAX : most;
}

/* All groups over the whole range as one step. */
static enum err rank_groups(struct asking *asking)
{
    struct grid whole = grid_whole(&asking->grid);
    struct groups open = {.max = run_groups_max(&asking->plan, &whole, GROUPS_RANKED_MAX)};
    if (run_start(asking, &whole, open, false) != ERR_OK)
        return asking->error->err;
    if (asking->run.groups.overflow)
        say_limit(asking, arena_printf(&asking->answer->arena,
                                       "more than %u groups: those seen later were left out of the ranking",
                                       asking->run.groups.max));
    if (asking->run.sketched)
        say_limit(asking, STR("the groups were ranked by percentiles within 1 %"));
    return ERR_OK;
}

static uint32_t kept_groups(struct asking *asking, uint32_t found, uint32_t room)
{
    const struct plan *plan = &asking->plan;
    uint32_t wanted = plan->top || plan->bottom ? plan->top_count : groups_wanted(asking), kept = wanted;
    if (kept > room)
        kept = room;
    if (kept > found)
        kept = found;
    if (found > kept && !(plan->top || plan->bottom))
        say_limit(asking, arena_printf(&asking->answer->arena, "%u groups: the %u largest are shown%s", found,
                                       kept, plan->other ? ", the rest is pooled" : ""));
    else if (kept < wanted && kept < found)
        say_limit(asking, arena_printf(&asking->answer->arena, "%u groups fit with all their steps, not %u",
                                       kept, wanted));
    return kept;
}

/* Reads again, only what is kept, and the rest as one group when it is asked for. */
static enum err run_kept(struct asking *asking, const struct grid *grid, uint32_t kept)
{
    struct groups closed;
    bool rest = asking->plan.other || asking->plan.shares;
    groups_close(&closed, &asking->run.groups, asking->order, kept, rest);
    asking->pooled = rest;
    return run_start(asking, grid, closed, false);
}

static enum err choose_groups(struct asking *asking)
{
    const struct plan *plan = &asking->plan;
    bool ranked = plan->top || plan->bottom, overflow = asking->run.groups.overflow;
    uint32_t room = run_groups_max(plan, &asking->grid, QUERY_GROUPS_MAX + 1);
    room = room > 1 ? room - 1 : 1; /* one for the rest */
    if (overflow && rank_groups(asking) != ERR_OK)
        return asking->error->err;
    if (evaluate_root(asking, ranked || overflow) != ERR_OK)
        return asking->error->err;
    new_order(asking, asking->table.group_count);
    if (!ranked && !overflow) {
        order_by_key(asking);
        return ERR_OK;
    }
    uint32_t found = table_rank(&asking->table, &asking->run.groups, plan->bottom, asking->order);
    uint32_t kept = kept_groups(asking, found, room);
    asking->order_count = kept;
    if (!overflow && (kept == found || !plan->other))
        return ERR_OK;
    if (run_kept(asking, &asking->grid, kept) != ERR_OK || evaluate_root(asking, false) != ERR_OK)
        return asking->error->err;
    for (uint32_t i = 0; i < kept; i++)
        asking->order[i] = i;
    if (!ranked) {
        asking->table.group_count = kept;
        order_by_key(asking);
        asking->table.group_count = groups_count(&asking->run.groups);
    }
    return ERR_OK;
}

/* ---- the answer ---- */

static void add_field(struct series *series, struct str name, struct str value)
{
    series->fields[series->field_count++] = (struct series_field){name, value};
}

static void put_fields(struct asking *asking, struct series *series, uint32_t group, struct str vs)
{
    struct arena *arena = &asking->answer->arena;
    const struct plan *plan = &asking->plan;
    series->fields = arena_array(arena, plan->by_count + 2, sizeof(*series->fields));
    if (group == asking->run.groups.keys.count) {
        add_field(series, STR("other"), STR("true"));
    } else {
        struct str key = intern_get(&asking->run.groups.keys, group);
        for (uint32_t i = 0; i < plan->by_count; i++) {
            struct source_value value = key_take(&key);
            struct buf text = {0};
            if (value.type != SOURCE_UNSET)
                source_value_print(value, &text);
            struct str copy = value.type == SOURCE_UNSET ? STR_NONE : arena_str(arena, buf_view(&text));
            add_field(series, arena_str(arena, plan->by[i].name), copy);
            buf_done(&text);
        }
    }
    if (vs.size)
        add_field(series, STR("vs"), vs);
}

/* Of a pattern whose metrics have several units: the unit of the series' own metric. */
static struct str own_unit(const struct asking *asking, const struct series *series)
{
    if (asking->plan.root->kids[0]->kind != NODE_SELECTOR || str_eq(series->stat, STR("count")) ||
        str_starts(series->stat, STR("uniq")))
        return series->unit;
    for (uint32_t i = 0; i < series->field_count; i++) {
        if (!str_eq(series->fields[i].name, STR("metric")))
            continue;
        for (uint32_t f = 0; f < asking->plan.feed_count; f++)
            for (uint32_t m = 0; m < asking->plan.feeds[f].metric_count; m++)
                if (str_eq(asking->plan.feeds[f].metrics[m]->name, series->fields[i].value) &&
                    asking->plan.feeds[f].rate_ms == 0)
                    return asking->plan.feeds[f].metrics[m]->unit;
    }
    return series->unit;
}

static void put_series(struct asking *asking, uint32_t group, uint32_t line, struct str vs)
{
    struct answer *answer = asking->answer;
    const struct table *table = &asking->table;
    size_t row = table_row(table, group, line);
    if (!table->present[row])
        return;
    if ((answer->series_count & (answer->series_count - 1)) == 0) {
        uint32_t room = answer->series_count ? answer->series_count * 2 : 1;
        struct series *more = arena_array(&answer->arena, room, sizeof(*more));
        if (answer->series_count)
            memcpy(more, answer->series, answer->series_count * sizeof(*more));
        answer->series = more;
    }
    struct series *series = &answer->series[answer->series_count++];
    *series = (struct series){.metric = arena_str(&answer->arena, table->metric),
                              .stat = arena_str(&answer->arena, table->info[line].stat)};
    put_fields(asking, series, group, vs);
    series->unit = table->info[line].unit;
    series->unit = arena_str(&answer->arena, series->unit.size ? series->unit : own_unit(asking, series));
    series->values = arena_array(&answer->arena, answer->point_count, sizeof(double));
    series->marks = arena_array(&answer->arena, answer->point_count + 1, 1);
    memcpy(series->values, table->values + row * table->stride, answer->point_count * sizeof(double));
    memcpy(series->marks, table->marks + row * table->stride, answer->point_count);
}

static void put_all(struct asking *asking, struct str vs)
{
    if (asking->run.sketched)
        asking->answer->exact = false;
    for (uint32_t i = 0; i < asking->order_count; i++)
        for (uint32_t line = 0; line < asking->table.line_count; line++)
            put_series(asking, asking->order[i], line, vs);
    if (asking->pooled && asking->plan.other)
        for (uint32_t line = 0; line < asking->table.line_count; line++)
            put_series(asking, asking->run.groups.keys.count, line, vs);
}

static struct str duration_text(struct arena *arena, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *text;
    } units[] = {{604800000, "w"}, {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms)
        i++;
    return arena_printf(arena, "%lld%s", (long long)(ms / units[i].ms), units[i].text);
}

/* The same groups, some time ago, drawn over the range that was asked for. */
static enum err put_earlier(struct asking *asking, int64_t back_ms)
{
    struct grid earlier = grid_shifted(&asking->grid, back_ms);
    if (run_kept(asking, &earlier, asking->order_count) != ERR_OK || evaluate_root(asking, false) != ERR_OK)
        return asking->error->err;
    for (uint32_t i = 0; i < asking->order_count; i++)
        asking->order[i] = i;
    put_all(asking, duration_text(&asking->answer->arena, back_ms));
    return ERR_OK;
}

static void put_head(struct asking *asking)
{
    struct answer *answer = asking->answer;
    const struct grid *grid = &asking->grid;
    answer->from_ms = grid->from_ms;
    answer->to_ms = grid->to_ms;
    answer->step_ms = grid->step_ms;
    answer->point_count = grid->count;
    answer->times = arena_array(&answer->arena, grid->count, sizeof(*answer->times));
    for (uint32_t i = 0; i < grid->count; i++)
        answer->times[i] = grid_start(grid, i);
}

static enum err ask(struct asking *asking, struct node *root)
{
    const struct query_options *options = asking->options;
    struct plan *plan = &asking->plan;
    if (plan_make(root, options, &asking->answer->arena, plan, asking->error) != ERR_OK ||
        grid_init(&asking->grid, options, plan->every_ms ? plan->every_ms : options->step_ms,
                  plan->every_column, asking->error) != ERR_OK)
        return asking->error->err;
    put_head(asking);
    uint32_t most = plan->grouped ? run_groups_max(plan, &asking->grid, groups_wanted(asking)) : 1;
    if (run_start(asking, &asking->grid, (struct groups){.max = most}, true) != ERR_OK ||
        choose_groups(asking) != ERR_OK)
        return asking->error->err;
    put_all(asking, STR(""));
    for (uint32_t i = 0; i < plan->vs_count; i++)
        if (put_earlier(asking, plan->vs_ms[i]) != ERR_OK)
            return asking->error->err;
    return ERR_OK;
}

enum err query_run(struct str text, const struct query_options *options, struct snapshot *snapshot,
                   struct answer **out, struct query_error *error)
{
    *error = (struct query_error){0};
    struct answer *answer = MEM_NEW(struct answer);
    struct asking *asking = MEM_NEW(struct asking);
    uint64_t start_ns = options->sys ? sys_mono_ns(options->sys) : 0;
    *asking = (struct asking){.options = options, .snapshot = snapshot, .answer = answer, .error = error};
    answer->query = arena_str(&answer->arena, str_first(text, QUERY_TEXT_MAX + 1));
    answer->exact = true;
    answer->coverage = 1;
    struct node *root;
    enum err err = query_parse(answer->query, &answer->arena, &root, error);
    if (err == ERR_OK)
        err = ask(asking, root);
    run_end(asking);
    answer->rel_err = answer->exact ? 0 : SKETCH_ALPHA;
    answer->took_ns = options->sys ? sys_mono_ns(options->sys) - start_ns : 0;
    mem_free(asking->order);
    mem_free(asking);
    if (err != ERR_OK) {
        answer_free(answer);
        return err;
    }
    *out = answer;
    return ERR_OK;
}

enum err query_check(struct str text, const struct scheme *scheme, struct query_error *error)
{
    *error = (struct query_error){0};
    struct arena arena = {0};
    struct node *root;
    enum err err = query_parse(text, &arena, &root, error);
    arena_done(&arena);
    return err;
}

void answer_free(struct answer *answer)
{
    if (!answer)
        return;
    arena_done(&answer->arena);
    mem_free(answer);
}
