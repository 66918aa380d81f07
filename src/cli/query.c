/* query: asks a server over HTTP, or a data folder directly. */
#include "query/query.h"

#include "cli/command.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "cli/server_call.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char command_query_help[] =
    "usage: dialtone query 'EXPR' [--from T] [--to T] [--every D] [--format table|json|csv] [--url URL | "
    "--data DIR]\n"
    "\n"
    "Asks a server (DIALTONE_URL, default http://127.0.0.1:7411), or with --data the files of a data "
    "folder.\n"
    "\n"
    "  --from T, --to T    epoch seconds or ms, RFC 3339, now, -3h; default the last hour; [from, to)\n"
    "  --every D           step: 10s, 1m, 1h (default: at most 500 points)\n"
    "  --format F          table (default), json or csv\n"
    "  --url URL           the server; DIALTONE_TOKEN is sent when it is set\n"
    "  --data DIR          read this data folder instead; nothing in it is changed\n"
    "  --pack DIR          with --data: folder with scheme.yaml\n"
    "\n"
    "  dialtone query 'dialer.contact.answered'                                 the whole system: p50 p95 "
    "max\n"
    "  dialtone query 'dialer.contact.answered p95 @account_id:42 every 1m'     one account\n"
    "  dialtone query 'dialer.requests.total by account_id top 10' --from -3h\n"
    "  dialtone query '((dialer.contact.answered count) / dialer.requests.total) by account_id bottom 5'\n"
    "  dialtone query '{process}.{job}.failed by process,job'                   any job failing\n"
    "\n"
    "Exit codes: 0 ok, 1 failed or the query is wrong, 2 usage, 3 no server.\n";

static const struct option table[] = {{"from", true}, {"to", true},   {"every", true}, {"format", true},
                                      {"url", true},  {"data", true}, {"pack", true},  {NULL, false}};

static uint32_t terminal_width(void)
{
    struct winsize size;
    return isatty(1) && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 120;
}

static int print_error(const struct query_error *error, struct str query)
{
    struct buf out = {0};
    query_error_text(error, query, &out);
    fwrite(out.at, 1, out.size, stderr);
    buf_done(&out);
    return EXIT_FAILED;
}

static void print_answer(const struct answer *answer, struct str format)
{
    struct buf out = {0};
    if (str_eq(format, STR("json")))
        answer_json(answer, &out);
    else if (str_eq(format, STR("csv")))
        answer_csv(answer, &out);
    else
        answer_table(answer, &out, terminal_width());
    fwrite(out.at, 1, out.size, stdout);
    if (out.size && out.at[out.size - 1] != '\n')
        putchar('\n');
    buf_done(&out);
}

static bool read_span(const struct options *options, struct query_options *query)
{
    const char *from = options_get(options, table, "from"), *to = options_get(options, table, "to");
    const char *every = options_get(options, table, "every");
    return query_time(str_of(to ? to : "now"), query->now_ms, &query->to_ms) &&
           query_time(str_of(from ? from : "-1h"), query->now_ms, &query->from_ms) &&
           (!every || query_duration(str_of(every), &query->step_ms));
}

static int query_folder(const struct options *options, struct str text, struct str format)
{
    struct data_folder folder;
    struct query_options query = {.sys = sys_real(), .now_ms = sys_wall_ms(sys_real()) + 1};
    if (!read_span(options, &query))
        return command_usage(
            "query", "--from and --to take epoch s or ms, RFC 3339, now or -3h; --every takes 10s, 1m");
    if (data_folder_open(&folder, options_get(options, table, "data"), options_get(options, table, "pack"),
                         0))
        return EXIT_FAILED;
    query.scheme = folder.scheme;
    query.names = folder.names;
    struct snapshot *snapshot = store_snapshot(folder.store);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    query.crew = crew_new(cores > 1 ? (uint32_t)cores - 1 : 0);
    struct answer *answer;
    struct query_error error = {0};
    int code = EXIT_OK;
    if (query_run(text, &query, snapshot, &answer, &error)) {
        code = print_error(&error, text);
    } else {
        print_answer(answer, format);
        answer_free(answer);
    }
    crew_free(query.crew);
    snapshot_unref(snapshot);
    data_folder_close(&folder);
    return code;
}

static int query_server(const struct options *options, struct str text, struct str format)
{
    static const char *const passed[] = {"from", "to", "every"};
    struct buf path = {0}, body = {0};
    buf_str(&path, STR("/api/query?q="));
    server_call_escape(&path, text);
    buf_printf(&path, "&format=%.*s&width=%u", STR_ARG(format), terminal_width());
    for (unsigned i = 0; i < 3; i++) {
        const char *value = options_get(options, table, passed[i]);
        if (value) {
            buf_printf(&path, "&%s=", passed[i]);
            server_call_escape(&path, str_of(value));
        }
    }
    int code = server_call("query", options_get(options, table, "url"), buf_view(&path), STR_NONE, &body);
    fwrite(body.at, 1, body.size, code ? stderr : stdout);
    if (body.size && body.at[body.size - 1] != '\n')
        fputc('\n', code ? stderr : stdout);
    buf_done(&path);
    buf_done(&body);
    return code;
}

int command_query(int argc, char **argv)
{
    struct options options;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count != 1)
        return command_usage("query",
                             options.rest_count ? "put the query in quotes: it is one word" : "which query?");
    struct str text = str_of(options.rest[0]);
    const char *wanted = options_get(&options, table, "format");
    struct str format = str_of(wanted ? wanted : "table");
    if (!str_eq(format, STR("table")) && !str_eq(format, STR("json")) && !str_eq(format, STR("csv")))
        return command_usage("query", "--format takes table, json or csv");
    if (options_has(&options, table, "data"))
        return query_folder(&options, text, format);
    return query_server(&options, text, format);
}
