/* Any text as a backup's list of files. With a right end put behind it half of the time, or nothing would be
 * taken; whatever is taken stays inside of the folder and says itself again. */
#include "../fuzz.h"
#include "store/manifest.h"

static void check_inside(struct str path)
{
    CHECK(path.size > 0 && path.at[0] != '/');
    for (struct str rest = path, part; rest.at;) {
        rest = str_cut(rest, '/', &part);
        CHECK(part.size && !str_eq(part, STR(".")) && !str_eq(part, STR("..")));
    }
}

/* Written again, it is read as the same. */
static void check_again(const struct manifest *manifest)
{
    struct manifest again;
    struct buf text = {0};
    struct why why = {0};
    enum err err = ERR_OK;
    manifest_begin(&text, 0, manifest->rows);
    for (uint32_t i = 0; i < manifest->count && !err; i++)
        err = manifest_add(&text, &manifest->entries[i], &why);
    manifest_end(&text, manifest->count);
    if (!err) { /* a name with a control byte is read and never written */
        CHECK(manifest_parse(&again, buf_view(&text), &why) == ERR_OK);
        CHECK(again.count == manifest->count && again.bytes == manifest->bytes);
        manifest_done(&again);
    }
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;
    struct why why = {0};
    struct buf text = {0};
    uint32_t count = 0;
    if (size == 0)
        return 0;
    buf_put(&text, data + 1, size - 1);
    struct str rest = buf_view(&text), line;
    while (rest.size) {
        rest = str_cut(rest, '\n', &line);
        count++;
    }
    if (data[0] % 2 && count >= 3)
        manifest_end(&text, count - 3);
    if (manifest_parse(&manifest, buf_view(&text), &why) == ERR_OK) {
        for (uint32_t i = 0; i < manifest.count; i++)
            check_inside(manifest.entries[i].path);
        check_again(&manifest);
        manifest_done(&manifest);
    } else {
        CHECK(why.err == ERR_CORRUPT && why.text[0]);
    }
    buf_done(&text);
    return 0;
}
