/* The formats: what a version wrote stays readable (golden files), blocks and frames come back bit by bit.
 *
 * `store_format_test write` makes the golden files anew, for a new version; files of old ones stay for ever.
 */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/mem.h"
#include "scheme/source.h"
#include "store/day.h"
#include "store/frame.h"
#include "store/log_format.h"
#include "store/row_sort.h"
#include "store/segment.h"
#include "store/segment_format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { GOLDEN_SEALED = 200, GOLDEN_LOGGED = 50 };

static void golden_rows(struct kit_rows *sealed, struct kit_rows *logged)
{
    struct rng rng = {42};
    kit_random_rows(&rng, KIT_START_MS, GOLDEN_SEALED, 0, sealed);
    kit_random_rows(&rng, KIT_START_MS, GOLDEN_LOGGED, 0, logged);
}

static void copy(struct sys *from_sys, const char *from, struct sys *to_sys, const char *to)
{
    struct buf bytes = {0};
    struct sys_file *file;
    struct why why = {0};
    if (sys_read_file(from_sys, str_of(from), 1 << 20, &bytes, &why) ||
        sys_open(to_sys, str_of(to), SYS_WRITE, &file, &why) ||
        sys_write_at(to_sys, file, 0, bytes.at, bytes.size, &why)) {
        fprintf(stderr, "%s\n", why.text);
        abort();
    }
    sys_close(to_sys, file);
    buf_done(&bytes);
}

static bool first_name(void *ctx, struct str name, bool is_dir)
{
    sprintf(ctx, "%.*s", STR_ARG(name));
    return false;
}

static void write_golden(void)
{
    struct sys_sim_options options = {.seed = 42, .wall_ms = KIT_START_MS};
    struct kit kit;
    struct kit_rows sealed = {0}, logged = {0};
    char name[64], path[256];
    kit_init(&kit, sys_sim_new(&options), "data");
    kit.options.head_rows_max = 512; /* blocks of 32 rows */
    kit.options.log_file_bytes = 16 * 1024;
    kit_open(&kit);
    golden_rows(&sealed, &logged);
    CHECK(kit_store(&kit, 0, &sealed, "gold/1") == ERR_OK);
    store_tidy(kit.store, true);
    CHECK(kit_store(&kit, 0, &logged, "gold/2") == ERR_OK);
    kit_close(&kit);
    enum err err = sys_list(kit.sys, STR("data/seg/20251124"), first_name, name, NULL);
    CHECK(err == ERR_OK);
    snprintf(path, sizeof path, "data/seg/20251124/%s", name);
    copy(kit.sys, path, sys_real(), GOLDEN_DIR "/segment-2.seg");
    copy(kit.sys, "data/log/0-0.log", sys_real(), GOLDEN_DIR "/log-1.log");
}

/* ---- seeds of fuzzers, from the golden files ---- */

static void write_seed(const char *path, struct str head, struct str body)
{
    FILE *file = fopen(path, "wb");
    CHECK(file);
    CHECK(fwrite(head.at, 1, head.size, file) == head.size &&
          fwrite(body.at, 1, body.size, file) == body.size);
    fclose(file);
}

static void write_block_seeds(void)
{
    static const uint32_t source[] = {1, 1, 2, 9};
    static const int64_t time_ms[] = {KIT_START_MS, KIT_START_MS + 1, KIT_START_MS, KIT_START_MS};
    static const int64_t place[] = {0, 2, 3, 700};
    static const double value[] = {1, 0.1, -0.0, 812.4}, odd[] = {INFINITY, 1e300, 5e-324, 0.123456789012345};
    struct packer packer = {0};
    struct buf bytes = {0};
    const struct block_columns columns[] = {{source, time_ms, value, NULL}, {source, time_ms, odd, place}};
    for (int i = 0; i < 2; i++) {
        bytes.size = 0;
        block_encode(&packer, &columns[i], 4, KIT_START_MS / DAY_MS * DAY_MS, &bytes);
        char head[] = {i ? 2 : 1, 4, 0};
        write_seed(i ? SEED_DIR "/segment/followers" : SEED_DIR "/segment/block", str_make(head, sizeof head),
                   buf_view(&bytes));
    }
    packer_done(&packer);
    buf_done(&bytes);
}

static void write_cube_seed(void)
{
    static const struct cube_cell cells[] = {
        {0, 961, 12, 30.5, 0.1, 7}, {0, 962, 9, 12, 0, 4}, {2, 961, 100, -1e300, -1e300, 1e9}};
    struct packer packer = {0};
    struct bin_scratch scratch = {0};
    struct bin_list list = {0};
    struct buf bytes = {0}, head = {0};
    uint32_t place[121];
    int32_t key[121];
    for (uint32_t i = 0; i < 121; i++) {
        place[i] = i < 12 ? 961 : i < 21 ? 962 : 2 * CUBE_MINUTES + 961;
        key[i] = i < 21 ? (int32_t)(i % 5) * 9 + 40000 : 40000 + (int32_t)i;
    }
    bin_list_add(&list, &scratch, place, key, 121, 3 * CUBE_MINUTES);
    buf_put(&head, "\4\3\0\3", 4);
    cube_encode(&packer, cells, 3, true, &bytes);
    buf_u16(&head, (uint16_t)bytes.size);
    cube_bins_encode(&packer, cells, 3, &list, &bytes);
    write_seed(SEED_DIR "/segment/cube", buf_view(&head), buf_view(&bytes));
    bin_list_done(&list);
    bin_scratch_done(&scratch);
    packer_done(&packer);
    buf_done(&bytes);
    buf_done(&head);
}

static void write_segment_seed(struct str file)
{
    struct packer packer = {0};
    struct buf raw = {0}, head = {0};
    struct bytes trailer = bytes_of(str_from(file, file.size - SEGMENT_TRAILER_BYTES));
    uint64_t at = bytes_u64(&trailer);
    uint32_t size = bytes_u32(&trailer), raw_size = bytes_u32(&trailer);
    enum err err = unpack(&packer, str_make(file.at + at, size), raw_size, &raw, NULL);
    CHECK(err == ERR_OK);
    buf_u8(&head, 0);
    buf_u16(&head, (uint16_t)raw.size);
    buf_str(&head, buf_view(&raw));
    write_seed(SEED_DIR "/segment/golden", buf_view(&head),
               str_make(file.at + SEGMENT_HEADER_BYTES, at - SEGMENT_HEADER_BYTES));
    packer_done(&packer);
    buf_done(&raw);
    buf_done(&head);
}

static void write_seeds(void)
{
    struct buf file = {0};
    enum err err = sys_read_file(sys_real(), STR(GOLDEN_DIR "/segment-2.seg"), 1 << 20, &file, NULL);
    CHECK(err == ERR_OK);
    write_segment_seed(buf_view(&file));
    write_block_seeds();
    write_cube_seed();
    file.size = 0;
    err = sys_read_file(sys_real(), STR(GOLDEN_DIR "/log-1.log"), 1 << 20, &file, NULL);
    CHECK(err == ERR_OK);
    size_t end = file.size;
    while (end > LOG_FRAMES_AT && file.at[end - 1] == 0)
        end--;
    end = (end + 7) & ~(size_t)7;
    write_seed(SEED_DIR "/log/golden", str_make("\1\0", 2),
               str_make(file.at + LOG_FRAMES_AT, end - LOG_FRAMES_AT));
    buf_done(&file);
    struct names *names = names_new();
    struct batch *batch = batch_new();
    struct frame_coder coder = {0};
    struct buf bytes = {0}, payload = {0};
    struct source_set set = {0};
    source_set_put(&set, names_resolve_field(names, STR("host")),
                   (struct source_value){.type = SOURCE_TEXT, .text = STR("web.1")});
    source_set_put(&set, names_resolve_field(names, STR("account_id")),
                   (struct source_value){.type = SOURCE_NUMBER, .number = 42});
    source_encode(&set, &bytes);
    uint32_t source = batch_source(batch, buf_view(&bytes), hash_bytes(buf_view(&bytes)));
    batch->time_ms = KIT_START_MS;
    batch->key = STR("me/1");
    batch_add(batch, names_resolve_metric(names, STR("a.b"), KIND_MEASURE, UNIT_ms), source, KIT_START_MS,
              812.4);
    batch_add(batch, names_resolve_metric(names, STR("c"), KIND_COUNT, UNIT_NONE), source, KIT_START_MS - 9,
              1);
    frame_encode(&coder, batch, names, &payload);
    write_seed(SEED_DIR "/frame/batch", STR(""), buf_view(&payload));
    batch_free(batch);
    frame_coder_done(&coder);
    buf_done(&bytes);
    buf_done(&payload);
    names_free(names);
}

static void what_was_written_stays_readable(void **state)
{
    struct sys_sim_options options = {.seed = 1, .wall_ms = KIT_START_MS};
    struct kit kit;
    struct kit_rows want = {0}, logged = {0}, got = {0};
    struct why why;
    kit_init(&kit, sys_sim_new(&options), "data");
    static const char *const folders[] = {"data", "data/seg", "data/seg/20251124", "data/log"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(sys_make_dir(kit.sys, str_of(folders[i]), &why), ERR_OK);
    copy(sys_real(), GOLDEN_DIR "/segment-2.seg", kit.sys, "data/seg/20251124/0123456789abcdef.seg");
    copy(sys_real(), GOLDEN_DIR "/log-1.log", kit.sys, "data/log/0-0.log");
    kit_open(&kit);
    assert_int_equal(kit.report.quarantined_files, 0);
    assert_int_equal(kit.report.replayed_rows, GOLDEN_LOGGED); /* the file says what it covers */
    golden_rows(&want, &logged);
    kit_rows_add_all(&want, &logged);
    kit_rows_sort(&want);
    kit_rows_of(&kit, &got);
    assert_true(kit_rows_equal(&got, &want));
    uint32_t metric = names_find_metric(kit.names, STR("kit.m3"));
    assert_int_equal(names_kind(kit.names, metric), KIND_MEASURE);
    assert_int_equal(names_unit(kit.names, metric), UNIT_ms);
    assert_true(store_seen(kit.store, STR("gold/2")));
    kit_rows_done(&want);
    kit_rows_done(&logged);
    kit_rows_done(&got);
    kit_done(&kit);
    sys_sim_free(kit.sys);
}

static void sizes_are_pinned(void **state)
{
    assert_int_equal(LOG_HEADER_BYTES, 72);
    assert_int_equal(LOG_FRAMES_AT, 4096);
    assert_int_equal(LOG_FRAME_BYTES, 48);
    assert_int_equal(SEGMENT_HEADER_BYTES, 64);
    assert_int_equal(SEGMENT_TRAILER_BYTES, 48);
    assert_int_equal(BLOCK_ROWS_MAX, 1024);
    assert_int_equal(SOURCES_PER_CHUNK, 1024);
}

/* ---- blocks ---- */

static double odd_double(struct rng *rng)
{
    static const double odd[] = {0.0,    -0.0,     1e22,      9007199254740993.0,     -9007199254740991.0,
                                 5e-324, INFINITY, -INFINITY, 1.7976931348623157e308, 0.1};
    uint64_t random = rng_next(rng);
    double v;
    if (random % 4)
        return odd[random / 4 % (sizeof odd / sizeof *odd)];
    random |= random % 8 ? 0 : 0x7ff0000000000001u; /* NaNs with every payload */
    memcpy(&v, &random, sizeof v);
    return v;
}

/* Rows as a file has them: ascending by (source, time). */
struct some_rows {
    uint32_t source[BLOCK_ROWS_MAX];
    int64_t time_ms[BLOCK_ROWS_MAX];
    int64_t place[BLOCK_ROWS_MAX];
    double value[BLOCK_ROWS_MAX];
};

static double some_value(struct rng *rng, unsigned taste)
{
    switch (taste) {
    case 0:
        return 1;
    case 1:
        return (double)rng_below(rng, 100000) / 10;
    case 2:
        return (double)rng_below(rng, 3) * 1e9 + 0.25;
    case 3:
        return rng_chance(rng, 20) ? odd_double(rng) : (double)rng_below(rng, 1000) - 500;
    case 4:
        return rng_unit(rng);
    default:
        return odd_double(rng);
    }
}

static void fill_rows(struct rng *rng, uint32_t count, int64_t day_ms, unsigned taste, struct some_rows *rows)
{
    uint32_t source = (uint32_t)rng_below(rng, 5), many = (uint32_t)rng_below(rng, 3) * 45;
    int64_t ms = 0, place = -1;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || !rng_chance(rng, many) || ms > DAY_MS - 100000) {
            source += i ? 1 + (uint32_t)rng_below(rng, rng_chance(rng, 90) ? 2 : 1000000) : 0;
            ms = (int64_t)rng_below(rng, DAY_MS);
        } else {
            ms += (int64_t)rng_below(rng, 1000);
        }
        rows->source[i] = source;
        rows->time_ms[i] = day_ms + ms;
        rows->place[i] = place += 1 + (int64_t)rng_below(rng, 4);
        rows->value[i] = some_value(rng, taste);
    }
}

static void own_block_comes_back(struct packer *packer, const struct some_rows *rows, uint32_t count,
                                 int64_t day_ms)
{
    struct block_columns columns = {rows->source, rows->time_ms, rows->value, NULL};
    struct block_rows *back = MEM_NEW(struct block_rows);
    struct buf bytes = {0};
    struct str keys, values;
    struct why why;
    uint32_t most = rows->source[count - 1];
    block_encode(packer, &columns, count, day_ms, &bytes);
    assert_int_equal(block_cut(buf_view(&bytes), &keys, &values, &why), ERR_OK);
    assert_int_equal(block_decode_keys(keys, count, most + 1, day_ms, back, &why), ERR_OK);
    assert_int_equal(block_decode_values(packer, values, count, back->value, &why), ERR_OK);
    assert_memory_equal(rows->time_ms, back->time_ms, count * sizeof *rows->time_ms);
    assert_memory_equal(rows->value, back->value, count * sizeof *rows->value);
    for (uint32_t r = 0, i = 0; r < back->run_count; r++)
        for (; i < back->run[r].end; i++)
            assert_int_equal(back->run[r].source, rows->source[i]);
    assert_int_equal(back->run[back->run_count - 1].end, count);
    /* A source that does not exist and a wrong count are refused. */
    assert_int_equal(block_decode_keys(keys, count, most, day_ms, back, &why), ERR_CORRUPT);
    if (count < BLOCK_ROWS_MAX)
        assert_int_equal(block_decode_keys(keys, count + 1, most + 1, day_ms, back, &why), ERR_CORRUPT);
    for (size_t size = 0; size < keys.size; size++)
        assert_int_equal(block_decode_keys(str_first(keys, size), count, most + 1, day_ms, back, &why),
                         ERR_CORRUPT);
    buf_done(&bytes);
    mem_free(back);
}

static void follower_block_comes_back(struct packer *packer, const struct some_rows *rows, uint32_t count)
{
    struct block_columns columns = {rows->source, rows->time_ms, rows->value, rows->place};
    static int64_t place[BLOCK_ROWS_MAX];
    struct buf bytes = {0};
    struct str keys, values;
    struct why why;
    block_encode(packer, &columns, count, 0, &bytes);
    assert_int_equal(block_cut(buf_view(&bytes), &keys, &values, &why), ERR_OK);
    assert_int_equal(block_decode_places(keys, count, place, &why), ERR_OK);
    assert_memory_equal(rows->place, place, count * sizeof *place);
    for (size_t size = 0; size < keys.size; size++)
        assert_int_equal(block_decode_places(str_first(keys, size), count, place, &why), ERR_CORRUPT);
    buf_done(&bytes);
}

static void blocks_come_back(void **state)
{
    static const uint32_t counts[] = {1, 2, 3, 7, 8, 9, 63, 64, 65, 1023, 1024};
    struct packer packer = {0};
    struct rng rng = {11};
    struct some_rows *rows = MEM_NEW(struct some_rows);
    for (unsigned round = 0; round < 24; round++)
        for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
            int64_t day_ms = ((int64_t)rng_below(&rng, 40000) - 20000) * DAY_MS;
            fill_rows(&rng, counts[i], day_ms, round % 6, rows);
            own_block_comes_back(&packer, rows, counts[i], day_ms);
            follower_block_comes_back(&packer, rows, counts[i]);
        }
    packer_done(&packer);
    mem_free(rows);
}

/* Every width, every count around a word's end, and numbers at the ends of their range. */
static void whole_numbers_come_back(void **state)
{
    static int64_t values[INT_COLUMN_MAX], back[INT_COLUMN_MAX];
    struct buf bytes = {0};
    struct rng rng = {5};
    for (unsigned width = 0; width <= 64; width++)
        for (unsigned round = 0; round < 40; round++) {
            uint32_t count = round < 20 ? round + 1 : 1 + (uint32_t)rng_below(&rng, INT_COLUMN_MAX);
            uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1, base = rng_next(&rng),
                     sum = 0;
            for (uint32_t i = 0; i < count; i++) {
                uint64_t v = rng_next(&rng) & mask;
                sum += v;
                values[i] = (int64_t)(base + (round % 2 ? sum : v));
            }
            bytes.size = 0;
            int_column_encode(values, count, &bytes);
            struct bytes in = bytes_of(buf_view(&bytes));
            int_column_decode(&in, count, back);
            assert_false(in.bad);
            assert_int_equal(bytes_left(&in), 0);
            assert_memory_equal(values, back, count * sizeof *values);
            assert_true(bytes.size <= 22 + ((size_t)count * (width + 1) + 7) / 8);
        }
    buf_done(&bytes);
}

/* A decimal of few digits costs its digits, not eight bytes. */
static void values_are_small(void **state)
{
    static double values[1024];
    struct packer packer = {0};
    struct buf bytes = {0};
    for (int i = 0; i < 1024; i++)
        values[i] = i % 4 ? (double)(i * 37 % 1000) / 10 : (double)(i % 100);
    value_column_encode(&packer, values, 1024, &bytes);
    assert_true(bytes.size < 1024 * 10 / 8 + 16);
    bytes.size = 0;
    for (int i = 0; i < 1024; i++)
        values[i] = i % 2 ? 1e9 : 0.1 / 3;
    value_column_encode(&packer, values, 1024, &bytes);
    assert_true(bytes.size < 1024 / 8 + 32);
    bytes.size = 0;
    for (int i = 0; i < 1024; i++)
        values[i] = 1;
    value_column_encode(&packer, values, 1024, &bytes);
    assert_true(bytes.size < 8);
    values[0] = NAN;
    values[700] = -0.0;
    bytes.size = 0;
    value_column_encode(&packer, values, 1024, &bytes);
    assert_true(bytes.size < 32);
    packer_done(&packer);
    buf_done(&bytes);
}

/* ---- frames ---- */

static void frames_are_refused_when_cut(void **state)
{
    struct names *names = names_new(), *others = names_new();
    struct batch *batch = batch_new(), *back = batch_new();
    struct frame_coder coder = {0};
    struct buf payload = {0};
    struct why why;
    uint64_t nameless = 0;
    batch->time_ms = -5;
    uint32_t empty = batch_source(batch, str_make("\0", 1), hash_bytes(str_make("\0", 1)));
    batch_add(batch, names_resolve_metric(names, STR("a.b"), KIND_COUNT, UNIT_NONE), empty, INT64_MIN, 1);
    batch_add(batch, names_resolve_metric(names, STR("c"), KIND_LEVEL, UNIT_percent), empty, INT64_MAX, -0.0);
    frame_encode(&coder, batch, names, &payload);
    assert_int_equal(frame_decode(buf_view(&payload), others, back, &nameless, &why), ERR_OK);
    assert_int_equal(back->row_count, 2);
    assert_true(back->time_ms == -5 && back->rows[0].time_ms == INT64_MIN &&
                back->rows[1].time_ms == INT64_MAX);
    assert_true(back->rows[1].value == 0 && signbit(back->rows[1].value));
    assert_int_equal(names_unit(others, back->rows[1].metric), UNIT_percent);
    for (size_t size = 0; size < payload.size; size++) {
        batch_reset(back);
        assert_int_equal(frame_decode(str_first(buf_view(&payload), size), others, back, &nameless, &why),
                         ERR_CORRUPT);
        assert_int_equal(back->row_count, 0);
    }
    batch_free(batch);
    batch_free(back);
    frame_coder_done(&coder);
    buf_done(&payload);
    names_free(names);
    names_free(others);
}

/* ---- orders ---- */

static void rows_are_sorted_and_stable(void **state)
{
    static const size_t counts[] = {0, 1, 2, 47, 48, 49, 5000};
    struct rng rng = {3};
    for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t count = counts[c];
        struct sort_row *rows = mem_zero(count, sizeof *rows), *spare = mem_zero(count, sizeof *rows);
        for (size_t i = 0; i < count; i++)
            rows[i] = (struct sort_row){
                sort_key((uint32_t)rng_below(&rng, 1 << (i % 24)), (int64_t)rng_below(&rng, 1000) * 86000),
                (double)i};
        const struct sort_row *sorted = sort_rows(rows, spare, count);
        for (size_t i = 1; i < count; i++)
            assert_true(sorted[i - 1].key < sorted[i].key ||
                        (sorted[i - 1].key == sorted[i].key && sorted[i - 1].value < sorted[i].value));
        mem_free(rows);
        mem_free(spare);
    }
}

/* The order of sources does not depend on the numbers that a process gives to fields. */
static void order_of_sources_is_the_same_everywhere(void **state)
{
    enum { COUNT = 50 };
    static const char *const fields[] = {"a", "b", "c"};
    uint32_t orders[2][COUNT];
    for (int turn = 0; turn < 2; turn++) {
        struct names *names = names_new();
        struct buf bytes[COUNT] = {0};
        struct str sources[COUNT];
        struct rng rng = {9};
        for (int f = 0; f < 3; f++)
            names_resolve_field(names, str_of(fields[turn ? 2 - f : f]));
        for (int s = 0; s < COUNT; s++) {
            struct source_set set = {0};
            static const char texts[] = "x\0yz";
            for (int f = 0; f < 3; f++) {
                struct source_value value = {.type = SOURCE_NUMBER, .number = rng_below(&rng, 300)};
                if (rng_chance(&rng, 50))
                    value = (struct source_value){.type = SOURCE_TEXT,
                                                  .text = str_make(texts, 1 + rng_below(&rng, 4))};
                if (rng_chance(&rng, 70))
                    source_set_put(&set, names_find_field(names, str_of(fields[f])), value);
            }
            source_encode(&set, &bytes[s]);
            sources[s] = buf_view(&bytes[s]);
        }
        segment_sort_sources(names, sources, COUNT, orders[turn]);
        for (int s = 1; s < COUNT; s++) { /* equal sources may change places */
            bool equal = str_eq(sources[orders[turn][s - 1]], sources[orders[turn][s]]);
            if (equal && orders[turn][s - 1] > orders[turn][s]) {
                uint32_t swap = orders[turn][s];
                orders[turn][s] = orders[turn][s - 1];
                orders[turn][s - 1] = swap;
                s = 0;
            }
        }
        for (int s = 0; s < COUNT; s++)
            buf_done(&bytes[s]);
        names_free(names);
    }
    assert_memory_equal(orders[0], orders[1], sizeof orders[0]);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        write_golden();
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "seeds") == 0) {
        write_seeds();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_stays_readable),
        cmocka_unit_test(sizes_are_pinned),
        cmocka_unit_test(blocks_come_back),
        cmocka_unit_test(whole_numbers_come_back),
        cmocka_unit_test(values_are_small),
        cmocka_unit_test(frames_are_refused_when_cut),
        cmocka_unit_test(rows_are_sorted_and_stable),
        cmocka_unit_test(order_of_sources_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
