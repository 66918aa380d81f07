/* demo_emit.h: the fleet's lines on standard output: a workload for benchmarks and tests. */
#ifndef CLI_DEMO_EMIT_H
#define CLI_DEMO_EMIT_H

#include "base/err.h"

struct demo_emit {
    uint64_t samples; /* stop when this many were printed */
    uint64_t seed;
    int64_t start_ms, span_ms;
};

/* Returns an exit code. */
int demo_emit(const struct demo_emit *what);

#endif
