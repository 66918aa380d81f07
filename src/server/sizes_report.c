#include "server/sizes_report.h"

#include "base/json_out.h"
#include "base/mem.h"

#include <stdio.h>

static const struct str section_names[] = {
#define X(name, text) {text, sizeof text - 1},
    SECTION_LIST(X)
#undef X
};

static void add_day(void *ctx, const struct day_sizes *day)
{
    struct sizes_report *report = ctx;
    report->days = mem_resize(report->days, report->count + 1, sizeof *report->days);
    report->days[report->count++] = *day;
    report->total.files += day->files;
    report->total.rows += day->rows;
    report->total.bytes += day->bytes;
    for (unsigned s = 0; s < SECTION_COUNT; s++)
        report->total.sections[s] += day->sections[s];
}

enum err sizes_report_make(struct store *store, struct sizes_report *out, struct why *why)
{
    *out = (struct sizes_report){0};
    enum err err = store_sizes(store, add_day, out, why);
    if (err)
        sizes_report_done(out);
    return err;
}

void sizes_report_done(struct sizes_report *report)
{
    mem_free(report->days);
    *report = (struct sizes_report){0};
}

static double per_row(uint64_t bytes, uint64_t rows)
{
    return rows ? (double)bytes / (double)rows : 0;
}

static void put_sizes(const struct day_sizes *sizes, struct json_out *json)
{
    json_key_u64(json, "files", sizes->files);
    json_key_u64(json, "rows", sizes->rows);
    json_key_u64(json, "bytes", sizes->bytes);
    json_key_number(json, "bytes_per_row", per_row(sizes->bytes, sizes->rows));
    json_key(json, STR("sections"));
    json_begin_object(json);
    for (unsigned s = 0; s < SECTION_COUNT; s++) {
        json_key(json, section_names[s]);
        json_u64(json, sizes->sections[s]);
    }
    json_end_object(json);
}

void sizes_report_json(const struct sizes_report *report, struct json_out *json)
{
    put_sizes(&report->total, json);
    json_key(json, STR("days"));
    json_begin_array(json);
    for (uint32_t d = 0; d < report->count; d++) {
        char date[80];
        long long number = (long long)report->days[d].date;
        snprintf(date, sizeof date, "%04lld-%02lld-%02lld", number / 10000, number / 100 % 100, number % 100);
        json_begin_object(json);
        json_key_str(json, "day", str_of(date));
        put_sizes(&report->days[d], json);
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_row(const char *name, const struct day_sizes *sizes, struct buf *out)
{
    buf_printf(out, "%-10s %6u %14llu %15llu %9.2f", name, sizes->files, (unsigned long long)sizes->rows,
               (unsigned long long)sizes->bytes, per_row(sizes->bytes, sizes->rows));
    for (unsigned s = 0; s < SECTION_COUNT; s++)
        buf_printf(out, " %14llu", (unsigned long long)sizes->sections[s]);
    buf_char(out, '\n');
}

void sizes_report_table(const struct sizes_report *report, struct buf *out)
{
    buf_printf(out, "%-10s %6s %14s %15s %9s", "day", "files", "rows", "bytes", "a row");
    for (unsigned s = 0; s < SECTION_COUNT; s++)
        buf_printf(out, " %14s", section_names[s].at);
    buf_char(out, '\n');
    for (uint32_t d = 0; d < report->count; d++) {
        char date[32];
        snprintf(date, sizeof date, "%08lld", (long long)report->days[d].date);
        put_row(date, &report->days[d], out);
    }
    put_row("all", &report->total, out);
}
