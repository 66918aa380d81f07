/* send_lines.h: bytes as they are read, cut into whole lines. One thread. */
#ifndef CLI_SEND_LINES_H
#define CLI_SEND_LINES_H

#include "base/buf.h"

#include <sys/types.h>

struct mark;

/* Appends what read(2) gives, 256 KiB at most; its result. */
ssize_t send_lines_read(int fd, struct buf *rest);
/* How many of the bytes are whole lines. all: every byte; an endless line is cut at 1 MiB. */
size_t send_lines_whole(struct str rest, bool all);
/* Moves that many bytes from rest to lines, with an end of line if it lacks; *mark (NULL is fine) sees them.
 */
void send_lines_give(struct buf *lines, struct buf *rest, size_t taken, struct mark *mark);
uint64_t send_lines_count(struct str lines);

#endif
