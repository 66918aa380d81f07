/* send_input.h: where lines come from: standard input, or a file that is followed (send_follow.h). One
 * thread. */
#ifndef CLI_SEND_INPUT_H
#define CLI_SEND_INPUT_H

#include "cli/send_follow.h"

struct send_input;

/* file->file NULL: standard input. Errors: as follow_open. */
enum err send_input_new(const struct follow_options *file, struct send_input **out, struct why *why) MUST_USE;
void send_input_free(struct send_input *input); /* NULL is fine */

enum send_input_state { INPUT_IDLE, INPUT_MORE, INPUT_ENDED };

/* Appends whole lines that are there, at most about 256 KiB, waiting up to wait_ms for some. ENDED: standard
 * input is at its end (its last line is complete, with a newline added). */
enum send_input_state send_input_read(struct send_input *input, int wait_ms, struct buf *lines);
/* Before a stop: appends what standard input holds at this moment, 1 MiB at most, and its unfinished last
 * line with a newline. Of a file nothing: its place says where to go on. */
void send_input_drain(struct send_input *input, struct buf *lines);
/* Where the lines read so far end; NULL: standard input has no place. */
const struct place *send_input_place(const struct send_input *input);

#endif
