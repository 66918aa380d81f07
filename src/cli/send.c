/* send: the main thread reads lines and puts them into the spool as batches; a second one takes them to the
 * server. So a slow or absent server never holds up who writes the lines, and what was put aside outlives
 * both. */
#include "cli/command.h"
#include "cli/options.h"
#include "cli/send_input.h"
#include "cli/send_spool.h"
#include "cli/send_target.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char command_send_help[] =
    "usage: dialtone send [OPTIONS] < LINES\n"
    "       dialtone send -f FILE [OPTIONS]\n"
    "\n"
    "Ships lines to a server. They are put aside on disk first, so that nothing is lost or sent twice while "
    "the server is\n"
    "away, or when this program is killed and started again: batches carry a key that the server remembers.\n"
    "Not read: what a file that was rotated while this program was not running still held.\n"
    "\n"
    "  -f FILE            follow a file, over rotation and truncation, from its end; later runs go on where "
    "this one\n"
    "                     stopped. Without it: standard input, until it ends\n"
    "  --from-start       with -f: a file that was never followed is read from its start\n"
    "  --url URL          http://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or stdout:  (default: "
    "DIALTONE_URL, else\n"
    "                     http://127.0.0.1:7411). Only http:// confirms what it stored\n"
    "  --spool DIR        where batches wait (default: ~/.local/state/dialtone-send); one sender and one\n"
    "                     followed file per folder: the place in the file is kept there\n"
    "  --spool-bytes N    at most this much waits, then the oldest goes and is counted (default 64MiB)\n"
    "\n"
    "DIALTONE_TOKEN is sent along over http://. At the end of the input, or on SIGTERM, it has five seconds "
    "to send what\n"
    "waits; the rest stays for the next run. It ends with an account.\n"
    "\n"
    "  ./worker | dialtone send\n"
    "  dialtone send -f /var/log/app.log --from-start --url http://127.0.0.1:7411\n"
    "\n"
    "Exit codes: 0 all sent, 1 failed, 2 usage, 3 no server and something waits, 4 the server refused "
    "something.\n";

static const struct option table[] = {{"f", true},     {"from-start", false}, {"url", true},
                                      {"spool", true}, {"spool-bytes", true}, {NULL, false}};

enum {
    BATCH_BYTES = 1 << 20,
    BATCH_MS = 1000,
    END_MS = 5000,
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 10000,
    TURN_MS = 100
};

struct sending {
    struct sys *sys;
    struct spool *spool;
    struct send_target *target;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ending;        /* no more is added; under the lock, as what follows */
    int64_t give_up_ms; /* when ending */
    uint64_t sent, refused;
    struct why why; /* of the last trouble */
    bool is_away;
};

static volatile sig_atomic_t stopped; /* set by signals; there is no other way to hear one */

static void on_signal(int number)
{
    stopped = number;
}

/* Waits until woken, or ms have passed. */
static void wait_for(struct sending *sending, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&sending->lock);
    pthread_cond_timedwait(&sending->wake, &sending->lock, &until);
    pthread_mutex_unlock(&sending->lock);
}

/* Waits ms whatever is woken meanwhile, but no longer than the time left when ending. */
static void wait_out(struct sending *sending, int64_t ms)
{
    int64_t until_ms = sys_mono_ms(sending->sys) + ms;
    for (int64_t left; (left = until_ms - sys_mono_ms(sending->sys)) > 0;) {
        wait_for(sending, left < TURN_MS ? left : TURN_MS);
        pthread_mutex_lock(&sending->lock);
        bool up = sending->ending && sys_mono_ms(sending->sys) >= sending->give_up_ms;
        pthread_mutex_unlock(&sending->lock);
        if (up)
            return;
    }
}

static bool is_time_up(struct sending *sending, bool nothing_waits)
{
    pthread_mutex_lock(&sending->lock);
    bool up = sending->ending && (nothing_waits || sys_mono_ms(sending->sys) >= sending->give_up_ms);
    pthread_mutex_unlock(&sending->lock);
    return up;
}

/* Says it once when the server goes away, and once when it is back. */
static void note_outcome(struct sending *sending, enum sent sent, uint64_t refused, const struct why *why)
{
    pthread_mutex_lock(&sending->lock);
    bool away = sent == SENT_LATER;
    if (away != sending->is_away)
        fprintf(stderr,
                away ? "dialtone send: %s; lines wait in the spool\n" : "dialtone send: the server is back\n",
                why->text);
    sending->is_away = away;
    sending->sent += sent != SENT_LATER;
    if (sent == SENT_REFUSED) {
        if (!sending->refused)
            fprintf(stderr, "dialtone send: %s\n", why->text);
        sending->refused += refused;
    }
    if (sent != SENT)
        sending->why = *why;
    pthread_mutex_unlock(&sending->lock);
}

static void *send_loop(void *ctx)
{
    struct sending *sending = ctx;
    struct buf lines = {0};
    int64_t retry_ms = RETRY_MIN_MS;
    spool_arrived(sending->spool, send_target_arrived(sending->target, spool_client(sending->spool)));
    for (;;) {
        uint64_t number, refused;
        int64_t wait_ms;
        struct why why = {0};
        lines.size = 0;
        bool any = spool_first(sending->spool, &number, &lines);
        if (is_time_up(sending, !any))
            break;
        if (!any) {
            wait_for(sending, TURN_MS);
            continue;
        }
        enum sent sent = send_target_send(sending->target, spool_client(sending->spool), number,
                                          buf_view(&lines), &refused, &wait_ms, &why);
        note_outcome(sending, sent, refused, &why);
        if (sent != SENT_LATER) {
            spool_done(sending->spool, number);
            retry_ms = RETRY_MIN_MS;
            continue;
        }
        wait_ms = wait_ms > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms;
        int64_t jitter = (int64_t)(sys_random_u64(sending->sys) % (uint64_t)retry_ms);
        wait_out(sending, wait_ms > retry_ms ? wait_ms : retry_ms / 2 + jitter / 2);
        retry_ms = retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : retry_ms * 2;
    }
    buf_done(&lines);
    return NULL;
}

/* Reads until the end or a signal, and puts a batch aside every second or MiB. */
static enum err read_loop(struct sending *sending, struct send_input *input, struct why *why)
{
    struct buf batch = {0};
    int64_t since_ms = 0;
    enum err err = ERR_OK;
    for (bool ended = false; !ended && !err;) {
        bool was_empty = !batch.size;
        ended = send_input_read(input, TURN_MS, &batch) == INPUT_ENDED || stopped;
        int64_t now_ms = sys_mono_ms(sending->sys);
        if (was_empty)
            since_ms = now_ms;
        if (!batch.size || (!ended && batch.size < BATCH_BYTES && now_ms - since_ms < BATCH_MS))
            continue;
        err = spool_add(sending->spool, buf_view(&batch), send_input_place(input), why);
        batch.size = 0;
        pthread_cond_signal(&sending->wake);
    }
    buf_done(&batch);
    return err;
}

static int end_and_account(struct sending *sending)
{
    struct spool_counts counts;
    pthread_mutex_lock(&sending->lock);
    sending->ending = true;
    sending->give_up_ms = sys_mono_ms(sending->sys) + END_MS;
    pthread_cond_signal(&sending->wake);
    pthread_mutex_unlock(&sending->lock);
    pthread_join(sending->thread, NULL);
    spool_counts(sending->spool, &counts);
    fprintf(stderr,
            "dialtone send: %" PRIu64 " batches sent, %" PRIu64 " lines or measurements refused, %" PRIu64
            " batches wait (%" PRIu64 " bytes), %" PRIu64 " batches with %" PRIu64
            " lines dropped from a full spool\n",
            sending->sent, sending->refused, counts.waiting, counts.waiting_bytes, counts.dropped,
            counts.dropped_lines);
    if (counts.waiting)
        return EXIT_NO_SERVER;
    return sending->refused ? EXIT_DATA_REFUSED : counts.dropped ? EXIT_FAILED : EXIT_OK;
}

static int run(struct sending *sending, const struct options *options)
{
    struct send_input_options from = {.file = options_get(options, table, "f"),
                                      .from_start = options_has(options, table, "from-start"),
                                      .place = spool_place(sending->spool)};
    struct send_input *input = send_input_new(&from);
    struct why why = {0};
    pthread_mutex_init(&sending->lock, NULL);
    pthread_cond_init(&sending->wake, NULL);
    if (pthread_create(&sending->thread, NULL, send_loop, sending)) {
        send_input_free(input);
        return EXIT_FAILED;
    }
    enum err err = read_loop(sending, input, &why);
    if (err)
        fprintf(stderr, "dialtone send: %s\n", why.text);
    int code = end_and_account(sending);
    send_input_free(input);
    pthread_mutex_destroy(&sending->lock);
    pthread_cond_destroy(&sending->wake);
    return err ? EXIT_FAILED : code;
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
    struct why why = {0};
    struct sigaction action = {.sa_handler = on_signal};
    char text[SYS_PATH_MAX + 1];
    uint64_t bytes_max = 64 << 20;
    int code = options_parse(&options, table, argc, argv);
    if (code)
        return code;
    if (options.rest_count)
        return command_usage("send", "%s is one word too many; a file is followed with -f", options.rest[0]);
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
                   &sending.spool, &why)) {
        fprintf(stderr, "dialtone send: %s\n", why.text);
        code = EXIT_FAILED;
    } else {
        code = run(&sending, &options);
        spool_close(sending.spool);
    }
    send_target_free(sending.target);
    return code;
}
