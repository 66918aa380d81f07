/* What deletes leave of a part: heads are never touched, since they are sealed before a delete, and most
 * files are not; those cost one look at a count. Of a file that is, the sources a delete means are found once
 * a scan by the file's zones, as a query's are, and rows are sifted block by block. */
#include "base/check.h"
#include "base/mem.h"
#include "store/part.h"
#include "store/segment_cursor.h"
#include "store/store_room.h"
#include "store/tombstone.h"

struct filter_item {
    int64_t from_ms, to_ms;
    bool all; /* sources */
    struct source_ranges sources;
    uint32_t at; /* the range that was looked at last */
};

struct row_filter {
    uint32_t count;
    struct filter_item items[];
};

static const struct tombstone_count *find_count(const struct touch *touch, uint32_t metric)
{
    const struct tombstone_file *file = touch->file;
    uint32_t low = 0, high = file->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (file->counts[middle].metric < metric)
            low = middle + 1;
        else
            high = middle;
    }
    return low < file->count && file->counts[low].metric == metric ? &file->counts[low] : NULL;
}

static const struct tombstone_count *touches(const struct touch *touch, uint32_t metric, int64_t from_ms,
                                             int64_t to_ms)
{
    const struct tombstone *tombstone = touch->tombstone;
    return tombstone->from_ms < to_ms && tombstone->to_ms > from_ms ? find_count(touch, metric) : NULL;
}

bool part_is_touched(const struct part *part, uint32_t metric, int64_t from_ms, int64_t to_ms)
{
    for (uint32_t t = 0; t < part->touch_count; t++)
        if (touches(&part->touches[t], metric, from_ms, to_ms))
            return true;
    return false;
}

uint64_t part_deleted_rows(const struct part *part, uint32_t metric)
{
    uint64_t rows = 0;
    for (uint32_t t = 0; t < part->touch_count; t++) {
        const struct tombstone_count *count = find_count(&part->touches[t], metric);
        rows += count ? count->rows : 0;
    }
    return rows;
}

uint64_t part_all_deleted_rows(const struct part *part)
{
    uint64_t rows = 0;
    for (uint32_t t = 0; t < part->touch_count; t++)
        for (uint32_t c = 0; c < part->touches[t].file->count; c++)
            rows += part->touches[t].file->counts[c].rows;
    return rows;
}

/* ---- filters ---- */

static bool test_matches(const void *ctx, struct source_value value)
{
    return source_match_value(ctx, value);
}

enum err delete_find_sources(struct part *part, const struct delete_test_view *tests, uint32_t count,
                             uint64_t bound, bool *all, struct source_ranges *out, struct why *why)
{
    struct source_test asked[DELETE_TESTS_MAX];
    struct str *exact[DELETE_TESTS_MAX];
    uint32_t kept = 0;
    CHECK(count <= DELETE_TESTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct source_match *match = tests[i].match;
        if (bound & UINT64_C(1) << i)
            continue;
        bool plain = match->kind == MATCH_VALUES && !match->negated && match->value_count > 0;
        for (uint32_t v = 0; v < match->value_count; v++)
            plain &= !match->values[v].is_glob;
        exact[kept] = plain ? mem_alloc(match->value_count * sizeof **exact) : NULL;
        for (uint32_t v = 0; plain && v < match->value_count; v++)
            exact[kept][v] = match->values[v].text;
        asked[kept] = (struct source_test){tests[i].field, test_matches, match, exact[kept],
                                           plain ? match->value_count : 0};
        kept++;
    }
    *all = kept == 0;
    enum err err = kept ? part_find_sources(part->snapshot, part, asked, kept, out, why) : ERR_OK;
    for (uint32_t i = 0; i < kept; i++)
        mem_free(exact[i]);
    return err;
}

static bool has_field(const struct segment_index *index, uint32_t field)
{
    for (uint32_t f = 0; f < index->field_count; f++)
        if (index->fields[f] == field)
            return true;
    return false;
}

/* A field that was renamed has another number since then; but in a file that was opened before it has the old
 * one. */
static uint32_t field_in(const struct segment_index *index, const struct names *names,
                         const struct tombstone_test *test)
{
    uint32_t now = names_find_field(names, test->field);
    return !has_field(index, now) && has_field(index, test->number) ? test->number : now;
}

static enum err fill_item(struct part *part, const struct tombstone *tombstone, uint64_t bound,
                          struct filter_item *item, struct why *why)
{
    struct delete_test_view tests[DELETE_TESTS_MAX];
    struct segment_index *index;
    *item = (struct filter_item){.from_ms = tombstone->from_ms, .to_ms = tombstone->to_ms};
    enum err err = part_load_index(part, &index, why);
    if (err)
        return err;
    for (uint32_t i = 0; i < tombstone->test_count; i++)
        tests[i] = (struct delete_test_view){
            field_in(index, part->snapshot->store->names, &tombstone->tests[i]), &tombstone->tests[i].match};
    return delete_find_sources(part, tests, tombstone->test_count, bound, &item->all, &item->sources, why);
}

enum err part_filter(struct part *part, uint32_t metric, int64_t from_ms, int64_t to_ms,
                     struct row_filter **out, struct why *why)
{
    struct row_filter *filter = NULL;
    enum err err = ERR_OK;
    for (uint32_t t = 0; t < part->touch_count && !err; t++) {
        const struct tombstone_count *count = touches(&part->touches[t], metric, from_ms, to_ms);
        if (!count)
            continue;
        if (!filter)
            filter = mem_zero(1, sizeof *filter + part->touch_count * sizeof *filter->items);
        err = fill_item(part, part->touches[t].tombstone, count->bound, &filter->items[filter->count++], why);
    }
    if (err) {
        row_filter_free(filter);
        return err;
    }
    *out = filter;
    return ERR_OK;
}

void row_filter_free(struct row_filter *filter)
{
    if (!filter)
        return;
    for (uint32_t i = 0; i < filter->count; i++)
        source_ranges_done(&filter->items[i].sources);
    mem_free(filter);
}

/* Rows come in runs of one source, so the range at hand mostly answers. */
static bool has_source(struct filter_item *item, uint32_t source)
{
    const struct source_ranges *ranges = &item->sources;
    uint32_t at = item->at;
    bool below = at == 0 || ranges->at[at - 1].end <= source;
    if (!below || (at < ranges->count && ranges->at[at].end <= source)) {
        uint32_t high = ranges->count;
        for (at = 0; at < high;) {
            uint32_t middle = at + (high - at) / 2;
            if (ranges->at[middle].end <= source)
                at = middle + 1;
            else
                high = middle;
        }
        item->at = at;
    }
    return at < ranges->count && ranges->at[at].first <= source;
}

static bool is_deleted(struct row_filter *filter, uint32_t source, int64_t time_ms)
{
    for (uint32_t i = 0; i < filter->count; i++) {
        struct filter_item *item = &filter->items[i];
        if (time_ms >= item->from_ms && time_ms < item->to_ms && (item->all || has_source(item, source)))
            return true;
    }
    return false;
}

uint32_t row_filter_apply(struct row_filter *filter, struct block_rows *rows)
{
    uint32_t kept = 0, runs = 0;
    for (uint32_t r = 0, i = 0; r < rows->run_count; r++) {
        struct block_run run = rows->run[r];
        uint32_t before = kept;
        for (; i < run.end; i++) {
            if (is_deleted(filter, run.source, rows->time_ms[i]))
                continue;
            rows->time_ms[kept] = rows->time_ms[i];
            rows->value[kept++] = rows->value[i];
        }
        if (kept > before)
            rows->run[runs++] = (struct block_run){run.source, kept};
    }
    rows->run_count = runs;
    return kept;
}

/* ---- rows by source ---- */

static enum err subtract_metric(struct part *part, struct segment_cursor *cursor, uint32_t metric,
                                uint32_t *rows, struct why *why)
{
    struct segment_index *index;
    struct row_filter *filter = NULL;
    enum err err = part_load_index(part, &index, why);
    const struct segment_column *column = err ? NULL : segment_find_column(index, metric);
    if (!column)
        return err;
    err = part_filter(part, metric, INT64_MIN, INT64_MAX, &filter, why);
    if (!err && filter)
        segment_cursor_set(cursor, index, column);
    for (uint32_t b = column->first; !err && filter && b < segment_column_end(column); b++) {
        err = segment_cursor_read(cursor, b, why);
        const struct block_rows *block = cursor->rows;
        for (uint32_t r = 0, i = 0; !err && r < block->run_count; r++)
            for (; i < block->run[r].end; i++)
                rows[block->run[r].source] -= is_deleted(filter, block->run[r].source, block->time_ms[i]);
    }
    row_filter_free(filter);
    return err;
}

enum err part_subtract_deleted(struct part *part, uint32_t *rows, struct why *why)
{
    struct segment_cursor cursor = {0};
    enum err err = ERR_OK;
    for (uint32_t t = 0; t < part->touch_count; t++) {
        const struct tombstone_file *file = part->touches[t].file;
        for (uint32_t c = 0; c < file->count && !err; c++) {
            bool before = false; /* by an earlier delete */
            for (uint32_t earlier = 0; earlier < t; earlier++)
                before |= find_count(&part->touches[earlier], file->counts[c].metric) != NULL;
            if (!before)
                err = subtract_metric(part, &cursor, file->counts[c].metric, rows, why);
        }
    }
    segment_cursor_done(&cursor);
    return err;
}
