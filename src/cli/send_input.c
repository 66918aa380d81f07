/* Following: the file under the name is looked at every turn. Another inode means rotated: what is left of
 * the old one is read first. A file that is shorter than what was read was truncated: it is read from its
 * start. */
#include "cli/send_input.h"

#include "base/mem.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, LINE_MAX_BYTES = 1 << 20 };

struct send_input {
    struct send_input_options options;
    int fd; /* -1: the file is not there yet */
    struct spool_place place;
    struct buf rest; /* an unfinished line */
    bool looked;     /* for the file at least once */
};

struct send_input *send_input_new(const struct send_input_options *options)
{
    struct send_input *input = MEM_NEW(struct send_input);
    input->options = *options;
    input->fd = options->file ? -1 : 0;
    return input;
}

void send_input_free(struct send_input *input)
{
    if (!input)
        return;
    if (input->fd > 0)
        close(input->fd);
    buf_done(&input->rest);
    mem_free(input);
}

struct spool_place send_input_place(const struct send_input *input)
{
    return input->place;
}

/* Moves whole lines from rest to lines; an endless line is cut. */
static void give_lines(struct send_input *input, struct buf *lines, bool at_end)
{
    size_t whole = input->rest.size;
    while (whole && input->rest.at[whole - 1] != '\n')
        whole--;
    if (at_end || (!whole && input->rest.size > LINE_MAX_BYTES))
        whole = input->rest.size;
    buf_put(lines, input->rest.at, whole);
    if (whole && lines->at[lines->size - 1] != '\n')
        buf_char(lines, '\n');
    buf_drop(&input->rest, whole);
    input->place.offset += whole;
}

static ssize_t read_more(struct send_input *input)
{
    char *to = buf_grow(&input->rest, READ_BYTES);
    ssize_t n = read(input->fd, to, READ_BYTES);
    input->rest.size -= READ_BYTES - (n > 0 ? (size_t)n : 0);
    return n;
}

/* Opens the file under the name and decides where to begin. */
static void open_file(struct send_input *input)
{
    struct stat st;
    int fd = open(input->options.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        if (fd >= 0)
            close(fd);
        input->looked = true;
        return;
    }
    uint64_t offset = 0;
    bool known = input->options.place.file == (uint64_t)st.st_ino;
    if (known && input->options.place.offset <= (uint64_t)st.st_size)
        offset = input->options.place.offset;
    else if (!known && !input->looked && !input->options.from_start && !input->options.place.file)
        offset = (uint64_t)st.st_size;
    lseek(fd, (off_t)offset, SEEK_SET);
    input->fd = fd;
    input->place = (struct spool_place){(uint64_t)st.st_ino, offset};
    input->options.place = (struct spool_place){0};
    input->looked = true;
}

/* The end of the file was reached: was it rotated or truncated? */
static void check_rotation(struct send_input *input, struct buf *lines)
{
    struct stat now, open_st;
    if (fstat(input->fd, &open_st))
        return;
    uint64_t read_to = input->place.offset + input->rest.size;
    if ((uint64_t)open_st.st_size < read_to) {
        give_lines(input, lines, true);
        lseek(input->fd, 0, SEEK_SET);
        input->place.offset = 0;
    } else if (!stat(input->options.file, &now) && now.st_ino != open_st.st_ino) {
        if (read_more(input) > 0)
            return; /* the old one grew meanwhile */
        give_lines(input, lines, true);
        close(input->fd);
        input->fd = -1;
        open_file(input);
    }
}

static enum send_input_state read_file(struct send_input *input, int wait_ms, struct buf *lines)
{
    size_t before = lines->size;
    if (input->fd < 0)
        open_file(input);
    if (input->fd >= 0 && read_more(input) <= 0)
        check_rotation(input, lines);
    give_lines(input, lines, false);
    if (lines->size == before && wait_ms)
        poll(NULL, 0, wait_ms);
    return lines->size > before ? INPUT_MORE : INPUT_IDLE;
}

enum send_input_state send_input_read(struct send_input *input, int wait_ms, struct buf *lines)
{
    if (input->options.file)
        return read_file(input, wait_ms, lines);
    struct pollfd wait = {.fd = 0, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) <= 0)
        return INPUT_IDLE;
    ssize_t n = read_more(input);
    give_lines(input, lines, n <= 0);
    return n <= 0 ? INPUT_ENDED : INPUT_MORE;
}
