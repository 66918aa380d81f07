#include "server/deletion.h"

#include "query/delete_query.h"
#include "query/query_error.h"

#include <inttypes.h>

/* ---- doing it ---- */

static enum err read_span(const struct deletion_ask *ask, struct query_options *options,
                          struct query_error *error)
{
    options->from_ms = INT64_MIN;
    options->to_ms = INT64_MAX;
    if ((ask->from.size && !query_time(ask->from, options->now_ms, &options->from_ms)) ||
        (ask->to.size && !query_time(ask->to, options->now_ms, &options->to_ms)))
        return query_fail(error, ERR_SYNTAX, 0, "epoch seconds or ms, RFC 3339, now, or -3h",
                          "from or to is not understood");
    return ERR_OK;
}

static enum err count(struct store *store, struct deletion *deletion, struct why *why)
{
    struct snapshot *snapshot = store_snapshot(store);
    enum err err = store_delete_count(snapshot, &deletion->request, &deletion->report, why);
    snapshot_unref(snapshot);
    return err;
}

static uint64_t stored_bytes(struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.segment_bytes;
}

static enum err delete_rows(const struct deletion_ask *ask, struct store *store, struct deletion *deletion,
                            struct why *why)
{
    struct merge_options options = {ask->progress, ask->ctx, true};
    enum err err = store_delete(store, &deletion->request, &deletion->report, why);
    if (err || !ask->now)
        return err;
    deletion->bytes_before = stored_bytes(store);
    err = store_merge(store, &options, why);
    deletion->bytes_after = stored_bytes(store);
    deletion->gone = err == ERR_OK;
    if (err && err != ERR_CANCELLED)
        return why_wrap(why, err, "the rows are deleted, but their bytes are still there");
    return ERR_OK;
}

enum err deletion_run(const struct deletion_ask *ask, struct store *store, const struct scheme *scheme,
                      struct names *names, struct sys *sys, struct deletion *out, struct query_error *error)
{
    struct query_options options = {
        .scheme = scheme, .names = names, .sys = sys, .now_ms = sys_wall_ms(sys) + 1};
    struct why why = {0};
    *out = (struct deletion){.dry_run = ask->dry_run};
    *error = (struct query_error){0};
    enum err err = read_span(ask, &options, error);
    if (!err)
        err =
            query_delete_request(arena_str(&out->arena, ask->q), &options, &out->arena, &out->request, error);
    if (err)
        return err;
    out->request.who = arena_str(&out->arena, ask->who);
    err = ask->dry_run ? count(store, out, &why) : delete_rows(ask, store, out, &why);
    return err ? query_fail(error, err, 0, NULL, "%s", why.text) : ERR_OK;
}

void deletion_done(struct deletion *deletion)
{
    delete_report_done(&deletion->report);
    arena_done(&deletion->arena);
}

/* ---- telling ---- */

static void put_time(struct json_out *json, const char *key, int64_t time_ms)
{
    if (time_ms == INT64_MIN || time_ms == INT64_MAX) {
        json_key(json, str_of(key));
        json_null_value(json);
    } else {
        json_key_i64(json, key, time_ms);
    }
}

static void put_metrics(const struct deletion *deletion, const struct names *names, struct json_out *json)
{
    const struct delete_request *request = &deletion->request;
    json_key(json, STR("metrics"));
    json_begin_array(json);
    for (uint32_t m = 0; m < request->metric_count; m++) {
        if (!deletion->report.metric_rows[m])
            continue;
        json_begin_object(json);
        json_key_str(json, "metric", names_metric(names, request->metrics[m].metric));
        json_key_u64(json, "rows", deletion->report.metric_rows[m]);
        json_end_object(json);
    }
    json_end_array(json);
}

void deletion_json(const struct deletion *deletion, const struct names *names, struct buf *out)
{
    const struct delete_report *report = &deletion->report;
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key_bool(&json, "dry_run", deletion->dry_run);
    if (report->id)
        json_key_u64(&json, "id", report->id);
    json_key_str(&json, "query", deletion->request.text);
    put_time(&json, "from", deletion->request.from_ms);
    put_time(&json, "to", deletion->request.to_ms);
    json_key_u64(&json, "rows", report->rows);
    json_key_u64(&json, "bytes", report->bytes);
    json_key_u64(&json, "files", report->files);
    json_key_bool(&json, "bytes_gone", deletion->gone);
    if (deletion->gone) {
        json_key_u64(&json, "stored_bytes_before", deletion->bytes_before);
        json_key_u64(&json, "stored_bytes", deletion->bytes_after);
    }
    put_metrics(deletion, names, &json);
    json_end_object(&json);
}

void deletion_text(const struct deletion *deletion, const struct names *names, struct buf *out)
{
    const struct delete_report *report = &deletion->report;
    if (!report->rows) {
        buf_str(out, STR("There are no such rows.\n"));
        return;
    }
    buf_printf(out, "%s %" PRIu64 " rows, about %" PRIu64 " bytes, of %u files:\n",
               deletion->dry_run ? "This would delete" : "Deleted", report->rows, report->bytes,
               report->files);
    for (uint32_t m = 0; m < deletion->request.metric_count; m++)
        if (report->metric_rows[m])
            buf_printf(out, "%14" PRIu64 "  %.*s\n", report->metric_rows[m],
                       STR_ARG(names_metric(names, deletion->request.metrics[m].metric)));
    if (deletion->gone)
        buf_printf(out,
                   "Their bytes are gone: all files together had %" PRIu64 " bytes and have %" PRIu64 ".\n",
                   deletion->bytes_before, deletion->bytes_after);
    else if (!deletion->dry_run)
        buf_printf(out,
                   "It is number %" PRIu64
                   ". The bytes go with the next merge of the files, or in an hour or so.\n",
                   report->id);
}

/* ---- the record ---- */

static void put_record(void *ctx, const struct delete_record *record)
{
    struct json_out *json = ctx;
    json_begin_object(json);
    json_key_u64(json, "id", record->id);
    json_key_i64(json, "at", record->at_ms);
    json_key_str(json, "by", record->who);
    json_key_str(json, "query", record->text);
    put_time(json, "from", record->from_ms);
    put_time(json, "to", record->to_ms);
    json_key_u64(json, "rows", record->rows);
    json_key_u64(json, "files", record->files);
    json_key(json, STR("bytes_gone_at"));
    if (record->gone_ms)
        json_i64(json, record->gone_ms);
    else
        json_null_value(json);
    json_end_object(json);
}

void deletion_list_json(struct store *store, struct buf *out)
{
    struct json_out json;
    json_init(&json, out);
    json_begin_object(&json);
    json_key(&json, STR("deletes"));
    json_begin_array(&json);
    store_deletes(store, put_record, &json);
    json_end_array(&json);
    json_end_object(&json);
}

static void put_edge(struct buf *out, const char *word, int64_t time_ms)
{
    if (time_ms == INT64_MIN || time_ms == INT64_MAX)
        return;
    buf_printf(out, " %s ", word);
    buf_time(out, time_ms);
}

static void put_line(void *ctx, const struct delete_record *record)
{
    struct buf *out = ctx;
    buf_printf(out, "%" PRIu64 "  ", record->id);
    buf_time(out, record->at_ms);
    buf_printf(out, "  by %.*s: %.*s", STR_ARG(record->who), STR_ARG(record->text));
    put_edge(out, "from", record->from_ms);
    put_edge(out, "to", record->to_ms);
    buf_printf(out, ", %" PRIu64 " rows; ", record->rows);
    if (record->gone_ms) {
        buf_str(out, STR("their bytes are gone since "));
        buf_time(out, record->gone_ms);
        buf_char(out, '\n');
    } else if (record->files) {
        buf_printf(out, "%u files still hold their bytes\n", record->files);
    } else {
        buf_str(out, STR("their files are on the way off the disk\n"));
    }
}

void deletion_list_text(struct store *store, struct buf *out)
{
    size_t before = out->size;
    store_deletes(store, put_line, out);
    if (out->size == before)
        buf_str(out, STR("Nothing was ever deleted.\n"));
}
