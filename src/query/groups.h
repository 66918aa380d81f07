/* groups.h: the groups of a query, numbered by their key: the values of the `by` fields.
 *
 * A key is, per field: 'u' (unset), 'n' and eight bytes of a number, or 't', two bytes of size and the text.
 * Text that is a canonical number is keyed as one, so 42 and "42" are one group. Open, it takes new groups up
 * to its limit; closed, it knows the groups it was closed with and puts the rest into `other` or drops them.
 */
#ifndef QUERY_GROUPS_H
#define QUERY_GROUPS_H

#include "base/intern.h"
#include "scheme/source.h"

enum { GROUP_DROPPED = 0xfffffffe, GROUP_UNKNOWN = 0xffffffff };

struct groups {
    struct intern keys;
    uint32_t max;
    bool overflow; /* a group did not fit */
    bool closed;
    uint32_t other; /* when closed: the number of the pooled rest, or GROUP_DROPPED */
};

uint32_t groups_resolve(struct groups *groups, struct str key); /* or GROUP_DROPPED */
uint32_t groups_count(const struct groups *groups);             /* with `other` */
void groups_done(struct groups *groups);
/* A closed table of these groups of another one, in this order. */
void groups_close(struct groups *groups, const struct groups *from, const uint32_t *kept, uint32_t count,
                  bool other);

/* The order in which groups are shown: field by field, unset, then numbers, then texts. */
int key_compare(struct str a, struct str b);
void key_put(struct buf *key, struct source_value value);
void key_put_text(struct buf *key, struct str text);
/* Takes one value off the key; text points into the key. */
struct source_value key_take(struct str *key);

#endif
