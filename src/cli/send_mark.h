/* send_mark.h: the part of a file that was read, remembered by its first and its last bytes.
 *
 * An inode alone does not name a content: a file is truncated and written again, or removed and its inode
 * given to the next. The mark of what was read tells, at the price of two small reads. Contents that share
 * both ends (the same line all over) cannot be told apart. One thread. */
#ifndef CLI_SEND_MARK_H
#define CLI_SEND_MARK_H

#include "base/str.h"

enum { MARK_HEAD = 1024, MARK_TAIL = 256 };

struct mark {
    uint32_t head_size, tail_size;
    char head[MARK_HEAD]; /* the first bytes, as far as read */
    char tail[MARK_TAIL]; /* the last ones before the place */
};

void mark_add(struct mark *mark, struct str bytes); /* that were read behind the place */
uint64_t mark_hash(const struct mark *mark);
/* The mark of a file's first bytes up to offset; false: it has not that many, or cannot be read. */
bool mark_read(struct mark *mark, int fd, uint64_t offset);

#endif
