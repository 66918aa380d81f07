/* Changes that were not synced stay in a list in the order they were made. When the power goes, each is
 * decided for itself, so a later write may be there without an earlier one, as the caches of a kernel and of
 * a disk allow. A mood is drawn for each file first (all, nothing, half ...): independent coins alone would
 * hardly ever lose ten writes together, which is what happens to real files most of the time.
 */
#include "base/sim_file.h"

#include "base/mem.h"

enum change_kind { CHANGE_WRITE, CHANGE_TRUNCATE, CHANGE_EXTEND };

struct sim_change {
    struct sim_change *next;
    enum change_kind kind;
    uint64_t at; /* of a write; else the new size */
    size_t size;
    char bytes[];
};

static void resize(struct buf *buf, uint64_t size)
{
    if (size > buf->size) {
        size_t more = (size_t)(size - buf->size);
        memset(buf_grow(buf, more), 0, more);
    }
    buf->size = (size_t)size;
}

static void extend(struct buf *buf, uint64_t size)
{
    if (size > buf->size)
        resize(buf, size);
}

static void put(struct buf *buf, uint64_t at, const char *from, size_t size)
{
    extend(buf, at + size);
    memcpy(buf->at + at, from, size);
}

static void apply(struct buf *buf, const struct sim_change *change)
{
    if (change->kind == CHANGE_WRITE)
        put(buf, change->at, change->bytes, change->size);
    else if (change->kind == CHANGE_TRUNCATE)
        resize(buf, change->at);
    else
        extend(buf, change->at);
}

static void add(struct sim_file *file, enum change_kind kind, uint64_t at, const void *from, size_t size)
{
    struct sim_change *change = mem_alloc(sizeof *change + size);
    *change = (struct sim_change){.kind = kind, .at = at, .size = size};
    if (size)
        memcpy(change->bytes, from, size);
    apply(&file->live, change);
    *(file->last ? &file->last->next : &file->first) = change;
    file->last = change;
}

static void forget_changes(struct sim_file *file)
{
    for (struct sim_change *change = file->first, *next; change; change = next) {
        next = change->next;
        mem_free(change);
    }
    file->first = file->last = NULL;
}

void sim_file_done(struct sim_file *file)
{
    forget_changes(file);
    buf_done(&file->live);
    buf_done(&file->disk);
}

void sim_file_write(struct sim_file *file, uint64_t at, const void *from, size_t size)
{
    if (size)
        add(file, CHANGE_WRITE, at, from, size);
}

void sim_file_truncate(struct sim_file *file, uint64_t size)
{
    add(file, CHANGE_TRUNCATE, size, NULL, 0);
}

void sim_file_extend(struct sim_file *file, uint64_t size)
{
    if (size > file->live.size)
        add(file, CHANGE_EXTEND, size, NULL, 0);
}

void sim_file_sync(struct sim_file *file)
{
    for (const struct sim_change *change = file->first; change; change = change->next)
        apply(&file->disk, change);
    forget_changes(file);
}

/* Some sectors of a write arrive: the first few, or any of them. */
static void tear(struct buf *disk, const struct sim_change *change, struct rng *rng)
{
    uint64_t first = change->at / SIM_SECTOR, end = (change->at + change->size - 1) / SIM_SECTOR + 1;
    uint64_t cut = rng_chance(rng, 50) ? first + rng_below(rng, end - first + 1) : UINT64_MAX;
    for (uint64_t sector = first; sector < end; sector++) {
        uint64_t from = sector * SIM_SECTOR, to = from + SIM_SECTOR;
        from = from > change->at ? from : change->at;
        to = to < change->at + change->size ? to : change->at + change->size;
        if (cut == UINT64_MAX ? rng_chance(rng, 50) : sector < cut)
            put(disk, from, change->bytes + (from - change->at), (size_t)(to - from));
    }
}

static void settle_one(struct buf *disk, const struct sim_change *change, unsigned keep_percent,
                       struct rng *rng)
{
    bool keep = rng_chance(rng, keep_percent);
    bool torn = change->kind == CHANGE_WRITE && keep_percent % 100 != 0 && rng_chance(rng, 30);
    if (torn)
        tear(disk, change, rng);
    else if (keep)
        apply(disk, change);
    if (change->kind == CHANGE_WRITE && rng_chance(rng, 30)) /* the size was written, the data not */
        extend(disk, change->at + change->size);
}

void sim_file_settle(struct sim_file *file, struct rng *rng)
{
    static const unsigned moods[] = {0, 10, 50, 50, 90, 100};
    unsigned keep_percent = moods[rng_below(rng, sizeof moods / sizeof *moods)];
    for (const struct sim_change *change = file->first; change; change = change->next)
        settle_one(&file->disk, change, keep_percent, rng);
    forget_changes(file);
}

void sim_file_reboot(struct sim_file *file)
{
    forget_changes(file);
    file->live.size = 0;
    buf_str(&file->live, buf_view(&file->disk));
}
