/* listing.h: what there is: names, families, fields, values, as JSON for /api/metrics and /api/fields.
 * Threads: any. */
#ifndef SERVER_LISTING_H
#define SERVER_LISTING_H

#include "query/query.h"

/* {"metrics":[{"name","kind","unit","family","doc","fields":[..],"rows","from","to","declared"}],"families":[..]}:
 * every name that has rows or is declared without placeholders; undeclared ones have "near", the nearest
 * declared name. parks: undeclared ones are kept aside and stand under "parked". */
void listing_metrics(const struct scheme *scheme, struct names *names, struct snapshot *snapshot, bool parks,
                     struct buf *out);

/* {"fields":[{"name","type","key","under","link","words":[..]}]}: declared ones, placeholders, and others
 * seen. */
void listing_fields(const struct scheme *scheme, struct names *names, struct buf *out);

/* {"field","values":[{"value","rows"}],"distinct"} */
enum err listing_values(struct str field, const struct values_options *values,
                        const struct query_options *options, struct snapshot *snapshot, struct buf *out,
                        struct query_error *error) MUST_USE;

#endif
