/* row_feed.h: the rows of one feed, part by part and metric by metric, into its cells. Of this room only. */
#ifndef QUERY_ROW_FEED_H
#define QUERY_ROW_FEED_H

#include "query/execute.h"

struct row_feed;

/* What the feed reads of every part. */
struct time_span row_feed_span(const struct run *run, const struct feed *feed);

struct row_feed *row_feed_new(struct run *run, struct feed *feed);
void row_feed_free(struct row_feed *rows); /* NULL is fine */

/* Begins a metric of a part: takes what partials give, and says which spans of rows are left. */
enum err row_feed_enter(struct row_feed *rows, struct part *part, const struct metric_ref *metric,
                        struct time_span left[2], uint32_t *left_count) MUST_USE;
/* Reads a share of the rows of such a span; ends early when the run is stopped. */
enum err row_feed_read(struct row_feed *rows, struct part *part, const struct metric_ref *metric,
                       struct time_span span, uint32_t share, uint32_t share_count) MUST_USE;

#endif
