#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, REDRAW_NS = 100000000 };

void progress_start(struct progress *progress, struct sys *sys, const char *what, uint64_t total)
{
    *progress = (struct progress){.sys = sys, .what = what, .total = total, .is_terminal = isatty(2)};
    progress->start_ns = sys_mono_ns(sys);
}

double progress_seconds(const struct progress *progress)
{
    return (double)(sys_mono_ns(progress->sys) - progress->start_ns) / 1e9;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t samples)
{
    uint64_t now = sys_mono_ns(progress->sys);
    if (!progress->is_terminal || now - progress->drawn_ns < REDRAW_NS)
        return;
    progress->drawn_ns = now;
    double seconds = progress_seconds(progress),
           share = progress->total ? (double)done / (double)progress->total : 0;
    int filled = (int)(share * BAR_WIDTH);
    fprintf(stderr, "\r%s ", progress->what);
    if (progress->total) {
        for (int i = 0; i < BAR_WIDTH; i++)
            fputs(i < filled ? "#" : ".", stderr);
        fprintf(stderr, " %3.0f %%", share * 100);
        if (share > 0.02)
            fprintf(stderr, ", %.0f s left", seconds / share - seconds);
    }
    fprintf(stderr, ", %.1f M samples, %.0f k/s   ", (double)samples / 1e6,
            seconds > 0 ? (double)samples / seconds / 1e3 : 0);
}

void progress_end(struct progress *progress)
{
    if (progress->is_terminal)
        fputs("\r\033[K", stderr);
}
