/* A file is written under another name, synced, and renamed. `client` holds 16 hexadecimal digits; `sent`
 * "dialtone-sent 2 NUMBER\n" with the newest batch that is done, then a line for each place (send_place.h).
 * Version 1 of it was "NUMBER INODE OFFSET\n". */
#include "cli/send_spool_folder.h"

#include <inttypes.h>
#include <stdio.h>

enum { FILE_BYTES_MAX = 64 << 20, NAME_BYTES = 40 };

static struct str path_of(const struct spool_folder *folder, char *text, const char *name, const char *ending)
{
    int size = snprintf(text, SYS_PATH_MAX + 1, "%s/%s%s", folder->dir, name, ending);
    return str_make(text, (size_t)size);
}

static enum err write_file(struct spool_folder *folder, const char *name, struct str content, struct why *why)
{
    char text[SYS_PATH_MAX + 1], other[SYS_PATH_MAX + 1];
    struct str path = path_of(folder, text, name, ""), draft = path_of(folder, other, name, ".new");
    struct sys_file *file;
    enum err err = sys_open(folder->sys, draft, SYS_WRITE, &file, why);
    if (err)
        return err;
    err = sys_truncate(folder->sys, file, 0, why);
    if (!err)
        err = sys_write_at(folder->sys, file, 0, content.at, content.size, why);
    if (!err)
        err = sys_sync(folder->sys, file, why);
    sys_close(folder->sys, file);
    if (!err)
        err = sys_rename(folder->sys, draft, path, why);
    if (err) {
        if (sys_unlink(folder->sys, draft,
                       NULL)) /* its space is given back, or the next try writes over it */
            return err;
        return err;
    }
    return sys_sync_dir(folder->sys, str_of(folder->dir), why);
}

static enum err read_file(struct spool_folder *folder, const char *name, struct buf *out, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    return sys_read_file(folder->sys, path_of(folder, text, name, ""), FILE_BYTES_MAX, out, why);
}

static const char *batch_name(char *text, uint64_t number)
{
    snprintf(text, NAME_BYTES, "%" PRIu64 ".batch", number);
    return text;
}

enum err spool_folder_name_client(struct spool_folder *folder, struct why *why)
{
    snprintf(folder->client, sizeof folder->client, "%016" PRIx64, sys_random_u64(folder->sys));
    return write_file(folder, "client", str_of(folder->client), why);
}

static enum err load_client(struct spool_folder *folder, struct why *why)
{
    struct buf text = {0};
    enum err err = read_file(folder, "client", &text, why);
    bool known = !err && text.size == sizeof folder->client - 1;
    if (known)
        memcpy(folder->client, text.at, text.size);
    buf_done(&text);
    return err && err != ERR_MISSING ? err : known ? ERR_OK : spool_folder_name_client(folder, why);
}

/* Every directory of the path, as mkdir -p, and lasting: else the first power cut could take the whole
 * folder. One whose parent may not be read is taken as it is. */
static enum err make_dirs(struct sys *sys, struct str dir, struct why *why)
{
    struct str parent = dir.at[0] == '/' ? STR("/") : STR(".");
    for (size_t i = 1; i <= dir.size; i++)
        if (i == dir.size || dir.at[i] == '/') {
            enum err err = sys_make_dir(sys, str_first(dir, i), why);
            if (err || (err = sys_sync_dir(sys, parent, why)) == ERR_FULL)
                return err;
            parent = str_first(dir, i);
        }
    return ERR_OK;
}

enum err spool_folder_open(struct spool_folder *folder, struct sys *sys, struct str dir, struct why *why)
{
    char text[SYS_PATH_MAX + 1];
    *folder = (struct spool_folder){.sys = sys};
    if (!dir.size || dir.size + NAME_BYTES + 8 > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "the spool folder's name is empty or too long");
    memcpy(folder->dir, dir.at, dir.size);
    enum err err = make_dirs(sys, dir, why);
    if (!err)
        err = sys_open(sys, path_of(folder, text, "lock", ""), SYS_WRITE, &folder->lock, why);
    if (!err && sys_lock(sys, folder->lock, NULL))
        err = why_set(why, ERR_BUSY, "another sender uses %s; name another folder with --spool", folder->dir);
    return err ? err : load_client(folder, why);
}

void spool_folder_close(struct spool_folder *folder)
{
    sys_close(folder->sys, folder->lock);
}

enum err spool_folder_read_sent(struct spool_folder *folder, uint64_t *done, struct places *places,
                                struct why *why)
{
    struct buf text = {0};
    struct place place;
    enum err err = read_file(folder, "sent", &text, why);
    struct str line, rest = str_cut(buf_view(&text), '\n', &line);
    if (str_starts(line, STR("dialtone-sent 2 ")))
        line = str_from(line, strlen("dialtone-sent 2 "));
    if (!err && !place_take_number(&line, done))
        err = why_set(why, ERR_CORRUPT, "%s/sent is damaged; remove it to start without the places it held",
                      folder->dir);
    while (!err && rest.size) {
        rest = str_cut(rest, '\n', &line);
        if (place_parse(line, &place))
            places_set(places, &place);
    }
    buf_done(&text);
    return err == ERR_MISSING ? ERR_OK : err;
}

enum err spool_folder_write_sent(struct spool_folder *folder, uint64_t done, const struct places *places,
                                 struct why *why)
{
    struct buf text = {0};
    buf_printf(&text, "dialtone-sent 2 %" PRIu64 "\n", done);
    for (uint32_t i = 0; i < places->count; i++) {
        place_print(&places->at[i], &text);
        buf_char(&text, '\n');
    }
    enum err err = write_file(folder, "sent", buf_view(&text), why);
    buf_done(&text);
    return err;
}

struct listing {
    spool_folder_fn *each;
    void *ctx;
};

static bool see_file(void *ctx, struct str name, bool is_dir)
{
    struct listing *listing = ctx;
    uint64_t number;
    size_t dot = str_find(name, '.');
    if (!is_dir && str_eq(str_from(name, dot), STR(".batch")) && str_u64(str_first(name, dot), &number))
        listing->each(listing->ctx, number);
    return true;
}

enum err spool_folder_list(struct spool_folder *folder, spool_folder_fn *each, void *ctx, struct why *why)
{
    struct listing listing = {each, ctx};
    return sys_list(folder->sys, str_of(folder->dir), see_file, &listing, why);
}

enum err spool_folder_read_batch(struct spool_folder *folder, uint64_t number, struct buf *content,
                                 struct batch *out, struct why *why)
{
    char name[NAME_BYTES];
    enum err err = read_file(folder, batch_name(name, number), content, why);
    if (err == ERR_MISSING || (!err && !batch_parse(buf_view(content), out)))
        return why_set(why, ERR_CORRUPT, "%s/%s is gone or damaged", folder->dir, name);
    return err;
}

enum err spool_folder_write_batch(struct spool_folder *folder, uint64_t number, struct str content,
                                  struct why *why)
{
    char name[NAME_BYTES];
    return write_file(folder, batch_name(name, number), content, why);
}

void spool_folder_remove_batch(struct spool_folder *folder, uint64_t number)
{
    char name[NAME_BYTES], text[SYS_PATH_MAX + 1];
    if (sys_unlink(folder->sys, path_of(folder, text, batch_name(name, number), ""), NULL))
        return; /* see the header */
}
