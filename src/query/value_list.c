#include "query/value_list.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* Chunks of 32 bytes, 64, 128 ... 4 KiB: a cell of one value costs little, one of many is a few long runs. */
enum { CHUNK_MOST = 509, BUCKETS = 1 << 16, COPY_MAX = 1 << 18 };

void value_grow(struct value_store *store, struct value_list *list)
{
    struct value_chunk *full = list->newest;
    uint32_t cap = full ? full->cap * 2 + 3 : 1;
    if (cap > CHUNK_MOST)
        cap = CHUNK_MOST;
    struct value_chunk *more = arena_room(&store->arena, sizeof(*more) + cap * sizeof(double));
    *more = (struct value_chunk){.older = full, .before = value_count(list), .cap = cap};
    if (full)
        full->count = list->count;
    *list = (struct value_list){.newest = more, .cap = cap};
}

void value_add_run(struct value_store *store, struct value_list *list, const double *values, uint32_t count)
{
    while (count) {
        if (list->count == list->cap)
            value_grow(store, list);
        uint32_t room = list->cap - list->count, taken = count < room ? count : room;
        memcpy(list->newest->values + list->count, values, taken * sizeof(double));
        list->count += taken;
        values += taken;
        count -= taken;
    }
}

void value_splice(struct value_list *list, struct value_list *from)
{
    if (from->newest && list->newest) {
        uint64_t before = value_count(list);
        list->newest->count = list->count;
        struct value_chunk *chunk = from->newest;
        for (; chunk->older; chunk = chunk->older)
            chunk->before += before;
        chunk->before = before;
        chunk->older = list->newest;
    }
    if (from->newest)
        *list = *from;
    *from = (struct value_list){0};
}

void value_store_take(struct value_store *store, struct value_store *from)
{
    arena_take(&store->arena, &from->arena);
}

bool value_store_is_full(const struct value_store *store)
{
    return store->arena.size > store->bytes_max;
}

static uint32_t chunk_count(const struct value_list *list, const struct value_chunk *chunk)
{
    return chunk == list->newest ? list->count : chunk->count;
}

void value_each(const struct value_list *list, void (*each)(void *ctx, const double *values, uint32_t count),
                void *ctx)
{
    for (const struct value_chunk *chunk = list->newest; chunk; chunk = chunk->older)
        each(ctx, chunk->values, chunk_count(list, chunk));
}

static uint64_t count_all(const struct value_list *lists, uint32_t list_count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < list_count; i++)
        total += value_count(&lists[i]);
    return total;
}

uint64_t value_rank(uint64_t part, uint64_t whole, uint64_t count)
{
    unsigned __int128 wide = (unsigned __int128)part * count + whole - 1;
    uint64_t rank = (uint64_t)(wide / whole);
    return rank < 1 ? 1 : rank > count ? count : rank;
}

/* Bits whose unsigned order is the order of the doubles. */
static uint64_t order_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

static int compare_values(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void insertion_sort(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double value = v[i];
        size_t at = i;
        for (; at > 0 && v[at - 1] > value; at--)
            v[at] = v[at - 1];
        v[at] = value;
    }
}

/* A pivot that most likely lies beyond the k-th least of n, or below it, by little (Floyd and Rivest, 1975):
 * from a sample. 1.5 deviations of that place: 9 of 10 pivots are on the right
 * side, and cut off nearly all of the rest. */
static double pivot_of(double *sample, size_t size, size_t k, size_t n, bool below)
{
    insertion_sort(sample, size);
    double share = (double)k / (double)n, at = share * (double)size;
    double margin = 1.5 * sqrt((double)size * share * (1 - share)) + 0.5;
    at += below ? -margin : margin;
    return sample[at < 0 ? 0 : at >= (double)size ? size - 1 : (size_t)at];
}

enum { SAMPLE = 64, SAMPLED_WELL = 2048 };

static double pick_pivot(const double *v, size_t n, size_t k)
{
    double sample[SAMPLE];
    size_t size = n >= SAMPLED_WELL ? SAMPLE : n >= 256 ? 16 : 5, stride = n / size;
    for (size_t i = 0; i < size; i++)
        sample[i] = v[i * stride + stride / 2];
    return pivot_of(sample, size, k, n, k > n / 2);
}

/* Values for which value < pivot (or <=) come first; returns their number. No branch depends on a value, for
 * it would be mispredicted every other time. */
static size_t split_below(double *v, size_t n, double pivot)
{
    size_t less = 0;
    for (size_t i = 0; i < n; i++) {
        double value = v[i];
        v[i] = v[less];
        v[less] = value;
        less += value < pivot;
    }
    return less;
}

static size_t split_up_to(double *v, size_t n, double pivot)
{
    size_t less = 0;
    for (size_t i = 0; i < n; i++) {
        double value = v[i];
        v[i] = v[less];
        v[less] = value;
        less += value <= pivot;
    }
    return less;
}

/* Puts the k-th least (from 0) at v[k], the smaller ones before it and the greater ones behind it. A run of
 * bad pivots ends in a sort, so that no input costs the square. */
static void select_at(double *v, size_t n, size_t k)
{
    for (int rounds = 0; n > 24; rounds++) {
        if (rounds > 64) {
            qsort(v, n, sizeof(*v), compare_values);
            return;
        }
        double pivot = pick_pivot(v, n, k);
        size_t less = split_below(v, n, pivot);
        if (k < less) {
            n = less;
            continue;
        }
        if (less == 0) { /* the pivot is the least: all that equal it are done with */
            less = split_up_to(v, n, pivot);
            if (k < less)
                return;
        }
        v += less;
        n -= less;
        k -= less;
    }
    insertion_sort(v, n);
}

static size_t copy_values(const struct value_list *lists, uint32_t list_count, double *to)
{
    size_t count = 0;
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].newest; chunk; chunk = chunk->older) {
            uint32_t some = chunk_count(&lists[i], chunk);
            memcpy(to + count, chunk->values, some * sizeof(double));
            count += some;
        }
    return count;
}

/* Copies no more than what is not less than a pivot that most likely lies below the first rank, without
 * copying the rest: high percentiles look at few. Returns how many there are; *less: how many are not. */
static size_t copy_high(const struct value_list *lists, uint32_t list_count, uint64_t total, uint64_t first,
                        double *to, size_t *less)
{
    double sample[SAMPLE];
    size_t size = 0, place = 0, stride = total / SAMPLE, wanted = stride / 2, high = 0;
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].newest; chunk; chunk = chunk->older) {
            uint32_t some = chunk_count(&lists[i], chunk);
            for (; wanted < place + some && size < SAMPLE; wanted += stride)
                sample[size++] = chunk->values[wanted - place];
            place += some;
        }
    double pivot = pivot_of(sample, size, first, total, true);
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].newest; chunk; chunk = chunk->older)
            for (uint32_t j = 0, some = chunk_count(&lists[i], chunk); j < some; j++) {
                double value = chunk->values[j];
                to[high] = value;
                high += value >= pivot;
            }
    *less = total - high;
    return high;
}

static bool is_high(uint64_t rank, uint64_t total)
{
    return rank >= total / 2;
}

static void select_by_copy(const struct value_list *lists, uint32_t list_count, uint64_t total,
                           const uint64_t *ranks, uint32_t rank_count, double *out)
{
    double *copy = mem_alloc((total + 1) * sizeof(double));
    size_t count, done = 0, less = 0;
    bool high = total >= SAMPLED_WELL && is_high(ranks[0], total);
    if (high)
        count = copy_high(lists, list_count, total, ranks[0] - 1, copy, &less);
    if (!high || less >= ranks[0]) {
        count = copy_values(lists, list_count, copy);
        less = 0;
    }
    for (uint32_t i = 0; i < rank_count; i++) {
        size_t k = ranks[i] - 1 - less;
        select_at(copy + done, count - done, k - done);
        out[i] = copy[k];
        done = k; /* ranks ascend: what lies before is smaller */
    }
    mem_free(copy);
}

static double select_in_bucket(const struct value_list *lists, uint32_t list_count, const uint32_t *histogram,
                               uint64_t rank)
{
    uint64_t before = 0;
    uint32_t bucket = 0;
    while (before + histogram[bucket] < rank)
        before += histogram[bucket++];
    double *copy = mem_alloc(histogram[bucket] * sizeof(double));
    size_t count = 0;
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].newest; chunk; chunk = chunk->older)
            for (uint32_t j = 0; j < chunk_count(&lists[i], chunk); j++)
                if (order_bits(chunk->values[j]) >> 48 == bucket)
                    copy[count++] = chunk->values[j];
    select_at(copy, count, rank - before - 1);
    double value = copy[rank - before - 1];
    mem_free(copy);
    return value;
}

void value_select(const struct value_list *lists, uint32_t list_count, const uint64_t *ranks,
                  uint32_t rank_count, double *out)
{
    uint64_t total = count_all(lists, list_count);
    if (total <= COPY_MAX || is_high(ranks[0], total)) {
        select_by_copy(lists, list_count, total, ranks, rank_count, out);
        return;
    }
    uint32_t *histogram = mem_zero(BUCKETS, sizeof(*histogram));
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].newest; chunk; chunk = chunk->older)
            for (uint32_t j = 0; j < chunk_count(&lists[i], chunk); j++)
                histogram[order_bits(chunk->values[j]) >> 48]++;
    for (uint32_t i = 0; i < rank_count; i++)
        out[i] = select_in_bucket(lists, list_count, histogram, ranks[i]);
    mem_free(histogram);
}

static int compare_bits(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(double));
}

/* Sorts a copy of all values by their bits and keeps one of each; the caller frees it. */
static double *distinct_copy(const struct value_list *lists, uint32_t list_count, uint64_t *kept)
{
    uint64_t total = count_all(lists, list_count);
    double *copy = mem_alloc((total + 1) * sizeof(double));
    size_t count = copy_values(lists, list_count, copy);
    qsort(copy, count, sizeof(*copy), compare_bits);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || memcmp(&copy[i], &copy[i - 1], sizeof(*copy)) != 0)
            copy[unique++] = copy[i];
    *kept = unique;
    return copy;
}

uint64_t value_distinct(const struct value_list *lists, uint32_t list_count)
{
    uint64_t kept;
    mem_free(distinct_copy(lists, list_count, &kept));
    return kept;
}

void value_compact(struct value_list *list, struct value_store *into)
{
    uint64_t kept;
    double *copy = distinct_copy(list, 1, &kept);
    *list = (struct value_list){0};
    for (uint64_t i = 0; i < kept; i++)
        value_add(into, list, copy[i]);
    mem_free(copy);
}
