#include "store/batch.h"

#include "base/mem.h"

#include <stdatomic.h>

/* A batch that grew beyond this gives its memory back on reset. */
enum { ROWS_KEPT = 64 * 1024, SOURCE_BYTES_KEPT = 2 << 20 };

static uint64_t next_serial(void)
{
    static _Atomic uint64_t serial; /* only makes numbers distinct */
    return atomic_fetch_add_explicit(&serial, 1, memory_order_relaxed) + 1;
}

struct batch *batch_new(void)
{
    struct batch *batch = MEM_NEW(struct batch);
    batch->serial = next_serial();
    return batch;
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    intern_done(&batch->sources);
    mem_free(batch->rows);
    mem_free(batch);
}

void batch_reset(struct batch *batch)
{
    if (intern_bytes(&batch->sources) > SOURCE_BYTES_KEPT)
        intern_done(&batch->sources);
    else
        intern_reset(&batch->sources);
    if (batch->row_cap > ROWS_KEPT) {
        mem_free(batch->rows);
        batch->rows = NULL;
        batch->row_cap = 0;
    }
    batch->row_count = 0;
    batch->key = STR_NONE;
    batch->time_ms = 0;
    batch->done = NULL;
    batch->ctx = NULL;
    batch->next = NULL;
    batch->serial = next_serial();
}

uint32_t batch_source(struct batch *batch, struct str source, uint64_t hash)
{
    return intern_resolve_hashed(&batch->sources, source, hash);
}

void batch_add(struct batch *batch, uint32_t metric, uint32_t source, int64_t time_ms, double value)
{
    if (batch->row_count == batch->row_cap) {
        batch->row_cap = batch->row_cap ? batch->row_cap * 2 : 64;
        batch->rows = mem_resize(batch->rows, batch->row_cap, sizeof *batch->rows);
    }
    batch->rows[batch->row_count++] = (struct row){metric, source, time_ms, value};
}

size_t batch_bytes(const struct batch *batch)
{
    return sizeof *batch + batch->row_count * sizeof *batch->rows + intern_bytes(&batch->sources);
}
