/* send_input.h: lines from standard input, or from a file that is followed over rotation and truncation. One
 * thread. */
#ifndef CLI_SEND_INPUT_H
#define CLI_SEND_INPUT_H

#include "cli/send_spool.h"

struct send_input;

struct send_input_options {
    const char *file;         /* NULL: standard input */
    bool from_start;          /* of a file that was never followed: from its start, not its end */
    struct spool_place place; /* where an earlier run got to */
};

struct send_input *send_input_new(const struct send_input_options *options);
void send_input_free(struct send_input *input); /* NULL is fine */

enum send_input_state { INPUT_IDLE, INPUT_MORE, INPUT_ENDED };

/* Appends whole lines that are there, at most about 256 KiB, waiting up to wait_ms for some. ENDED: standard
 * input is at its end (its last line is complete, with a newline added). */
enum send_input_state send_input_read(struct send_input *input, int wait_ms, struct buf *lines);
/* Where the lines read so far end. */
struct spool_place send_input_place(const struct send_input *input);

#endif
