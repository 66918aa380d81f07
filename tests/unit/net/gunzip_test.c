/* Streams of gzip, cut every way, whole, damaged, and too large. */
#include "../cmocka_all.h"

#include "base/buf.h"
#include "base/check.h"
#include "net/gunzip.h"

#include <zlib.h>

static void gzip(struct str plain, struct buf *out)
{
    z_stream stream = {0};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t bound = deflateBound(&stream, plain.size);
    buf_reserve(out, bound);
    stream.next_in = (Bytef *)(uintptr_t)plain.at;
    stream.avail_in = (uInt)plain.size;
    stream.next_out = (Bytef *)out->at + out->size;
    stream.avail_out = (uInt)bound;
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out->size += bound - stream.avail_out;
    deflateEnd(&stream);
}

/* Input in pieces of in_step bytes, output in pieces of out_step. */
static enum err unpack(struct str packed, uint64_t max, size_t in_step, size_t out_step, struct buf *out,
                       bool *whole)
{
    struct gunzip *gunzip = gunzip_new(max);
    struct why why;
    enum err err = ERR_OK;
    char piece[4096];
    size_t got = 0;
    for (size_t at = 0; at < packed.size && !err; at += in_step) {
        struct str in = str_first(str_from(packed, at), in_step);
        do {
            err = gunzip_read(gunzip, &in, piece, out_step, &got, &why);
            if (!err)
                buf_put(out, piece, got);
        } while (!err && (in.size || got == out_step));
    }
    *whole = gunzip_is_whole(gunzip);
    gunzip_free(gunzip);
    return err;
}

static struct buf make_plain(void)
{
    struct buf plain = {0};
    for (int i = 0; i < 3000; i++)
        buf_printf(&plain, "line %d count#a=%d\n", i, i * i % 97);
    return plain;
}

static void every_cut_gives_the_same(void **state)
{
    struct buf plain = make_plain(), packed = {0};
    gzip(str_first(buf_view(&plain), 100), &packed);
    gzip(STR(""), &packed);
    gzip(str_from(buf_view(&plain), 100), &packed);
    size_t steps[] = {1, 2, 17, 4096};
    for (int i = 0; i < 16; i++) {
        struct buf out = {0};
        bool whole;
        assert_int_equal(unpack(buf_view(&packed), plain.size, steps[i % 4], steps[i / 4], &out, &whole),
                         ERR_OK);
        assert_true(whole && str_eq(buf_view(&out), buf_view(&plain)));
        buf_done(&out);
    }
    buf_done(&plain);
    buf_done(&packed);
}

static void cut_off_and_damaged_streams(void **state)
{
    struct buf plain = make_plain(), packed = {0};
    gzip(buf_view(&plain), &packed);
    for (size_t size = 0; size < packed.size; size += 13) {
        struct buf out = {0};
        bool whole;
        assert_int_equal(unpack(str_first(buf_view(&packed), size), plain.size, 100, 4096, &out, &whole),
                         ERR_OK);
        assert_false(whole);
        assert_memory_equal(out.at ? out.at : "", plain.at, out.size);
        buf_done(&out);
    }
    packed.at[packed.size - 6] ^= 1; /* its checksum */
    struct buf out = {0};
    bool whole;
    assert_int_equal(unpack(buf_view(&packed), plain.size, 100, 4096, &out, &whole), ERR_CORRUPT);
    assert_int_equal(unpack(STR("plain text"), 100, 100, 4096, &out, &whole), ERR_CORRUPT);
    packed.at[packed.size - 6] ^= 1;
    buf_str(&packed, STR("tail"));
    assert_int_equal(unpack(buf_view(&packed), plain.size, 100, 4096, &out, &whole), ERR_CORRUPT);
    buf_done(&out);
    buf_done(&plain);
    buf_done(&packed);
}

static void what_grows_too_large_is_refused(void **state)
{
    struct buf plain = make_plain(), packed = {0}, out = {0};
    gzip(buf_view(&plain), &packed);
    bool whole;
    assert_int_equal(unpack(buf_view(&packed), plain.size - 1, 1 << 20, 1000, &out, &whole), ERR_LIMIT);
    assert_true(out.size < plain.size);
    buf_done(&plain);
    buf_done(&packed);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(cut_off_and_damaged_streams),
        cmocka_unit_test(what_grows_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
