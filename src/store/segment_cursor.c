#include "store/segment_cursor.h"

#include "base/hash.h"
#include "base/mem.h"

enum { AHEAD_MAX = 256 * 1024 };

void segment_cursor_set(struct segment_cursor *cursor, const struct segment_index *index,
                        const struct segment_column *column)
{
    if (!cursor->rows)
        cursor->rows = mem_alloc(sizeof *cursor->rows);
    if (cursor->index != index)
        cursor->window.size = 0;
    cursor->index = index;
    cursor->column = column;
    cursor->ahead = 0;
    cursor->lead_block = UINT32_MAX;
}

void segment_cursor_done(struct segment_cursor *cursor)
{
    packer_done(&cursor->packer);
    buf_done(&cursor->window);
    buf_done(&cursor->lead_bytes);
    mem_free(cursor->rows);
    mem_free(cursor->place);
    mem_free(cursor->lead);
    *cursor = (struct segment_cursor){0};
}

static bool in_window(const struct segment_cursor *cursor, const struct segment_block_entry *entry)
{
    return entry->at >= cursor->window_at &&
           entry->at + entry->size <= cursor->window_at + cursor->window.size;
}

/* Where the bytes of the column's blocks end that lie within limit of the first: what a window may hold. */
static uint64_t window_end(const struct segment_cursor *cursor, uint32_t block, uint32_t limit)
{
    const struct segment_block_entry *entry = &cursor->index->blocks[block];
    uint64_t end = entry->at + entry->size, most = entry->at + limit;
    uint32_t stop = segment_column_end(cursor->column);
    for (uint32_t b = block + 1; b < stop; b++) {
        const struct segment_block_entry *next = &cursor->index->blocks[b];
        uint64_t next_end = next->at + next->size;
        if (next_end > most || next->at < entry->at)
            break;
        end = next_end > end ? next_end : end;
    }
    return end;
}

/* A block alone at first; then, as they are asked for in order, twice as much each time. */
static enum err fill_window(struct segment_cursor *cursor, uint32_t block, struct why *why)
{
    const struct segment_block_entry *entry = &cursor->index->blocks[block];
    bool follows = cursor->window.size && entry->at >= cursor->window_at &&
                   entry->at - cursor->window_at <= 2 * (uint64_t)cursor->window.size + 4096;
    cursor->ahead = !follows ? 0 : cursor->ahead ? cursor->ahead * 2 : 16 * 1024;
    if (cursor->ahead > AHEAD_MAX)
        cursor->ahead = AHEAD_MAX;
    size_t size = window_end(cursor, block, cursor->ahead) - entry->at, got = 0;
    cursor->window.size = 0;
    cursor->window_at = entry->at;
    buf_reserve(&cursor->window, size);
    enum err err =
        sys_read_at(cursor->index->sys, cursor->index->file, entry->at, cursor->window.at, size, &got, why);
    if (!err && got < entry->size)
        err = why_set(why, ERR_CORRUPT, "the file ends %zu bytes too early", entry->size - got);
    cursor->window.size = err ? 0 : got;
    return err;
}

static enum err block_bytes(struct segment_cursor *cursor, uint32_t block, struct str *keys,
                            struct str *values, struct why *why)
{
    const struct segment_index *index = cursor->index;
    const struct segment_block_entry *entry = &index->blocks[block];
    enum err err = in_window(cursor, entry) ? ERR_OK : fill_window(cursor, block, why);
    if (err)
        return err;
    struct str bytes = str_make(cursor->window.at + (entry->at - cursor->window_at), entry->size);
    if (!index->unchecked && hash_seeded(bytes, index->seed) != entry->check)
        return why_set(why, ERR_CORRUPT, "the checksum of a block is wrong");
    return block_cut(bytes, keys, values, why);
}

/* ---- followers ---- */

static enum err load_lead(struct segment_cursor *cursor, uint32_t block, struct why *why)
{
    const struct segment_index *index = cursor->index;
    const struct segment_block_entry *entry = &index->blocks[block];
    struct str keys = STR_NONE, values = STR_NONE;
    if (cursor->lead_block == block)
        return ERR_OK;
    if (!cursor->lead)
        cursor->lead = mem_alloc(sizeof *cursor->lead);
    cursor->lead_block = UINT32_MAX;
    enum err err = segment_read(index, entry->at, entry->size, entry->check, &cursor->lead_bytes, why);
    if (!err)
        err = block_cut(buf_view(&cursor->lead_bytes), &keys, &values, why);
    if (!err)
        err = block_decode_keys(keys, entry->rows, index->source_count, index->day_ms, cursor->lead, why);
    if (!err)
        cursor->lead_block = block;
    return err;
}

/* Rows [*i, ...) whose places lie in the lead's block at hand, which begins with place start. */
static void follow_block(struct segment_cursor *cursor, uint64_t start, uint32_t lead_rows, uint32_t count,
                         uint32_t *i)
{
    struct block_rows *rows = cursor->rows;
    const struct block_rows *lead = cursor->lead;
    uint32_t run = 0;
    for (; *i < count && (uint64_t)cursor->place[*i] - start < lead_rows; (*i)++) {
        uint32_t at = (uint32_t)((uint64_t)cursor->place[*i] - start);
        while (lead->run[run].end <= at)
            run++;
        uint32_t source = lead->run[run].source;
        rows->time_ms[*i] = lead->time_ms[at];
        if (!rows->run_count || rows->run[rows->run_count - 1].source != source)
            rows->run_count++;
        rows->run[rows->run_count - 1] = (struct block_run){source, *i + 1};
    }
}

static enum err follow(struct segment_cursor *cursor, struct str keys, uint32_t count, struct why *why)
{
    const struct segment_column *column = cursor->column;
    if (!cursor->place)
        cursor->place = mem_alloc(BLOCK_ROWS_MAX * sizeof *cursor->place);
    enum err err = block_decode_places(keys, count, cursor->place, why);
    uint32_t per_block = column->lead_own ? cursor->index->blocks[column->lead_first].rows : 1;
    cursor->rows->run_count = 0;
    for (uint32_t i = 0; i < count && !err;) {
        uint64_t block = (uint64_t)cursor->place[i] / per_block, start = block * per_block;
        if (block >= column->lead_own)
            return why_set(why, ERR_CORRUPT, "a block follows rows that are not there");
        uint32_t lead = column->lead_first + (uint32_t)block, lead_rows = cursor->index->blocks[lead].rows;
        if ((uint64_t)cursor->place[i] - start >= lead_rows)
            return why_set(why, ERR_CORRUPT, "a block follows rows that are not there");
        err = load_lead(cursor, lead, why);
        if (!err)
            follow_block(cursor, start, lead_rows, count, &i);
    }
    return err;
}

enum err segment_cursor_read(struct segment_cursor *cursor, uint32_t block, struct why *why)
{
    const struct segment_index *index = cursor->index;
    const struct segment_block_entry *entry = &index->blocks[block];
    struct str keys = STR_NONE, values = STR_NONE;
    enum err err = block_bytes(cursor, block, &keys, &values, why);
    if (err)
        return err;
    if (block < cursor->column->first + cursor->column->own)
        err = block_decode_keys(keys, entry->rows, index->source_count, index->day_ms, cursor->rows, why);
    else
        err = follow(cursor, keys, entry->rows, why);
    if (!err)
        err = block_decode_values(&cursor->packer, values, entry->rows, cursor->rows->value, why);
    return err;
}
