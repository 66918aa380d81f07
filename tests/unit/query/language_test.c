/* language_test.c: runs the files tests/query/NAME.test, which say in the query language's own words what it
 * must answer. A file is a list of:
 *
 *   # a comment
 *   load [LANE]                                 rows, a line each, on the next indented lines:
 *     METRIC @FIELD:VALUE,... TIME VALUE [TIME VALUE ...]       @- is the empty source
 *     KIND#METRIC ...                                           for metrics that no scheme declares
 *   seal                                        heads become files
 *   merge                                       files become as few as may be
 *   delete FROM TO QUERY                        and on the next indented lines `METRIC: ROWS`, or an error,
 * as below; FROM and TO may be - for no end forget                                      an empty store again
 *   now TIME                                    what the queries below take for now (else their `to`)
 *   groups_max N, rows_max N, exact_bytes_max N for the queries below; 0: the default
 *   ask FROM TO STEP QUERY                      STEP `auto`: the default
 *   expect                                      and on the next indented lines, in order:
 *     FIELD=VALUE ... STAT UNIT: VALUES         a series; `-` is a gap, `0z` a zero by silence, `3g` a filled
 * gap limit: TEXT                               each limit that bit error COLUMN: TEXT instead: an error
 * whose text holds TEXT times: TIME ..., metric: NAME, exact: no  only compared when the file names them
 *
 * TIME is HH:MM[:SS[.mmm]] on 2026-11-23. Each `expect` is a case.
 */
#include "world.h"

#include "query/delete_query.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>

struct script {
    const char *path;
    struct str rest;
    uint32_t line;
    struct world *world;
    int64_t now_ms;
    uint32_t groups_max;
    uint64_t rows_max, exact_bytes_max;
    struct str ask;
    uint32_t passed, failed;
};

static void stop(const struct script *script, const char *what, struct str word)
{
    fprintf(stderr, "%s:%u: %s: %.*s\n", script->path, script->line, what, STR_ARG(word));
    exit(2);
}

static struct str word_of(struct str *rest)
{
    struct str word;
    while (rest->size && rest->at[0] == ' ')
        *rest = str_from(*rest, 1);
    *rest = str_cut(*rest, ' ', &word);
    if (!rest->at)
        *rest = STR("");
    return word;
}

static int64_t clock_of(const struct script *script, struct str text)
{
    char copy[32] = "";
    int hours = 0, minutes = 0, used = 0;
    double seconds = 0;
    memcpy(copy, text.at, text.size < sizeof(copy) ? text.size : sizeof(copy) - 1);
    if (sscanf(copy, "%d:%d%n", &hours, &minutes, &used) < 2)
        stop(script, "no time", text);
    if (copy[used] == ':')
        seconds = strtod(copy + used + 1, NULL);
    return WORLD_DAY_MS + hours * 3600000 + minutes * 60000 + (int64_t)(seconds * 1000 + 0.5);
}

static double number_of(const struct script *script, struct str text)
{
    char copy[64] = "", *end;
    memcpy(copy, text.at, text.size < sizeof(copy) ? text.size : sizeof(copy) - 1);
    double v = strtod(copy, &end);
    if (*end || end == copy)
        stop(script, "no number", text);
    return v;
}

/* The next line when it is indented. */
static bool indented(struct script *script, struct str *line)
{
    while (script->rest.size) {
        struct str copy = script->rest, head;
        struct str behind = str_cut(copy, '\n', &head);
        if (str_trim(head).size && head.at[0] != ' ')
            return false;
        script->rest = behind.at ? behind : STR("");
        script->line++;
        *line = str_trim(head);
        if (line->size && line->at[0] != '#')
            return true;
    }
    return false;
}

/* ---- load ---- */

static uint32_t load_source(struct script *script, struct str text)
{
    struct source_set set = {0};
    if (text.size == 0 || text.at[0] != '@')
        stop(script, "no source", text);
    struct str rest = str_from(text, 1), pair;
    while (rest.at && !str_eq(rest, STR("-"))) {
        rest = str_cut(rest, ',', &pair);
        size_t colon = str_find(pair, ':');
        if (colon == pair.size)
            stop(script, "no FIELD:VALUE", pair);
        world_put(&set, script->world, str_first(pair, colon), str_from(pair, colon + 1));
    }
    return world_source(script->world, &set);
}

static void load_line(struct script *script, struct str line)
{
    struct str name = word_of(&line);
    enum kind kind = KIND_VALUE;
    size_t hash = str_find(name, '#');
    if (hash < name.size) {
        kind = kind_parse(str_first(name, hash));
        name = str_from(name, hash + 1);
    }
    uint32_t metric = world_metric(script->world, name, kind);
    uint32_t source = load_source(script, word_of(&line));
    while (line.size) {
        int64_t time = clock_of(script, word_of(&line));
        batch_add(script->world->batch, metric, source, time, number_of(script, word_of(&line)));
    }
}

static void load(struct script *script, struct str lane)
{
    struct str line;
    while (indented(script, &line))
        load_line(script, line);
    world_commit(script->world, lane.size ? (uint32_t)number_of(script, lane) : 0);
}

/* ---- ask and expect ---- */

static void put_series(const struct series *series, uint32_t count, struct buf *out)
{
    size_t start = out->size;
    for (uint32_t i = 0; i < series->field_count; i++) {
        struct str value = series->fields[i].value.at ? series->fields[i].value : STR("-");
        buf_printf(out, "%s%.*s=%.*s", out->size > start ? " " : "", STR_ARG(series->fields[i].name),
                   STR_ARG(value));
    }
    if (series->stat.size)
        buf_printf(out, "%s%.*s", out->size > start ? " " : "", STR_ARG(series->stat));
    if (series->unit.size)
        buf_printf(out, "%s%.*s", out->size > start ? " " : "", STR_ARG(series->unit));
    buf_char(out, ':');
    for (uint32_t p = 0; p < count; p++) {
        buf_char(out, ' ');
        if (isnan(series->values[p])) {
            buf_char(out, series->marks[p] == MARK_GAP ? '-' : '?');
            continue;
        }
        buf_number(out, series->values[p]);
        if (series->marks[p] != MARK_KNOWN)
            buf_char(out, series->marks[p]);
    }
    buf_char(out, '\n');
}

static void put_times(const struct answer *answer, struct buf *out)
{
    buf_str(out, STR("times:"));
    for (uint32_t p = 0; p < answer->point_count; p++) {
        int64_t ms = answer->times[p] - WORLD_DAY_MS;
        buf_printf(out, " %02d:%02d", (int)(ms / 3600000), (int)(ms / 60000 % 60));
        if (ms % 60000)
            buf_printf(out, ":%02d", (int)(ms / 1000 % 60));
    }
    buf_char(out, '\n');
}

static bool wants(struct str expected, struct str prefix)
{
    struct str line;
    while (expected.at) {
        expected = str_cut(expected, '\n', &line);
        if (str_starts(line, prefix))
            return true;
    }
    return false;
}

static void put_answer(const struct answer *answer, struct str expected, struct buf *out)
{
    if (wants(expected, STR("metric:")))
        buf_printf(out, "metric: %.*s\n", STR_ARG(answer->series_count ? answer->series[0].metric : STR("")));
    if (wants(expected, STR("times:")))
        put_times(answer, out);
    if (wants(expected, STR("exact:")))
        buf_printf(out, "exact: %s\n", answer->exact ? "yes" : "no");
    for (uint32_t i = 0; i < answer->series_count; i++)
        put_series(&answer->series[i], answer->point_count, out);
    for (uint32_t i = 0; i < answer->limit_count; i++)
        buf_printf(out, "limit: %.*s\n", STR_ARG(answer->limits[i]));
}

/* error COLUMN: TEXT holds when the column is right and the complaint has the text in it. */
static void put_error(const struct query_error *error, struct str query, struct str expected, struct buf *out)
{
    struct buf text = {0};
    query_error_text(error, query, &text);
    struct str wanted = str_trim(expected);
    size_t colon = str_find(wanted, ':');
    struct str words = str_trim(str_from(wanted, colon + 1));
    bool has = str_starts(wanted, STR("error ")) && words.size &&
               memmem(text.at, text.size, words.at, words.size) != NULL;
    if (has)
        buf_printf(out, "error %u: %.*s\n", error->column, STR_ARG(words));
    else
        buf_printf(out, "error %u: %s\n(%.*s)\n", error->column, error->text, STR_ARG(buf_view(&text)));
    buf_done(&text);
}

static void compare(struct script *script, uint32_t at, struct str query, const struct buf *expected,
                    const struct buf *have)
{
    if (str_eq(buf_view(have), buf_view(expected))) {
        script->passed++;
        return;
    }
    script->failed++;
    printf("%s:%u: %.*s\n  want\n%.*s  have\n%.*s", script->path, at, STR_ARG(query),
           STR_ARG(buf_view(expected)), STR_ARG(buf_view(have)));
}

static void expect(struct script *script)
{
    struct buf expected = {0}, have = {0};
    struct str line, rest = script->ask;
    uint32_t at = script->line;
    while (indented(script, &line)) {
        buf_str(&expected, line);
        buf_char(&expected, '\n');
    }
    struct query_options options = {.scheme = script->world->scheme,
                                    .names = script->world->names,
                                    .sys = script->world->sys,
                                    .groups_max = script->groups_max,
                                    .rows_max = script->rows_max,
                                    .exact_bytes_max = script->exact_bytes_max};
    options.from_ms = clock_of(script, word_of(&rest));
    options.to_ms = clock_of(script, word_of(&rest));
    options.now_ms = script->now_ms ? script->now_ms : options.to_ms;
    struct str step = word_of(&rest);
    if (!str_eq(step, STR("auto")) && !query_duration(step, &options.step_ms))
        stop(script, "no step", step);
    struct snapshot *snapshot = store_snapshot(script->world->store);
    struct query_error error = {0};
    struct answer *answer = NULL;
    struct str query = str_trim(rest);
    if (query_run(query, &options, snapshot, &answer, &error) == ERR_OK)
        put_answer(answer, buf_view(&expected), &have);
    else
        put_error(&error, query, buf_view(&expected), &have);
    compare(script, at, query, &expected, &have);
    answer_free(answer);
    snapshot_unref(snapshot);
    buf_done(&expected);
    buf_done(&have);
}

static void delete_rows(const struct script *script, const struct delete_request *request, struct buf *have)
{
    struct world *world = script->world;
    struct delete_report report;
    struct why why;
    if (store_delete(world->store, request, &report, &why) != ERR_OK)
        stop(script, "not deleted", str_of(why.text));
    for (uint32_t m = 0; m < request->metric_count; m++)
        if (report.metric_rows[m])
            buf_printf(have, "%.*s: %llu\n", STR_ARG(names_metric(world->names, request->metrics[m].metric)),
                       (unsigned long long)report.metric_rows[m]);
    delete_report_done(&report);
}

static void delete_and_compare(struct script *script, struct str rest)
{
    struct buf expected = {0}, have = {0};
    struct arena arena = {0};
    struct delete_request request;
    struct query_error error = {0};
    uint32_t at = script->line;
    struct query_options options = {.scheme = script->world->scheme,
                                    .names = script->world->names,
                                    .from_ms = INT64_MIN,
                                    .to_ms = INT64_MAX};
    struct str from = word_of(&rest), to = word_of(&rest), query = str_trim(rest), line;
    while (indented(script, &line)) {
        buf_str(&expected, line);
        buf_char(&expected, '\n');
    }
    if (!str_eq(from, STR("-")))
        options.from_ms = clock_of(script, from);
    if (!str_eq(to, STR("-")))
        options.to_ms = clock_of(script, to);
    if (query_delete_request(query, &options, &arena, &request, &error) == ERR_OK)
        delete_rows(script, &request, &have);
    else
        put_error(&error, query, buf_view(&expected), &have);
    compare(script, at, query, &expected, &have);
    arena_done(&arena);
    buf_done(&expected);
    buf_done(&have);
}

static void merge_all(const struct script *script)
{
    struct merge_options options = {0};
    struct why why;
    if (store_merge(script->world->store, &options, &why) != ERR_OK)
        stop(script, "not merged", str_of(why.text));
}

static void run_script(struct script *script)
{
    while (script->rest.size) {
        struct str line;
        struct str behind = str_cut(script->rest, '\n', &line);
        script->rest = behind.at ? behind : STR("");
        script->line++;
        line = str_trim(line);
        struct str word = word_of(&line);
        if (word.size == 0 || word.at[0] == '#')
            continue;
        if (str_eq(word, STR("load")))
            load(script, line);
        else if (str_eq(word, STR("forget")))
            world_forget(script->world);
        else if (str_eq(word, STR("seal")))
            store_tidy(script->world->store, true);
        else if (str_eq(word, STR("merge")))
            merge_all(script);
        else if (str_eq(word, STR("delete")))
            delete_and_compare(script, line);
        else if (str_eq(word, STR("now")))
            script->now_ms = line.size ? clock_of(script, line) : 0;
        else if (str_eq(word, STR("groups_max")))
            script->groups_max = (uint32_t)number_of(script, line);
        else if (str_eq(word, STR("rows_max")))
            script->rows_max = (uint64_t)number_of(script, line);
        else if (str_eq(word, STR("exact_bytes_max")))
            script->exact_bytes_max = (uint64_t)number_of(script, line);
        else if (str_eq(word, STR("ask")))
            script->ask = line;
        else if (str_eq(word, STR("expect")))
            expect(script);
        else
            stop(script, "not understood", word);
    }
}

static void read_file(const char *path, struct buf *out)
{
    struct why why = {0};
    if (sys_read_file(sys_real(), str_of(path), 1 << 20, out, &why) != ERR_OK) {
        fprintf(stderr, "%s: %s\n", path, why.text);
        exit(2);
    }
}

static int is_script(const struct dirent *entry)
{
    return str_ends(str_of(entry->d_name), STR(".test"));
}

int main(int argc, char **argv)
{
    uint32_t passed = 0, failed = 0;
    struct dirent **names = NULL;
    char path[1024];
    struct buf scheme = {0};
    if (argc < 2)
        return 2;
    snprintf(path, sizeof(path), "%s/scheme.yaml", argv[1]);
    read_file(path, &scheme);
    int count = scandir(argv[1], &names, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        struct buf text = {0};
        struct world world;
        snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
        read_file(path, &text);
        world_init(&world, buf_view(&scheme));
        struct script script = {.path = path, .rest = buf_view(&text), .world = &world};
        if (argc < 3 || strstr(path, argv[2]))
            run_script(&script);
        world_done(&world);
        buf_done(&text);
        free(names[i]);
        passed += script.passed;
        failed += script.failed;
    }
    free(names);
    buf_done(&scheme);
    printf("%u passed, %u failed\n", passed, failed);
    return failed || passed == 0;
}
