/* keys.h: idempotency keys that were used: for an hour, or the last 100,000.
 *
 * A key is claimed while its batch is on the way to the log, kept when the batch is durable, let go when it
 * failed. Threads: any.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "base/str.h"

#include <pthread.h>

enum { KEYS_MAX = 100000, KEY_BYTES_MAX = 256 };

#define KEYS_AGE_MS ((int64_t)3600000)

struct key_entry {
    struct key_entry *next; /* same slot */
    uint64_t hash;
    int64_t time_ms;
    uint64_t serial; /* in the order they were kept */
    uint16_t size;
    bool claimed; /* on the way */
    bool saved;   /* in the catalog */
    char at[];
};

struct keys {
    pthread_mutex_t lock;
    struct key_entry **slots;
    uint32_t slot_count;
    struct key_entry **ring; /* kept ones, oldest first from head */
    uint32_t ring_head, ring_count;
    uint64_t serial;
};

void keys_init(struct keys *keys);
void keys_done(struct keys *keys);

enum key_claim { KEY_CLAIMED, KEY_KNOWN, KEY_ON_THE_WAY };

enum key_claim keys_claim(struct keys *keys, struct str key, int64_t now_ms);
void keys_keep(struct keys *keys, struct str key, int64_t time_ms); /* a claimed one */
void keys_let_go(struct keys *keys, struct str key);                /* a claimed one */
/* At start: from the catalog or the log; twice is fine. */
void keys_remember(struct keys *keys, struct str key, int64_t time_ms, bool saved);

bool keys_seen(struct keys *keys, struct str key, int64_t now_ms);
bool keys_last_seq(struct keys *keys, struct str client, int64_t now_ms, uint64_t *seq);

/* Kept keys that are not in the catalog yet; returns a mark for keys_mark_saved. */
typedef void keys_each_fn(void *ctx, struct str key, int64_t time_ms);
uint64_t keys_unsaved(struct keys *keys, keys_each_fn *each, void *ctx);
void keys_mark_saved(struct keys *keys, uint64_t mark);

#endif
