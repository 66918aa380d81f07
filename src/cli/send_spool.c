/* A batch file: "dialtone-batch 1 LINES FILE OFFSET\n", then the lines. Written under another name, synced,
 * renamed. The file `sent` holds "NUMBER FILE OFFSET" of the newest batch that is done: written before that
 * batch's file goes. */
#include "cli/send_spool.h"

#include "base/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADER_MAX = 128, BATCH_BYTES_MAX = 64 << 20 };

struct spooled {
    uint64_t number, bytes;
};

struct spool {
    struct sys *sys;
    struct sys_file *lock_file;
    pthread_mutex_t lock;
    char dir[SYS_PATH_MAX + 1];
    char client[17];
    uint64_t bytes_max, next;
    struct spool_place place;
    struct spooled *waiting; /* oldest first */
    uint32_t waiting_count, waiting_cap;
    struct spool_counts counts;
};

static struct str path_of(const struct spool *spool, char *text, const char *format, ...) PRINTF_LIKE(3, 4);

static struct str path_of(const struct spool *spool, char *text, const char *format, ...)
{
    va_list args;
    int size = snprintf(text, SYS_PATH_MAX + 1, "%s/", spool->dir);
    va_start(args, format);
    size += vsnprintf(text + size, SYS_PATH_MAX + 1 - (size_t)size, format, args);
    va_end(args);
    return str_make(text, (size_t)size);
}

/* Writes a whole file so that it is there whole or not at all. */
static enum err write_file(struct spool *spool, const char *name, struct str content, struct why *why)
{
    char text[SYS_PATH_MAX + 1], other[SYS_PATH_MAX + 1];
    struct str path = path_of(spool, text, "%s", name), draft = path_of(spool, other, "%s.new", name);
    struct sys_file *file;
    enum err err = sys_open(spool->sys, draft, SYS_WRITE, &file, why);
    if (err)
        return err;
    err = sys_truncate(spool->sys, file, 0, why);
    if (!err)
        err = sys_write_at(spool->sys, file, 0, content.at, content.size, why);
    if (!err)
        err = sys_sync(spool->sys, file, why);
    sys_close(spool->sys, file);
    if (!err)
        err = sys_rename(spool->sys, draft, path, why);
    return err ? err : sys_sync_dir(spool->sys, str_of(spool->dir), why);
}

static bool read_file(struct spool *spool, const char *name, struct buf *out)
{
    char text[SYS_PATH_MAX + 1];
    return !sys_read_file(spool->sys, path_of(spool, text, "%s", name), BATCH_BYTES_MAX, out, NULL);
}

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

static bool see_file(void *ctx, struct str name, bool is_dir)
{
    struct spool *spool = ctx;
    uint64_t number;
    size_t dot = str_find(name, '.');
    if (is_dir || !str_eq(str_from(name, dot), STR(".batch")) || !str_u64(str_first(name, dot), &number))
        return true;
    push(spool, number, 0);
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct spooled *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Takes the first word of text as a number. */
static uint64_t take_number(struct str *text)
{
    struct str word;
    uint64_t number = 0;
    *text = str_cut(*text, ' ', &word);
    str_u64(word, &number);
    return number;
}

/* Of a batch: its lines, and what its header says. false: it is no batch. */
static bool open_batch(struct str content, struct str *lines, uint64_t *line_count, struct spool_place *place)
{
    struct str header, rest = str_cut(str_first(content, HEADER_MAX), '\n', &header);
    if (!rest.at || !str_starts(header, STR("dialtone-batch 1 ")))
        return false;
    *lines = str_from(content, header.size + 1);
    struct str numbers = str_from(header, strlen("dialtone-batch 1 "));
    *line_count = take_number(&numbers);
    place->file = take_number(&numbers);
    place->offset = take_number(&numbers);
    return true;
}

static void load_state(struct spool *spool)
{
    struct buf text = {0};
    spool->next = 1;
    if (read_file(spool, "sent", &text)) {
        struct str rest = str_trim(buf_view(&text));
        spool->next = take_number(&rest) + 1;
        spool->place.file = take_number(&rest);
        spool->place.offset = take_number(&rest);
    }
    buf_done(&text);
    for (uint32_t i = 0; i < spool->waiting_count; i++) {
        char name[40];
        struct buf content = {0};
        struct str lines;
        uint64_t line_count;
        snprintf(name, sizeof name, "%" PRIu64 ".batch", spool->waiting[i].number);
        if (read_file(spool, name, &content) &&
            open_batch(buf_view(&content), &lines, &line_count, &spool->place)) {
            spool->waiting[i].bytes = content.size;
            spool->counts.waiting_bytes += content.size;
        }
        if (spool->waiting[i].number >= spool->next)
            spool->next = spool->waiting[i].number + 1;
        buf_done(&content);
    }
}

static enum err load_client(struct spool *spool, struct why *why)
{
    struct buf text = {0};
    bool known = read_file(spool, "client", &text) && text.size == sizeof spool->client - 1;
    if (known)
        memcpy(spool->client, text.at, text.size);
    buf_done(&text);
    if (known)
        return ERR_OK;
    snprintf(spool->client, sizeof spool->client, "%016" PRIx64, sys_random_u64(spool->sys));
    return write_file(spool, "client", str_of(spool->client), why);
}

/* Every directory of the path, as mkdir -p. */
static enum err make_dirs(struct sys *sys, struct str dir, struct why *why)
{
    for (size_t i = 1; i <= dir.size; i++)
        if (i == dir.size || dir.at[i] == '/') {
            enum err err = sys_make_dir(sys, str_first(dir, i), why);
            if (err)
                return err;
        }
    return ERR_OK;
}

enum err spool_open(struct sys *sys, struct str dir, uint64_t bytes_max, struct spool **out, struct why *why)
{
    if (!dir.size || dir.size + 64 > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "the spool folder's name is empty or too long");
    struct spool *spool = MEM_NEW(struct spool);
    char text[SYS_PATH_MAX + 1];
    spool->sys = sys;
    spool->bytes_max = bytes_max;
    memcpy(spool->dir, dir.at, dir.size);
    pthread_mutex_init(&spool->lock, NULL);
    enum err err = make_dirs(sys, dir, why);
    if (!err)
        err = sys_open(sys, path_of(spool, text, "lock"), SYS_WRITE, &spool->lock_file, why);
    if (!err && sys_lock(sys, spool->lock_file, NULL))
        err = why_set(why, ERR_BUSY, "another sender uses %s; name another folder with --spool", spool->dir);
    if (!err)
        err = load_client(spool, why);
    if (!err)
        err = sys_list(sys, dir, see_file, spool, why);
    if (err) {
        spool_close(spool);
        return err;
    }
    if (spool->waiting_count)
        qsort(spool->waiting, spool->waiting_count, sizeof *spool->waiting, by_number);
    load_state(spool);
    *out = spool;
    return ERR_OK;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    sys_close(spool->sys, spool->lock_file);
    pthread_mutex_destroy(&spool->lock);
    mem_free(spool->waiting);
    mem_free(spool);
}

struct str spool_client(const struct spool *spool)
{
    return str_of(spool->client);
}

struct spool_place spool_place(struct spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    struct spool_place place = spool->place;
    pthread_mutex_unlock(&spool->lock);
    return place;
}

static void remove_batch(struct spool *spool, uint64_t number)
{
    char text[SYS_PATH_MAX + 1];
    if (sys_unlink(spool->sys, path_of(spool, text, "%" PRIu64 ".batch", number), NULL))
        return; /* it is sent again at the next start, under the same key */
}

/* Forgets the oldest. */
static void shift(struct spool *spool)
{
    spool->counts.waiting--;
    spool->counts.waiting_bytes -= spool->waiting[0].bytes;
    spool->waiting_count--;
    memmove(spool->waiting, spool->waiting + 1, spool->waiting_count * sizeof *spool->waiting);
}

static void drop_oldest(struct spool *spool)
{
    char name[40];
    struct buf content = {0};
    struct str lines;
    uint64_t line_count = 0;
    struct spool_place place;
    snprintf(name, sizeof name, "%" PRIu64 ".batch", spool->waiting[0].number);
    if (read_file(spool, name, &content) && open_batch(buf_view(&content), &lines, &line_count, &place))
        spool->counts.dropped_lines += line_count;
    buf_done(&content);
    spool->counts.dropped++;
    remove_batch(spool, spool->waiting[0].number);
    shift(spool);
}

static uint64_t count_lines(struct str lines)
{
    uint64_t count = 0;
    for (size_t i = 0; i < lines.size; i++)
        count += lines.at[i] == '\n';
    return count;
}

enum err spool_add(struct spool *spool, struct str lines, struct spool_place place, struct why *why)
{
    struct buf content = {0};
    char name[40];
    buf_printf(&content, "dialtone-batch 1 %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", count_lines(lines),
               place.file, place.offset);
    buf_str(&content, lines);
    pthread_mutex_lock(&spool->lock);
    while (spool->waiting_count && spool->counts.waiting_bytes + content.size > spool->bytes_max)
        drop_oldest(spool);
    snprintf(name, sizeof name, "%" PRIu64 ".batch", spool->next);
    enum err err = write_file(spool, name, buf_view(&content), why);
    if (!err) {
        push(spool, spool->next++, content.size);
        spool->place = place;
    }
    pthread_mutex_unlock(&spool->lock);
    buf_done(&content);
    return err;
}

bool spool_first(struct spool *spool, uint64_t *number, struct buf *lines)
{
    bool found = false;
    pthread_mutex_lock(&spool->lock);
    while (spool->waiting_count && !found) {
        char name[40];
        struct buf content = {0};
        struct str text;
        uint64_t line_count;
        struct spool_place place;
        *number = spool->waiting[0].number;
        snprintf(name, sizeof name, "%" PRIu64 ".batch", *number);
        found =
            read_file(spool, name, &content) && open_batch(buf_view(&content), &text, &line_count, &place);
        if (found)
            buf_str(lines, text);
        else
            drop_oldest(spool); /* damaged or gone */
        buf_done(&content);
    }
    pthread_mutex_unlock(&spool->lock);
    return found;
}

void spool_done(struct spool *spool, uint64_t number)
{
    char name[40], text[100];
    struct buf content = {0};
    struct str lines;
    uint64_t line_count;
    struct spool_place place = {0};
    pthread_mutex_lock(&spool->lock);
    if (spool->waiting_count && spool->waiting[0].number == number) {
        snprintf(name, sizeof name, "%" PRIu64 ".batch", number);
        if (read_file(spool, name, &content))
            open_batch(buf_view(&content), &lines, &line_count, &place);
        snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", number, place.file,
                 place.offset);
        if (!write_file(spool, "sent", str_of(text), NULL))
            remove_batch(spool, number);
        shift(spool);
    }
    pthread_mutex_unlock(&spool->lock);
    buf_done(&content);
}

void spool_arrived(struct spool *spool, uint64_t number)
{
    for (;;) {
        pthread_mutex_lock(&spool->lock);
        uint64_t first = spool->waiting_count ? spool->waiting[0].number : UINT64_MAX;
        pthread_mutex_unlock(&spool->lock);
        if (first > number)
            return;
        spool_done(spool, first);
    }
}

void spool_counts(struct spool *spool, struct spool_counts *out)
{
    pthread_mutex_lock(&spool->lock);
    *out = spool->counts;
    pthread_mutex_unlock(&spool->lock);
}
