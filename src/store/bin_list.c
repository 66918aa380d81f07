/* An entry is one number: 19 bits of the place, 18 bits of the key, 27 bits of the count, so that uniting
 * lists is uniting ascending numbers. */
#include "store/bin_list.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    COUNT_BITS = 27,
    KEY_BITS = 18,
    PLACE_SHIFT = COUNT_BITS + KEY_BITS,
    KEY_BIAS = 1 << 17,
    RANGE_MAX = 4096, /* keys from the least to the greatest of a place that are counted, not sorted */
};

#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)

_Static_assert((int)LOG_BIN_KEY_MAX < (int)KEY_BIAS, "keys fit");

void bin_scratch_done(struct bin_scratch *scratch)
{
    mem_free(scratch->ends);
    mem_free(scratch->keys);
    mem_free(scratch->counts);
    mem_free(scratch->entries);
    *scratch = (struct bin_scratch){0};
}

void bin_list_done(struct bin_list *list)
{
    mem_free(list->at);
    *list = (struct bin_list){0};
}

struct bin_entry bin_list_get(const struct bin_list *list, uint32_t index)
{
    CHECK(index < list->count);
    uint64_t entry = list->at[index];
    int32_t key = (int32_t)(entry >> COUNT_BITS & ((1 << KEY_BITS) - 1)) - KEY_BIAS;
    return (struct bin_entry){(uint32_t)(entry >> PLACE_SHIFT), {key, entry & COUNT_MAX}};
}

/* ---- one chunk ---- */

static inline uint64_t entry_of(uint32_t place, int32_t key, uint64_t count)
{
    return (uint64_t)place << PLACE_SHIFT | (uint64_t)(uint32_t)(key + KEY_BIAS) << COUNT_BITS | count;
}

static int by_key(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *put_sorted(uint32_t place, int32_t *keys, uint32_t count, uint64_t *out)
{
    qsort(keys, count, sizeof *keys, by_key);
    for (uint32_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && keys[end] == keys[i]; end++)
            ;
        *out++ = entry_of(place, keys[i], end - i);
    }
    return out;
}

static uint64_t *put_counted(struct bin_scratch *scratch, uint32_t place, const int32_t *keys, uint32_t count,
                             int32_t least, int32_t most, uint64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        scratch->counts[keys[i] - least]++;
    for (int32_t key = least; key <= most; key++)
        if (scratch->counts[key - least]) {
            *out++ = entry_of(place, key, scratch->counts[key - least]);
            scratch->counts[key - least] = 0;
        }
    return out;
}

/* The rows of one place. Zeros lie far from all others: they are counted apart. */
static uint64_t *put_place(struct bin_scratch *scratch, uint32_t place, int32_t *keys, uint32_t count,
                           uint64_t *out)
{
    uint32_t rest = 0;
    int32_t least = INT32_MAX, most = INT32_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int32_t key = keys[i];
        if (key == 0)
            continue;
        keys[rest++] = key;
        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    uint32_t zeros = count - rest;
    if (rest && least < 0) {
        memset(keys + rest, 0, zeros * sizeof *keys);
        return put_sorted(place, keys, count, out);
    }
    if (zeros)
        *out++ = entry_of(place, 0, zeros);
    if (!rest)
        return out;
    if (most - least >= RANGE_MAX || (uint32_t)(most - least) > 16 * rest)
        return put_sorted(place, keys, rest, out);
    return put_counted(scratch, place, keys, rest, least, most, out);
}

static void make_room(struct bin_scratch *scratch, uint32_t count)
{
    if (!scratch->ends) {
        scratch->ends = mem_alloc((BIN_PLACES_MAX + 1) * sizeof *scratch->ends);
        scratch->counts = mem_zero(RANGE_MAX, sizeof *scratch->counts);
    }
    if (scratch->key_cap < count) {
        scratch->key_cap = count;
        scratch->keys = mem_resize(scratch->keys, count, sizeof *scratch->keys);
        scratch->entries = mem_resize(scratch->entries, count, sizeof *scratch->entries);
    }
}

/* Returns how many entries the rows come to. */
static uint32_t count_rows(struct bin_scratch *scratch, const uint32_t *place, const int32_t *key,
                           uint32_t count, uint32_t places)
{
    uint32_t *ends = scratch->ends, before = 0;
    memset(ends, 0, (places + 1) * sizeof *ends);
    for (uint32_t i = 0; i < count; i++)
        ends[place[i] + 1]++;
    for (uint32_t p = 0; p < places; p++)
        ends[p + 1] += ends[p];
    for (uint32_t i = 0; i < count; i++)
        scratch->keys[ends[place[i]]++] = key[i];
    uint64_t *out = scratch->entries;
    for (uint32_t p = 0; p < places; before = ends[p++])
        if (ends[p] > before)
            out = put_place(scratch, p, scratch->keys + before, ends[p] - before, out);
    return (uint32_t)(out - scratch->entries);
}

/* ---- all chunks ---- */

static void unite(struct bin_list *list, const uint64_t *more, uint32_t count)
{
    uint64_t *all = mem_alloc(((size_t)list->count + count + 1) * sizeof *all);
    uint32_t i = 0, j = 0, n = 0;
    while (i < list->count || j < count) {
        bool same = i < list->count && j < count && list->at[i] >> COUNT_BITS == more[j] >> COUNT_BITS;
        if (same) {
            CHECK((list->at[i] & COUNT_MAX) + (more[j] & COUNT_MAX) <= COUNT_MAX);
            all[n++] = list->at[i++] + (more[j++] & COUNT_MAX);
        } else if (j == count || (i < list->count && list->at[i] < more[j])) {
            all[n++] = list->at[i++];
        } else {
            all[n++] = more[j++];
        }
    }
    mem_free(list->at);
    list->at = mem_resize(all, n, sizeof *all);
    list->count = n;
}

void bin_list_add(struct bin_list *list, struct bin_scratch *scratch, const uint32_t *place,
                  const int32_t *key, uint32_t count, uint32_t places)
{
    CHECK(places <= BIN_PLACES_MAX && count <= BIN_ROWS_MAX);
    if (!count)
        return;
    make_room(scratch, count);
    unite(list, scratch->entries, count_rows(scratch, place, key, count, places));
}
