/* A frame's payload, version 1. Integers are LEB128 varints, texts are a varint size and the bytes.
 *
 *   u8       1, the version
 *   zigzag   arrival, ms since 1970
 *   text     idempotency key, empty when none
 *   count    metrics, then per metric: text name, text kind, text unit
 *   count    fields, then per field: text name
 *   count    sources, then per source: u8 fields, then per field: index, u8 type (source.h),
 *            number as varint or text
 *   count    rows, then columns: metric indexes, source indexes, zigzag differences of times (the first from
 *            arrival), values as 8 bytes each
 *
 * Kinds and units go by their words, so that the numbers of an enum never reach a disk.
 */
#include "store/frame.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "scheme/source.h"

enum { FRAME_VERSION = 1 };

uint32_t frame_table_local(struct frame_table *table, uint32_t global)
{
    if (global >= table->local_cap) {
        uint32_t cap = global + global / 2 + 64;
        table->local = mem_resize(table->local, cap, sizeof *table->local);
        memset(table->local + table->local_cap, 0, (cap - table->local_cap) * sizeof *table->local);
        table->local_cap = cap;
    }
    if (!table->local[global]) {
        if (table->count == table->cap) {
            table->cap = table->cap ? table->cap * 2 : 64;
            table->global = mem_resize(table->global, table->cap, sizeof *table->global);
        }
        table->global[table->count++] = global;
        table->local[global] = table->count;
    }
    return table->local[global] - 1;
}

void frame_table_clear(struct frame_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        table->local[table->global[i]] = 0;
    table->count = 0;
}

void frame_table_done(struct frame_table *table)
{
    mem_free(table->local);
    mem_free(table->global);
    *table = (struct frame_table){0};
}

void frame_coder_done(struct frame_coder *coder)
{
    frame_table_done(&coder->metrics);
    frame_table_done(&coder->fields);
    buf_done(&coder->sources);
}

void frame_source_encode(struct frame_table *fields, struct str source, struct buf *out)
{
    struct bytes in = bytes_of(source);
    uint8_t count = bytes_u8(&in);
    buf_u8(out, count);
    for (uint8_t i = 0; i < count; i++) {
        buf_varint(out, frame_table_local(fields, bytes_u16(&in)));
        uint8_t type = bytes_u8(&in);
        buf_u8(out, type);
        if (type == SOURCE_NUMBER)
            buf_varint(out, bytes_u64(&in));
        else
            buf_sized_str(out, bytes_str(&in, bytes_u8(&in)));
    }
    CHECK(!in.bad && bytes_left(&in) == 0); /* a canonical source, made by this process */
}

bool frame_source_decode(struct bytes *in, const uint32_t *fields, uint32_t field_count, struct buf *out)
{
    struct source_set set;
    uint8_t count = bytes_u8(in);
    set.count = 0;
    for (uint8_t i = 0; i < count && !in->bad; i++) {
        uint64_t field = bytes_varint(in);
        struct source_value value = {.type = bytes_u8(in)};
        if (value.type == SOURCE_NUMBER)
            value.number = bytes_varint(in);
        else if (value.type == SOURCE_TEXT)
            value.text = bytes_sized_str(in);
        else
            return false;
        if (in->bad || field >= field_count)
            return false;
        /* A field that finds no number in this process is left out: the rest of the source stays. */
        if (fields[field] != NAME_NONE && !source_set_put(&set, fields[field], value))
            return false;
    }
    if (in->bad)
        return false;
    source_encode(&set, out);
    return true;
}

static char *put_varint(char *at, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *at++ = (char)(v | 0x80);
    *at++ = (char)v;
    return at;
}

static void encode_rows(struct frame_coder *coder, const struct batch *batch, struct buf *out)
{
    uint32_t count = batch->row_count;
    buf_varint(out, count);
    buf_reserve(out, (size_t)count * (5 + 5 + 10 + 8));
    char *at = out->at + out->size;
    for (uint32_t i = 0; i < count; i++)
        at = put_varint(at, coder->metrics.local[batch->rows[i].metric] - 1);
    for (uint32_t i = 0; i < count; i++)
        at = put_varint(at, batch->rows[i].source);
    int64_t before = batch->time_ms;
    for (uint32_t i = 0; i < count; i++) {
        at = put_varint(at, zigzag((int64_t)((uint64_t)batch->rows[i].time_ms - (uint64_t)before)));
        before = batch->rows[i].time_ms;
    }
    out->size = (size_t)(at - out->at);
    for (uint32_t i = 0; i < count; i++)
        buf_f64(out, batch->rows[i].value);
}

void frame_encode(struct frame_coder *coder, const struct batch *batch, const struct names *names,
                  struct buf *out)
{
    for (uint32_t i = 0; i < batch->row_count; i++)
        frame_table_local(&coder->metrics, batch->rows[i].metric);
    coder->sources.size = 0;
    for (uint32_t i = 0; i < batch->sources.count; i++)
        frame_source_encode(&coder->fields, intern_get(&batch->sources, i), &coder->sources);
    buf_u8(out, FRAME_VERSION);
    buf_varint(out, zigzag(batch->time_ms));
    buf_sized_str(out, batch->key);
    buf_varint(out, coder->metrics.count);
    for (uint32_t i = 0; i < coder->metrics.count; i++) {
        uint32_t metric = coder->metrics.global[i];
        buf_sized_str(out, names_metric(names, metric));
        buf_sized_str(out, kind_text(names_kind(names, metric)));
        buf_sized_str(out, unit_text(names_unit(names, metric)));
    }
    buf_varint(out, coder->fields.count);
    for (uint32_t i = 0; i < coder->fields.count; i++)
        buf_sized_str(out, names_field(names, coder->fields.global[i]));
    buf_varint(out, batch->sources.count);
    buf_str(out, buf_view(&coder->sources));
    encode_rows(coder, batch, out);
    frame_table_clear(&coder->metrics);
    frame_table_clear(&coder->fields);
}

static uint32_t *decode_metrics(struct bytes *in, struct names *names, uint32_t *count)
{
    *count = bytes_count(in, 3);
    uint32_t *metrics = mem_alloc(*count * sizeof *metrics);
    for (uint32_t i = 0; i < *count; i++) {
        struct str name = bytes_sized_str(in), kind = bytes_sized_str(in), unit = bytes_sized_str(in);
        metrics[i] = NAME_NONE;
        if (name.size == 0 || name.size > LINE_NAME_MAX)
            in->bad = true;
        else if (!in->bad)
            metrics[i] = names_resolve_metric(names, name, kind_parse(kind), unit_parse(unit));
    }
    return metrics;
}

static uint32_t *decode_fields(struct bytes *in, struct names *names, uint32_t *count)
{
    *count = bytes_count(in, 1);
    uint32_t *fields = mem_alloc(*count * sizeof *fields);
    for (uint32_t i = 0; i < *count; i++) {
        struct str name = bytes_sized_str(in);
        fields[i] = in->bad || name.size == 0 ? NAME_NONE : names_resolve_field(names, name);
    }
    return fields;
}

/* Numbers in the batch of the frame's sources: two may become one when a field found no number. */
static uint32_t *decode_sources(struct bytes *in, const uint32_t *fields, uint32_t field_count,
                                struct batch *into, uint32_t *count)
{
    struct buf bytes = {0};
    *count = bytes_count(in, 1);
    uint32_t *sources = mem_alloc(*count * sizeof *sources);
    for (uint32_t i = 0; i < *count && !in->bad; i++) {
        bytes.size = 0;
        if (frame_source_decode(in, fields, field_count, &bytes))
            sources[i] = batch_source(into, buf_view(&bytes), hash_bytes(buf_view(&bytes)));
        else
            in->bad = true;
    }
    buf_done(&bytes);
    return sources;
}

static void decode_rows(struct bytes *in, const uint32_t *metrics, uint32_t metric_count,
                        const uint32_t *sources, uint32_t source_count, struct batch *into)
{
    uint32_t count = bytes_count(in, 11);
    if (in->bad || count == 0)
        return;
    into->rows = mem_resize(into->rows, count, sizeof *into->rows);
    into->row_cap = count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t metric = bytes_varint(in);
        in->bad |= metric >= metric_count;
        into->rows[i].metric = in->bad ? NAME_NONE : metrics[metric];
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t source = bytes_varint(in);
        in->bad |= source >= source_count;
        into->rows[i].source = in->bad ? 0 : sources[source];
    }
    uint64_t time_ms = (uint64_t)into->time_ms;
    for (uint32_t i = 0; i < count; i++) {
        time_ms += (uint64_t)unzigzag(bytes_varint(in));
        into->rows[i].time_ms = (int64_t)time_ms;
    }
    for (uint32_t i = 0; i < count; i++)
        into->rows[i].value = bytes_f64(in);
    into->row_count = in->bad ? 0 : count;
}

static uint64_t drop_nameless(struct batch *batch)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->row_count; i++)
        if (batch->rows[i].metric != NAME_NONE)
            batch->rows[kept++] = batch->rows[i];
    uint64_t dropped = batch->row_count - kept;
    batch->row_count = kept;
    return dropped;
}

enum err frame_decode(struct str payload, struct names *names, struct batch *into, uint64_t *nameless,
                      struct why *why)
{
    struct bytes in = bytes_of(payload);
    if (bytes_u8(&in) != FRAME_VERSION)
        return why_set(why, ERR_CORRUPT, "a frame of an unknown version");
    into->time_ms = unzigzag(bytes_varint(&in));
    into->key = bytes_sized_str(&in);
    uint32_t metric_count, field_count, source_count;
    uint32_t *metrics = decode_metrics(&in, names, &metric_count);
    uint32_t *fields = decode_fields(&in, names, &field_count);
    uint32_t *sources = decode_sources(&in, fields, field_count, into, &source_count);
    decode_rows(&in, metrics, metric_count, sources, source_count, into);
    mem_free(metrics);
    mem_free(fields);
    mem_free(sources);
    if (in.bad || bytes_left(&in) != 0) {
        into->row_count = 0;
        return why_set(why, ERR_CORRUPT, "a frame that ends too early or too late");
    }
    if (into->key.size == 0)
        into->key = STR_NONE;
    *nameless += drop_nameless(into);
    return ERR_OK;
}
