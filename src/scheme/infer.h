/* infer.h: when there are too many undeclared names, which of their segments is the one that varies?
 *
 * `user.4711.login` says an id where a field should. Once the limit of undeclared names is reached, a new
 * name that differs from INFER_LIKE_MIN known ones in one segment only becomes `user._.login`, and the
 * segment the value of field `inferred`. One thread. Memory: bounded by the names that are looked at.
 */
#ifndef SCHEME_INFER_H
#define SCHEME_INFER_H

#include "base/intern.h"
#include "scheme/names.h"

enum { INFER_LIKE_MIN = 50, INFER_SEGMENTS_MAX = 8, INFER_NAMES_MAX = 2 * NAMES_UNDECLARED_MAX };

struct infer {
    bool learned;
    struct intern shapes; /* names with one segment replaced by _ */
    uint32_t *counts;     /* of known names by shape */
    uint32_t count_cap;
};

void infer_done(struct infer *infer);

/* Looks at the undeclared names on first use. false: no segment of name varies like that. *shape is valid as
 * long as infer; *value is a view of name. */
bool infer_name(struct infer *infer, const struct names *names, struct str name, struct str *shape,
                struct str *value);

#endif
