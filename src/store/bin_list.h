/* bin_list.h: counts by (place, bin), made of rows in bounded memory and in little time: rows are kept aside
 * up to a chunk, sorted by place, and then united with what was there. A place is a cell of a cube. One
 * thread.
 */
#ifndef STORE_BIN_LIST_H
#define STORE_BIN_LIST_H

#include "base/log_bin.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    BIN_PLACES_MAX = 1 << 17,
    BIN_ROWS_MAX = 1 << 19, /* of a chunk */
};

/* Ascending by place and key. Zero-initialised is ready. */
struct bin_list {
    uint64_t *at; /* bin_list.c */
    uint32_t count;
};

struct bin_entry {
    uint32_t place;
    struct log_bin bin;
};

/* What bin_list_add works with, so that it is allocated once. Zero-initialised is ready. */
struct bin_scratch {
    uint32_t *ends; /* by place */
    int32_t *keys;
    uint32_t *counts; /* by key, in a narrow range */
    uint64_t *entries;
    uint32_t key_cap;
};

void bin_scratch_done(struct bin_scratch *scratch);
void bin_list_done(struct bin_list *list);
/* Adds rows, at most BIN_ROWS_MAX: place[i] < places, keys as in log_bin.h. */
void bin_list_add(struct bin_list *list, struct bin_scratch *scratch, const uint32_t *place,
                  const int32_t *key, uint32_t count, uint32_t places);
struct bin_entry bin_list_get(const struct bin_list *list, uint32_t index);

#endif
