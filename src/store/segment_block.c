#include "store/segment_block.h"

#include "base/check.h"
#include "store/day.h"

/* ---- in ---- */

static void put_own_keys(const struct block_columns *columns, uint32_t count, int64_t day_ms, struct buf *out)
{
    int64_t source[BLOCK_ROWS_MAX], rows[BLOCK_ROWS_MAX], first[BLOCK_ROWS_MAX], gap[BLOCK_ROWS_MAX];
    uint32_t runs = 0, gaps = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && columns->source[i] == columns->source[i - 1]) {
            gap[gaps++] = columns->time_ms[i] - columns->time_ms[i - 1];
            rows[runs - 1]++;
            continue;
        }
        source[runs] = columns->source[i];
        first[runs] = columns->time_ms[i] - day_ms;
        rows[runs++] = 1;
    }
    buf_varint(out, runs);
    int_column_encode(source, runs, out);
    if (runs < count)
        int_column_encode(rows, runs, out);
    int_column_encode(first, runs, out);
    int_column_encode(gap, gaps, out);
}

void block_encode(struct packer *packer, const struct block_columns *columns, uint32_t count, int64_t day_ms,
                  struct buf *out)
{
    struct buf keys = {0};
    CHECK(count > 0 && count <= BLOCK_ROWS_MAX);
    if (columns->place)
        int_column_encode(columns->place, count, &keys);
    else
        put_own_keys(columns, count, day_ms, &keys);
    buf_sized_str(out, buf_view(&keys));
    value_column_encode(packer, columns->value, count, out);
    buf_done(&keys);
}

/* ---- out ---- */

enum err block_cut(struct str bytes, struct str *keys, struct str *values, struct why *why)
{
    struct bytes in = bytes_of(bytes);
    *keys = bytes_sized_str(&in);
    *values = str_make(in.at, bytes_left(&in));
    return in.bad ? why_set(why, ERR_CORRUPT, "a block is shorter than its keys") : ERR_OK;
}

/* Sources ascend, and the runs' rows add up. */
static bool take_runs(struct bytes *in, uint32_t runs, uint32_t count, uint32_t source_count,
                      struct block_rows *rows)
{
    int64_t source[BLOCK_ROWS_MAX], size[BLOCK_ROWS_MAX];
    uint32_t end = 0;
    int_column_decode(in, runs, source);
    if (runs < count)
        int_column_decode(in, runs, size);
    if (in->bad)
        return false;
    for (uint32_t r = 0; r < runs; r++) {
        int64_t one = runs < count ? size[r] : 1;
        bool ascends = source[r] > (r ? source[r - 1] : -1) && source[r] < source_count;
        if (!ascends || one < 1 || one > count - end)
            return false;
        end += (uint32_t)one;
        rows->run[r] = (struct block_run){(uint32_t)source[r], end};
    }
    return end == count;
}

/* No row comes before the one above it, and the last of a run within the day. */
static bool take_times(struct bytes *in, uint32_t count, int64_t day_ms, struct block_rows *rows)
{
    int64_t first[BLOCK_ROWS_MAX], gap[BLOCK_ROWS_MAX];
    uint32_t runs = rows->run_count, i = 0;
    uint64_t signs = 0, late = 0;
    int_column_decode(in, runs, first);
    int_column_decode(in, count - runs, gap);
    if (in->bad)
        return false;
    for (uint32_t g = 0; g < count - runs; g++)
        signs |= (uint64_t)gap[g];
    for (uint32_t r = 0; r < runs; r++) {
        const int64_t *step = gap + (i - r); /* each run before this one has one gap less than it has rows */
        uint64_t ms = (uint64_t)first[r] + (uint64_t)day_ms;
        uint32_t end = rows->run[r].end;
        late |= (uint64_t)((uint64_t)first[r] >= DAY_MS);
        rows->time_ms[i++] = (int64_t)ms;
        while (i < end) {
            ms += (uint64_t)*step++;
            rows->time_ms[i++] = (int64_t)ms;
        }
        late |= (uint64_t)(ms - (uint64_t)day_ms >= DAY_MS);
    }
    return !late && !(signs >> 63);
}

enum err block_decode_keys(struct str keys, uint32_t count, uint32_t source_count, int64_t day_ms,
                           struct block_rows *rows, struct why *why)
{
    struct bytes in = bytes_of(keys);
    uint64_t runs = bytes_varint(&in);
    if (runs < 1 || runs > count || count > BLOCK_ROWS_MAX || in.bad)
        return why_set(why, ERR_CORRUPT, "a block of %u rows has %llu runs", count, (unsigned long long)runs);
    rows->run_count = (uint32_t)runs;
    if (!take_runs(&in, (uint32_t)runs, count, source_count, rows))
        return why_set(why, ERR_CORRUPT, "the sources of a block are out of order or of bounds");
    if (!take_times(&in, count, day_ms, rows) || bytes_left(&in))
        return why_set(why, ERR_CORRUPT, "the times of a block are none of its day");
    return ERR_OK;
}

enum err block_decode_places(struct str keys, uint32_t count, int64_t *place, struct why *why)
{
    struct bytes in = bytes_of(keys);
    if (count < 1 || count > BLOCK_ROWS_MAX)
        return why_set(why, ERR_CORRUPT, "a block of %u rows", count);
    int_column_decode(&in, count, place);
    bool ascend = !in.bad && bytes_left(&in) == 0 && place[0] >= 0;
    for (uint32_t i = 1; i < count && ascend; i++)
        ascend = place[i] > place[i - 1];
    return ascend ? ERR_OK : why_set(why, ERR_CORRUPT, "a block's rows follow in no order");
}

enum err block_decode_values(struct packer *packer, struct str values, uint32_t count, double *value,
                             struct why *why)
{
    struct bytes in = bytes_of(values);
    value_column_decode(packer, &in, count, value);
    if (in.bad || bytes_left(&in))
        return why_set(why, ERR_CORRUPT, "the values of a block do not fit its size");
    return ERR_OK;
}
