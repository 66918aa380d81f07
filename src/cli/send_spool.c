/* The places of `sent` may be ahead of its number: the batches between are on disk. A batch is written before
 * older ones are dropped for it, so that the highest number is always known. */
#include "cli/send_spool.h"

#include "base/mem.h"
#include "cli/send_spool_folder.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct spooled {
    uint64_t number, bytes;
};

struct spool {
    struct spool_folder folder;
    pthread_mutex_t lock;
    uint64_t bytes_max;
    uint64_t next, first_new; /* the next number; the first that this run gave */
    uint64_t done;            /* the newest number that is done */
    uint64_t on_its_way;      /* 0: none */
    struct places places;
    struct spooled *waiting; /* oldest first */
    uint32_t waiting_count, waiting_cap;
    struct buf held; /* the newest batch, when the disk did not take it; empty: none */
    struct spool_counts counts;
};

static void push(struct spool *spool, uint64_t number, uint64_t bytes)
{
    if (spool->waiting_count == spool->waiting_cap) {
        spool->waiting_cap = spool->waiting_cap ? spool->waiting_cap * 2 : 64;
        spool->waiting = mem_resize(spool->waiting, spool->waiting_cap, sizeof *spool->waiting);
    }
    spool->waiting[spool->waiting_count++] = (struct spooled){number, bytes};
    spool->counts.waiting++;
    spool->counts.waiting_bytes += bytes;
}

static void forget(struct spool *spool, uint32_t index)
{
    spool->counts.waiting--;
    spool->counts.waiting_bytes -= spool->waiting[index].bytes;
    spool->waiting_count--;
    memmove(spool->waiting + index, spool->waiting + index + 1,
            (spool->waiting_count - index) * sizeof *spool->waiting);
}

static void see_batch(void *ctx, uint64_t number)
{
    push(ctx, number, 0);
}

static int by_number(const void *a, const void *b)
{
    const struct spooled *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static enum err load_batches(struct spool *spool, struct why *why)
{
    enum err err = ERR_OK;
    if (spool->waiting_count)
        qsort(spool->waiting, spool->waiting_count, sizeof *spool->waiting, by_number);
    while (spool->waiting_count && spool->waiting[0].number <= spool->done) { /* it could not be removed */
        spool_folder_remove_batch(&spool->folder, spool->waiting[0].number);
        forget(spool, 0);
    }
    spool->next = spool->done + 1;
    for (uint32_t i = 0; i < spool->waiting_count && !err; i++) {
        struct buf content = {0};
        struct batch batch = {0};
        err = spool_folder_read_batch(&spool->folder, spool->waiting[i].number, &content, &batch, why);
        if (err == ERR_CORRUPT) /* counted when its turn comes */
            err = ERR_OK;
        else if (!err && batch.place.path.size)
            places_set(&spool->places, &batch.place);
        spool->waiting[i].bytes = content.size;
        spool->counts.waiting_bytes += content.size;
        if (spool->waiting[i].number >= spool->next)
            spool->next = spool->waiting[i].number + 1;
        buf_done(&content);
    }
    spool->first_new = spool->next;
    return err;
}

enum err spool_open(struct sys *sys, struct str dir, uint64_t bytes_max, struct spool **out, struct why *why)
{
    struct spool *spool = MEM_NEW(struct spool);
    spool->bytes_max = bytes_max;
    pthread_mutex_init(&spool->lock, NULL);
    enum err err = spool_folder_open(&spool->folder, sys, dir, why);
    if (!err)
        err = spool_folder_list(&spool->folder, see_batch, spool, why);
    if (!err)
        err = spool_folder_read_sent(&spool->folder, &spool->done, &spool->places, why);
    if (!err)
        err = load_batches(spool, why);
    if (err)
        spool_close(spool);
    else
        *out = spool;
    return err;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    spool_folder_close(&spool->folder);
    pthread_mutex_destroy(&spool->lock);
    places_done(&spool->places);
    buf_done(&spool->held);
    mem_free(spool->waiting);
    mem_free(spool);
}

struct str spool_client(const struct spool *spool)
{
    return str_of(spool->folder.client);
}

bool spool_place(struct spool *spool, struct str path, struct place *out)
{
    pthread_mutex_lock(&spool->lock);
    bool found = places_find(&spool->places, path, out);
    pthread_mutex_unlock(&spool->lock);
    if (found)
        out->path = path;
    return found;
}

enum err spool_keep_place(struct spool *spool, const struct place *place, struct why *why)
{
    pthread_mutex_lock(&spool->lock);
    places_set(&spool->places, place);
    enum err err = spool_folder_write_sent(&spool->folder, spool->done, &spool->places, why);
    pthread_mutex_unlock(&spool->lock);
    return err;
}

/* Makes room, oldest first. The batch that is on its way stays: it may have arrived already. */
static void drop_oldest(struct spool *spool)
{
    while (spool->counts.waiting_bytes > spool->bytes_max) {
        struct buf content = {0};
        struct batch batch;
        uint32_t index = spool->waiting[0].number == spool->on_its_way;
        if (index + 1 >= spool->waiting_count)
            return; /* never the newest */
        if (!spool_folder_read_batch(&spool->folder, spool->waiting[index].number, &content, &batch, NULL))
            spool->counts.dropped_lines += batch.line_count;
        buf_done(&content);
        spool->counts.dropped++;
        spool_folder_remove_batch(&spool->folder, spool->waiting[index].number);
        forget(spool, index);
    }
}

/* The batch in memory goes to disk. */
static enum err write_held(struct spool *spool, struct why *why)
{
    enum err err = ERR_OK;
    if (spool->held.size)
        err = spool_folder_write_batch(&spool->folder, spool->waiting[spool->waiting_count - 1].number,
                                       buf_view(&spool->held), why);
    if (!err)
        buf_done(&spool->held);
    return err;
}

enum spool_added spool_add(struct spool *spool, struct str lines, const struct place *place, struct why *why)
{
    struct buf content = {0};
    enum spool_added added = SPOOL_ON_DISK;
    batch_print(lines, place, &content);
    pthread_mutex_lock(&spool->lock);
    if (write_held(spool, why) ||
        spool_folder_write_batch(&spool->folder, spool->next, buf_view(&content), why))
        added = place || spool->held.size ? SPOOL_NOT : SPOOL_IN_MEMORY;
    if (added != SPOOL_NOT)
        push(spool, spool->next++, content.size);
    if (added == SPOOL_ON_DISK && place)
        places_set(&spool->places, place);
    if (added == SPOOL_IN_MEMORY) {
        spool->held = content;
        content = (struct buf){0};
    }
    drop_oldest(spool);
    pthread_mutex_unlock(&spool->lock);
    buf_done(&content);
    return added;
}

/* The oldest batch, from disk or memory. */
static enum err get_first(struct spool *spool, struct buf *lines, struct why *why)
{
    struct buf content = {0};
    struct batch batch;
    enum err err = ERR_OK;
    if (spool->waiting_count == 1 && spool->held.size)
        batch_parse(buf_view(&spool->held), &batch);
    else
        err = spool_folder_read_batch(&spool->folder, spool->waiting[0].number, &content, &batch, why);
    if (!err)
        buf_str(lines, batch.lines);
    buf_done(&content);
    return err;
}

enum spool_taken spool_take(struct spool *spool, uint64_t *number, struct buf *lines, struct why *why)
{
    enum err err = ERR_OK;
    pthread_mutex_lock(&spool->lock);
    while (spool->waiting_count && (err = get_first(spool, lines, why)) == ERR_CORRUPT) {
        spool->counts.damaged++;
        spool_folder_remove_batch(&spool->folder, spool->waiting[0].number);
        forget(spool, 0);
    }
    enum spool_taken taken = !spool->waiting_count ? SPOOL_EMPTY : err ? SPOOL_UNREADABLE : SPOOL_BATCH;
    if (taken == SPOOL_BATCH)
        *number = spool->on_its_way = spool->waiting[0].number;
    pthread_mutex_unlock(&spool->lock);
    return taken;
}

static void finish_first(struct spool *spool)
{
    uint64_t number = spool->waiting[0].number;
    spool->done = number > spool->done ? number : spool->done;
    bool held = spool->waiting_count == 1 && spool->held.size;
    if (!spool_folder_write_sent(&spool->folder, spool->done, &spool->places, NULL) && !held)
        spool_folder_remove_batch(&spool->folder, number);
    if (held)
        buf_done(&spool->held);
    forget(spool, 0);
}

void spool_done(struct spool *spool, uint64_t number)
{
    pthread_mutex_lock(&spool->lock);
    spool->on_its_way = 0;
    if (spool->waiting_count && spool->waiting[0].number == number)
        finish_first(spool);
    pthread_mutex_unlock(&spool->lock);
}

void spool_later(struct spool *spool, uint64_t number)
{
    pthread_mutex_lock(&spool->lock);
    if (spool->on_its_way == number)
        spool->on_its_way = 0;
    drop_oldest(spool);
    pthread_mutex_unlock(&spool->lock);
}

void spool_arrived(struct spool *spool, uint64_t number)
{
    struct why why;
    pthread_mutex_lock(&spool->lock);
    if (number >= spool->first_new) {
        fprintf(stderr,
                "dialtone send: the server remembers batch %" PRIu64 ", which %s never gave; it gets a "
                "new client name\n",
                number, spool->folder.dir);
        if (spool_folder_name_client(&spool->folder, &why))
            fprintf(stderr, "dialtone send: %s\n", why.text);
    } else {
        while (spool->waiting_count && spool->waiting[0].number <= number)
            finish_first(spool);
    }
    pthread_mutex_unlock(&spool->lock);
}

void spool_settle(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    if (write_held(spool, NULL)) {
        struct batch batch;
        batch_parse(buf_view(&spool->held), &batch);
        spool->counts.lost_lines += batch.line_count;
        forget(spool, spool->waiting_count - 1);
        buf_done(&spool->held);
    }
    pthread_mutex_unlock(&spool->lock);
}

void spool_lose(struct spool *spool, uint64_t lines)
{
    pthread_mutex_lock(&spool->lock);
    spool->counts.lost_lines += lines;
    pthread_mutex_unlock(&spool->lock);
}

void spool_counts(struct spool *spool, struct spool_counts *out)
{
    pthread_mutex_lock(&spool->lock);
    *out = spool->counts;
    pthread_mutex_unlock(&spool->lock);
}
