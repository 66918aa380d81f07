#include "cli/send_mark.h"

#include "base/hash.h"

#include <unistd.h>

void mark_add(struct mark *mark, struct str bytes)
{
    struct str first = str_first(bytes, MARK_HEAD - mark->head_size);
    if (first.size)
        memcpy(mark->head + mark->head_size, first.at, first.size);
    mark->head_size += (uint32_t)first.size;
    struct str last = str_from(bytes, bytes.size > MARK_TAIL ? bytes.size - MARK_TAIL : 0);
    size_t keep = MARK_TAIL - last.size;
    if (keep > mark->tail_size)
        keep = mark->tail_size;
    memmove(mark->tail, mark->tail + mark->tail_size - keep, keep);
    if (last.size)
        memcpy(mark->tail + keep, last.at, last.size);
    mark->tail_size = (uint32_t)(keep + last.size);
}

uint64_t mark_hash(const struct mark *mark)
{
    return hash_seeded(str_make(mark->tail, mark->tail_size),
                       hash_bytes(str_make(mark->head, mark->head_size)));
}

static bool read_all(int fd, uint64_t at, char *to, size_t size)
{
    return pread(fd, to, size, (off_t)at) == (ssize_t)size;
}

bool mark_read(struct mark *mark, int fd, uint64_t offset)
{
    mark->head_size = offset < MARK_HEAD ? (uint32_t)offset : MARK_HEAD;
    mark->tail_size = offset < MARK_TAIL ? (uint32_t)offset : MARK_TAIL;
    return read_all(fd, 0, mark->head, mark->head_size) &&
           read_all(fd, offset - mark->tail_size, mark->tail, mark->tail_size);
}
