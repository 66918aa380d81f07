/* Fields of a part's sources: a chunk of one field at a time, and which sources pass some tests. A file tells
 * by the zones of its chunks which of them can hold a value at all; a head has to look at all of its sources,
 * which are those of a minute. */
#include "base/check.h"
#include "base/mem.h"
#include "store/part.h"
#include "store/segment.h"

/* ---- one field ---- */

static void head_chunk_values(const struct part *part, uint32_t field, uint32_t first,
                              struct field_chunk *out)
{
    const struct source_value unset = {.type = SOURCE_UNSET};
    for (uint32_t i = 0; i < out->count; i++)
        out->value[i] =
            field == NAME_NONE ? unset : source_get(intern_get(&part->head->sources, first + i), field);
}

/* A field that was renamed may stand in a file under both names. */
static bool file_chunk_values(const struct segment_index *index, struct str bytes, uint32_t field,
                              struct field_chunk *out)
{
    struct source_column column;
    for (uint32_t i = 0; i < out->count; i++)
        out->value[i] = (struct source_value){.type = SOURCE_UNSET};
    for (uint32_t f = 0; f < index->field_count && field != NAME_NONE; f++) {
        if (index->fields[f] != field)
            continue;
        const struct source_dictionary *dictionary = &index->dictionaries[f];
        if (!source_chunk_get_column(bytes, index->field_count, f, out->count, dictionary, &column))
            return false;
        for (uint32_t i = 0; i < out->count && !column.none; i++)
            if (column.all || column.has[i])
                out->value[i] = source_column_value(&column, dictionary, i);
    }
    return true;
}

enum err part_field_chunk(struct snapshot *snapshot, struct part *part, uint32_t field, uint32_t chunk,
                          struct field_chunk *out, struct why *why)
{
    uint32_t first = chunk * FIELD_CHUNK, left = part->source_count - first;
    CHECK(first < part->source_count);
    out->count = left < FIELD_CHUNK ? left : FIELD_CHUNK;
    if (part->head) {
        head_chunk_values(part, field, first, out);
        return ERR_OK;
    }
    struct segment_index *index;
    struct segment_table *table;
    enum err err = part_load_table(part, &index, &table, why);
    if (err)
        return err;
    if (!file_chunk_values(index, segment_table_chunk(table, &index->chunks[chunk]), field, out))
        return segment_failed(part->segment,
                              why_set(why, ERR_CORRUPT, "a column of sources is no such thing"), why);
    return ERR_OK;
}

/* ---- rows by source and by value ---- */

enum err part_rows_chunk(struct snapshot *snapshot, struct part *part, uint32_t chunk,
                         uint32_t rows[FIELD_CHUNK], struct why *why)
{
    uint32_t first = chunk * FIELD_CHUNK, left = part->source_count - first, sources;
    CHECK(first < part->source_count);
    if (part->touch_count && part_load_sources(snapshot, part, &sources, why))
        return why->err;
    if (part->head || part->touch_count) {
        for (uint32_t i = 0; i < FIELD_CHUNK && i < left; i++)
            rows[i] = (uint32_t)part_source_rows(part, first + i);
        return ERR_OK;
    }
    struct segment_index *index;
    struct segment_table *table;
    enum err err = part_load_table(part, &index, &table, why);
    if (!err && !source_chunk_get_rows(segment_table_chunk(table, &index->chunks[chunk]), index->field_count,
                                       index->chunks[chunk].count, rows))
        err = segment_failed(part->segment, why_set(why, ERR_CORRUPT, "a column of sources is no such thing"),
                             why);
    return err;
}

int part_field_rows(struct snapshot *snapshot, struct part *part, uint32_t field, struct value_rows **out,
                    uint32_t *count, struct why *why)
{
    struct segment_index *index;
    if (part->head || part->touch_count || field == NAME_NONE)
        return 0;
    if (part_load_index(part, &index, why))
        return -1;
    uint32_t f = segment_only_field(index, field);
    if (f == index->field_count || !index->counts[f].count)
        return 0;
    const struct source_dictionary *dictionary = &index->dictionaries[f];
    uint32_t entry_count = index->counts[f].count;
    struct value_count_entry *entries = mem_alloc(entry_count * sizeof *entries);
    enum err err = segment_read_counts(index, f, entries, why);
    for (uint32_t i = 0; i < entry_count && !err && dictionary->count; i++)
        if (entries[i].stored < 0 || entries[i].stored >= dictionary->count)
            err = why_set(why, ERR_CORRUPT, "a value is not in its dictionary");
    if (!err) {
        *out = mem_alloc(entry_count * sizeof **out);
        *count = entry_count;
    }
    for (uint32_t i = 0; i < entry_count && !err; i++)
        (*out)[i] = (struct value_rows){
            dictionary->count
                ? dictionary->values[entries[i].stored]
                : (struct source_value){.type = SOURCE_NUMBER, .number = (uint64_t)entries[i].stored},
            entries[i].rows};
    mem_free(entries);
    return err ? (segment_failed(part->segment, err, why), -1) : 1;
}

/* ---- which sources ---- */

void source_ranges_done(struct source_ranges *ranges)
{
    mem_free(ranges->at);
    *ranges = (struct source_ranges){0};
}

static void add_source(struct source_ranges *ranges, uint32_t source)
{
    if (ranges->count && ranges->at[ranges->count - 1].end == source) {
        ranges->at[ranges->count - 1].end++;
        return;
    }
    if (ranges->count == ranges->cap) {
        ranges->cap = ranges->cap ? ranges->cap * 2 : 16;
        ranges->at = mem_resize(ranges->at, ranges->cap, sizeof *ranges->at);
    }
    ranges->at[ranges->count++] = (struct source_range){source, source + 1};
}

/* What a file's column holds for a value, as numbers or as places of its dictionary. */
struct wanted {
    uint64_t stored[2]; /* the value as a number and as a text */
    uint32_t count;
};

static uint32_t find_place(const struct source_dictionary *dictionary, struct source_value value)
{
    uint32_t low = 0, high = dictionary->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct source_value *at = &dictionary->values[middle];
        bool before = at->type != value.type        ? at->type < value.type
                      : value.type == SOURCE_NUMBER ? at->number < value.number
                                                    : str_compare(at->text, value.text) < 0;
        if (before)
            low = middle + 1;
        else
            high = middle;
    }
    return low < dictionary->count && source_value_eq(dictionary->values[low], value) ? low : UINT32_MAX;
}

static struct wanted wanted_of(const struct source_dictionary *dictionary, struct str exact)
{
    struct wanted wanted = {{0}, 0};
    struct source_value number = {.type = SOURCE_NUMBER}, text = {.type = SOURCE_TEXT, .text = exact};
    bool is_number = str_u64(exact, &number.number);
    if (!dictionary->count) {
        if (is_number)
            wanted.stored[wanted.count++] = number.number;
        return wanted;
    }
    uint32_t at = is_number ? find_place(dictionary, number) : UINT32_MAX;
    if (at != UINT32_MAX)
        wanted.stored[wanted.count++] = at;
    at = find_place(dictionary, text);
    if (at != UINT32_MAX && (!wanted.count || wanted.stored[0] != at))
        wanted.stored[wanted.count++] = at;
    return wanted;
}

/* Tests with exact values, as a file spells them. */
struct file_test {
    uint32_t *fields; /* of the file */
    struct wanted *wanted;
    uint32_t count; /* field * exact */
};

static struct file_test *make_file_tests(const struct segment_index *index, const struct source_test *tests,
                                         uint32_t test_count)
{
    struct file_test *file_tests = mem_zero(test_count, sizeof *file_tests);
    for (uint32_t t = 0; t < test_count; t++) {
        const struct source_test *test = &tests[t];
        struct file_test *out = &file_tests[t];
        size_t most = (size_t)index->field_count * test->exact_count;
        out->fields = mem_alloc(most * sizeof *out->fields);
        out->wanted = mem_alloc(most * sizeof *out->wanted);
        for (uint32_t f = 0; f < index->field_count; f++)
            for (uint32_t e = 0; e < test->exact_count && index->fields[f] == test->field; e++) {
                struct wanted wanted = wanted_of(&index->dictionaries[f], test->exact[e]);
                if (!wanted.count)
                    continue;
                out->fields[out->count] = f;
                out->wanted[out->count++] = wanted;
            }
    }
    return file_tests;
}

static void free_file_tests(struct file_test *file_tests, uint32_t count)
{
    for (uint32_t t = 0; t < count; t++) {
        mem_free(file_tests[t].fields);
        mem_free(file_tests[t].wanted);
    }
    mem_free(file_tests);
}

/* By its zones and filters alone: can any source of the chunk pass? */
static bool chunk_may_pass(const struct segment_index *index, uint32_t chunk, struct str bytes,
                           const struct file_test *test)
{
    for (uint32_t i = 0; i < test->count; i++) {
        const struct source_zone *zone = &index->zones[(size_t)chunk * index->field_count + test->fields[i]];
        for (uint32_t w = 0; w < test->wanted[i].count; w++) {
            uint64_t stored = test->wanted[i].stored[w];
            if (stored >= zone->low && stored <= zone->high &&
                source_chunk_may_hold(bytes, index->field_count, test->fields[i], stored))
                return true;
        }
    }
    return false;
}

static void apply_test(const struct source_test *test, const struct field_chunk *values, bool *pass)
{
    struct source_value before = {0};
    bool known = false, passes = false;
    for (uint32_t i = 0; i < values->count; i++) {
        const struct source_value *value = &values->value[i];
        bool same = known && value->type == before.type && value->number == before.number &&
                    value->text.at == before.text.at && value->text.size == before.text.size;
        if (!same) {
            passes = test->matches(test->ctx, *value);
            before = *value;
            known = true;
        }
        pass[i] &= passes;
    }
}

static enum err test_chunk(struct snapshot *snapshot, struct part *part, const struct source_test *tests,
                           uint32_t test_count, uint32_t chunk, struct field_chunk *values,
                           struct source_ranges *out, struct why *why)
{
    bool pass[FIELD_CHUNK];
    memset(pass, true, sizeof pass);
    values->count = 0;
    for (uint32_t t = 0; t < test_count; t++) {
        enum err err = part_field_chunk(snapshot, part, tests[t].field, chunk, values, why);
        if (err)
            return err;
        apply_test(&tests[t], values, pass);
    }
    for (uint32_t i = 0; i < values->count; i++)
        if (pass[i])
            add_source(out, chunk * FIELD_CHUNK + i);
    return ERR_OK;
}

enum err part_find_sources(struct snapshot *snapshot, struct part *part, const struct source_test *tests,
                           uint32_t test_count, struct source_ranges *out, struct why *why)
{
    struct segment_index *index = NULL;
    struct file_test *file_tests = NULL;
    struct segment_table *table = NULL;
    struct field_chunk *values = mem_alloc(sizeof *values);
    enum err err = part->segment ? part_load_table(part, &index, &table, why) : ERR_OK;
    out->count = 0;
    if (!err && index)
        file_tests = make_file_tests(index, tests, test_count);
    uint32_t chunks = (part->source_count + FIELD_CHUNK - 1) / FIELD_CHUNK;
    for (uint32_t c = 0; c < chunks && !err; c++) {
        bool may = true;
        for (uint32_t t = 0; t < test_count && index && may; t++)
            may = !tests[t].exact_count ||
                  chunk_may_pass(index, c, segment_table_chunk(table, &index->chunks[c]), &file_tests[t]);
        if (may)
            err = test_chunk(snapshot, part, tests, test_count, c, values, out, why);
    }
    if (file_tests)
        free_file_tests(file_tests, test_count);
    mem_free(values);
    return err;
}
