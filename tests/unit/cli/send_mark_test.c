/* The mark of a file that grows by pieces of any size is the mark that is read from it. */
#include "cli/send_mark.h"

#include "../cmocka_all.h"
#include "base/rng.h"

#include <stdio.h>
#include <unistd.h>

static void pieces_and_reading_agree(void **state)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rng rng = {seed};
        struct mark grown = {0}, got;
        FILE *file = tmpfile();
        assert_non_null(file);
        uint64_t size = 0;
        for (int piece = 0; piece < 40; piece++) {
            char bytes[700];
            size_t count = rng_below(&rng, piece % 4 ? 90 : sizeof bytes + 1);
            for (size_t i = 0; i < count; i++)
                bytes[i] = (char)rng_below(&rng, 256);
            assert_int_equal(fwrite(bytes, 1, count, file), count);
            assert_int_equal(fflush(file), 0);
            mark_add(&grown, str_make(bytes, count));
            size += count;
            assert_true(mark_read(&got, fileno(file), size));
            assert_true(mark_hash(&got) == mark_hash(&grown));
            assert_false(mark_read(&got, fileno(file), size + 1));
        }
        uint64_t at[] = {0, MARK_HEAD - 1, size - 1, size - MARK_TAIL};
        for (size_t i = 0; i < 4; i++) { /* any change there is seen */
            char was, other;
            assert_int_equal(pread(fileno(file), &was, 1, (off_t)at[i]), 1);
            other = (char)(was + 1);
            assert_int_equal(pwrite(fileno(file), &other, 1, (off_t)at[i]), 1);
            assert_true(mark_read(&got, fileno(file), size));
            assert_true(mark_hash(&got) != mark_hash(&grown));
            assert_int_equal(pwrite(fileno(file), &was, 1, (off_t)at[i]), 1);
        }
        fclose(file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_and_reading_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
