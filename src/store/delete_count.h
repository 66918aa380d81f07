/* delete_count.h: which rows of a snapshot a delete means, and how many. Of this room only. */
#ifndef STORE_DELETE_COUNT_H
#define STORE_DELETE_COUNT_H

#include "store/part.h"

/* Told of a part, the place of a metric in the request, and how many of its rows there are, never 0. */
typedef void delete_count_fn(void *ctx, struct part *part, uint32_t metric, uint64_t rows);

/* Part by part. files_only: heads are passed over. between: called after each part; may be NULL. */
struct delete_counting {
    struct snapshot *snapshot;
    const struct delete_request *request;
    bool files_only;
    delete_count_fn *each;
    void (*between)(void *ctx);
    void *ctx;
};

enum err delete_count(const struct delete_counting *counting, struct why *why) MUST_USE;

/* A report that adds up what it is told; made with delete_report_begin. */
void delete_report_begin(struct delete_report *report, const struct delete_request *request);
void delete_report_add(struct delete_report *report, const struct part *part, uint32_t metric, uint64_t rows,
                       bool same_part);

#endif
