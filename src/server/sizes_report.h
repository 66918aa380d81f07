/* sizes_report.h: how large the stored files are, by day and section, for programs and for people. Any
 * thread. */
#ifndef SERVER_SIZES_REPORT_H
#define SERVER_SIZES_REPORT_H

#include "store/store.h"

struct sizes_report {
    struct day_sizes *days; /* oldest first */
    uint32_t count;
    struct day_sizes total;
};

enum err sizes_report_make(struct store *store, struct sizes_report *out, struct why *why) MUST_USE;
void sizes_report_done(struct sizes_report *report);
/* "files":..,"rows":..,"bytes":..,"bytes_per_row":..,"sections":{..},"days":[..] of an object that is open.
 */
struct json_out;
void sizes_report_json(const struct sizes_report *report, struct json_out *json);
void sizes_report_table(const struct sizes_report *report, struct buf *out);

#endif
