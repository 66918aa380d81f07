/* catalog_view.h: what the catalog of a data folder says, read from a copy, so that nothing is changed. Of
 * this room only.
 */
#ifndef STORE_CATALOG_VIEW_H
#define STORE_CATALOG_VIEW_H

#include "store/segment.h"

struct catalog_lane {
    uint32_t lane;
    uint64_t needed_lsn; /* the log's, from here on */
};

struct catalog_view {
    struct segment **segments; /* ascending by name */
    bool *seen;                /* the inspection's */
    uint32_t segment_count;
    struct catalog_lane *lanes;
    uint32_t lane_count;
    bool bad_directory;
};

/* scratch: an empty folder, which is empty again afterwards. ERR_BUSY: a running dialtone has it open, and
 * then it cannot be read from outside; ERR_MISSING: there is none, or one that was never filled. */
enum err catalog_view_read(const struct segment_origin *origin, struct str scratch, struct catalog_view *view,
                           struct why *why) MUST_USE;
struct segment *catalog_view_find(struct catalog_view *view, struct str name, bool see);
void catalog_view_done(struct catalog_view *view);

#endif
