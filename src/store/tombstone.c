/* A tombstone as bytes, both in its own file and in the catalog. Little-endian; varints are LEB128, texts a
 * varint size and the bytes:
 *
 *   u64 magic "DTTOMB\0\1" | varint id | zigzag when | rows | text who | text what, as it was asked
 *   zigzag from | zigzag to
 *   count of tests, each: text field, u8 kind (0 values, 1 range, 2 unset) + 128 when negated; then of
 * values: count, each: u8 is a glob, text; of a range: low, high count of metrics, each: text name, varint
 * bits of the tests that its name decides count of files, each: text name, count, each: place in the metrics,
 * rows u64 xxh3 of everything before
 */
#include "store/tombstone.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

#define TOMBSTONE_MAGIC UINT64_C(0x0100424d4f545444) /* "DTTOMB", 0, 1 */

enum { NEGATED = 128 };

/* ---- to bytes ---- */

static void put_head(uint64_t id, int64_t at_ms, uint64_t rows, struct str who, struct str text,
                     int64_t from_ms, int64_t to_ms, struct buf *out)
{
    buf_u64(out, TOMBSTONE_MAGIC);
    buf_varint(out, id);
    buf_varint(out, zigzag(at_ms));
    buf_varint(out, rows);
    buf_sized_str(out, who);
    buf_sized_str(out, text);
    buf_varint(out, zigzag(from_ms));
    buf_varint(out, zigzag(to_ms));
}

static void put_test(struct str field, const struct source_match *match, struct buf *out)
{
    buf_sized_str(out, field);
    buf_u8(out, (uint8_t)(match->kind | (match->negated ? NEGATED : 0)));
    if (match->kind == MATCH_VALUES) {
        buf_varint(out, match->value_count);
        for (uint32_t i = 0; i < match->value_count; i++) {
            buf_u8(out, match->values[i].is_glob);
            buf_sized_str(out, match->values[i].text);
        }
    } else if (match->kind == MATCH_RANGE) {
        buf_varint(out, match->low);
        buf_varint(out, match->high);
    }
}

static void put_check(struct buf *out, size_t start)
{
    buf_u64(out, hash_bytes(str_from(buf_view(out), start)));
}

void tombstone_encode(const struct delete_request *request, const struct names *names, uint64_t id,
                      int64_t at_ms, const struct tombstone_entry *entries, uint32_t count, struct buf *out)
{
    size_t start = out->size;
    uint64_t rows = 0;
    uint32_t files = 0;
    for (uint32_t i = 0; i < count; i++) {
        rows += entries[i].rows;
        files += i == 0 || entries[i].file != entries[i - 1].file;
    }
    put_head(id, at_ms, rows, request->who, request->text, request->from_ms, request->to_ms, out);
    buf_varint(out, request->test_count);
    for (uint32_t i = 0; i < request->test_count; i++)
        put_test(request->tests[i].field, &request->tests[i].match, out);
    buf_varint(out, request->metric_count);
    for (uint32_t i = 0; i < request->metric_count; i++) {
        buf_sized_str(out, names_metric(names, request->metrics[i].metric));
        buf_varint(out, request->metrics[i].bound);
    }
    buf_varint(out, files);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && entries[end].file == entries[i].file; end++)
            ;
        buf_sized_str(out, str_of(entries[i].file));
        buf_varint(out, end - i);
        for (uint32_t e = i; e < end; e++) {
            buf_varint(out, entries[e].metric);
            buf_varint(out, entries[e].rows);
        }
    }
    put_check(out, start);
}

void tombstone_encode_record(const struct tombstone *tombstone, struct buf *out)
{
    size_t start = out->size;
    put_head(tombstone->id, tombstone->at_ms, tombstone->rows, tombstone->who, tombstone->text,
             tombstone->from_ms, tombstone->to_ms, out);
    buf_varint(out, tombstone->test_count);
    for (uint32_t i = 0; i < tombstone->test_count; i++)
        put_test(tombstone->tests[i].field, &tombstone->tests[i].match, out);
    buf_varint(out, 0);
    buf_varint(out, 0);
    put_check(out, start);
}

/* ---- from bytes ---- */

static uint32_t take_count(struct bytes *in, size_t least)
{
    uint64_t count = bytes_varint(in);
    if (count > bytes_left(in) / least)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)count;
}

static void take_test(struct bytes *in, struct names *names, struct arena *arena, struct tombstone_test *test)
{
    struct source_match *match = &test->match;
    test->field = arena_str(arena, bytes_sized_str(in));
    uint8_t kind = bytes_u8(in);
    match->negated = kind & NEGATED;
    match->kind = (enum match_kind)(kind & ~NEGATED);
    in->bad |= match->kind > MATCH_UNSET || test->field.size == 0;
    if (match->kind == MATCH_VALUES) {
        match->value_count = take_count(in, 2);
        match->values = arena_array(arena, match->value_count + 1, sizeof *match->values);
        for (uint32_t i = 0; i < match->value_count; i++) {
            bool is_glob = bytes_u8(in) != 0;
            match->values[i] = source_pattern_of(arena_str(arena, bytes_sized_str(in)), is_glob);
        }
    } else if (match->kind == MATCH_RANGE) {
        match->low = bytes_varint(in);
        match->high = bytes_varint(in);
    }
    test->number = in->bad ? NAME_NONE : names_resolve_field(names, test->field);
}

static int by_metric(const void *a, const void *b)
{
    const struct tombstone_count *x = a, *y = b;
    return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static void take_file(struct bytes *in, struct tombstone *tombstone, struct tombstone_file *file)
{
    file->name = arena_str(&tombstone->arena, bytes_sized_str(in));
    uint32_t count = take_count(in, 2);
    file->counts = arena_array(&tombstone->arena, count + 1, sizeof *file->counts);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        uint64_t place = bytes_varint(in), rows = bytes_varint(in);
        in->bad |= place >= tombstone->metric_count;
        const struct tombstone_metric *metric = in->bad ? NULL : &tombstone->metrics[place];
        if (metric && metric->metric != NAME_NONE) /* else no file in service has it */
            file->counts[file->count++] = (struct tombstone_count){metric->metric, metric->bound, rows};
    }
    if (file->count)
        qsort(file->counts, file->count, sizeof *file->counts, by_metric);
}

static void take_all(struct bytes *in, struct names *names, struct tombstone *tombstone)
{
    struct arena *arena = &tombstone->arena;
    in->bad |= bytes_u64(in) != TOMBSTONE_MAGIC;
    tombstone->id = bytes_varint(in);
    tombstone->at_ms = unzigzag(bytes_varint(in));
    tombstone->rows = bytes_varint(in);
    tombstone->who = arena_str(arena, bytes_sized_str(in));
    tombstone->text = arena_str(arena, bytes_sized_str(in));
    tombstone->from_ms = unzigzag(bytes_varint(in));
    tombstone->to_ms = unzigzag(bytes_varint(in));
    tombstone->test_count = take_count(in, 2);
    in->bad |= tombstone->test_count > DELETE_TESTS_MAX;
    tombstone->tests =
        in->bad ? NULL : arena_array(arena, tombstone->test_count + 1, sizeof *tombstone->tests);
    for (uint32_t i = 0; i < tombstone->test_count && !in->bad; i++)
        take_test(in, names, arena, &tombstone->tests[i]);
    tombstone->metric_count = take_count(in, 2);
    tombstone->metrics = arena_array(arena, tombstone->metric_count + 1, sizeof *tombstone->metrics);
    for (uint32_t i = 0; i < tombstone->metric_count && !in->bad; i++) {
        struct tombstone_metric *metric = &tombstone->metrics[i];
        metric->name = arena_str(arena, bytes_sized_str(in));
        metric->bound = bytes_varint(in);
        metric->metric = names_find_metric(names, metric->name);
    }
    tombstone->file_count = take_count(in, 2);
    tombstone->files = arena_array(arena, tombstone->file_count + 1, sizeof *tombstone->files);
    for (uint32_t i = 0; i < tombstone->file_count && !in->bad; i++)
        take_file(in, tombstone, &tombstone->files[i]);
    in->bad |= bytes_left(in) != 0;
}

struct tombstone *tombstone_decode(struct str bytes, struct names *names, struct why *why)
{
    struct str body = str_first(bytes, bytes.size > 8 ? bytes.size - 8 : 0);
    struct bytes check = bytes_of(str_from(bytes, body.size)), in = bytes_of(body);
    if (body.size == 0 || bytes_u64(&check) != hash_bytes(body)) {
        why_set(why, ERR_CORRUPT, "the sum of a tombstone is wrong");
        return NULL;
    }
    struct tombstone *tombstone = MEM_NEW(struct tombstone);
    tombstone->refs = 1;
    take_all(&in, names, tombstone);
    if (in.bad) {
        why_set(why, ERR_CORRUPT, "a tombstone that ends too early or too late");
        tombstone_unref(tombstone);
        return NULL;
    }
    return tombstone;
}

struct tombstone *tombstone_ref(struct tombstone *tombstone)
{
    atomic_fetch_add_explicit(&tombstone->refs, 1, memory_order_relaxed);
    return tombstone;
}

void tombstone_unref(struct tombstone *tombstone)
{
    if (!tombstone || atomic_fetch_sub_explicit(&tombstone->refs, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&tombstone->arena);
    mem_free(tombstone);
}

/* ---- all of one moment ---- */

static int by_id(const void *a, const void *b)
{
    const struct tombstone *x = *(struct tombstone *const *)a, *y = *(struct tombstone *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_file(const void *a, const void *b)
{
    const struct touch *x = a, *y = b;
    int order = str_compare(x->file->name, y->file->name);
    return order ? order : x->tombstone->id < y->tombstone->id ? -1 : x->tombstone->id > y->tombstone->id;
}

struct tombstone_set *tombstone_set_new(struct tombstone **tombstones, uint32_t count)
{
    struct tombstone_set *set = MEM_NEW(struct tombstone_set);
    uint32_t touches = 0;
    set->refs = 1;
    set->count = count;
    set->at = mem_alloc(count * sizeof(struct tombstone *));
    for (uint32_t i = 0; i < count; i++) {
        set->at[i] = tombstone_ref(tombstones[i]);
        touches += set->at[i]->gone_ms ? 0 : set->at[i]->file_count;
    }
    if (count)
        qsort(set->at, count, sizeof(struct tombstone *), by_id);
    set->touches = mem_alloc(touches * sizeof *set->touches);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t f = 0; !set->at[i]->gone_ms && f < set->at[i]->file_count; f++)
            set->touches[set->touch_count++] = (struct touch){set->at[i], &set->at[i]->files[f]};
    if (touches)
        qsort(set->touches, touches, sizeof *set->touches, by_file);
    return set;
}

struct tombstone_set *tombstone_set_ref(struct tombstone_set *set)
{
    atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
    return set;
}

void tombstone_set_unref(struct tombstone_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < set->count; i++)
        tombstone_unref(set->at[i]);
    mem_free(set->at);
    mem_free(set->touches);
    mem_free(set);
}

const struct touch *tombstone_set_find(const struct tombstone_set *set, struct str file, uint32_t *count)
{
    uint32_t low = 0, high = set->touch_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_compare(set->touches[middle].file->name, file) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < set->touch_count && str_eq(set->touches[low + *count].file->name, file))
        ++*count;
    return *count ? &set->touches[low] : NULL;
}
