#include <jansson.h> /* the strict reader */

#include "base/json_out.h"
#include "base/rng.h"
#include "base/utf8.h"

#include "../cmocka_all.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool writes(const struct buf *buf, const char *want)
{
    if (!str_eq(buf_view(buf), str_of(want)))
        print_error("%.*s is not %s\n", STR_ARG(buf_view(buf)), want);
    return str_eq(buf_view(buf), str_of(want));
}

static void commas_stand_where_they_must(void **state)
{
    struct buf buf = {0};
    struct json_out json;
    json_init(&json, &buf);
    json_begin_object(&json);
    json_key_str(&json, "s", STR("x"));
    json_key_number(&json, "n", 1.5);
    json_key_u64(&json, "u", UINT64_MAX);
    json_key_i64(&json, "i", INT64_MIN);
    json_key_bool(&json, "b", false);
    json_key(&json, STR("a"));
    json_begin_array(&json);
    json_null_value(&json);
    json_number(&json, NAN);
    json_number(&json, -INFINITY);
    json_bool(&json, true);
    json_begin_array(&json);
    json_end_array(&json);
    json_begin_object(&json);
    json_end_object(&json);
    json_str(&json, STR_NONE);
    json_end_array(&json);
    json_key(&json, STR("o"));
    json_begin_object(&json);
    json_key_u64(&json, "z", 0);
    json_end_object(&json);
    json_key_u64(&json, "last", 1);
    json_end_object(&json);
    assert_true(writes(&buf,
                       "{\"s\":\"x\",\"n\":1.5,\"u\":18446744073709551615,\"i\":-9223372036854775808,"
                       "\"b\":false,\"a\":[null,null,null,true,[],{},\"\"],\"o\":{\"z\":0},\"last\":1}"));
    buf_done(&buf);
}

static bool quotes(struct str s, const char *want)
{
    struct buf buf = {0};
    struct json_out json;
    json_init(&json, &buf);
    json_str(&json, s);
    bool same = writes(&buf, want);
    buf_done(&buf);
    return same;
}

static void strings_are_escaped(void **state)
{
    assert_true(quotes(STR("a\"b\\c"), "\"a\\\"b\\\\c\""));
    assert_true(quotes(STR("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""));
    assert_true(quotes(STR("\0\v\x1f\x7f"), "\"\\u0000\\u000b\\u001f\\u007f\""));
    assert_true(
        quotes(STR("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\""));
    assert_true(quotes(STR("a\xff"
                           "b"),
                       "\"a\xef\xbf\xbd"
                       "b\""));
    assert_true(quotes(STR("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"")); /* cut short */
    assert_true(quotes(STR("</script>"), "\"</script>\""));
}

/* Any bytes come out as JSON that a strict reader takes, and valid UTF-8 comes back as it was. */
static void any_bytes_make_a_string(void **state)
{
    struct rng rng = {1};
    for (int round = 0; round < 20000; round++) {
        char text[24];
        struct str s = {text, (size_t)rng_below(&rng, sizeof text)};
        for (size_t i = 0; i < s.size; i++)
            text[i] = (char)(rng_chance(&rng, 70) ? rng_below(&rng, 128) : rng_next(&rng));
        struct buf buf = {0};
        struct json_out json;
        json_init(&json, &buf);
        json_str(&json, s);
        json_t *value = json_loadb(buf.at, buf.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        struct str back = {json_string_value(value), json_string_length(value)};
        assert_true(utf8_valid(back));
        if (utf8_valid(s))
            assert_true(str_eq(back, s));
        json_decref(value);
        buf_done(&buf);
    }
}

/* A random tree is read back by a strict parser, with as many values as were written. */
static unsigned put_tree(struct json_out *json, struct rng *rng, unsigned depth)
{
    unsigned count = 1, children = (unsigned)rng_below(rng, 4);
    uint64_t kind = rng_below(rng, depth < 6 ? 4 : 2);
    if (kind == 0) {
        json_number(json, rng_unit(rng) * 1e6);
    } else if (kind == 1) {
        json_i64(json, (int64_t)rng_next(rng));
    } else if (kind == 2) {
        json_begin_array(json);
        for (unsigned i = 0; i < children; i++)
            count += put_tree(json, rng, depth + 1);
        json_end_array(json);
    } else {
        json_begin_object(json);
        for (unsigned i = 0; i < children; i++) {
            char key[2] = {'k', (char)('0' + i)};
            json_key(json, str_make(key, 2));
            count += put_tree(json, rng, depth + 1);
        }
        json_end_object(json);
    }
    return count;
}

static unsigned count_tree(const json_t *value)
{
    unsigned count = 1;
    const char *key;
    size_t index;
    json_t *child;
    if (json_is_array(value))
        json_array_foreach(value, index, child) count += count_tree(child);
    if (json_is_object(value))
        json_object_foreach((json_t *)value, key, child) count += count_tree(child);
    return count;
}

static void any_tree_is_read_back(void **state)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct rng rng = {seed};
        struct buf buf = {0};
        struct json_out json;
        json_init(&json, &buf);
        json_begin_array(&json);
        unsigned count = 1 + put_tree(&json, &rng, 0);
        json_end_array(&json);
        json_t *value = json_loadb(buf.at, buf.size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(value);
        assert_int_equal(count_tree(value), count);
        json_decref(value);
        buf_done(&buf);
    }
}

/* What would not be JSON stops the program: tried in a child. */
static bool stops(void (*wrong)(struct json_out *json))
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct buf buf = {0};
        struct json_out json;
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        json_init(&json, &buf);
        wrong(&json);
        _exit(0);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

static void value_without_key(struct json_out *json)
{
    json_begin_object(json);
    json_u64(json, 1);
}

static void key_in_array(struct json_out *json)
{
    json_begin_array(json);
    json_key(json, STR("k"));
}

static void key_after_key(struct json_out *json)
{
    json_begin_object(json);
    json_key(json, STR("k"));
    json_key(json, STR("k"));
}

static void key_without_value(struct json_out *json)
{
    json_begin_object(json);
    json_key(json, STR("k"));
    json_end_object(json);
}

static void other_bracket(struct json_out *json)
{
    json_begin_array(json);
    json_end_object(json);
}

static void one_too_many(struct json_out *json)
{
    json_begin_array(json);
    json_end_array(json);
    json_end_array(json);
}

static void two_values(struct json_out *json)
{
    json_u64(json, 1);
    json_u64(json, 1);
}

static void too_deep(struct json_out *json)
{
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        json_begin_array(json);
}

static void nothing_wrong(struct json_out *json)
{
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        json_begin_array(json);
    buf_done(json->buf);
}

static void what_is_not_json_is_a_bug(void **state)
{
    assert_false(stops(nothing_wrong));
    assert_true(stops(value_without_key));
    assert_true(stops(key_in_array));
    assert_true(stops(key_after_key));
    assert_true(stops(key_without_value));
    assert_true(stops(other_bracket));
    assert_true(stops(one_too_many));
    assert_true(stops(two_values));
    assert_true(stops(too_deep));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_where_they_must), cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(any_bytes_make_a_string),      cmocka_unit_test(any_tree_is_read_back),
        cmocka_unit_test(what_is_not_json_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
