/* Any bytes are a message, framed or not: its fields lie in it, in order, and the text is its end. */
#include "../fuzz.h"

#include "wire/syslog.h"

static const int64_t NOW_MS = 1795435200000;

static bool inside(struct str view, struct str input)
{
    return view.size == 0 || (view.at >= input.at && view.at + view.size <= input.at + input.size);
}

static void check_frame(const struct frame *frame, struct str input, bool good)
{
    CHECK(good || !frame->framed);
    CHECK(inside(frame->text, input) && inside(frame->host, input) && inside(frame->app, input));
    CHECK(inside(frame->process, input) && inside(frame->message_id, input));
    CHECK(frame->priority <= 191);
    /* Nothing but newlines, carriage returns and NULs is lost at the end. */
    if (frame->text.size) {
        for (const char *at = frame->text.at + frame->text.size; at < input.at + input.size; at++)
            CHECK(*at == '\n' || *at == '\r' || *at == '\0');
        CHECK(frame->text.at[frame->text.size - 1] != '\n');
    }
    struct str fields[] = {frame->host, frame->app, frame->process, frame->message_id};
    for (unsigned f = 0; f < 4; f++)
        for (size_t i = 0; i < fields[f].size; i++)
            CHECK(fields[f].at[i] > 0x20 && fields[f].at[i] < 0x7f);
    if (!frame->framed)
        CHECK(!frame->has_time && !frame->host.size && !frame->process.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_input(data, size);
    struct frame frame;
    bool good = syslog_parse(input, NOW_MS, &frame);
    check_frame(&frame, input, good);
    CHECK(good || input.at[0] == '<');
    bool good_logplex = syslog_parse_logplex(input, NOW_MS, &frame);
    check_frame(&frame, input, good_logplex);
    CHECK(good == good_logplex);
    return 0;
}
