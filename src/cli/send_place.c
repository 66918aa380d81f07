#include "cli/send_place.h"

#include "base/mem.h"

#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

static void forget(struct places *places, uint32_t index)
{
    mem_free((char *)places->at[index].path.at);
    places->count--;
    memmove(places->at + index, places->at + index + 1, (places->count - index) * sizeof *places->at);
}

void places_done(struct places *places)
{
    while (places->count)
        forget(places, places->count - 1);
    mem_free(places->at);
    places->at = NULL;
}

static uint32_t index_of(const struct places *places, struct str path)
{
    uint32_t index = 0;
    while (index < places->count && !str_eq(places->at[index].path, path))
        index++;
    return index;
}

void places_set(struct places *places, const struct place *place)
{
    char *path = mem_alloc(place->path.size + 1);
    memcpy(path, place->path.at, place->path.size);
    uint32_t index = index_of(places, place->path);
    if (index < places->count)
        forget(places, index);
    else if (places->count == PLACES_MAX)
        forget(places, 0);
    if (!places->at)
        places->at = mem_zero(PLACES_MAX, sizeof *places->at);
    places->at[places->count] = *place;
    places->at[places->count++].path = str_make(path, place->path.size);
}

bool places_find(const struct places *places, struct str path, struct place *out)
{
    uint32_t index = index_of(places, path);
    if (index == places->count)
        return false;
    *out = places->at[index];
    return true;
}

void place_print(const struct place *place, struct buf *out)
{
    buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " ", place->inode, place->device,
               place->offset, place->mark);
    buf_str(out, place->path);
}

bool place_take_number(struct str *text, uint64_t *number)
{
    struct str word;
    *text = str_cut(*text, ' ', &word);
    return str_u64(word, number);
}

bool place_parse(struct str text, struct place *out)
{
    struct place place = {0};
    if (!place_take_number(&text, &place.inode) || !place_take_number(&text, &place.device) ||
        !place_take_number(&text, &place.offset) || !place_take_number(&text, &place.mark) || !text.size)
        return false;
    place.path = text;
    *out = place;
    return true;
}

void place_path(const char *file, struct buf *out)
{
    char here[PATH_MAX];
    while (file[0] == '.' && file[1] == '/')
        file += file[2] == '/' ? 1 : 2;
    if (file[0] != '/' && getcwd(here, sizeof here)) {
        buf_str(out, str_of(here));
        if (out->at[out->size - 1] != '/')
            buf_char(out, '/');
    }
    buf_str(out, str_of(file));
}
