/* query_error.h: fills struct query_error. The first complaint stays: later ones are echoes of it. */
#ifndef QUERY_QUERY_ERROR_H
#define QUERY_QUERY_ERROR_H

#include "query/query.h"

/* Returns err, so that a caller can write `return query_fail(...)`. column 0: none; expected may be NULL. */
enum err query_fail(struct query_error *error, enum err err, uint32_t column, const char *expected,
                    const char *format, ...) PRINTF_LIKE(5, 6);
void query_error_near(struct query_error *error, struct str word); /* empty words and repeats are ignored */

#endif
