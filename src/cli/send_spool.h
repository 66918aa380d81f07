/* send_spool.h: batches of lines on disk between the program that writes them and the server that stores
 * them.
 *
 * A batch gets a number and is a file until the server has it; what was read of a followed file up to it
 * stands in its first line, so that a killed sender goes on where it was. Files: lock, client, sent,
 * NUMBER.batch. When the folder is over its limit the oldest batch goes, and is counted. Threads: one adds,
 * one takes.
 */
#ifndef CLI_SEND_SPOOL_H
#define CLI_SEND_SPOOL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sys.h"

struct spool;

/* Where in a followed file a batch ends. */
struct spool_place {
    uint64_t file; /* inode; 0: nothing was followed */
    uint64_t offset;
};

struct spool_counts {
    uint64_t waiting, waiting_bytes, dropped, dropped_lines;
};

/* ERR_BUSY: another sender uses the folder. Makes it, and a random name for this client, when absent. */
enum err spool_open(struct sys *sys, struct str dir, uint64_t bytes_max, struct spool **out,
                    struct why *why) MUST_USE;
void spool_close(struct spool *spool); /* NULL is fine; batches stay */

struct str spool_client(const struct spool *spool);
struct spool_place spool_place(struct spool *spool); /* of the last batch added, also by an earlier run */

enum err spool_add(struct spool *spool, struct str lines, struct spool_place place, struct why *why) MUST_USE;
/* The oldest batch: its number, and its lines appended to *lines. false: there is none. */
bool spool_first(struct spool *spool, uint64_t *number, struct buf *lines);
void spool_done(struct spool *spool, uint64_t number); /* the server has it, or refuses it for good */
/* Batches up to this number have arrived already. */
void spool_arrived(struct spool *spool, uint64_t number);
void spool_counts(struct spool *spool, struct spool_counts *out);

#endif
