#include "store/manifest.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/store_path.h"

#include <inttypes.h>

enum { TEXT_BYTES_MAX = 256 << 20 };

/* ---- writing ---- */

void manifest_begin(struct buf *text, int64_t taken_ms, uint64_t rows)
{
    buf_str(text, STR("dialtone backup 1\ntaken "));
    buf_time(text, taken_ms);
    buf_printf(text, "\nrows %" PRIu64 "\n", rows);
}

enum err manifest_add(struct buf *text, const struct manifest_entry *entry, struct why *why)
{
    for (size_t i = 0; i < entry->path.size; i++)
        if ((unsigned char)entry->path.at[i] < ' ')
            return why_set(why, ERR_LIMIT, "%.*s: a name with a line break or another control byte",
                           STR_ARG(entry->path));
    if (entry->is_segment)
        buf_printf(text, "segment %" PRIu64 " ", entry->sum.bytes);
    else
        buf_printf(text, "file %" PRIu64 " %016" PRIx64 " ", entry->sum.bytes, entry->sum.hash);
    buf_str(text, entry->path);
    buf_char(text, '\n');
    return ERR_OK;
}

void manifest_end(struct buf *text, uint32_t count)
{
    uint64_t hash = hash_bytes(buf_view(text));
    buf_printf(text, "end %u %016" PRIx64 "\n", count, hash);
}

/* ---- reading ---- */

static bool take_word(struct str *line, const char *word)
{
    struct str head, rest = str_cut(*line, ' ', &head);
    if (!str_eq(head, str_of(word)))
        return false;
    *line = rest;
    return true;
}

static bool take_u64(struct str *line, uint64_t *out)
{
    struct str head;
    *line = str_cut(*line, ' ', &head);
    return str_u64(head, out);
}

static bool take_hash(struct str *line, uint64_t *out)
{
    struct str head;
    *line = str_cut(*line, ' ', &head);
    *out = 0;
    for (size_t i = 0; i < head.size; i++) {
        char c = head.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *out = *out << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return head.size == 16;
}

/* Only places inside of the folder: no part is empty, "." or "..". */
static bool is_inside(struct str path)
{
    if (path.size == 0 || path.size > SYS_PATH_MAX / 2)
        return false;
    for (struct str rest = path, part; rest.at;) {
        rest = str_cut(rest, '/', &part);
        if (part.size == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")))
            return false;
    }
    return true;
}

static bool take_entry(struct str line, struct manifest_entry *out)
{
    *out = (struct manifest_entry){0};
    out->is_segment = take_word(&line, "segment");
    if (!out->is_segment && !take_word(&line, "file"))
        return false;
    bool good = take_u64(&line, &out->sum.bytes) && (out->is_segment || take_hash(&line, &out->sum.hash));
    out->path = line;
    return good && is_inside(line);
}

static void add_entry(struct manifest *manifest, struct manifest_entry entry)
{
    if (manifest->count == manifest->cap) {
        manifest->cap = manifest->cap ? manifest->cap * 2 : 64;
        manifest->entries = mem_resize(manifest->entries, manifest->cap, sizeof *manifest->entries);
    }
    manifest->entries[manifest->count++] = entry;
    manifest->bytes += entry.sum.bytes;
}

static enum err refuse(struct why *why, uint32_t line)
{
    return why_set_at(why, ERR_CORRUPT, line, 0, "the list of the backup's files is damaged in line %u",
                      line);
}

static enum err parse_lines(struct manifest *manifest, struct why *why)
{
    struct str text = buf_view(&manifest->text), rest = text, line;
    uint32_t number = 0;
    while (rest.size) {
        struct str here = rest;
        struct manifest_entry entry;
        uint64_t count, hash;
        rest = str_cut(rest, '\n', &line);
        number++;
        if (number == 1 && !str_eq(line, STR("dialtone backup 1")))
            return why_set_at(why, ERR_CORRUPT, 1, 0,
                              "this is no list of a backup's files that is known here");
        if (number == 1 || (number == 2 && take_word(&line, "taken")))
            continue;
        if (number == 3 && take_word(&line, "rows") && take_u64(&line, &manifest->rows))
            continue;
        if (number > 3 && take_word(&line, "end")) {
            struct str before = str_first(text, (size_t)(here.at - text.at));
            bool whole = take_u64(&line, &count) && take_hash(&line, &hash) && count == manifest->count &&
                         hash == hash_bytes(before) && rest.size == 0;
            return whole ? ERR_OK : refuse(why, number);
        }
        if (number <= 3 || !take_entry(line, &entry))
            return refuse(why, number);
        add_entry(manifest, entry);
    }
    return why_set(why, ERR_CORRUPT, "the list of the backup's files has no end");
}

enum err manifest_parse(struct manifest *manifest, struct str text, struct why *why)
{
    *manifest = (struct manifest){0};
    buf_str(&manifest->text, text);
    enum err err = parse_lines(manifest, why);
    if (err)
        manifest_done(manifest);
    return err;
}

enum err manifest_read(struct sys *sys, struct str dir, struct manifest *manifest, struct why *why)
{
    struct store_path path = store_path(dir, "%.*s", STR_ARG(MANIFEST_NAME));
    struct buf text = {0};
    enum err err = sys_read_file(sys, store_path_str(&path), TEXT_BYTES_MAX, &text, why);
    if (!err)
        err = manifest_parse(manifest, buf_view(&text), why);
    buf_done(&text);
    return err;
}

void manifest_done(struct manifest *manifest)
{
    buf_done(&manifest->text);
    mem_free(manifest->entries);
    *manifest = (struct manifest){0};
}
