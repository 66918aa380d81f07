/* How a stream is cut. A case is a line: the stream, and what comes out, each message in brackets; !long and
 * !bad for what was thrown away. Every stream is also fed byte by byte and in random pieces, from a block of
 * exactly its size. */
#include "base/buf.h"
#include "base/hash.h"
#include "wire/syslog.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 40, WHOLE = 1 << 30 };

/* Feeds text in pieces of at most piece bytes (0: random) and prints what comes out. Like a connection, it
 * keeps what was not used, and never more than the limit and a header. */
static void feed(struct str text, size_t piece, uint64_t seed, struct buf *out)
{
    struct cutter cutter = {0};
    struct buf held = {0};
    size_t fed = 0;
    for (bool at_end = false; !at_end;) {
        size_t next = piece ? piece : 1 + hash_mix(seed++) % 7;
        if (next > text.size - fed)
            next = text.size - fed;
        buf_put(&held, text.at + fed, next);
        fed += next;
        at_end = fed == text.size;
        char *exact = malloc(held.size ? held.size : 1);
        if (held.size)
            memcpy(exact, held.at, held.size);
        size_t at = 0;
        for (enum cut cut = CUT_MESSAGE; cut != CUT_MORE;) {
            struct str message, rest = str_make(exact + at, held.size - at);
            size_t used = 0;
            cut = syslog_cut(&cutter, rest, at_end, LIMIT, &message, &used);
            assert_true(used <= rest.size);
            assert_true(cut == CUT_MORE || used > 0);
            if (cut == CUT_MESSAGE)
                buf_printf(out, "[%.*s]", STR_ARG(message));
            else if (cut != CUT_MORE)
                buf_printf(out, "!%s", cut == CUT_BAD ? "bad" : "long");
            at += used;
        }
        buf_drop(&held, at);
        free(exact);
        assert_true(held.size <= LIMIT + 16);
        if (at_end)
            assert_int_equal(held.size, 0);
    }
    buf_done(&held);
}

static void cut_as(struct str text, const char *want, int line)
{
    for (unsigned round = 0; round < 12; round++) {
        size_t piece = round == 0 ? WHOLE : round == 1 ? 1 : 0;
        struct buf got = {0};
        feed(text, piece, round * 1000, &got);
        if (!str_eq(buf_view(&got), str_of(want))) {
            print_error("%s:%d: round %u\n  want: %s\n  got:  %.*s\n", __FILE__, line, round, want,
                        STR_ARG(buf_view(&got)));
            fail();
        }
        buf_done(&got);
    }
}

#define must_cut(text, want) cut_as(STR(text), want, __LINE__)

static void lines(void **state)
{
    must_cut("", "");
    must_cut("a\nb\n", "[a][b]");
    must_cut("a\nb", "[a][b]");
    must_cut("a\r\nb\r\n", "[a\r][b\r]");
    must_cut("\n\na\n", "[][][a]");
    must_cut("<13>x\n<13>y\n", "[<13>x][<13>y]");
    must_cut("12\n", "[12]");
    must_cut("12", "[12]");
    must_cut("12 ", "[12 ]");
    must_cut("12 <", "[12 <]");
    must_cut("12 <1", "[12 <1]");
    must_cut("404 <b>x\n", "[404 <b>x]");
    must_cut("5 <1234>ab\n", "[5 <1234>ab]");
    must_cut("2026-11-23 x\n", "[2026-11-23 x]");
    must_cut("123456789012345678901234 <13>\nx\n", "[123456789012345678901234 <13>][x]");
}

static void counted(void **state)
{
    must_cut("6 <13>ab", "[<13>ab]");
    must_cut("6 <13>ab6 <13>cd", "[<13>ab][<13>cd]");
    must_cut("8 <13>a\nb\n6 <13>cd", "[<13>a\nb\n][<13>cd]");
    must_cut("6 <13>ab\n6 <13>cd\n", "[<13>ab][<13>cd]"); /* one newline behind it is swallowed */
    must_cut("6 <13>ab\n\nx", "[<13>ab][][x]");
    must_cut("6 <13>abline\n6 <13>cdline", "[<13>ab][line][<13>cd][line]");
    must_cut("line\n6 <13>ab", "[line][<13>ab]");
    must_cut("4 <13>4 <13>", "[<13>][<13>]");
    must_cut("1 <13>\nx\n", "[<][13>][x]");
}

static void counts_that_cannot_be(void **state)
{
    must_cut("0 <13>a\nb\n", "!bad[b]");
    must_cut("06 <13>ab\nb\n", "!bad[b]");
    must_cut("1234567 <13>ab\nb\n", "!bad[b]");
    must_cut("1234567 <13>ab", "!bad");
    must_cut("12345678 <13>a much longer line than the limit of this test is\nb", "!bad[b]");
    must_cut("20 <13>short", "!bad");
    must_cut("6 <13>ab20 <13>short", "[<13>ab]!bad");
}

static void too_long(void **state)
{
#define TEN   "0123456789"
#define FORTY "x123456789" TEN TEN TEN
    must_cut(FORTY "\na\n", "[" FORTY "][a]");
    must_cut(FORTY, "[" FORTY "]");
    must_cut(FORTY "y\na\n", "!long[a]");
    must_cut(FORTY "y", "!long");
    must_cut(FORTY FORTY FORTY FORTY "\na\n", "!long[a]");
    must_cut("a\n" FORTY "y\n" FORTY "y\nb", "[a]!long!long[b]");
    must_cut("40 <13>" TEN TEN TEN "012345"
             "a\n",
             "[<13>" TEN TEN TEN "012345][a]");
    must_cut("41 <13>" TEN TEN TEN "0123456"
             "a\n",
             "!long[a]");
    must_cut("41 <13>" TEN TEN TEN "0123456"
             "\na\n",
             "!long[a]");
    must_cut("84 <13>" FORTY FORTY "6 <13>ab", "!long[<13>ab]");
    must_cut("84 <13>" FORTY "\n" FORTY "a\n", "!long[9a]");
    must_cut("999999 <13>a\nb\nc", "!long"); /* all of it belongs to what was announced */
}

/* Any mixture of messages, in any pieces, gives what it gives when fed whole. */
static void pieces_make_no_difference(void **state)
{
    static const char *const parts[] = {"a\n",         "\n",    "6 <13>ab", "0 <13>x",  "45 <13>",
                                        "1234567 <1>", FORTY,   "<13>",     "12 <",     "9",
                                        " ",           "y\n",   "4 <13>",   "\r\n",     "20 <",
                                        "41 <13>1",    "3 <1>", "count#a",  "84 <13>7", "40 <13>"};
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct buf text = {0}, whole = {0}, cut = {0};
        uint64_t random = seed << 32;
        for (unsigned n = 0; n < 12; n++)
            buf_str(&text, str_of(parts[hash_mix(random++) % (sizeof parts / sizeof *parts)]));
        feed(buf_view(&text), WHOLE, 0, &whole);
        for (unsigned round = 0; round < 3; round++) {
            cut.size = 0;
            feed(buf_view(&text), round == 0, seed + round * 77, &cut);
            if (!str_eq(buf_view(&whole), buf_view(&cut))) {
                print_error("seed %llu round %u: %.*s\n whole: %.*s\n cut:   %.*s\n",
                            (unsigned long long)seed, round, STR_ARG(buf_view(&text)),
                            STR_ARG(buf_view(&whole)), STR_ARG(buf_view(&cut)));
                fail();
            }
        }
        buf_done(&text);
        buf_done(&whole);
        buf_done(&cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(counted),
        cmocka_unit_test(too_long),
        cmocka_unit_test(counts_that_cannot_be),
        cmocka_unit_test(pieces_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
