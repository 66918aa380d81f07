#include "base/nearest.h"
#include "base/rng.h"

#include "../cmocka_all.h"

static void distances_are_edits(void **state)
{
    assert_int_equal(nearest_distance(STR("kitten"), STR("sitting"), 9), 3);
    assert_int_equal(nearest_distance(STR("ab"), STR("ba"), 9), 1);  /* neighbours swapped */
    assert_int_equal(nearest_distance(STR("ca"), STR("abc"), 9), 3); /* no edit inside a swap */
    assert_int_equal(nearest_distance(STR(""), STR("abc"), 9), 3);
    assert_int_equal(nearest_distance(STR("same"), STR("same"), 0), 0);
    assert_int_equal(nearest_distance(STR("kitten"), STR("sitting"), 1), 2); /* limit + 1 */
    assert_int_equal(nearest_distance(STR("a"), STR("abcdefgh"), 2), 3);
}

/* The definition, by recursion. */
static unsigned naive(struct str a, struct str b)
{
    if (!a.size || !b.size)
        return (unsigned)(a.size + b.size);
    struct str a1 = str_from(a, 1), b1 = str_from(b, 1);
    unsigned best = naive(a1, b1) + (a.at[0] != b.at[0]);
    unsigned gone = naive(a1, b) + 1, come = naive(a, b1) + 1;
    best = gone < best ? gone : best;
    best = come < best ? come : best;
    if (a.size > 1 && b.size > 1 && a.at[0] == b.at[1] && a.at[1] == b.at[0]) {
        unsigned swap = naive(str_from(a, 2), str_from(b, 2)) + 1;
        best = swap < best ? swap : best;
    }
    return best;
}

static struct str random_word(struct rng *rng, char *text)
{
    size_t size = (size_t)rng_below(rng, 7);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + rng_below(rng, 3));
    return str_make(text, size);
}

static void random_words_agree_with_the_definition(void **state)
{
    struct rng rng = {1};
    char a[8], b[8];
    for (int i = 0; i < 3000; i++) {
        struct str s = random_word(&rng, a), t = random_word(&rng, b);
        unsigned want = naive(s, t), limit = (unsigned)rng_below(&rng, 8);
        assert_int_equal(nearest_distance(s, t, limit), want <= limit ? want : limit + 1);
        assert_int_equal(nearest_distance(t, s, limit), want <= limit ? want : limit + 1);
    }
}

static struct str best_of(const char *wanted, const char *const *words)
{
    struct nearest nearest;
    nearest_init(&nearest, str_of(wanted));
    for (; *words; words++)
        nearest_feed(&nearest, str_of(*words));
    return nearest.best;
}

static void the_nearest_word_wins(void **state)
{
    const char *const words[] = {"account_id", "campaign_id", "caller_session_id", "host", NULL};
    assert_true(str_eq(best_of("acount_id", words), STR("account_id")));
    assert_true(str_eq(best_of("campaing_id", words), STR("campaign_id")));
    assert_true(str_eq(best_of("host", words), STR("host")));
    assert_true(str_eq(best_of("hst", words), STR("host")));
    assert_null(best_of("phone", words).at); /* nothing near */
    assert_null(best_of("", words).at);
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_null(best_of(text, words).at);
    const char *const exact_first[] = {"ab", "abc", "abd", NULL};
    assert_true(str_eq(best_of("abc", exact_first), STR("abc")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_edits),
        cmocka_unit_test(random_words_agree_with_the_definition),
        cmocka_unit_test(the_nearest_word_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
