/* Stamps, epoch numbers and units: what is accepted lies in the calendar's range and survives printing. */
#include "../fuzz.h"

#include "base/buf.h"
#include "wire/time_text.h"
#include "wire/unit.h"

static void check_stamp(struct str input)
{
    int64_t ms = 0;
    size_t used = time_rfc3339(input, &ms);
    CHECK(used <= input.size && (used == 0 || used >= 20));
    if (!used)
        return;
    /* Years 0 to 9999, a day of offset at most. */
    CHECK(ms >= -62167219200000 - 86400000 && ms <= 253402300799999 + 86400000);
    int64_t again = 0;
    CHECK(time_parse(str_first(input, used), &again) && again == ms);
    if (ms < -62135596800000 || ms > 253402300799999)
        return;
    struct buf text = {0};
    buf_time(&text, ms);
    CHECK(time_rfc3339(buf_view(&text), &again) == text.size && again == ms);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_input(data, size);
    check_stamp(input);
    int64_t ms;
    if (time_parse(input, &ms))
        CHECK(size > 0);
    enum unit unit = unit_parse(input);
    CHECK(unit <= UNIT_UNKNOWN && (unit == UNIT_NONE) == (size == 0));
    if (unit > UNIT_NONE && unit < UNIT_UNKNOWN)
        CHECK(unit_parse(unit_text(unit)) == unit);
    return 0;
}
