#include "store/head.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/day.h"

struct head *head_new(uint32_t lane, enum head_class class, const struct names *names, uint32_t host_field)
{
    struct head *head = MEM_NEW(struct head);
    head->refs = 1;
    head->lane = lane;
    head->class = class;
    head->names = names;
    head->host_field = host_field;
    head->from_ms = INT64_MAX;
    head->to_ms = INT64_MIN;
    return head;
}

struct head *head_ref(struct head *head)
{
    atomic_fetch_add_explicit(&head->refs, 1, memory_order_relaxed);
    return head;
}

static void free_columns(struct head *head)
{
    for (uint32_t m = 0; m < head->metric_count; m++) {
        for (struct head_chunk *chunk = head->sorted[m]->column.first, *next; chunk; chunk = next) {
            next = chunk->next;
            mem_free(chunk);
        }
        mem_free(head->sorted[m]);
    }
    mem_free(head->sorted);
    mem_free(head->by_metric);
}

void head_unref(struct head *head)
{
    if (!head || atomic_fetch_sub_explicit(&head->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_columns(head);
    presence_set_done(&head->presence);
    mem_free(head->source_host);
    intern_done(&head->sources);
    mem_free(head);
}

uint32_t head_source(struct head *head, struct str source, uint64_t hash)
{
    uint32_t before = head->sources.count, index = intern_resolve_hashed(&head->sources, source, hash);
    CHECK(index != INTERN_NONE); /* a head is sealed long before 2^24 sources */
    if (index == before) {
        if (index >= head->source_host_cap) {
            head->source_host_cap = head->source_host_cap ? head->source_host_cap * 2 : 256;
            head->source_host =
                mem_resize(head->source_host, head->source_host_cap, sizeof *head->source_host);
        }
        head->source_host[index] = presence_set_host(&head->presence, head->host_field, source);
    }
    return index;
}

static struct head_writer *add_writer(struct head *head, uint32_t metric)
{
    if (metric >= head->by_metric_cap) {
        uint32_t cap = metric + metric / 2 + 64;
        head->by_metric = mem_resize(head->by_metric, cap, sizeof *head->by_metric);
        memset(head->by_metric + head->by_metric_cap, 0,
               (cap - head->by_metric_cap) * sizeof *head->by_metric);
        head->by_metric_cap = cap;
    }
    if (head->metric_count == head->metric_cap) {
        head->metric_cap = head->metric_cap ? head->metric_cap * 2 : 32;
        head->sorted = mem_resize(head->sorted, head->metric_cap, sizeof *head->sorted);
    }
    struct head_writer *writer = MEM_NEW(struct head_writer);
    writer->column = (struct head_column){metric, 0, INT64_MAX, INT64_MIN, NULL};
    uint32_t at = head->metric_count++;
    for (; at > 0 && head->sorted[at - 1]->column.metric > metric; at--)
        head->sorted[at] = head->sorted[at - 1];
    head->sorted[at] = writer;
    head->by_metric[metric] = writer;
    head->chunk_bytes += sizeof *writer + 2 * sizeof writer;
    return writer;
}

/* Chunks grow from 32 to 1,024 rows, so that a thousand rare metrics cost kilobytes and not megabytes. */
static void add_chunk(struct head *head, struct head_writer *writer)
{
    uint32_t cap = writer->last ? writer->last->cap * 4 : HEAD_CHUNK_FIRST;
    if (cap > HEAD_CHUNK_MAX)
        cap = HEAD_CHUNK_MAX;
    size_t size = sizeof(struct head_chunk) + cap * (sizeof(int64_t) + sizeof(double) + sizeof(uint32_t));
    struct head_chunk *chunk = mem_alloc(size);
    *chunk = (struct head_chunk){.cap = cap, .from_ms = INT64_MAX, .to_ms = INT64_MIN};
    chunk->time_ms = (int64_t *)(chunk + 1);
    chunk->value = (double *)(chunk->time_ms + cap);
    chunk->source = (uint32_t *)(chunk->value + cap);
    if (writer->last)
        writer->last->next = chunk;
    else
        writer->column.first = chunk;
    writer->last = chunk;
    writer->last_rows = 0;
    head->chunk_bytes += size;
}

static void widen(int64_t time_ms, int64_t *from_ms, int64_t *to_ms)
{
    if (time_ms < *from_ms)
        *from_ms = time_ms;
    if (time_ms > *to_ms)
        *to_ms = time_ms;
}

void head_append(struct head *head, uint32_t metric, uint32_t source, int64_t time_ms, double value)
{
    struct head_writer *writer = metric < head->by_metric_cap ? head->by_metric[metric] : NULL;
    if (!writer)
        writer = add_writer(head, metric);
    if (!writer->last || writer->last_rows == writer->last->cap)
        add_chunk(head, writer);
    struct head_chunk *chunk = writer->last;
    chunk->source[writer->last_rows] = source;
    chunk->time_ms[writer->last_rows] = time_ms;
    chunk->value[writer->last_rows] = value;
    writer->last_rows++;
    writer->column.rows++;
    head->rows++;
    widen(time_ms, &chunk->from_ms, &chunk->to_ms);
    widen(time_ms, &writer->column.from_ms, &writer->column.to_ms);
    widen(time_ms, &head->from_ms, &head->to_ms);
    int64_t day = day_of(time_ms);
    presence_set_mark(&head->presence, head->source_host[source], day, time_ms - day * DAY_MS);
}

size_t head_bytes(const struct head *head)
{
    if (head->rows == 0)
        return 0;
    return head->chunk_bytes + intern_bytes(&head->sources) + presence_set_bytes(&head->presence) +
           head->source_host_cap * sizeof *head->source_host + head->by_metric_cap * sizeof *head->by_metric;
}
