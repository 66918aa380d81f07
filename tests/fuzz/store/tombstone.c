/* Any bytes as a tombstone, with the right sum put behind them, or nothing would be taken. Whatever is taken
 * is within bounds, and its record is read as the same. */
#include "../fuzz.h"
#include "base/hash.h"
#include "store/tombstone.h"

static void check_bounds(const struct tombstone *tombstone)
{
    CHECK(tombstone->test_count <= DELETE_TESTS_MAX);
    for (uint32_t f = 0; f < tombstone->file_count; f++)
        for (uint32_t c = 1; c < tombstone->files[f].count; c++)
            CHECK(tombstone->files[f].counts[c - 1].metric <= tombstone->files[f].counts[c].metric);
}

static void check_record(const struct tombstone *tombstone, struct names *names)
{
    struct buf bytes = {0};
    struct why why = {0};
    tombstone_encode_record(tombstone, &bytes);
    struct tombstone *record = tombstone_decode(buf_view(&bytes), names, &why);
    CHECK(record && record->id == tombstone->id && record->rows == tombstone->rows);
    CHECK(record->test_count == tombstone->test_count && str_eq(record->text, tombstone->text));
    tombstone_unref(record);
    buf_done(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct names *names = names_new();
    struct buf bytes = {0};
    struct why why = {0};
    buf_put(&bytes, data, size);
    buf_u64(&bytes, hash_bytes(buf_view(&bytes)));
    struct tombstone *tombstone = tombstone_decode(buf_view(&bytes), names, &why);
    if (tombstone) {
        check_bounds(tombstone);
        check_record(tombstone, names);
        struct tombstone_set *set = tombstone_set_new(&tombstone, 1);
        for (uint32_t f = 0; f < tombstone->file_count; f++) {
            uint32_t count;
            CHECK(tombstone_set_find(set, tombstone->files[f].name, &count) && count > 0);
        }
        tombstone_set_unref(set);
    }
    tombstone_unref(tombstone);
    buf_done(&bytes);
    names_free(names);
    return 0;
}
