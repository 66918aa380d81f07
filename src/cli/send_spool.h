/* send_spool.h: batches of lines on disk between the program that writes them and the server that stores
 * them.
 *
 * A batch gets a number and is a file until the server has it; what was read of a followed file up to it
 * stands in its first line, so that a killed sender goes on where it was. Files: lock, client, sent,
 * NUMBER.batch. When the folder is over its limit the oldest batch goes, and is counted, but never the one
 * that is on its way. When the disk takes nothing, one batch without a place (of standard input) is kept in
 * memory instead. Threads: one adds, one takes.
 */
#ifndef CLI_SEND_SPOOL_H
#define CLI_SEND_SPOOL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sys.h"
#include "cli/send_place.h"

struct spool;

struct spool_counts {
    uint64_t waiting, waiting_bytes;
    uint64_t dropped, dropped_lines; /* batches and their lines: the folder was over its limit */
    uint64_t damaged;                /* batches whose file was gone, or was none of ours */
    uint64_t lost_lines;             /* the disk took nothing until the end */
};

/* ERR_BUSY: another sender uses the folder. Makes it, and a random name for this client, when absent. */
enum err spool_open(struct sys *sys, struct str dir, uint64_t bytes_max, struct spool **out,
                    struct why *why) MUST_USE;
void spool_close(struct spool *spool); /* NULL is fine; batches on disk stay */

struct str spool_client(const struct spool *spool); /* for the thread that takes */

/* How far a file was read, also by an earlier run; false: it was never followed. out->path is the caller's.
 */
bool spool_place(struct spool *spool, struct str path, struct place *out);
/* Keeps a place without a batch: where following begins. */
enum err spool_keep_place(struct spool *spool, const struct place *place, struct why *why) MUST_USE;

enum spool_added {
    SPOOL_ON_DISK,
    SPOOL_IN_MEMORY, /* it can be taken, but does not outlive the process; *why says what the disk lacks */
    SPOOL_NOT,       /* try again later; *why */
};

/* place NULL: of standard input. */
enum spool_added spool_add(struct spool *spool, struct str lines, const struct place *place,
                           struct why *why) MUST_USE;

enum spool_taken {
    SPOOL_BATCH,
    SPOOL_EMPTY,
    SPOOL_UNREADABLE, /* it stays; try again later; *why */
};

/* The oldest batch: its number, and its lines appended to *lines. It is on its way until spool_done() or
 * spool_later(). */
enum spool_taken spool_take(struct spool *spool, uint64_t *number, struct buf *lines, struct why *why);
void spool_done(struct spool *spool, uint64_t number);  /* the server has it, or refuses it for good */
void spool_later(struct spool *spool, uint64_t number); /* it did not arrive: it waits again */
/* The server says that batches up to this number have arrived. When that is more than this folder ever gave
 * away, nothing is believed, and the client gets a new name, lest new batches are taken for old ones. */
void spool_arrived(struct spool *spool, uint64_t number);

/* At the end: a batch in memory goes to disk, or is counted as lost. The taking thread is gone. */
void spool_settle(struct spool *spool);
void spool_lose(struct spool *spool, uint64_t lines); /* counts lines that were never added */
void spool_counts(struct spool *spool, struct spool_counts *out);

#endif
