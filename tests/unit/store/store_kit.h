/* store_kit.h: what the tests of the store share: a data folder on a simulated (or real) machine, batches of
 * made-up rows, and the whole content of a store in an order that can be compared.
 *
 * A process restart is played by a new table of names, in which fields get other numbers. Sources are numbers
 * here: source s is host=h<s % 4>, account_id=<s / 4>, and session=<s> as text for even ones.
 */
#ifndef TEST_STORE_KIT_H
#define TEST_STORE_KIT_H

#include "base/rng.h"
#include "base/sys_sim.h"
#include "store/store.h"

enum { KIT_METRICS = 7, KIT_SOURCES = 60 };

#define KIT_START_MS ((int64_t)1764000000000) /* 2025-11-24T16:00:00Z */

struct kit_row {
    uint32_t metric, source;
    int64_t time_ms;
    double value;
};

struct kit_rows {
    struct kit_row *at;
    size_t count, cap;
};

struct kit {
    struct sys *sys;
    struct names *names;
    struct store *store;
    struct store_options options;
    struct store_report report;
    unsigned opened; /* times */
};

/* A batch and what became of it. */
struct kit_batch {
    struct kit_rows rows;
    struct batch *batch;
    bool done;
    enum err err;
};

void kit_init(struct kit *kit, struct sys *sys, const char *dir);
void kit_tiny(struct kit *kit); /* shrunken constants: rare paths run all the time */
enum err kit_try_open(struct kit *kit, struct why *why);
void kit_open(struct kit *kit); /* must succeed */
void kit_close(struct kit *kit);
void kit_done(struct kit *kit); /* closes; the machine stays */

void kit_rows_add(struct kit_rows *rows, struct kit_row row);
void kit_rows_add_all(struct kit_rows *rows, const struct kit_rows *more);
void kit_rows_sort(struct kit_rows *rows);
void kit_rows_done(struct kit_rows *rows);

/* Rows around now_ms; late_percent of them up to four days old. */
void kit_random_rows(struct rng *rng, int64_t now_ms, unsigned count, unsigned late_percent,
                     struct kit_rows *out);
/* key NULL: none. false: the store did not take it (kb->err says why). */
bool kit_submit(struct kit *kit, uint32_t lane, const struct kit_rows *rows, const char *key,
                struct kit_batch *kb);
void kit_batch_done(struct kit_batch *kb);
/* Submits, commits, and gives the answer. */
enum err kit_store(struct kit *kit, uint32_t lane, const struct kit_rows *rows, const char *key);

/* Everything a snapshot holds, sorted. ERR_OK, or the first error of a scan (the rest is read). */
enum err kit_collect(struct kit *kit, struct snapshot *snapshot, struct kit_rows *out);
/* The rows of the store, by a fresh snapshot; fails the test on an error. */
void kit_rows_of(struct kit *kit, struct kit_rows *out);
/* Compares sorted rows and says where they differ first. */
bool kit_rows_equal(const struct kit_rows *got, const struct kit_rows *want);
/* Everything in part is in whole (both sorted), counting repeats. */
bool kit_rows_within(const struct kit_rows *part, const struct kit_rows *whole);
void kit_host(uint32_t source, char *to); /* "h3" */

#endif
