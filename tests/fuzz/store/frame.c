/* Any bytes as the payload of a log frame: decoded, or refused; what is decoded encodes and decodes again. */
#include "../fuzz.h"
#include "base/buf.h"
#include "store/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct names *names = names_new();
    struct batch *batch = batch_new(), *again = batch_new();
    struct frame_coder coder = {0};
    struct buf payload = {0};
    uint64_t nameless = 0;
    if (frame_decode(fuzz_input(data, size), names, batch, &nameless, NULL) == ERR_OK) {
        frame_encode(&coder, batch, names, &payload);
        enum err err = frame_decode(buf_view(&payload), names, again, &nameless, NULL);
        CHECK(err == ERR_OK);
        CHECK(again->row_count == batch->row_count && again->sources.count == batch->sources.count);
        for (uint32_t i = 0; i < batch->row_count; i++) {
            CHECK(batch->rows[i].source < batch->sources.count);
            CHECK(again->rows[i].metric == batch->rows[i].metric &&
                  again->rows[i].time_ms == batch->rows[i].time_ms);
        }
    } else {
        CHECK(batch->row_count == 0);
    }
    batch_free(batch);
    batch_free(again);
    frame_coder_done(&coder);
    buf_done(&payload);
    names_free(names);
    return 0;
}
