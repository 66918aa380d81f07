/* delete_query.h: "GLOB @field:value ..." becomes what the store is to delete. */
#ifndef QUERY_DELETE_QUERY_H
#define QUERY_DELETE_QUERY_H

#include "query/query.h"

/* The text is a query that has a selector and a scope and nothing else. Options: scheme, names, span. *out
 * lives in the arena and points into text; metrics that the names alone put out of scope are not in it, and
 * it may have none. Names that the scheme does not declare are meant like any other. */
enum err query_delete_request(struct str text, const struct query_options *options, struct arena *arena,
                              struct delete_request *out, struct query_error *error) MUST_USE;

#endif
