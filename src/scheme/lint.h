/* lint.h: what `dialtone check --lines` says of lines that a program emits: everything the server would
 * refuse or keep with a remark, and where the scheme could not follow.
 *
 * One thread. Time is not checked but for its spelling, as old logs may be checked, too.
 */
#ifndef SCHEME_LINT_H
#define SCHEME_LINT_H

#include "scheme/scheme.h"

struct lint;

/* Keeps a reference of the scheme, which was loaded with these names. file stands before every report and
 * must outlive the lint. */
struct lint *lint_new(struct scheme *scheme, struct names *names, struct str file);
void lint_free(struct lint *lint); /* NULL is fine */

/* One line without its newline, bare or in a syslog frame. Appends `FILE:LINE:COLUMN: text` lines to *out and
 * returns how many; columns count from 1 in the whole line. */
uint32_t lint_line(struct lint *lint, struct str text, struct buf *out);

struct lint_totals {
    uint64_t lines, with_measurements, measurements, problems;
};

void lint_totals(const struct lint *lint, struct lint_totals *out);

#endif
