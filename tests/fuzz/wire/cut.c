/* A stream gives the same messages fed whole and in pieces, every byte is used once, and every call but the
 * last of a round makes progress. The first two bytes seed the pieces and choose the limit. */
#include "../fuzz.h"

#include "base/buf.h"
#include "base/hash.h"
#include "wire/syslog.h"

/* What came out: messages with their kind and size in front. */
static void put_result(struct buf *out, enum cut cut, struct str message)
{
    buf_u8(out, (uint8_t)cut);
    if (cut == CUT_MESSAGE)
        buf_sized_str(out, message);
}

static void feed(struct str text, bool whole, uint64_t seed, size_t limit, struct buf *out)
{
    struct cutter cutter = {0};
    struct buf held = {0};
    size_t fed = 0, total = 0;
    for (bool at_end = false; !at_end;) {
        size_t next = whole ? text.size : hash_mix(seed++) % 9;
        if (next > text.size - fed)
            next = text.size - fed;
        buf_put(&held, text.at + fed, next);
        fed += next;
        at_end = fed == text.size;
        size_t at = 0;
        for (enum cut cut = CUT_MESSAGE; cut != CUT_MORE;) {
            struct str message, rest = str_from(buf_view(&held), at);
            size_t used = 0;
            cut = syslog_cut(&cutter, rest, at_end, limit, &message, &used);
            CHECK(used <= rest.size && (cut == CUT_MORE || used > 0));
            if (cut == CUT_MESSAGE)
                CHECK(message.size <= limit && message.at >= rest.at &&
                      message.at + message.size <= rest.at + used);
            if (cut != CUT_MORE)
                put_result(out, cut, message);
            at += used;
        }
        buf_drop(&held, at);
        total += at;
        CHECK(whole || held.size <= limit + 32);
    }
    CHECK(held.size == 0 && total == text.size);
    buf_done(&held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct str input = fuzz_input(data + 2, size - 2);
    size_t limit = 1 + data[1] % 64;
    struct buf whole = {0}, pieces = {0};
    feed(input, true, 0, limit, &whole);
    feed(input, false, (uint64_t)data[0] << 32, limit, &pieces);
    CHECK(str_eq(buf_view(&whole), buf_view(&pieces)));
    buf_done(&whole);
    buf_done(&pieces);
    return 0;
}
