/* serve: turns flags and the config file into a struct server_config, and runs the server. */
#include "cli/command.h"
#include "cli/config_file.h"
#include "cli/options.h"
#include "query/query.h"
#include "server/server.h"

#include <stdio.h>

const char command_serve_help[] =
    "usage: dialtone serve [OPTIONS]\n"
    "\n"
    "Runs the server until SIGTERM or Ctrl-C; what was received is finished first. SIGHUP reloads the "
    "scheme.\n"
    "\n"
    "  --data DIR          data folder (default ./dialtone-data); one server per folder\n"
    "  --pack DIR          folder with scheme.yaml (default: DATA/pack if present, else the built-in dialer "
    "pack)\n"
    "  --http ADDR:PORT    pages and API (default 127.0.0.1:7411)\n"
    "  --line ADDR:PORT    lines over TCP and UDP, bare or in syslog frames (default 127.0.0.1:7412);\n"
    "                      off or none: no such port\n"
    "  --url URL           how people reach this server, for links\n"
    "  --allow-hosts A,B   host names accepted in requests beside localhost and the address itself\n"
    "  --undeclared HOW    names that the scheme does not declare: accept (default), park, refuse\n"
    "  --keep D            drop days older than this: 30d, 52w (default: no limit by age)\n"
    "  --disk SIZE         budget of the data folder: 50GB (default: 80 % of what was free at first start);\n"
    "                      the oldest day goes first\n"
    "  --head-age D        rows go from memory into a file after this long (default 60s)\n"
    "  --head-bytes SIZE   memory for rows that are not in a file yet (default 64MiB)\n"
    "  --threads N         ingest threads (default: one per core)\n"
    "  --query-threads N   query threads (default: one per core); idle ones help others read\n"
    "  --config FILE       YAML with these options' long names (`http: 127.0.0.1:7411`); flags win\n"
    "\n"
    "Then:\n"
    "  echo 'source=web01 sample#page.time=81ms' | curl --data-binary @- http://127.0.0.1:7411/lines\n"
    "  logger --tcp --octet-count --rfc5424 -n 127.0.0.1 -P 7412 'source=web01 count#page.views=1'\n"
    "and open http://127.0.0.1:7411/.\n"
    "\n"
    "Exit codes: 0 stopped in good order, 1 could not start, 2 usage.\n";

static const struct option table[] = {{"data", true},          {"pack", true},       {"http", true},
                                      {"line", true},          {"url", true},        {"allow-hosts", true},
                                      {"undeclared", true},    {"keep", true},       {"disk", true},
                                      {"head-age", true},      {"head-bytes", true}, {"threads", true},
                                      {"query-threads", true}, {"config", true},     {NULL, false}};

static struct str text_of(const struct options *options, const char *name, const char *otherwise)
{
    const char *value = options_get(options, table, name);
    return str_of(value ? value : otherwise);
}

static int bad_value(const char *name, const char *value, const char *expected)
{
    return command_usage("serve", "--%s %s: expected %s", name, value, expected);
}

static int read_duration(const struct options *options, const char *name, int64_t *out)
{
    const char *value = options_get(options, table, name);
    if (value && (!query_duration(str_of(value), out) || *out <= 0))
        return bad_value(name, value, "a time such as 90s, 30d, 52w");
    return EXIT_OK;
}

static int read_bytes(const struct options *options, const char *name, uint64_t *out)
{
    const char *value = options_get(options, table, name);
    if (value && (!options_bytes(value, out) || *out < 1 << 20))
        return bad_value(name, value, "a size of at least 1MiB such as 64MiB, 50GB");
    return EXIT_OK;
}

static int read_count(const struct options *options, const char *name, uint32_t *out)
{
    const char *value = options_get(options, table, name);
    uint64_t count;
    if (!value)
        return EXIT_OK;
    if (!options_u64(value, &count) || count < 1 || count > 64)
        return bad_value(name, value, "a number from 1 to 64");
    *out = (uint32_t)count;
    return EXIT_OK;
}

static int read_undeclared(const struct options *options, enum undeclared *out)
{
    struct str value = text_of(options, "undeclared", "accept");
    if (str_eq(value, STR("accept")))
        *out = UNDECLARED_ACCEPT;
    else if (str_eq(value, STR("park")))
        *out = UNDECLARED_PARK;
    else if (str_eq(value, STR("refuse")))
        *out = UNDECLARED_REFUSE;
    else
        return bad_value("undeclared", value.at, "accept, park or refuse");
    return EXIT_OK;
}

static int read_config(const struct options *options, struct server_config *config)
{
    config->sys = sys_real();
    config->data = text_of(options, "data", "dialtone-data");
    config->pack = text_of(options, "pack", NULL);
    config->http = text_of(options, "http", "127.0.0.1:7411");
    config->line = text_of(options, "line", "127.0.0.1:7412");
    if (str_eq(config->line, STR("none")) || str_eq(config->line, STR("off")))
        config->line = STR("");
    config->url = text_of(options, "url", "");
    config->allow_hosts = text_of(options, "allow-hosts", "");
    int code = read_undeclared(options, &config->undeclared);
    code = code ? code : read_duration(options, "keep", &config->keep_ms);
    code = code ? code : read_duration(options, "head-age", &config->head_age_ms);
    code = code ? code : read_bytes(options, "disk", &config->disk_bytes_max);
    code = code ? code : read_bytes(options, "head-bytes", &config->head_bytes_max);
    code = code ? code : read_count(options, "threads", &config->threads);
    return code ? code : read_count(options, "query-threads", &config->query_threads);
}

static int serve(const struct server_config *config)
{
    struct server *server;
    struct why why = {0};
    enum err err = server_new(config, &server, &why);
    if (err) {
        fprintf(stderr, "dialtone serve: %s\n", why.text);
        return err == ERR_SYNTAX ? EXIT_USAGE : EXIT_FAILED;
    }
    struct str line = server_line_address(server);
    fprintf(stderr, "dialtone: open http://%.*s/ ", STR_ARG(server_http_address(server)));
    if (line.size)
        fprintf(stderr, "; lines on %.*s (TCP, UDP)", STR_ARG(line));
    fprintf(stderr, "; data in %.*s\n", STR_ARG(config->data));
    server_run(server);
    server_free(server);
    fputs("dialtone: stopped\n", stderr);
    return EXIT_OK;
}

int command_serve(int argc, char **argv)
{
    struct options options;
    struct arena arena = {0};
    struct server_config config = {0};
    int code = options_parse(&options, table, argc, argv);
    if (!code && options.rest_count)
        code = command_usage("serve", "%s is one word too many", options.rest[0]);
    const char *file = code ? NULL : options_get(&options, table, "config");
    if (file)
        code = config_file_read(file, table, &options, &arena);
    if (!code)
        code = read_config(&options, &config);
    if (!code)
        code = serve(&config);
    arena_done(&arena);
    return code;
}
