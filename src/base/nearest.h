/* nearest.h: the known word that a misspelt one most likely meant. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include "base/str.h"

/* Edits between a and b (insert, delete, change, swap of neighbours: optimal string alignment), at most limit
 * + 1. */
unsigned nearest_distance(struct str a, struct str b, unsigned limit);

/* Feeds words one by one; best holds the nearest within a third of the length so far, or at == NULL. */
struct nearest {
    struct str wanted;
    struct str best; /* a view of the word fed */
    unsigned distance;
};

void nearest_init(struct nearest *nearest, struct str wanted);
void nearest_feed(struct nearest *nearest, struct str word);

#endif
