#include "server/status.h"

#include "base/json_out.h"
#include "server/core.h"

#include <inttypes.h>

void status_counts(const struct server *server, struct tally_counts *sum)
{
    *sum = (struct tally_counts){0};
    for (uint32_t i = 0; i < server->thread_count; i++)
        tally_sum(ingest_tally(server->threads[i].ingest), sum);
    if (server->lines) {
        struct line_counts lines;
        line_ports_counts(server->lines, &lines);
        sum->datagrams_lost = lines.datagrams_lost;
    }
}

static void put_reasons(struct json_out *json, const struct server *server, const struct tally_counts *sum)
{
    static const char *const classes[] = {"line", "sample", "remark"};
    json_key(json, STR("reasons"));
    json_begin_array(json);
    for (unsigned r = 0; r < REASON_COUNT; r++) {
        if (!sum->reasons[r])
            continue;
        struct tally_example example = {0};
        for (uint32_t i = 0; i < server->thread_count; i++)
            tally_newest_example(ingest_tally(server->threads[i].ingest), (enum reason)r, &example);
        json_begin_object(json);
        json_key_str(json, "reason", reason_name((enum reason)r));
        json_key_str(json, "class", str_of(classes[reason_class((enum reason)r)]));
        json_key_str(json, "text", reason_text((enum reason)r));
        json_key_u64(json, "count", sum->reasons[r]);
        json_key_str(json, "example", str_make(example.text, example.size));
        json_key_i64(json, "example_ms", example.time_ms);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_account(struct json_out *json, const struct tally_counts *sum)
{
    json_key(json, STR("lines"));
    json_begin_object(json);
    json_key_u64(json, "received", sum->lines);
    json_key_u64(json, "with", sum->lines_with);
    json_key_u64(json, "without", sum->lines_without);
    json_key_u64(json, "refused", sum->lines_refused);
    json_key_u64(json, "bytes", sum->bytes);
    json_key_u64(json, "datagrams", sum->datagrams);
    json_key_u64(json, "datagrams_lost", sum->datagrams_lost);
    json_key_u64(json, "upstream_lost", sum->upstream_lost);
    json_key_u64(json, "duplicate_bodies", sum->duplicates);
    json_end_object(json);
    json_key(json, STR("measurements"));
    json_begin_object(json);
    json_key_u64(json, "found", sum->found);
    json_key_u64(json, "accepted", sum->accepted);
    json_key_u64(json, "refused", sum->refused);
    json_key_u64(json, "parked", sum->parked);
    json_end_object(json);
}

static void put_store(struct json_out *json, const struct store_stats *stats)
{
    json_key(json, STR("store"));
    json_begin_object(json);
    json_key_u64(json, "rows", stats->head_rows + stats->segment_rows - stats->deleted_rows);
    json_key_u64(json, "head_rows", stats->head_rows);
    json_key_u64(json, "head_bytes", stats->head_bytes);
    json_key_u64(json, "pending_bytes", stats->pending_bytes);
    json_key_u64(json, "segments", stats->segments);
    json_key_u64(json, "segment_rows", stats->segment_rows);
    json_key_u64(json, "segment_bytes", stats->segment_bytes);
    json_key_u64(json, "deletes", stats->deletes);
    json_key_u64(json, "deleted_rows", stats->deleted_rows);
    json_key_u64(json, "days", stats->partitions);
    json_key_u64(json, "dropped_days", stats->dropped_partitions);
    json_key_u64(json, "dropped_rows", stats->dropped_rows);
    json_key_u64(json, "quarantined_files", stats->quarantined_files);
    json_key_u64(json, "disk_bytes", stats->disk_bytes);
    json_key_u64(json, "disk_max", stats->disk_bytes_max);
    json_key_u64(json, "disk_free", stats->disk_free_bytes);
    json_key_i64(json, "oldest", stats->oldest_ms);
    json_key_i64(json, "newest", stats->newest_ms);
    json_key_bool(json, "read_only", stats->read_only);
    if (stats->last_error.err) {
        json_key_str(json, "last_error", str_of(stats->last_error.text));
        json_key_i64(json, "last_error_ms", stats->last_error_ms);
    }
    json_end_object(json);
}

static void put_connections(struct json_out *json, const struct server *server)
{
    struct http_counts http;
    http_server_counts(server->http, &http);
    struct line_counts lines = {0};
    if (server->lines)
        line_ports_counts(server->lines, &lines);
    json_key(json, STR("connections"));
    json_begin_object(json);
    json_key_u64(json, "open", http.open + lines.open);
    json_key_u64(json, "http", http.open);
    json_key_u64(json, "lines", lines.open);
    json_key_u64(json, "refused", http.refused_connections + lines.refused_connections);
    json_end_object(json);
}

static void reply_json(struct exchange *exchange, unsigned status, struct buf *body)
{
    static const struct http_header fresh = {{"Cache-Control", 13}, {"no-store", 8}};
    struct reply reply = {status, STR("application/json"), &fresh, 1, buf_view(body)};
    exchange_reply(exchange, &reply);
    buf_done(body);
}

static void end_status(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct tally_counts sum;
    struct store_stats stats;
    struct buf body = {0};
    struct json_out json;
    status_counts(server, &sum);
    store_stats(server->store, &stats);
    json_init(&json, &body);
    json_begin_object(&json);
    json_key_str(&json, "version", STR(DIALTONE_VERSION));
    json_key_number(&json, "uptime_s", (double)((sys_mono_ns(server->sys) - server->start_ns) / 1000000000u));
    json_key_number(&json, "rate", rate_per_second(&server->rate));
    put_account(&json, &sum);
    put_reasons(&json, server, &sum);
    put_store(&json, &stats);
    put_connections(&json, server);
    json_key_u64(&json, "queries_waiting", work_pool_waiting(server->queries));
    json_end_object(&json);
    reply_json(exchange, 200, &body);
}

/* Days that fit at the rate of the last day written; 0 when nothing can be said yet. */
static double days_that_fit(const struct store_stats *stats)
{
    double days = (double)(stats->newest_ms - stats->oldest_ms) / 86400e3;
    if (days < 0.01 || !stats->segment_bytes)
        return 0;
    return (double)stats->disk_bytes_max / ((double)stats->segment_bytes / days);
}

static void end_health(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct store_stats stats;
    struct buf body = {0};
    struct json_out json;
    store_stats(server->store, &stats);
    bool ready = !stats.read_only && !__atomic_load_n(&server->stopping, __ATOMIC_RELAXED);
    json_init(&json, &body);
    json_begin_object(&json);
    json_key_str(&json, "status", ready ? STR("ready") : STR("not ready"));
    json_key(&json, STR("reasons"));
    json_begin_array(&json);
    if (stats.read_only)
        json_str(&json, STR("the disk is full or cannot be written: rows are refused, queries are served"));
    if (__atomic_load_n(&server->stopping, __ATOMIC_RELAXED))
        json_str(&json, STR("the server is stopping"));
    if (stats.quarantined_files)
        json_str(&json, STR("damaged files were put into quarantine/; see the log of the start"));
    json_end_array(&json);
    if (stats.last_error.err)
        json_key_str(&json, "last_error", str_of(stats.last_error.text));
    json_key_number(&json, "days_that_fit", days_that_fit(&stats));
    json_end_object(&json);
    reply_json(exchange, ready ? 200 : 503, &body);
}

static void put_counter(struct buf *out, const char *name, const char *help, const char *type, uint64_t value)
{
    buf_printf(out, "# HELP dialtone_%s %s\n# TYPE dialtone_%s %s\ndialtone_%s %" PRIu64 "\n", name, help,
               name, type, name, value);
}

static void put_tally(struct buf *out, const struct tally_counts *sum)
{
#define X(name, text) put_counter(out, #name "_total", text, "counter", sum->name);
    TALLY_LIST(X)
#undef X
    buf_str(out, STR("# HELP dialtone_reasons_total refusals and remarks by reason\n"
                     "# TYPE dialtone_reasons_total counter\n"));
    for (unsigned r = 0; r < REASON_COUNT; r++)
        buf_printf(out, "dialtone_reasons_total{reason=\"%.*s\"} %" PRIu64 "\n",
                   STR_ARG(reason_name((enum reason)r)), sum->reasons[r]);
}

static bool is_gauge(struct str name)
{
    return str_eq(name, STR("open")) || str_eq(name, STR("in_flight"));
}

static void put_http(struct buf *out, const struct http_counts *http)
{
#define X(name, text)                                               \
    if (is_gauge(STR(#name)))                                       \
        put_counter(out, "http_" #name, text, "gauge", http->name); \
    else                                                            \
        put_counter(out, "http_" #name "_total", text, "counter", http->name);
    HTTP_COUNT_LIST(X)
#undef X
}

static void end_metrics(struct exchange *exchange)
{
    struct server *server = exchange_server_ctx(exchange);
    struct tally_counts sum;
    struct store_stats stats;
    struct http_counts http;
    struct buf body = {0};
    status_counts(server, &sum);
    store_stats(server->store, &stats);
    http_server_counts(server->http, &http);
    put_tally(&body, &sum);
    put_http(&body, &http);
    put_counter(&body, "store_rows_appended_total", "rows made durable since the start", "counter",
                stats.rows_appended);
    put_counter(&body, "store_commits_total", "groups written to the log", "counter", stats.commits);
    put_counter(&body, "store_head_rows", "rows in memory", "gauge", stats.head_rows);
    put_counter(&body, "store_head_bytes", "memory of rows not in a file yet", "gauge", stats.head_bytes);
    put_counter(&body, "store_log_bytes", "bytes of log files", "gauge", stats.log_bytes);
    put_counter(&body, "store_segments", "files of rows", "gauge", stats.segments);
    put_counter(&body, "store_segment_rows", "rows in files", "gauge", stats.segment_rows);
    put_counter(&body, "store_segment_bytes", "bytes of files of rows", "gauge", stats.segment_bytes);
    put_counter(&body, "store_dropped_rows_total", "rows dropped by retention", "counter",
                stats.dropped_rows);
    put_counter(&body, "store_quarantined_files", "damaged files put aside", "gauge",
                stats.quarantined_files);
    put_counter(&body, "store_disk_bytes", "bytes of the data folder", "gauge", stats.disk_bytes);
    put_counter(&body, "store_disk_bytes_max", "budget of the data folder", "gauge", stats.disk_bytes_max);
    put_counter(&body, "store_read_only", "1 while rows are refused", "gauge", stats.read_only);
    struct answer_cache_stats answers;
    answer_cache_stats(server->answers, &answers);
    put_counter(&body, "answers_kept", "answers about times that are over, kept for the next who asks",
                "gauge", answers.answers);
    put_counter(&body, "answers_kept_bytes", "memory of kept answers", "gauge", answers.bytes);
    put_counter(&body, "answers_kept_hits_total", "queries answered by a kept answer", "counter",
                answers.hits);
    put_counter(&body, "answers_kept_misses_total", "queries that could have been", "counter",
                answers.misses);
    put_counter(&body, "queries_waiting", "queries that wait for a thread", "gauge",
                work_pool_waiting(server->queries));
    struct reply reply = {200, STR("text/plain; version=0.0.4; charset=utf-8"), NULL, 0, buf_view(&body)};
    exchange_reply(exchange, &reply);
    buf_done(&body);
}

const struct route_handler status_handler = {NULL, NULL, end_status, NULL, NULL};
const struct route_handler metrics_handler = {NULL, NULL, end_metrics, NULL, NULL};
const struct route_handler health_handler = {NULL, NULL, end_health, NULL, NULL};
