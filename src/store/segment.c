/* Directories and lists of segments: what is resident. */
#include "store/segment.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "store/day.h"

#include <stdlib.h>

enum { DIRECTORY_VERSION = 2 };

struct segment *segment_ref(struct segment *segment)
{
    atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
    return segment;
}

void segment_unref(struct segment *segment)
{
    if (!segment || atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) != 1)
        return;
    const struct segment_origin *origin = segment->origin;
    cache_forget(origin->cache, &segment->index);
    cache_forget(origin->cache, &segment->table);
    cache_forget(origin->cache, &segment->sources);
    if (segment->dropped) {
        struct store_path path = segment_path(segment);
        /* What stays behind is found and removed by the next start: the catalog remembers it as dropped. */
        enum err err = sys_unlink(origin->sys, store_path_str(&path), NULL);
        (void)err;
    }
    mem_free(segment->metrics);
    mem_free(segment->covers);
    mem_free(segment->replaces);
    mem_free(segment);
}

struct store_path segment_path(const struct segment *segment)
{
    return store_path(segment->origin->dir, "seg/%08lld/%s.seg", (long long)day_number(segment->day),
                      segment->name);
}

const struct segment_metric *segment_find_metric(const struct segment *segment, uint32_t metric)
{
    uint32_t low = 0, high = segment->metric_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment->metrics[middle].metric < metric)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < segment->metric_count && segment->metrics[low].metric == metric;
    return found ? &segment->metrics[low] : NULL;
}

/* ---- the directory as bytes ----
 *
 *   u8 2 | zigzag day | rows | bytes of the file (0 in the file itself) | sources | zigzag from | zigzag to
 *   count of covers, each: lane, u8 class, lsn
 *   count of replaced files, each: text name
 *   count of metrics, each: text name, text kind, text unit, rows, zigzag from, to - from, u8 1 if there is a
 *     total, and then 8 bytes each of sum, least and greatest value
 */

void segment_encode_directory(const struct segment *segment, struct buf *out)
{
    const struct names *names = segment->origin->names;
    buf_u8(out, DIRECTORY_VERSION);
    buf_varint(out, zigzag(segment->day));
    buf_varint(out, segment->rows);
    buf_varint(out, segment->bytes);
    buf_varint(out, segment->source_count);
    buf_varint(out, zigzag(segment->from_ms));
    buf_varint(out, zigzag(segment->to_ms));
    buf_varint(out, segment->cover_count);
    for (uint32_t i = 0; i < segment->cover_count; i++) {
        buf_varint(out, segment->covers[i].lane);
        buf_u8(out, (uint8_t)segment->covers[i].class);
        buf_varint(out, segment->covers[i].lsn);
    }
    buf_varint(out, segment->replaces_count);
    for (uint32_t i = 0; i < segment->replaces_count; i++)
        buf_sized_str(out, str_of(segment->replaces[i]));
    buf_varint(out, segment->metric_count);
    for (uint32_t i = 0; i < segment->metric_count; i++) {
        const struct segment_metric *metric = &segment->metrics[i];
        buf_sized_str(out, names_metric(names, metric->metric));
        buf_sized_str(out, kind_text(names_kind(names, metric->metric)));
        buf_sized_str(out, unit_text(names_unit(names, metric->metric)));
        buf_varint(out, metric->rows);
        buf_varint(out, zigzag(metric->from_ms));
        buf_varint(out, (uint64_t)metric->to_ms - (uint64_t)metric->from_ms);
        buf_u8(out, metric->has_total);
        if (metric->has_total) {
            buf_f64(out, metric->sum);
            buf_f64(out, metric->min);
            buf_f64(out, metric->max);
        }
    }
}

static void decode_covers(struct bytes *in, struct segment *segment)
{
    uint32_t count = bytes_count(in, 3);
    segment->covers = mem_alloc(count * sizeof *segment->covers);
    for (uint32_t i = 0; i < count; i++) {
        struct segment_cover *cover = &segment->covers[i];
        cover->lane = (uint32_t)bytes_varint(in);
        cover->class = bytes_u8(in) ? HEAD_LATE : HEAD_FRESH;
        cover->lsn = bytes_varint(in);
    }
    segment->cover_count = count;
    count = bytes_count(in, 1);
    segment->replaces = mem_zero(count, sizeof *segment->replaces);
    for (uint32_t i = 0; i < count; i++) {
        struct str name = bytes_sized_str(in);
        if (name.size > SEGMENT_NAME_MAX)
            in->bad = true;
        else if (!in->bad)
            memcpy(segment->replaces[i], name.at, name.size);
    }
    segment->replaces_count = count;
}

static int by_metric(const void *a, const void *b)
{
    const struct segment_metric *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static void decode_metrics(struct bytes *in, struct segment *segment)
{
    uint32_t count = bytes_count(in, 6), kept = 0;
    segment->metrics = mem_alloc(count * sizeof *segment->metrics);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        struct str name = bytes_sized_str(in), kind = bytes_sized_str(in), unit = bytes_sized_str(in);
        struct segment_metric *metric = &segment->metrics[kept];
        metric->rows = bytes_varint(in);
        metric->from_ms = unzigzag(bytes_varint(in));
        metric->to_ms = (int64_t)((uint64_t)metric->from_ms + bytes_varint(in));
        metric->has_total = bytes_u8(in) != 0;
        metric->sum = metric->has_total ? bytes_f64(in) : 0;
        metric->min = metric->has_total ? bytes_f64(in) : 0;
        metric->max = metric->has_total ? bytes_f64(in) : 0;
        if (in->bad || name.size == 0 || name.size > LINE_NAME_MAX) {
            in->bad = true;
            break;
        }
        metric->metric =
            names_resolve_metric(segment->origin->names, name, kind_parse(kind), unit_parse(unit));
        kept += metric->metric != NAME_NONE;
    }
    segment->metric_count = kept;
    if (kept)
        qsort(segment->metrics, kept, sizeof *segment->metrics, by_metric);
    for (uint32_t i = 1; i < kept; i++)
        in->bad |= segment->metrics[i - 1].metric == segment->metrics[i].metric;
}

struct segment *segment_decode_directory(const struct segment_origin *origin, struct str name,
                                         struct str bytes, struct why *why)
{
    struct bytes in = bytes_of(bytes);
    if (name.size == 0 || name.size > SEGMENT_NAME_MAX || bytes_u8(&in) != DIRECTORY_VERSION) {
        why_set(why, ERR_CORRUPT, "a directory of an unknown version");
        return NULL;
    }
    struct segment *segment = MEM_NEW(struct segment);
    segment->refs = 1;
    segment->origin = origin;
    memcpy(segment->name, name.at, name.size);
    segment->day = unzigzag(bytes_varint(&in));
    segment->rows = bytes_varint(&in);
    segment->bytes = bytes_varint(&in);
    uint64_t sources = bytes_varint(&in);
    segment->source_count = (uint32_t)sources;
    segment->from_ms = unzigzag(bytes_varint(&in));
    segment->to_ms = unzigzag(bytes_varint(&in));
    decode_covers(&in, segment);
    decode_metrics(&in, segment);
    bool day_fits = segment->day > -4000000 && segment->day < 4000000;
    if (in.bad || bytes_left(&in) != 0 || !day_fits || sources > UINT32_MAX - 1) {
        why_set(why, ERR_CORRUPT, "a directory that ends too early or too late");
        segment_unref(segment);
        return NULL;
    }
    return segment;
}

/* ---- lists ---- */

static int by_day(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->from_ms != y->from_ms)
        return x->from_ms < y->from_ms ? -1 : 1;
    return strcmp(x->name, y->name);
}

struct segment_list *segment_list_new(struct segment **segments, uint32_t count)
{
    struct segment_list *list = MEM_NEW(struct segment_list);
    list->refs = 1;
    list->at = mem_alloc(count * sizeof(struct segment *));
    for (uint32_t i = 0; i < count; i++)
        list->at[i] = segment_ref(segments[i]);
    list->count = count;
    if (count)
        qsort(list->at, count, sizeof(struct segment *), by_day);
    return list;
}

struct segment_list *segment_list_ref(struct segment_list *list)
{
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

void segment_list_unref(struct segment_list *list)
{
    if (!list || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        segment_unref(list->at[i]);
    mem_free(list->at);
    mem_free(list);
}

static bool among(const struct segment *segment, struct segment *const *some, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (some[i] == segment)
            return true;
    return false;
}

struct segment_list *segment_list_change(const struct segment_list *list, struct segment *const *without,
                                         uint32_t without_count, struct segment *const *with,
                                         uint32_t with_count)
{
    struct segment **all = mem_alloc((list->count + with_count) * sizeof *all);
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (!among(list->at[i], without, without_count))
            all[count++] = list->at[i];
    for (uint32_t i = 0; i < with_count; i++)
        all[count++] = with[i];
    struct segment_list *changed = segment_list_new(all, count);
    mem_free(all);
    return changed;
}
