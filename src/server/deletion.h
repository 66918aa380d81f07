/* deletion.h: a delete as it is asked for, by a request or a command, and its answer, for programs and for
 * people. Any thread.
 */
#ifndef SERVER_DELETION_H
#define SERVER_DELETION_H

#include "base/json_out.h"
#include "query/query.h"

struct deletion_ask {
    struct str q;        /* "GLOB @field:value ..." */
    struct str from, to; /* as of a query; empty: without end */
    struct str who;
    bool dry_run;
    bool now;                    /* the files it touches are written anew at once */
    merge_progress_fn *progress; /* of that; or NULL */
    void *ctx;
};

struct deletion {
    struct arena arena;
    struct delete_request request;
    struct delete_report report;
    bool dry_run;
    bool gone;                          /* the bytes, too */
    uint64_t bytes_before, bytes_after; /* of all files, when they are gone */
};

/* What is wrong is said in *error. ERR_CANCELLED of the merge is no failure: the rows are deleted. */
enum err deletion_run(const struct deletion_ask *ask, struct store *store, const struct scheme *scheme,
                      struct names *names, struct sys *sys, struct deletion *out,
                      struct query_error *error) MUST_USE;
void deletion_done(struct deletion *deletion);
void deletion_json(const struct deletion *deletion, const struct names *names, struct buf *out);
void deletion_text(const struct deletion *deletion, const struct names *names, struct buf *out);

/* All deletes on record. */
void deletion_list_json(struct store *store, struct buf *out);
void deletion_list_text(struct store *store, struct buf *out);

#endif
