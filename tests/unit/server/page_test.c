/* page_test.c: the page in the binary: what "/" names is there, and both forms of each asset are the same
 * bytes. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <zlib.h>

#include "server/page.h"

static void inflates_to(struct str gzip, struct str plain)
{
    char *out = malloc(plain.size + 1);
    z_stream z = {.next_in = (Bytef *)gzip.at, .avail_in = (uInt)gzip.size};
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)plain.size + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, plain.size);
    assert_memory_equal(out, plain.at, plain.size);
    inflateEnd(&z);
    free(out);
}

static void test_every_asset_is_whole(void **state)
{
    assert_true(page_count() >= 1);
    for (size_t i = 0; i < page_count(); i++) {
        const struct page_asset *a = page_at(i);
        assert_ptr_equal(page_find(a->path), a);
        assert_true(a->bytes.size > 0 && a->content_type.size > 0);
        assert_true(a->etag.size > 2 && a->etag.at[0] == '"' && a->etag.at[a->etag.size - 1] == '"');
        assert_int_equal(a->immutable, str_starts(a->path, STR("/assets/")));
        if (a->gzip.size)
            inflates_to(a->gzip, a->bytes);
    }
}

static bool names(struct str text, struct str word)
{
    return memmem(text.at, text.size, word.at, word.size) != NULL;
}

static void test_start_page_names_its_assets(void **state)
{
    const struct page_asset *start = page_find(STR("/"));
    assert_non_null(start);
    assert_false(start->immutable);
    for (size_t i = 0; i < page_count(); i++)
        assert_true(page_at(i) == start || names(start->bytes, page_at(i)->path));
    /* the policy forbids them, so they would be dead */
    assert_false(names(start->bytes, STR("<style")));
    assert_false(names(start->bytes, STR("style=")));
    assert_false(names(start->bytes, STR("onload=")));
}

static void test_other_paths_are_absent(void **state)
{
    assert_null(page_find(STR("")));
    assert_null(page_find(STR("/assets/")));
    assert_null(page_find(STR("/../etc/passwd")));
    assert_null(page_find(STR_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_asset_is_whole),
        cmocka_unit_test(test_start_page_names_its_assets),
        cmocka_unit_test(test_other_paths_are_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
