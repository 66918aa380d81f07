#include "cli/send_lines.h"

#include "cli/send_mark.h"

#include <unistd.h>

enum { READ_BYTES = 1 << 18, LINE_MAX_BYTES = 1 << 20 };

ssize_t send_lines_read(int fd, struct buf *rest)
{
    char *to = buf_grow(rest, READ_BYTES);
    ssize_t n = read(fd, to, READ_BYTES);
    rest->size -= READ_BYTES - (n > 0 ? (size_t)n : 0);
    return n;
}

size_t send_lines_whole(struct str rest, bool all)
{
    size_t whole = rest.size;
    while (!all && whole && rest.at[whole - 1] != '\n')
        whole--;
    return !whole && rest.size > LINE_MAX_BYTES ? rest.size : whole;
}

void send_lines_give(struct buf *lines, struct buf *rest, size_t taken, struct mark *mark)
{
    if (!taken)
        return;
    if (mark)
        mark_add(mark, str_make(rest->at, taken));
    buf_put(lines, rest->at, taken);
    if (lines->at[lines->size - 1] != '\n')
        buf_char(lines, '\n');
    buf_drop(rest, taken);
}

uint64_t send_lines_count(struct str lines)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lines.size; i++)
        count += lines.at[i] == '\n';
    return count;
}
