/* send_spool_folder.h: the files of a spool: lock, client, sent, NUMBER.batch. Bytes: head of
 * send_spool_folder.c. Each is there whole or not at all, and durable when written. Threads: the caller's
 * lock.
 */
#ifndef CLI_SEND_SPOOL_FOLDER_H
#define CLI_SEND_SPOOL_FOLDER_H

#include "base/err.h"
#include "base/sys.h"
#include "cli/send_batch.h"

struct spool_folder {
    struct sys *sys;
    struct sys_file *lock;
    char dir[SYS_PATH_MAX + 1];
    char client[17];
};

/* ERR_BUSY: another sender uses it. Makes it, and a random name for this client, when absent. After an error,
 * too, it is closed with spool_folder_close(). */
enum err spool_folder_open(struct spool_folder *folder, struct sys *sys, struct str dir,
                           struct why *why) MUST_USE;
void spool_folder_close(struct spool_folder *folder);

/* Another random name. */
enum err spool_folder_name_client(struct spool_folder *folder, struct why *why) MUST_USE;

/* The newest batch that is done, 0 at first, and the places of files. */
enum err spool_folder_read_sent(struct spool_folder *folder, uint64_t *done, struct places *places,
                                struct why *why) MUST_USE;
enum err spool_folder_write_sent(struct spool_folder *folder, uint64_t done, const struct places *places,
                                 struct why *why) MUST_USE;

typedef void spool_folder_fn(void *ctx, uint64_t number);
enum err spool_folder_list(struct spool_folder *folder, spool_folder_fn *each, void *ctx,
                           struct why *why) MUST_USE;
/* ERR_CORRUPT: gone, or no batch; other errors may pass. *out is part of *content. */
enum err spool_folder_read_batch(struct spool_folder *folder, uint64_t number, struct buf *content,
                                 struct batch *out, struct why *why) MUST_USE;
enum err spool_folder_write_batch(struct spool_folder *folder, uint64_t number, struct str content,
                                  struct why *why) MUST_USE;
/* Whether it worked or not: what stays is removed at the next start, or sent again under the same key when
 * `sent` could not be written either. */
void spool_folder_remove_batch(struct spool_folder *folder, uint64_t number);

#endif
