/* send_follow.h: the lines of a file that another program writes, over rotation and truncation. One thread.
 * What is worth a person's attention goes to standard error, once. */
#ifndef CLI_SEND_FOLLOW_H
#define CLI_SEND_FOLLOW_H

#include "base/err.h"
#include "cli/send_place.h"

struct follow;

struct follow_options {
    const char *file;
    bool from_start;           /* when no place is known: from the start, not the end */
    const struct place *known; /* NULL: the file was never followed */
};

/* ERR_SYNTAX: it is no regular file; ERR_IO: it cannot be read. A file that is not there yet is waited for.
 */
enum err follow_open(const struct follow_options *options, struct follow **out, struct why *why) MUST_USE;
void follow_close(struct follow *follow); /* NULL is fine */

/* Appends whole lines that are there, about 256 KiB at most, without waiting. */
void follow_read(struct follow *follow, struct buf *lines);
/* Where the lines read so far end; valid until the next read. */
const struct place *follow_place(const struct follow *follow);

#endif
