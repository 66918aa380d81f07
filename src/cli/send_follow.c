/* The file under the name is looked at whenever the open one is at its end. Another inode means rotated: the
 * open one is read on until it was quiet for some turns, since its writer may take a while to move; then
 * comes the next, which is a rotated one when there was more than one rotation. A file that is shorter than
 * what was read, or whose mark does not fit any more, was written anew: it is read from its start. */
#include "cli/send_follow.h"

#include "base/mem.h"
#include "cli/send_lines.h"
#include "cli/send_mark.h"
#include "cli/send_rotated.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_TURNS = 10, LINE_START_BYTES = 1 << 16 };

struct follow {
    const char *file;
    struct buf path; /* absolute */
    int fd;          /* -1: the file is not there yet */
    struct place place;
    struct mark mark; /* of what is before the place */
    struct buf rest;  /* an unfinished line, behind the place */
    uint32_t quiet;   /* turns at the end of a file that is not under the name any more */
    bool is_past;     /* the open file was rotated while nobody looked: nobody writes to it */
    bool said;        /* that the file cannot be read */
};

static enum err open_file(const struct follow *follow, int *out, struct why *why)
{
    struct stat st;
    char text[128];
    int fd = open(follow->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return ERR_MISSING;
    if (fd < 0 || fstat(fd, &st)) {
        const char *reason = strerror_r(errno, text, sizeof text);
        if (fd >= 0)
            close(fd);
        return why_set(why, ERR_IO, "cannot read %s: %s", follow->file, reason);
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return why_set(why, ERR_SYNTAX, "%s is %s; -f follows a regular file%s", follow->file,
                       S_ISDIR(st.st_mode) ? "a directory" : "no regular file",
                       S_ISDIR(st.st_mode) ? "" : ", all else can be piped in");
    }
    *out = fd;
    return ERR_OK;
}

/* Goes on with an open file at an offset. */
static void begin_at(struct follow *follow, int fd, uint64_t offset)
{
    struct stat st = {0};
    if (fstat(fd, &st) || !mark_read(&follow->mark, fd, offset)) {
        offset = 0;
        follow->mark = (struct mark){0};
    }
    lseek(fd, (off_t)offset, SEEK_SET);
    follow->fd = fd;
    follow->quiet = 0;
    follow->place.inode = st.st_ino;
    follow->place.device = st.st_dev;
    follow->place.offset = offset;
    follow->place.mark = mark_hash(&follow->mark);
}

static bool is_inode(int fd, uint64_t inode)
{
    struct stat st;
    return !fstat(fd, &st) && st.st_ino == inode;
}

static bool is_fitting(int fd, const struct place *place)
{
    struct mark mark;
    return mark_read(&mark, fd, place->offset) && mark_hash(&mark) == place->mark;
}

/* Where the last line of a file begins that is not finished, or its end. */
static uint64_t end_of_lines(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !st.st_size)
        return 0;
    char *bytes = mem_alloc(LINE_START_BYTES);
    uint64_t size = (uint64_t)st.st_size, from = size > LINE_START_BYTES ? size - LINE_START_BYTES : 0;
    ssize_t got = pread(fd, bytes, (size_t)(size - from), (off_t)from);
    while (got > 0 && bytes[got - 1] != '\n')
        got--;
    mem_free(bytes);
    return got > 0 ? from + (uint64_t)got : from ? size : 0;
}

/* A file that an earlier run has read up to *known. fd is the one under the name, or -1. */
static void resume(struct follow *follow, int fd, const struct place *known)
{
    if (fd >= 0 && known->inode && is_inode(fd, known->inode)) {
        bool fits = is_fitting(fd, known);
        if (!fits)
            fprintf(stderr, "dialtone send: %s has a new content; it is read from its start\n", follow->file);
        begin_at(follow, fd, fits ? known->offset : 0);
        return;
    }
    int old = known->inode ? rotated_open(follow->file, known->inode) : -1;
    if (old >= 0 && is_fitting(old, known)) {
        if (fd >= 0)
            close(fd);
        follow->is_past = true;
        begin_at(follow, old, known->offset);
        return;
    }
    if (old >= 0)
        close(old);
    if (known->inode)
        fprintf(
            stderr,
            "dialtone send: %s was rotated and the old file is not in its folder; what was not read of it "
            "is lost\n",
            follow->file);
    if (fd >= 0)
        begin_at(follow, fd, 0);
}

enum err follow_open(const struct follow_options *options, struct follow **out, struct why *why)
{
    struct follow *follow = MEM_NEW(struct follow);
    int fd = -1;
    follow->fd = -1;
    follow->file = options->file;
    place_path(options->file, &follow->path);
    follow->place.path = buf_view(&follow->path);
    enum err err = open_file(follow, &fd, why);
    if (err && err != ERR_MISSING) {
        follow_close(follow);
        return err;
    }
    if (err)
        fprintf(stderr, "dialtone send: waits for %s, which is not there yet\n", options->file);
    if (options->known)
        resume(follow, fd, options->known);
    else if (fd >= 0)
        begin_at(follow, fd, options->from_start ? 0 : end_of_lines(fd));
    *out = follow;
    return ERR_OK;
}

void follow_close(struct follow *follow)
{
    if (!follow)
        return;
    if (follow->fd >= 0)
        close(follow->fd);
    buf_done(&follow->path);
    buf_done(&follow->rest);
    mem_free(follow);
}

const struct place *follow_place(const struct follow *follow)
{
    return &follow->place;
}

static void give_lines(struct follow *follow, struct buf *lines, bool at_end)
{
    size_t taken = send_lines_whole(buf_view(&follow->rest), at_end);
    send_lines_give(lines, &follow->rest, taken, &follow->mark);
    follow->place.offset += taken;
    follow->place.mark = mark_hash(&follow->mark);
}

static void start_over(struct follow *follow, struct buf *lines)
{
    fprintf(stderr, "dialtone send: %s was written anew; it is read from its start\n", follow->file);
    give_lines(follow, lines, true);
    begin_at(follow, follow->fd, 0);
}

/* Opens the file under the name, when it is there. */
static void open_named(struct follow *follow)
{
    int fd = -1;
    struct why why;
    enum err err = open_file(follow, &fd, &why);
    if (!err)
        begin_at(follow, fd, 0);
    else if (err != ERR_MISSING && !follow->said)
        fprintf(stderr, "dialtone send: %s; it is tried again\n", why.text);
    follow->said = err && err != ERR_MISSING;
}

static void open_next(struct follow *follow, struct buf *lines)
{
    give_lines(follow, lines, true);
    int next = rotated_open_next(follow->file, follow->place.inode);
    close(follow->fd);
    follow->fd = -1;
    follow->is_past = next >= 0;
    if (next >= 0)
        begin_at(follow, next, 0);
    else
        open_named(follow);
}

/* The end of the open file was reached: was it truncated or rotated? */
static void look_around(struct follow *follow, struct buf *lines)
{
    struct stat now, open_st;
    if (fstat(follow->fd, &open_st))
        return;
    if ((uint64_t)open_st.st_size < follow->place.offset + follow->rest.size)
        start_over(follow, lines);
    else if (stat(follow->file, &now) || (now.st_ino == open_st.st_ino && now.st_dev == open_st.st_dev))
        follow->quiet = 0;
    else if (follow->is_past || ++follow->quiet >= QUIET_TURNS)
        open_next(follow, lines);
}

void follow_read(struct follow *follow, struct buf *lines)
{
    if (follow->fd < 0)
        open_named(follow);
    if (follow->fd < 0)
        return;
    size_t before = follow->rest.size;
    ssize_t got = send_lines_read(follow->fd, &follow->rest);
    if (got > 0)
        follow->quiet = 0;
    if (got > 0 && !is_fitting(follow->fd, &follow->place)) {
        follow->rest.size = before;
        start_over(follow, lines);
    } else if (got == 0) {
        look_around(follow, lines);
    } else if (got < 0 && !follow->said) {
        fprintf(stderr, "dialtone send: cannot read %s; it is tried again\n", follow->file);
        follow->said = true;
    }
    give_lines(follow, lines, false);
}
