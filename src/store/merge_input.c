#include "store/merge_input.h"

#include "base/check.h"
#include "base/mem.h"
#include "store/row_sort.h"

static void add_sequence(struct merge_rows *rows, struct segment *segment, const struct segment_index *index,
                         const struct segment_column *column, const uint32_t *rank, struct row_filter *filter,
                         uint32_t first, uint32_t count)
{
    if (!count)
        return;
    CHECK(rows->count < MERGE_SEQUENCES_MAX);
    struct merge_sequence *sequence = &rows->at[rows->count++];
    sequence->segment = segment;
    sequence->rank = rank;
    sequence->filter = filter;
    sequence->block = first;
    sequence->block_end = first + count;
    sequence->at = sequence->count = 0;
    if (!sequence->keys)
        sequence->keys = mem_alloc(BLOCK_ROWS_MAX * sizeof *sequence->keys);
    segment_cursor_set(&sequence->cursor, index, column);
}

void merge_rows_add(struct merge_rows *rows, struct segment *segment, const struct segment_index *index,
                    const struct segment_column *column, const uint32_t *rank, struct row_filter *filter)
{
    if (!column)
        return;
    add_sequence(rows, segment, index, column, rank, filter, column->first, column->own);
    add_sequence(rows, segment, index, column, rank, filter, column->first + column->own, column->followers);
}

void merge_rows_done(struct merge_rows *rows)
{
    for (uint32_t n = 0; n < MERGE_SEQUENCES_MAX; n++) {
        segment_cursor_done(&rows->at[n].cursor);
        mem_free(rows->at[n].keys);
    }
}

/* Loads the next block when the one at hand is used up; count stays 0 at the end. */
static enum err refill(struct merge_sequence *sequence, bool skip_damaged, struct why *why)
{
    const struct segment_index *index = sequence->cursor.index;
    sequence->at = sequence->count = 0;
    while (sequence->block < sequence->block_end) {
        uint32_t block = sequence->block++;
        enum err err = segment_cursor_read(&sequence->cursor, block, why);
        if (err == ERR_CORRUPT) {
            sequence->segment->damaged = true;
            if (skip_damaged)
                continue;
        }
        if (err)
            return err;
        struct block_rows *rows = sequence->cursor.rows;
        sequence->count = index->blocks[block].rows;
        if (sequence->filter)
            sequence->count = row_filter_apply(sequence->filter, rows);
        if (!sequence->count)
            continue;
        for (uint32_t r = 0, i = 0; r < rows->run_count; r++) {
            uint32_t source = rows->run[r].source;
            for (source = sequence->rank ? sequence->rank[source] : source; i < rows->run[r].end; i++)
                sequence->keys[i] = sort_key(source, rows->time_ms[i] - index->day_ms);
        }
        break;
    }
    return ERR_OK;
}

/* The sequence whose row comes first, and the key up to which it goes on to be. */
static struct merge_sequence *first_of(struct merge_rows *rows, uint64_t *until)
{
    struct merge_sequence *first = NULL;
    *until = UINT64_MAX;
    for (uint32_t n = 0; n < rows->count; n++) {
        struct merge_sequence *sequence = &rows->at[n];
        if (sequence->at == sequence->count)
            continue;
        uint64_t key = sequence->keys[sequence->at];
        if (first && key >= first->keys[first->at]) {
            *until = key < *until ? key : *until;
            continue;
        }
        if (first)
            *until = first->keys[first->at];
        first = sequence;
    }
    return first;
}

static enum err write_run(struct merge_sequence *sequence, uint64_t until, struct segment_writer *writer,
                          struct why *why)
{
    const struct block_rows *rows = sequence->cursor.rows;
    enum err err = ERR_OK;
    do {
        uint32_t at = sequence->at++;
        err = segment_writer_add(writer, sort_source(sequence->keys[at]), rows->time_ms[at], rows->value[at],
                                 why);
    } while (!err && sequence->at < sequence->count && sequence->keys[sequence->at] <= until);
    return err;
}

enum err merge_rows_write(struct merge_rows *rows, struct segment_writer *writer, bool skip_damaged,
                          struct why *why)
{
    enum err err = ERR_OK;
    uint64_t until;
    for (uint32_t n = 0; n < rows->count && !err; n++)
        err = refill(&rows->at[n], skip_damaged, why);
    for (struct merge_sequence *first; !err && (first = first_of(rows, &until));) {
        err = write_run(first, until, writer, why);
        if (!err && first->at == first->count)
            err = refill(first, skip_damaged, why);
    }
    rows->count = 0;
    return err;
}
