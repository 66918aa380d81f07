#include "cli/send_input.h"

#include "base/mem.h"
#include "cli/send_lines.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum { DRAIN_BYTES = 1 << 20 };

struct send_input {
    struct follow *follow; /* NULL: standard input */
    struct buf rest;       /* an unfinished line of standard input */
};

enum err send_input_new(const struct follow_options *file, struct send_input **out, struct why *why)
{
    struct send_input *input = MEM_NEW(struct send_input);
    enum err err = file->file ? follow_open(file, &input->follow, why) : ERR_OK;
    if (err)
        mem_free(input);
    else
        *out = input;
    return err;
}

void send_input_free(struct send_input *input)
{
    if (!input)
        return;
    follow_close(input->follow);
    buf_done(&input->rest);
    mem_free(input);
}

const struct place *send_input_place(const struct send_input *input)
{
    return input->follow ? follow_place(input->follow) : NULL;
}

static void give_lines(struct send_input *input, struct buf *lines, bool at_end)
{
    send_lines_give(lines, &input->rest, send_lines_whole(buf_view(&input->rest), at_end), NULL);
}

static enum send_input_state read_stdin(struct send_input *input, int wait_ms, struct buf *lines)
{
    struct pollfd wait = {.fd = 0, .events = POLLIN};
    if (poll(&wait, 1, wait_ms) <= 0)
        return INPUT_IDLE;
    ssize_t n = send_lines_read(0, &input->rest);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return INPUT_IDLE;
    if (n < 0)
        perror("dialtone send: cannot read standard input");
    give_lines(input, lines, n <= 0);
    return n <= 0 ? INPUT_ENDED : INPUT_MORE;
}

enum send_input_state send_input_read(struct send_input *input, int wait_ms, struct buf *lines)
{
    if (!input->follow)
        return read_stdin(input, wait_ms, lines);
    size_t before = lines->size;
    follow_read(input->follow, lines);
    if (lines->size == before && wait_ms)
        poll(NULL, 0, wait_ms);
    return lines->size > before ? INPUT_MORE : INPUT_IDLE;
}

void send_input_drain(struct send_input *input, struct buf *lines)
{
    size_t before = lines->size;
    if (input->follow)
        return;
    while (lines->size + input->rest.size < before + DRAIN_BYTES && read_stdin(input, 0, lines) == INPUT_MORE)
        ;
    if (input->rest.size)
        fprintf(stderr, "dialtone send: stopped within a line; its %zu bytes so far are sent as a line\n",
                input->rest.size);
    give_lines(input, lines, true);
}
