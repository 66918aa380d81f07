/* frame.h: a batch as self-contained bytes: names of metrics with kind and unit, names of fields, sources,
 * rows in columns. What the log carries. Format: head of frame.c. Pure; one thread per coder.
 */
#ifndef STORE_FRAME_H
#define STORE_FRAME_H

#include "base/buf.h"
#include "scheme/names.h"
#include "store/batch.h"

/* Numbers of names within one frame; memory for the next one. Zero-initialised is ready. */
struct frame_table {
    uint32_t *local; /* by number in names.h: number in the frame + 1, or 0 */
    uint32_t local_cap;
    uint32_t *global;
    uint32_t count, cap;
};

struct frame_coder {
    struct frame_table metrics, fields;
    struct buf sources;
};

void frame_coder_done(struct frame_coder *coder);
void frame_encode(struct frame_coder *coder, const struct batch *batch, const struct names *names,
                  struct buf *out);

/* Adds what payload holds to an empty batch; registers its names. Rows whose metric finds no place in names
 * are left out and counted in *nameless. The batch's key points into payload. ERR_CORRUPT: not such bytes. */
enum err frame_decode(struct str payload, struct names *names, struct batch *into, uint64_t *nameless,
                      struct why *why) MUST_USE;

/* Shared by frames and segments: a canonical source with its fields renumbered by table (added when new), and
 * back with the numbers of this process. false: no source. */
uint32_t frame_table_local(struct frame_table *table, uint32_t global);
void frame_table_clear(struct frame_table *table);
void frame_table_done(struct frame_table *table);
void frame_source_encode(struct frame_table *fields, struct str source, struct buf *out);
struct bytes;
bool frame_source_decode(struct bytes *in, const uint32_t *fields, uint32_t field_count, struct buf *out);

#endif
