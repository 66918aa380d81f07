/* The order of sources in files. Numbers of fields differ from process to process, so sources are ordered by
 * the names of their fields: each gets a key of bytes that memcmp orders. */
#include "store/segment.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "scheme/source.h"

#include <stdlib.h>

struct sort_key {
    uint64_t head; /* the first bytes behind those that all keys share: mostly they decide */
    const char *at;
    uint32_t size;
    uint32_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return str_compare(str_make(x->at, x->size), str_make(y->at, y->size));
}

static int by_name(const void *a, const void *b, void *names)
{
    return str_compare(names_field(names, *(const uint32_t *)a), names_field(names, *(const uint32_t *)b));
}

/* Rank of every field by its name, from 1; 0 ends a source. */
static uint16_t *rank_fields(const struct names *names)
{
    uint32_t count = names_field_count(names);
    uint32_t *fields = mem_alloc(count * sizeof *fields);
    uint16_t *ranks = mem_zero(count, sizeof *ranks);
    for (uint32_t i = 0; i < count; i++)
        fields[i] = i;
    qsort_r(fields, count, sizeof *fields, by_name, (void *)names);
    for (uint32_t i = 0; i < count; i++)
        ranks[fields[i]] = (uint16_t)(i + 1);
    mem_free(fields);
    return ranks;
}

static void put_big_endian(struct buf *out, uint64_t v, unsigned size)
{
    while (size--)
        buf_u8(out, (uint8_t)(v >> (8 * size)));
}

/* A text's NUL bytes become 0 255, its end 0 0: so a prefix sorts first and nothing is mistaken. */
static void put_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        buf_char(out, text.at[i]);
        if (!text.at[i])
            buf_u8(out, 255);
    }
    put_big_endian(out, 0, 2);
}

static void put_key(struct buf *out, const uint16_t *ranks, struct str source)
{
    struct source_set set;
    if (!source_decode(source, &set))
        set.count = 0;
    for (uint32_t i = 1; i < set.count; i++) /* by rank; there are few, and they come nearly ordered */
        for (uint32_t j = i; j > 0 && ranks[set.fields[j].field] < ranks[set.fields[j - 1].field]; j--) {
            struct source_field swap = set.fields[j];
            set.fields[j] = set.fields[j - 1];
            set.fields[j - 1] = swap;
        }
    for (uint32_t i = 0; i < set.count; i++) {
        put_big_endian(out, ranks[set.fields[i].field], 2);
        buf_u8(out, (uint8_t)set.fields[i].value.type);
        if (set.fields[i].value.type == SOURCE_NUMBER)
            put_big_endian(out, set.fields[i].value.number, 8);
        else
            put_text(out, set.fields[i].value.text);
    }
    put_big_endian(out, 0, 2);
}

static void put_heads(struct sort_key *keys, uint32_t count)
{
    size_t shared = count ? keys[0].size : 0;
    for (uint32_t i = 1; i < count; i++) {
        size_t same = 0, most = keys[i].size < shared ? keys[i].size : shared;
        while (same < most && keys[i].at[same] == keys[0].at[same])
            same++;
        shared = same;
    }
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *at = (const unsigned char *)keys[i].at;
        uint64_t head = 0;
        for (size_t b = shared; b < shared + 8; b++)
            head = head << 8 | (b < keys[i].size ? at[b] : 0);
        keys[i].head = head;
    }
}

void segment_sort_sources(const struct names *names, const struct str *sources, uint32_t count,
                          uint32_t *order)
{
    uint16_t *ranks = rank_fields(names);
    struct sort_key *keys = mem_alloc(count * sizeof *keys);
    size_t *starts = mem_alloc(((size_t)count + 1) * sizeof *starts);
    struct buf bytes = {0};
    for (uint32_t i = 0; i < count; i++) {
        starts[i] = bytes.size;
        put_key(&bytes, ranks, sources[i]);
    }
    starts[count] = bytes.size;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (struct sort_key){
            .at = bytes.at + starts[i], .size = (uint32_t)(starts[i + 1] - starts[i]), .index = i};
    put_heads(keys, count);
    if (count)
        qsort(keys, count, sizeof *keys, by_key);
    for (uint32_t i = 0; i < count; i++)
        order[i] = keys[i].index;
    mem_free(keys);
    mem_free(starts);
    mem_free(ranks);
    buf_done(&bytes);
}
