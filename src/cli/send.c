/* send: the main thread reads lines and puts them into the spool as batches; a second one (send_courier.h)
 * takes them to the server. So a slow or absent server never holds up who writes the lines, and what was put
 * aside outlives both. */
#include "cli/command.h"
#include "cli/options.h"
#include "cli/send_courier.h"
#include "cli/send_input.h"
#include "cli/send_lines.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

const char command_send_help[] =
    "usage: dialtone send [OPTIONS] < LINES\n"
    "       dialtone send -f FILE [OPTIONS]\n"
    "\n"
    "Ships lines to a server. They are put aside on disk first, so that nothing is lost or sent twice while "
    "the server is\n"
    "away, or when this program is killed and started again: batches carry a key that the server remembers.\n"
    "\n"
    "  -f FILE            follow a file, over rotation and truncation, from its end; later runs go on where "
    "the one before\n"
    "                     stopped, also in FILE.1 or FILE-20260117 when it was rotated meanwhile (not when "
    "compressed).\n"
    "                     Without it: standard input, until it ends\n"
    "  --from-start       with -f: a file that was never followed is read from its start\n"
    "  --url URL          http://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or stdout:  (default: "
    "DIALTONE_URL, else\n"
    "                     http://127.0.0.1:7411). Only http:// confirms what it stored; a line longer than a "
    "datagram is\n"
    "                     refused over udp://\n"
    "  --spool DIR        where batches wait, and the places of followed files, by their paths (default:\n"
    "                     ~/.local/state/dialtone-send); one sender at a time per folder\n"
    "  --spool-bytes N    at most this much waits, then the oldest goes and is counted (default 64MiB)\n"
    "\n"
    "DIALTONE_TOKEN is sent along over http://. At the end of the input, or on SIGTERM, it has five seconds "
    "to send what\n"
    "waits; the rest stays for the next run. It ends with an account.\n"
    "\n"
    "  ./worker | dialtone send\n"
    "  dialtone send -f /var/log/app.log --from-start --url http://127.0.0.1:7411\n"
    "\n"
    "Exit codes: 0 all sent, 1 failed or something was lost, 2 usage, 3 no server and something waits, 4 "
    "something was refused.\n";

static const struct option table[] = {{"f", true},     {"from-start", false}, {"url", true},
                                      {"spool", true}, {"spool-bytes", true}, {NULL, false}};

enum { BATCH_BYTES = 1 << 20, BATCH_MS = 1000, END_MS = 5000, TURN_MS = 100 };

struct sending {
    struct sys *sys;
    struct spool *spool;
    struct send_target *target;
    struct courier *courier;
    struct send_input *input;
    struct buf batch;
    int64_t give_up_ms; /* 0: not at the end yet */
    bool is_full;       /* the disk takes nothing; it was said */
};

static volatile sig_atomic_t stopped; /* set by signals; there is no other way to hear one */

static void on_signal(int number)
{
    stopped = number;
}

/* From the first sign of the end on there are END_MS for all that is left to do. */
static bool is_ending(struct sending *sending, bool input_ended)
{
    bool ending = input_ended || stopped || courier_is_over(sending->courier);
    if (ending && !sending->give_up_ms)
        sending->give_up_ms = sys_mono_ms(sending->sys) + END_MS;
    return ending;
}

static void note_disk(struct sending *sending, enum spool_added added, const struct why *why)
{
    bool full = added != SPOOL_ON_DISK;
    if (full && !sending->is_full)
        fprintf(stderr, "dialtone send: %s; %s\n", why->text,
                added == SPOOL_IN_MEMORY ? "lines go from memory, and are not read when that takes no more"
                                         : "no more is read until it does");
    else if (!full && sending->is_full)
        fprintf(stderr, "dialtone send: the spool takes lines again\n");
    sending->is_full = full;
}

/* Puts the batch into the spool. When the disk takes nothing it waits, so that who writes the lines waits,
 * too; at the end only as long as there is time. */
static void put_aside(struct sending *sending, bool input_ended)
{
    struct str lines = buf_view(&sending->batch);
    const struct place *place = send_input_place(sending->input);
    for (;;) {
        struct why why = {0};
        enum spool_added added = spool_add(sending->spool, lines, place, &why);
        note_disk(sending, added, &why);
        courier_wake(sending->courier);
        if (added != SPOOL_NOT)
            break;
        if (is_ending(sending, input_ended) && sys_mono_ms(sending->sys) >= sending->give_up_ms) {
            if (!place) /* what is left of a file is read again */
                spool_lose(sending->spool, send_lines_count(lines));
            break;
        }
        poll(NULL, 0, TURN_MS);
    }
    sending->batch.size = 0;
}

/* Keeps where following begins, or begins again in another file, before there is a batch that would. */
static void keep_place(struct sending *sending, uint64_t *kept_inode)
{
    struct why why;
    const struct place *place = send_input_place(sending->input);
    if (!place || place->inode == *kept_inode || sending->batch.size)
        return;
    if (!spool_keep_place(sending->spool, place, &why))
        *kept_inode = place->inode;
}

/* Reads until the end or a signal, and puts a batch aside every second or MiB. */
static void read_loop(struct sending *sending, uint64_t kept_inode)
{
    struct buf *batch = &sending->batch;
    int64_t since_ms = 0;
    for (bool ending = false; !ending;) {
        bool was_empty = !batch->size;
        bool input_ended = send_input_read(sending->input, TURN_MS, batch) == INPUT_ENDED;
        int64_t now_ms = sys_mono_ms(sending->sys);
        ending = is_ending(sending, input_ended);
        if (ending && !input_ended)
            send_input_drain(sending->input, batch);
        if (was_empty)
            since_ms = now_ms;
        keep_place(sending, &kept_inode);
        if (batch->size && (ending || batch->size >= BATCH_BYTES || now_ms - since_ms >= BATCH_MS))
            put_aside(sending, input_ended);
    }
}

static int account(struct sending *sending, const struct courier_counts *counts, bool is_over)
{
    struct spool_counts spool;
    spool_counts(sending->spool, &spool);
    fprintf(stderr,
            "dialtone send: %" PRIu64 " batches sent, %" PRIu64 " lines or measurements refused, %" PRIu64
            " batches wait (%" PRIu64 " bytes), %" PRIu64 " batches with %" PRIu64
            " lines dropped from a full spool",
            counts->sent, counts->refused, spool.waiting, spool.waiting_bytes, spool.dropped,
            spool.dropped_lines);
    if (spool.damaged)
        fprintf(stderr, ", %" PRIu64 " batches gone or damaged in the spool", spool.damaged);
    if (spool.lost_lines)
        fprintf(stderr, ", %" PRIu64 " lines lost to a disk that took nothing", spool.lost_lines);
    fprintf(stderr, "\n");
    if (is_over)
        return EXIT_FAILED;
    if (spool.waiting)
        return EXIT_NO_SERVER;
    return counts->refused                                      ? EXIT_DATA_REFUSED
           : spool.dropped || spool.damaged || spool.lost_lines ? EXIT_FAILED
                                                                : EXIT_OK;
}

static int run(struct sending *sending, uint64_t kept_inode)
{
    struct courier_counts counts;
    sending->courier = courier_start(sending->sys, sending->spool, sending->target);
    if (!sending->courier) {
        fprintf(stderr, "dialtone send: cannot start a thread\n");
        return EXIT_FAILED;
    }
    read_loop(sending, kept_inode);
    bool is_over = courier_is_over(sending->courier);
    courier_end(sending->courier, sending->give_up_ms, &counts);
    spool_settle(sending->spool);
    buf_done(&sending->batch);
    return account(sending, &counts, is_over);
}

/* Opens the input at the place that is known, and keeps where it begins when none is. */
static enum err begin(struct sending *sending, const struct options *options, struct place *known,
                      struct why *why)
{
    struct follow_options from = {.file = options_get(options, table, "f"),
                                  .from_start = options_has(options, table, "from-start")};
    struct buf path = {0};
    if (from.file) {
        place_path(from.file, &path);
        if (spool_place(sending->spool, buf_view(&path), known))
            from.known = known;
        known->path = STR_NONE;
    }
    enum err err = send_input_new(&from, &sending->input, why);
    if (!err && from.file && !from.known) {
        *known = *send_input_place(sending->input);
        err = spool_keep_place(sending->spool, known, why);
    }
    buf_done(&path);
    return err;
}

static const char *default_spool(char *text, size_t size)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state)
        snprintf(text, size, "%s/dialtone-send", state);
    else
        snprintf(text, size, "%s/.local/state/dialtone-send", home && *home ? home : ".");
    return text;
}

int command_send(int argc, char **argv)
{
    struct options options;
    struct sending sending = {.sys = sys_real()};
    struct place known = {0};
    struct why why = {0};
    struct sigaction action = {.sa_handler = on_signal};
    char text[SYS_PATH_MAX + 1];
    uint64_t bytes_max = 64 << 20;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("send", "%s is one word too many; a file is followed with -f", options.rest[0]);
    const char *file = options_get(&options, table, "f");
    if (file && (!*file || strchr(file, '\n')))
        return command_usage("send", "-f needs the name of a file, without an end of line in it");
    const char *bytes = options_get(&options, table, "spool-bytes"),
               *dir = options_get(&options, table, "spool");
    if (bytes && (!options_bytes(bytes, &bytes_max) || bytes_max < 1 << 20))
        return command_usage("send", "--spool-bytes %s: expected a size of at least 1MiB such as 64MiB",
                             bytes);
    if (send_target_new(options_get(&options, table, "url"), &sending.target, &why))
        return command_usage("send", "%s", why.text);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (spool_open(sending.sys, str_of(dir ? dir : default_spool(text, sizeof text)), bytes_max,
                   &sending.spool, &why) ||
        begin(&sending, &options, &known, &why)) {
        fprintf(stderr, "dialtone send: %s\n", why.text);
        code = EXIT_FAILED;
    } else {
        code = run(&sending, known.inode);
    }
    send_input_free(sending.input);
    spool_close(sending.spool);
    send_target_free(sending.target);
    return code;
}
