/* Where the bytes of a file are. The footer says it for all but the two parts of a block, whose first bytes
 * are read for that. */
#include "store/segment_sizes.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "store/day.h"
#include "store/store_room.h"

enum { VARINT_MAX = 10 };

static enum err add_block(const struct segment_index *index, const struct segment_block_entry *block,
                          uint64_t *sections, struct why *why)
{
    char bytes[VARINT_MAX];
    size_t got = 0, want = block->size < VARINT_MAX ? block->size : VARINT_MAX;
    enum err err = sys_read_at(index->sys, index->file, block->at, bytes, want, &got, why);
    if (err)
        return err;
    struct bytes in = bytes_of(str_make(bytes, got));
    uint64_t keys = bytes_varint(&in);
    keys += (uint64_t)(in.at - bytes);
    if (in.bad || keys > block->size)
        return why_set(why, ERR_CORRUPT, "a block is shorter than its keys");
    sections[SECTION_KEYS] += keys;
    sections[SECTION_VALUES] += block->size - keys;
    return ERR_OK;
}

static enum err add_sections(const struct segment_index *index, uint64_t *sections, struct why *why)
{
    enum err err = ERR_OK;
    for (uint32_t b = 0; b < index->block_count && !err; b++)
        err = add_block(index, &index->blocks[b], sections, why);
    for (uint32_t c = 0; c < index->chunk_count; c++)
        sections[SECTION_SOURCES] += index->chunks[c].size;
    sections[SECTION_SOURCES] += index->dictionaries_size;
    for (uint32_t f = 0; f < index->field_count; f++)
        sections[SECTION_COUNTS] += index->counts[f].count ? index->counts[f].size : 0;
    for (uint32_t c = 0; c < index->cube_count; c++) {
        sections[SECTION_CUBES] += index->cubes[c].size;
        sections[SECTION_SKETCHES] += index->cubes[c].bins_size;
    }
    sections[SECTION_PRESENCE] += index->presence.size;
    return err;
}

enum err segment_sizes(struct segment *segment, uint64_t sections[SECTION_COUNT], struct why *why)
{
    struct segment_index *index;
    uint64_t own[SECTION_COUNT] = {0}, known = 0;
    enum err err = segment_load_index(segment, &index, why);
    if (err)
        return err;
    err = add_sections(index, own, why);
    for (unsigned s = 0; s < SECTION_COUNT; s++)
        known += own[s];
    own[SECTION_FOOTER] += index->file_bytes > known ? index->file_bytes - known : 0;
    segment_release(segment, &index->entry);
    if (err)
        return segment_failed(segment, err, why);
    for (unsigned s = 0; s < SECTION_COUNT; s++)
        sections[s] += own[s];
    return ERR_OK;
}

enum err store_sizes(struct store *store, day_sizes_fn *each, void *ctx, struct why *why)
{
    struct day_sizes day = {0};
    enum err err = ERR_OK;
    pthread_mutex_lock(&store->lock);
    struct segment_list *list = segment_list_ref(store->segments);
    pthread_mutex_unlock(&store->lock);
    for (uint32_t i = 0; i < list->count && !err; i++) {
        struct segment *segment = list->at[i];
        day.date = day_number(segment->day);
        day.files++;
        day.rows += segment->rows;
        day.bytes += segment->bytes;
        err = segment_sizes(segment, day.sections, why);
        if (!err && (i + 1 == list->count || list->at[i + 1]->day != segment->day)) {
            each(ctx, &day);
            day = (struct day_sizes){0};
        }
    }
    segment_list_unref(list);
    return err;
}
