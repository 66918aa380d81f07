/* send_place.h: how far each followed file was read, by the file's path.
 *
 * A place says which file it was (inode, device), how many of its bytes were taken, and the mark of what
 * stood there (send_mark.h), so that another content under the same inode is not taken for it. A sender that
 * starts again asks for the place of its path; paths that were not set for longest go when there are too
 * many. One thread.
 */
#ifndef CLI_SEND_PLACE_H
#define CLI_SEND_PLACE_H

#include "base/buf.h"

struct place {
    struct str path;        /* absolute; empty: no file, so there is no place */
    uint64_t inode, device; /* inode 0: the file was not there yet, so all of it is new */
    uint64_t offset, mark;
};

enum { PLACES_MAX = 256 };

struct places {
    struct place *at; /* the paths are owned; the one set last comes last */
    uint32_t count;
};

void places_done(struct places *places);
void places_set(struct places *places, const struct place *place);
/* out->path is valid until the next set. */
bool places_find(const struct places *places, struct str path, struct place *out);

/* "INODE DEVICE OFFSET MARK PATH", without an end of line. */
void place_print(const struct place *place, struct buf *out);
/* out->path is part of the text. */
bool place_parse(struct str text, struct place *out);

/* Appends the absolute path of a file, from the current folder; no link is followed, so that a link that is
 * turned to the next file keeps its place. */
void place_path(const char *file, struct buf *out);

/* Takes the first word of a text as a number; false: it is none. */
bool place_take_number(struct str *text, uint64_t *number);

#endif
