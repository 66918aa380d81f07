#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/rng.h"

#include "../cmocka_all.h"

/* Values of every kind, written in a random order, are read back; what is cut off anywhere reads as zero,
 * sets bad, and never touches a byte behind the end (the input is a heap block of just its size, for the
 * sanitizer).
 */
enum { VALUES = 12 };

static void put(struct buf *buf, unsigned kind, uint64_t v)
{
    switch (kind) {
    case 0:
        buf_u8(buf, (uint8_t)v);
        return;
    case 1:
        buf_u16(buf, (uint16_t)v);
        return;
    case 2:
        buf_u32(buf, (uint32_t)v);
        return;
    case 3:
        buf_u64(buf, v);
        return;
    case 4:
        buf_varint(buf, v);
        return;
    default:
        buf_sized_str(buf, str_make((const char *)&v, v % 9));
    }
}

static uint64_t expected(unsigned kind, uint64_t v)
{
    uint64_t text = 0;
    memcpy(&text, &v, v % 9);
    return kind == 0 ? (uint8_t)v : kind == 1 ? (uint16_t)v : kind == 2 ? (uint32_t)v : kind < 5 ? v : text;
}

static uint64_t get(struct bytes *b, unsigned kind)
{
    uint64_t text = 0;
    struct str s;
    switch (kind) {
    case 0:
        return bytes_u8(b);
    case 1:
        return bytes_u16(b);
    case 2:
        return bytes_u32(b);
    case 3:
        return bytes_u64(b);
    case 4:
        return bytes_varint(b);
    default:
        s = bytes_sized_str(b);
        if (s.size)
            memcpy(&text, s.at, s.size < sizeof text ? s.size : sizeof text);
        return text;
    }
}

static void values_come_back_and_cuts_are_noticed(void **state)
{
    struct rng rng = {1};
    for (int round = 0; round < 3000; round++) {
        unsigned kinds[VALUES];
        uint64_t values[VALUES];
        size_t ends[VALUES];
        struct buf buf = {0};
        for (int i = 0; i < VALUES; i++) {
            kinds[i] = (unsigned)rng_below(&rng, 6);
            values[i] = rng_next(&rng) >> rng_below(&rng, 64);
            put(&buf, kinds[i], values[i]);
            ends[i] = buf.size;
        }
        size_t size = round % 4 ? (size_t)rng_below(&rng, buf.size) : buf.size;
        char *exact = mem_alloc(size);
        memcpy(exact, buf.at, size);
        struct bytes b = bytes_of(str_make(exact, size));
        for (int i = 0; i < VALUES; i++) {
            uint64_t v = get(&b, kinds[i]);
            assert_true(v == (ends[i] <= size ? expected(kinds[i], values[i]) : 0));
            assert_int_equal(b.bad, ends[i] > size);
        }
        assert_true(b.bad || bytes_left(&b) == 0);
        mem_free(exact);
        buf_done(&buf);
    }
}

static void noise_is_read_without_harm(void **state)
{
    struct rng rng = {2};
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)rng_below(&rng, 40);
        char *noise = mem_alloc(size);
        for (size_t i = 0; i < size; i++)
            noise[i] = (char)rng_next(&rng);
        struct bytes b = bytes_of(str_make(noise, size));
        for (int i = 0; i < 30; i++) {
            const char *before = b.at;
            bool was_bad = b.bad;
            uint64_t v = get(&b, (unsigned)rng_below(&rng, 6));
            assert_true(b.at >= before && b.at <= b.end && (b.bad || !was_bad));
            assert_true(!was_bad || v == 0);
        }
        mem_free(noise);
    }
}

static bool reads_varint(struct str s, uint64_t want)
{
    struct bytes b = bytes_of(s);
    return bytes_varint(&b) == want && !b.bad && bytes_left(&b) == 0;
}

static bool refuses_varint(struct str s)
{
    struct bytes b = bytes_of(s);
    return bytes_varint(&b) == 0 && b.bad;
}

static void varints_have_64_bits(void **state)
{
    assert_true(reads_varint(STR("\x7f"), 127));
    assert_true(reads_varint(STR("\x80\x01"), 128));
    assert_true(reads_varint(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), UINT64_MAX));
    assert_true(refuses_varint(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"))); /* bit 65 */
    assert_true(refuses_varint(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01")));
    assert_true(refuses_varint(STR("\xff")));
    assert_true(refuses_varint(STR("")));
    assert_true(refuses_varint(STR_NONE));
}

static void sizes_are_not_trusted(void **state)
{
    struct bytes b = bytes_of(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                  "abc"));
    assert_int_equal(bytes_sized_str(&b).size, 0);
    assert_true(b.bad);
    b = bytes_of(STR("abc"));
    assert_true(str_eq(bytes_str(&b, 3), STR("abc")) && !b.bad);
    assert_true(bytes_str(&b, 0).size == 0 && !b.bad);
    assert_true(bytes_str(&b, 1).size == 0 && b.bad);
}

static void doubles_keep_their_bits(void **state)
{
    const uint64_t all[] = {
        0, 1, 0x8000000000000000, 0x7ff0000000000001, 0xfff8000000000123, 0x7fefffffffffffff};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct buf buf = {0};
        double v;
        memcpy(&v, &all[i], sizeof v);
        buf_f64(&buf, v);
        struct bytes b = bytes_of(buf_view(&buf));
        v = bytes_f64(&b);
        assert_memory_equal(&v, &all[i], sizeof v);
        buf_done(&buf);
    }
}

static void zigzag_goes_both_ways(void **state)
{
    const int64_t all[] = {0, -1, 1, -2, INT64_MAX, INT64_MIN};
    const uint64_t want[] = {0, 1, 2, 3, UINT64_MAX - 1, UINT64_MAX};
    for (int i = 0; i < 6; i++) {
        assert_true(zigzag(all[i]) == want[i]);
        assert_true(unzigzag(want[i]) == all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_and_cuts_are_noticed),
        cmocka_unit_test(noise_is_read_without_harm),
        cmocka_unit_test(varints_have_64_bits),
        cmocka_unit_test(sizes_are_not_trusted),
        cmocka_unit_test(doubles_keep_their_bits),
        cmocka_unit_test(zigzag_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
