/* scope.h: does a source lie in a scope? Matches are compiled once a query, then tried on canonical bytes. */
#ifndef QUERY_SCOPE_H
#define QUERY_SCOPE_H

#include "query/ast.h"
#include "query/metric_set.h"
#include "scheme/source_match.h"

struct scope_match {
    const struct match *match;
    uint32_t field; /* in names.h; NAME_NONE: no source has it */
    struct source_match test;
    struct str *exact; /* the values, when nothing but they match; else NULL */
};

struct scope {
    struct scope_match *items;
    uint32_t count;
};

/* Adds the matches of one clause; an unknown field is an error with the nearest. */
enum err scope_add(struct scope *scope, const struct match *matches, uint32_t count,
                   const struct query_options *options, struct arena *arena,
                   struct query_error *error) MUST_USE;
/* A match as the store asks it. The match stays where it is while the test is in use. */
struct source_test scope_match_test(const struct scope_match *match);
bool scope_match_value(const struct scope_match *match, struct source_value value);
/* The one host the scope names; at == NULL when it names none or several. */
struct str scope_host(const struct scope *scope);

#endif
