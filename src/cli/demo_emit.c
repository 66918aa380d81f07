#include "cli/demo_emit.h"

#include "cli/command.h"
#include "cli/fleet.h"

#include <stdio.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 18 };

static bool write_out(struct buf *out)
{
    for (size_t at = 0; at < out->size;) {
        ssize_t n = write(1, out->at + at, out->size - at);
        if (n < 0)
            return false; /* the reader has had enough */
        at += (size_t)n;
    }
    out->size = 0;
    return true;
}

/* Takes the last measurements, each one word, off the line that ends at the end of out. */
static void shorten_line(struct buf *out, uint64_t measurements)
{
    for (; measurements; measurements--)
        while (out->at[--out->size] != ' ')
            continue;
    buf_char(out, '\n');
}

int demo_emit(const struct demo_emit *what)
{
    struct fleet_options options = {.seed = what->seed, .start_ms = what->start_ms, .span_ms = what->span_ms};
    struct buf out = {0};
    bool open = true;
    /* A little faster than asked for, so that the last sample lies within the span. */
    options.samples_per_s = 1.01 * (double)what->samples / ((double)what->span_ms / 1000);
    struct fleet *fleet = fleet_new(&options);
    for (uint64_t samples = 0; open && samples < what->samples;) {
        samples += fleet_next(fleet, &out).samples;
        if (samples > what->samples)
            shorten_line(&out, samples - what->samples);
        if (out.size >= FLUSH_BYTES)
            open = write_out(&out);
    }
    if (open)
        write_out(&out);
    buf_done(&out);
    fleet_free(fleet);
    return EXIT_OK;
}
