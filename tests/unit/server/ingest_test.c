/* The corridor in, on lines put together at random from good and bad pieces: the account adds up, and it does
 * not matter how the stream is cut. */
#include "server/message_feed.h"

#include "../cmocka_all.h"

#include "base/rng.h"

#include <stdlib.h>

static const char *const pieces[] = {
    "count#a.b=1",
    "count#a.b",
    "sample#x.y=2.5ms",
    "measure#dialer.contact.answered=12ms",
    "count#bad=--1",
    "sample#big=1e999",
    "count#=1",
    "level#host.cpu.busy=5%",
    "source=web01.4.5",
    "source=ac-1.ca-2",
    "source=a.b.c.d.e.f",
    "account_id=7",
    "ts=yesterday",
    "ts=1767600000",
    "just",
    "some=text",
    "\"stray",
    "msg=\"quoted text\"",
    "unique#u=bob",
    "start#dialer.contact=CA1",
    "note#deploy=v1",
    "count#\xff=1",
    "state#x=hold",
    "count#dialer.contact.answered=1",
    "<13>1 - h a p - -",
    "measure.old.style=3",
    "",
};

enum { PIECES = sizeof pieces / sizeof *pieces };

struct bench {
    struct names *names;
    struct scheme *scheme;
    struct ingest *ingest;
    struct batch *batch;
    struct intake intake;
};

static void bench_init(struct bench *bench, enum undeclared undeclared)
{
    struct scheme_report report = {0};
    bench->names = names_new();
    assert_int_equal(scheme_load(NULL, STR_NONE, bench->names, &bench->scheme, &report, NULL), ERR_OK);
    scheme_report_done(&report);
    struct ingest_options options = {bench->names, undeclared};
    bench->ingest = ingest_new(&options);
    bench->batch = batch_new();
    intake_init(&bench->intake, bench->batch);
    ingest_begin(bench->ingest, bench->scheme, 1767600000000, INT64_MIN / 2);
}

static void bench_done(struct bench *bench)
{
    intake_done(&bench->intake);
    batch_free(bench->batch);
    ingest_free(bench->ingest);
    scheme_unref(bench->scheme);
    names_free(bench->names);
}

static void put_stream(struct rng *rng, unsigned lines, struct buf *out)
{
    for (unsigned i = 0; i < lines; i++) {
        for (uint64_t n = rng_below(rng, 6); n; n--) {
            buf_str(out, str_of(pieces[rng_below(rng, PIECES)]));
            buf_char(out, ' ');
        }
        if (rng_below(rng, 50) == 0)
            for (unsigned k = 0; k < 70000; k++)
                buf_char(out, 'x');
        buf_char(out, '\n');
    }
}

static void must_add_up(struct bench *bench)
{
    const struct intake *in = &bench->intake;
    uint64_t by_reason[3] = {0};
    for (unsigned r = 0; r < REASON_COUNT; r++)
        by_reason[reason_class((enum reason)r)] += in->reasons[r];
    assert_int_equal(by_reason[REASON_LINE], in->refused_lines);
    assert_int_equal(by_reason[REASON_SAMPLE], in->refused);
    assert_int_equal(bench->batch->row_count, in->accepted + in->parked);
    ingest_stored(bench->ingest, in->accepted, in->parked);
    struct tally_counts sum = {0};
    tally_sum(ingest_tally(bench->ingest), &sum);
    assert_int_equal(sum.lines, in->lines);
    assert_int_equal(sum.lines, sum.lines_with + sum.lines_without + sum.lines_refused);
    assert_int_equal(sum.found, sum.accepted + sum.refused + sum.parked);
    assert_int_equal(sum.refused, in->refused);
    for (unsigned r = 0; r < REASON_COUNT; r++)
        assert_int_equal(sum.reasons[r], in->reasons[r]);
}

static void same_rows(const struct batch *a, const struct batch *b)
{
    assert_int_equal(a->row_count, b->row_count);
    for (uint32_t i = 0; i < a->row_count; i++) {
        assert_int_equal(a->rows[i].metric, b->rows[i].metric);
        assert_int_equal(a->rows[i].source, b->rows[i].source);
        assert_int_equal(a->rows[i].time_ms, b->rows[i].time_ms);
        assert_true(a->rows[i].value == b->rows[i].value);
    }
}

static void the_account_adds_up_however_the_stream_is_cut(void **state)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rng rng = {seed};
        struct bench whole, cut;
        struct message_feed one = {0}, many = {0};
        struct buf stream = {0};
        enum undeclared undeclared = (enum undeclared)(seed % 3);
        bench_init(&whole, undeclared);
        bench_init(&cut, undeclared);
        put_stream(&rng, 200, &stream);
        message_feed_take(&one, whole.ingest, &whole.intake, buf_view(&stream), true);
        for (struct str rest = buf_view(&stream); rest.size;) {
            size_t n = 1 + rng_below(&rng, rng_below(&rng, 2) ? 20 : 5000);
            struct str piece = str_first(rest, n);
            rest = str_from(rest, n);
            message_feed_take(&many, cut.ingest, &cut.intake, piece, !rest.size);
        }
        must_add_up(&whole);
        must_add_up(&cut);
        assert_true(whole.intake.lines >= 200);
        assert_true(whole.intake.accepted && whole.intake.refused && whole.intake.without);
        same_rows(whole.batch, cut.batch);
        assert_true(str_eq(buf_view(&whole.intake.first), buf_view(&cut.intake.first)));
        message_feed_done(&one);
        message_feed_done(&many);
        buf_done(&stream);
        bench_done(&whole);
        bench_done(&cut);
    }
}

static void what_was_not_stored_is_refused_by_reason(void **state)
{
    struct bench bench;
    struct tally_counts sum = {0};
    bench_init(&bench, UNDECLARED_ACCEPT);
    ingest_message(bench.ingest, &bench.intake, STR("count#a=1 count#b=2"));
    tally_sum(ingest_tally(bench.ingest), &sum);
    assert_int_equal(sum.found, 0); /* not before their fate is known */
    ingest_not_stored(bench.ingest, bench.intake.accepted, REASON_store_full);
    sum = (struct tally_counts){0};
    tally_sum(ingest_tally(bench.ingest), &sum);
    assert_int_equal(sum.found, 2);
    assert_int_equal(sum.refused, 2);
    assert_int_equal(sum.accepted, 0);
    assert_int_equal(sum.reasons[REASON_store_full], 2);
    bench_done(&bench);
}

static void refusals_say_where(void **state)
{
    struct bench bench;
    bench_init(&bench, UNDECLARED_ACCEPT);
    ingest_message(bench.ingest, &bench.intake, STR("count#ok=1"));
    ingest_message(bench.ingest, &bench.intake, STR("words count#bad=x"));
    struct str first = buf_view(&bench.intake.first);
    assert_true(str_starts(
        first, STR("{\"line\":2,\"column\":7,\"reason\":\"number_bad\",\"text\":\"count#bad=x\"")));
    bench_done(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_account_adds_up_however_the_stream_is_cut),
        cmocka_unit_test(what_was_not_stored_is_refused_by_reason),
        cmocka_unit_test(refusals_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
