#include "store_kit.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "scheme/source.h"

#include <stdio.h>
#include <stdlib.h>

void kit_init(struct kit *kit, struct sys *sys, const char *dir)
{
    *kit = (struct kit){.sys = sys};
    store_options_default(&kit->options);
    kit->options.sys = sys;
    kit->options.dir = str_of(dir);
    kit->options.log_file_bytes = 64 * 1024;
    kit->options.disk_bytes_max = (uint64_t)1 << 40;
}

void kit_tiny(struct kit *kit)
{
    kit->options.head_rows_max = 64;
    kit->options.log_file_bytes = 12 * 1024;
    kit->options.cache_bytes_max = 4096;
}

static void new_names(struct kit *kit)
{
    static const char *const fields[] = {"session", "host", "account_id", "x"};
    names_free(kit->names);
    kit->names = names_new();
    kit->options.names = kit->names;
    for (unsigned i = 0; i < 4; i++)
        names_resolve_field(kit->names, str_of(fields[(i + kit->opened) % 4]));
    for (unsigned m = 0; kit->opened % 2 && m < KIT_METRICS; m++) {
        char name[16];
        snprintf(name, sizeof name, "kit.m%u", KIT_METRICS - 1 - m);
        names_resolve_metric(kit->names, str_of(name), KIND_MEASURE, UNIT_ms);
    }
}

enum err kit_try_open(struct kit *kit, struct why *why)
{
    kit->opened++;
    new_names(kit);
    buf_done(&kit->report.text);
    kit->report = (struct store_report){0};
    return store_open(&kit->options, &kit->store, &kit->report, why);
}

void kit_open(struct kit *kit)
{
    struct why why = {0};
    if (kit_try_open(kit, &why)) {
        fprintf(stderr, "open: %s\n", why.text);
        abort();
    }
}

void kit_close(struct kit *kit)
{
    store_close(kit->store);
    kit->store = NULL;
}

void kit_done(struct kit *kit)
{
    kit_close(kit);
    buf_done(&kit->report.text);
    names_free(kit->names);
    kit->names = NULL;
}

/* ---- rows ---- */

void kit_rows_add(struct kit_rows *rows, struct kit_row row)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 64;
        rows->at = mem_resize(rows->at, rows->cap, sizeof *rows->at);
    }
    rows->at[rows->count++] = row;
}

void kit_rows_add_all(struct kit_rows *rows, const struct kit_rows *more)
{
    for (size_t i = 0; i < more->count; i++)
        kit_rows_add(rows, more->at[i]);
}

static uint64_t bits(double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    return b;
}

static int by_all(const void *a, const void *b)
{
    const struct kit_row *x = a, *y = b;
    if (x->metric != y->metric)
        return x->metric < y->metric ? -1 : 1;
    if (x->source != y->source)
        return x->source < y->source ? -1 : 1;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return bits(x->value) < bits(y->value) ? -1 : bits(x->value) > bits(y->value);
}

void kit_rows_sort(struct kit_rows *rows)
{
    if (rows->count)
        qsort(rows->at, rows->count, sizeof *rows->at, by_all);
}

void kit_rows_done(struct kit_rows *rows)
{
    mem_free(rows->at);
    *rows = (struct kit_rows){0};
}

void kit_random_rows(struct rng *rng, int64_t now_ms, unsigned count, unsigned late_percent,
                     struct kit_rows *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct kit_row row = {(uint32_t)rng_below(rng, KIT_METRICS), (uint32_t)rng_below(rng, KIT_SOURCES)};
        int64_t back = rng_chance(rng, late_percent) ? (int64_t)rng_below(rng, 4 * 86400000)
                                                     : (int64_t)rng_below(rng, 30000);
        row.time_ms = now_ms - back;
        if (i % 3 && rng_chance(rng, 90)) { /* of the same line as the row before */
            const struct kit_row *before = &out->at[out->count - 1];
            row = (struct kit_row){(before->metric + 1) % KIT_METRICS, before->source, before->time_ms};
        }
        uint64_t random = rng_next(rng);
        switch (random % 5) {
        case 0:
            row.value = 1;
            break;
        case 1:
            row.value = (double)(random >> 40);
            break;
        case 2:
            row.value = (double)(random >> 50) / 10;
            break;
        case 3:
            row.value = -0.0;
            break;
        default:
            memcpy(&row.value, &random, sizeof random); /* any bits: every double comes back */
        }
        kit_rows_add(out, row);
    }
}

/* ---- sources ---- */

void kit_host(uint32_t source, char *to)
{
    sprintf(to, "h%u", source % 4);
}

static void put_source(struct names *names, uint32_t source, struct buf *out)
{
    struct source_set set = {0};
    char host[8], session[16];
    kit_host(source, host);
    source_set_put(&set, names_resolve_field(names, STR("host")),
                   (struct source_value){.type = SOURCE_TEXT, .text = str_of(host)});
    source_set_put(&set, names_resolve_field(names, STR("account_id")),
                   (struct source_value){.type = SOURCE_NUMBER, .number = source / 4});
    if (source % 2 == 0) {
        snprintf(session, sizeof session, "%u", source);
        source_set_put(&set, names_resolve_field(names, STR("session")),
                       (struct source_value){.type = SOURCE_TEXT, .text = str_of(session)});
    }
    source_encode(&set, out);
}

/* The number behind canonical bytes; UINT32_MAX when they are none of ours. */
static uint32_t get_source(const struct names *names, struct str bytes)
{
    struct source_value host = source_get(bytes, names_find_field(names, STR("host")));
    struct source_value account = source_get(bytes, names_find_field(names, STR("account_id")));
    if (host.type != SOURCE_TEXT || account.type != SOURCE_NUMBER || host.text.size != 2)
        return UINT32_MAX;
    uint32_t source = (uint32_t)(account.number * 4 + (uint64_t)(host.text.at[1] - '0'));
    struct source_value session = source_get(bytes, names_find_field(names, STR("session")));
    char want[16];
    snprintf(want, sizeof want, "%u", source);
    if (source % 2 == 0 ? !str_eq(session.text, str_of(want)) : session.type != SOURCE_UNSET)
        return UINT32_MAX;
    return source;
}

/* ---- in ---- */

static void on_done(void *ctx, struct batch *batch, enum err err)
{
    struct kit_batch *kb = ctx;
    CHECK(!kb->done && batch == kb->batch);
    kb->done = true;
    kb->err = err;
}

bool kit_submit(struct kit *kit, uint32_t lane, const struct kit_rows *rows, const char *key,
                struct kit_batch *kb)
{
    *kb = (struct kit_batch){.batch = batch_new()};
    kit_rows_add_all(&kb->rows, rows);
    struct buf bytes = {0};
    for (size_t i = 0; i < rows->count; i++) {
        const struct kit_row *row = &rows->at[i];
        char name[16];
        snprintf(name, sizeof name, "kit.m%u", row->metric);
        bytes.size = 0;
        put_source(kit->names, row->source, &bytes);
        batch_add(kb->batch, names_resolve_metric(kit->names, str_of(name), KIND_MEASURE, UNIT_ms),
                  batch_source(kb->batch, buf_view(&bytes), hash_bytes(buf_view(&bytes))), row->time_ms,
                  row->value);
    }
    buf_done(&bytes);
    kb->batch->key = str_of(key);
    kb->batch->time_ms = sys_wall_ms(kit->sys);
    kb->batch->done = on_done;
    kb->batch->ctx = kb;
    kb->err = lane_submit(store_lane(kit->store, lane), kb->batch, NULL);
    return kb->err == ERR_OK;
}

void kit_batch_done(struct kit_batch *kb)
{
    kit_rows_done(&kb->rows);
    batch_free(kb->batch);
    kb->batch = NULL;
}

enum err kit_store(struct kit *kit, uint32_t lane, const struct kit_rows *rows, const char *key)
{
    struct kit_batch kb;
    if (kit_submit(kit, lane, rows, key, &kb)) {
        lane_commit(store_lane(kit->store, lane));
        CHECK(kb.done);
    }
    enum err err = kb.err;
    kit_batch_done(&kb);
    return err;
}

/* ---- out ---- */

static enum err collect_metric(struct kit *kit, struct snapshot *snapshot, struct part *part, uint32_t metric,
                               struct kit_rows *out)
{
    uint32_t id;
    struct block block;
    struct why why;
    int got;
    struct str name = names_metric(kit->names, metric);
    CHECK(sscanf(name.at, "kit.m%u", &id) == 1);
    struct scan *scan = scan_open(snapshot, part, metric, INT64_MIN, INT64_MAX, NULL);
    while ((got = scan_next(scan, &block, &why)) > 0) {
        CHECK(block.metric == metric);
        for (uint32_t i = 0, r = 0; i < block.count; i++) {
            CHECK(block.time_ms[i] >= block.from_ms && block.time_ms[i] <= block.to_ms);
            while (block.runs && block.runs[r].end <= i)
                r++;
            uint32_t number = block.runs ? block.runs[r].source : block.source[i];
            uint32_t source = get_source(kit->names, part_source(part, number));
            kit_rows_add(out, (struct kit_row){id, source, block.time_ms[i], block.value[i]});
        }
    }
    scan_close(scan);
    return got < 0 ? why.err : ERR_OK;
}

enum err kit_collect(struct kit *kit, struct snapshot *snapshot, struct kit_rows *out)
{
    enum err first = ERR_OK;
    struct why why;
    for (uint32_t p = 0; p < snapshot_part_count(snapshot); p++) {
        struct part *part = snapshot_part(snapshot, p);
        uint32_t sources;
        enum err err = part_load_sources(snapshot, part, &sources, &why);
        size_t before = out->count;
        uint64_t expected = 0;
        for (uint32_t m = 0; m < names_metric_count(kit->names) && !err; m++) {
            expected += part_metric_rows(part, m);
            err = collect_metric(kit, snapshot, part, m, out);
        }
        CHECK(err || expected == out->count - before);
        uint64_t by_source = 0;
        for (uint32_t s = 0; !err && s < sources; s++)
            by_source += part_source_rows(part, s);
        CHECK(err || by_source == expected);
        first = first ? first : err;
    }
    kit_rows_sort(out);
    return first;
}

void kit_rows_of(struct kit *kit, struct kit_rows *out)
{
    struct snapshot *snapshot = store_snapshot(kit->store);
    enum err err = kit_collect(kit, snapshot, out);
    CHECK(err == ERR_OK);
    snapshot_unref(snapshot);
}

static void print_row(const char *what, const struct kit_rows *rows, size_t at)
{
    if (at >= rows->count)
        fprintf(stderr, "%s: nothing\n", what);
    else
        fprintf(stderr, "%s: m%u s%u t%lld %g\n", what, rows->at[at].metric, rows->at[at].source,
                (long long)rows->at[at].time_ms, rows->at[at].value);
}

bool kit_rows_equal(const struct kit_rows *got, const struct kit_rows *want)
{
    for (size_t i = 0; i < got->count || i < want->count; i++) {
        if (i < got->count && i < want->count && by_all(&got->at[i], &want->at[i]) == 0)
            continue;
        fprintf(stderr, "%zu rows, expected %zu; at %zu ", got->count, want->count, i);
        print_row("got", got, i);
        print_row("  expected", want, i);
        return false;
    }
    return true;
}

bool kit_rows_within(const struct kit_rows *part, const struct kit_rows *whole)
{
    size_t at = 0;
    for (size_t i = 0; i < part->count; i++, at++) {
        while (at < whole->count && by_all(&whole->at[at], &part->at[i]) < 0)
            at++;
        if (at == whole->count || by_all(&whole->at[at], &part->at[i]) != 0) {
            print_row("missing", part, i);
            return false;
        }
    }
    return true;
}
