#include "query/value_list.h"

#include "base/mem.h"

#include <stdlib.h>

enum { CHUNK_FIRST = 2, CHUNK_MOST = 510, BUCKETS = 1 << 16, COPY_MAX = 1 << 18 };

struct value_chunk {
    struct value_chunk *next;
    uint32_t count, cap;
    double values[];
};

/* A chunk with room for one more at least. */
static struct value_chunk *open_chunk(struct value_store *store, struct value_list *list)
{
    struct value_chunk *chunk = list->chunks;
    if (chunk && chunk->count < chunk->cap)
        return chunk;
    uint32_t cap = chunk ? chunk->cap * 2 + 2 : CHUNK_FIRST;
    if (cap > CHUNK_MOST)
        cap = CHUNK_MOST;
    struct value_chunk *more = arena_alloc(&store->arena, sizeof(*more) + cap * sizeof(double));
    more->next = chunk;
    more->cap = cap;
    list->chunks = more;
    return more;
}

void value_add_run(struct value_store *store, struct value_list *list, const double *values, uint32_t count)
{
    list->count += count;
    while (count) {
        struct value_chunk *chunk = open_chunk(store, list);
        uint32_t room = chunk->cap - chunk->count, taken = count < room ? count : room;
        memcpy(chunk->values + chunk->count, values, taken * sizeof(double));
        chunk->count += taken;
        values += taken;
        count -= taken;
    }
}

void value_add(struct value_store *store, struct value_list *list, double value)
{
    struct value_chunk *chunk = open_chunk(store, list);
    chunk->values[chunk->count++] = value;
    list->count++;
}

bool value_store_is_full(const struct value_store *store)
{
    return store->arena.size > store->bytes_max;
}

void value_each(const struct value_list *list, void (*each)(void *ctx, const double *values, uint32_t count),
                void *ctx)
{
    for (const struct value_chunk *chunk = list->chunks; chunk; chunk = chunk->next)
        each(ctx, chunk->values, chunk->count);
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

static void swap(double *a, double *b)
{
    double c = *a;
    *a = *b;
    *b = c;
}

static double median_of_three(const double *v, size_t n)
{
    double a = v[0], b = v[n / 2], c = v[n - 1];
    if (a > b)
        swap(&a, &b);
    return c < a ? a : c > b ? b : c;
}

/* Puts the k-th least (from 0) at v[k], the smaller ones before it and the greater ones behind it. A run of
 * bad pivots ends in a sort, so that no input costs the square. */
static void select_at(double *v, size_t n, size_t k)
{
    size_t low = 0, high = n;
    for (int rounds = 0; high - low > 16; rounds++) {
        if (rounds > 64)
            break;
        double pivot = median_of_three(v + low, high - low);
        size_t less = low, at = low, more = high;
        while (at < more) {
            if (v[at] < pivot)
                swap(&v[less++], &v[at++]);
            else if (v[at] > pivot)
                swap(&v[at], &v[--more]);
            else
                at++;
        }
        if (k < less)
            high = less;
        else if (k >= more)
            low = more;
        else
            return;
    }
    qsort(v + low, high - low, sizeof(*v), compare_values);
}

static size_t copy_values(const struct value_list *lists, uint32_t list_count, double *to)
{
    size_t count = 0;
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].chunks; chunk; chunk = chunk->next) {
            memcpy(to + count, chunk->values, chunk->count * sizeof(double));
            count += chunk->count;
        }
    return count;
}

static void select_by_copy(const struct value_list *lists, uint32_t list_count, uint64_t total,
                           const uint64_t *ranks, uint32_t rank_count, double *out)
{
    double *copy = mem_alloc(total * sizeof(double));
    size_t count = copy_values(lists, list_count, copy), done = 0;
    for (uint32_t i = 0; i < rank_count; i++) {
        size_t k = ranks[i] - 1;
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
        for (const struct value_chunk *chunk = lists[i].chunks; chunk; chunk = chunk->next)
            for (uint32_t j = 0; j < chunk->count; j++)
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
    uint64_t total = 0;
    for (uint32_t i = 0; i < list_count; i++)
        total += lists[i].count;
    if (total <= COPY_MAX) {
        select_by_copy(lists, list_count, total, ranks, rank_count, out);
        return;
    }
    uint32_t *histogram = mem_zero(BUCKETS, sizeof(*histogram));
    for (uint32_t i = 0; i < list_count; i++)
        for (const struct value_chunk *chunk = lists[i].chunks; chunk; chunk = chunk->next)
            for (uint32_t j = 0; j < chunk->count; j++)
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
    uint64_t total = 0;
    for (uint32_t i = 0; i < list_count; i++)
        total += lists[i].count;
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
