/* The simulated machine: faults and clocks here, names in sim_tree.c, bytes in sim_file.c.
 *
 * Every call takes a turn: it is counted, and the turn says whether it runs, fails, or falls on a dead
 * machine. The call during which the power goes may still have had its effect, as a real one may: it runs at
 * a coin's toss and answers ERR_IO all the same.
 */
#include "base/sys_sim.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/sim_tree.h"

#include <pthread.h>

enum { DISK_UNLIMITED_LOG2 = 40 };

struct sim {
    struct sys sys; /* first, so that a struct sys * is one */
    pthread_mutex_t mutex;
    struct sim_tree tree;
    struct rng fate;    /* what is lost, torn, half done */
    struct rng program; /* what sys_random hands out */
    int64_t wall_ms;
    uint64_t mono_ns;
    uint64_t disk_bytes;
    uint64_t boot; /* counts power cuts; handles of an earlier one are dead */
    uint64_t calls;
    uint64_t fail_at; /* number of the call; 0: none */
    enum err fail_with;
    bool fail_sticky;
    uint64_t cut_after;
    bool is_off;
    bool no_links;
};

struct sys_file {
    struct sim_node *node;
    uint64_t boot;
    bool may_write;
    char path[SYS_PATH_MAX + 1];
};

static struct sim *sim_of(struct sys *sys)
{
    return (struct sim *)sys;
}

/* ---- turns ---- */

struct turn {
    struct sim *sim;
    bool runs;
    enum err forced; /* what is answered, whatever happened */
};

static struct turn turn_begin(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    struct turn turn = {.sim = sim, .runs = true};
    sim->calls++;
    if (sim->is_off) {
        turn.runs = false;
        turn.forced = ERR_IO;
    } else if (sim->calls > sim->cut_after) {
        sim->is_off = true;
        turn.runs = rng_chance(&sim->fate, 50);
        turn.forced = ERR_IO;
    } else if (sim->fail_at &&
               (sim->calls == sim->fail_at || (sim->fail_sticky && sim->calls > sim->fail_at))) {
        turn.runs = false;
        turn.forced = sim->fail_with;
    }
    return turn;
}

static enum err turn_end(struct turn *turn, enum err err, const char *doing, struct str path, struct why *why)
{
    bool is_off = turn->sim->is_off;
    pthread_mutex_unlock(&turn->sim->mutex);
    if (!turn->forced)
        return err;
    return why_set(why, turn->forced, "cannot %s %.*s: %s", doing, STR_ARG(path),
                   is_off ? "the power is off" : "a simulated fault");
}

/* A handle of before the power cut is no handle. */
static enum err check_file(const struct turn *turn, const struct sys_file *file, struct why *why)
{
    if (file->boot != turn->sim->boot)
        return why_set(why, ERR_IO, "%s: was opened before the power cut", file->path);
    return ERR_OK;
}

static enum err check_writable(const struct turn *turn, const struct sys_file *file, struct why *why)
{
    enum err err = check_file(turn, file, why);
    if (!err && !file->may_write)
        err = why_set(why, ERR_IO, "%s: was opened for reading", file->path);
    return err;
}

/* ---- clock and randomness ---- */

static int64_t op_wall_ms(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    int64_t now = sim->wall_ms;
    pthread_mutex_unlock(&sim->mutex);
    return now;
}

static uint64_t op_mono_ns(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    uint64_t now = sim->mono_ns;
    pthread_mutex_unlock(&sim->mutex);
    return now;
}

static void op_random(struct sys *sys, void *to, size_t size)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)to)[i] = (unsigned char)rng_next(&sim->program);
    pthread_mutex_unlock(&sim->mutex);
}

/* ---- files ---- */

static enum err find_or_make(struct sim *sim, struct str path, enum sys_mode mode, struct sim_node **node,
                             struct why *why)
{
    if (mode == SYS_CREATE)
        return sim_tree_make(&sim->tree, path, false, node, why);
    enum err err = sim_tree_find(&sim->tree, path, node, why);
    if (err == ERR_MISSING && mode == SYS_WRITE)
        err = sim_tree_make(&sim->tree, path, false, node, why);
    if (!err && (*node)->live)
        err = why_set(why, ERR_IO, "%.*s: is a directory", STR_ARG(path));
    return err;
}

static enum err op_open(struct sys *sys, struct str path, enum sys_mode mode, struct sys_file **out,
                        struct why *why)
{
    struct turn turn = turn_begin(sys);
    struct sim_node *node = NULL;
    enum err err = turn.runs ? find_or_make(turn.sim, path, mode, &node, why) : ERR_OK;
    if (turn.runs && !err && !turn.forced) {
        struct sys_file *file = MEM_NEW(struct sys_file);
        sim_tree_use(&turn.sim->tree, node);
        file->node = node;
        file->boot = turn.sim->boot;
        file->may_write = mode != SYS_READ;
        if (path.size)
            memcpy(file->path, path.at, path.size);
        *out = file;
    }
    return turn_end(&turn, err, "open", path, why);
}

static void op_close(struct sys *sys, struct sys_file *file)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    if (file->node->locked_by == file)
        file->node->locked_by = NULL;
    if (file->boot == sim->boot)
        sim_tree_unuse(&sim->tree, file->node);
    else
        sim_tree_unref(&sim->tree, file->node);
    pthread_mutex_unlock(&sim->mutex);
    mem_free(file);
}

static enum err op_read_at(struct sys *sys, struct sys_file *file, uint64_t at, void *to, size_t size,
                           size_t *got, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? check_file(&turn, file, why) : ERR_OK;
    if (turn.runs && !err && !turn.forced) {
        struct str rest =
            at < file->node->file.live.size ? str_from(buf_view(&file->node->file.live), at) : STR_NONE;
        *got = rest.size < size ? rest.size : size;
        if (*got)
            memcpy(to, rest.at, *got);
    }
    return turn_end(&turn, err, "read", str_of(file->path), why);
}

/* Bytes that file may grow by. */
static uint64_t disk_left(const struct sim *sim)
{
    uint64_t total = sim->disk_bytes ? sim->disk_bytes : UINT64_C(1) << DISK_UNLIMITED_LOG2;
    return total > sim->tree.used ? total - sim->tree.used : 0;
}

/* Room for the file to reach end, or why not. */
static enum err check_room(const struct sim *sim, const struct sys_file *file, uint64_t end, struct why *why)
{
    uint64_t size = file->node->file.live.size;
    if (end > size && end - size > disk_left(sim))
        return why_set(why, ERR_FULL, "cannot write %s: no space left on the simulated disk", file->path);
    return ERR_OK;
}

/* The first part of the bytes, as a write that fails half way leaves them. */
static void write_part(struct sim *sim, struct sys_file *file, uint64_t at, const void *from, size_t size)
{
    uint64_t before = file->node->file.live.size;
    uint64_t end_max = before + disk_left(sim);
    size_t fits = at >= end_max ? 0 : at + size > end_max ? (size_t)(end_max - at) : size;
    sim_file_write(&file->node->file, at, from, (size_t)rng_below(&sim->fate, (uint64_t)fits + 1));
    sim->tree.used += file->node->file.live.size - before;
}

static enum err op_write_at(struct sys *sys, struct sys_file *file, uint64_t at, const void *from,
                            size_t size, struct why *why)
{
    struct turn turn = turn_begin(sys);
    uint64_t end;
    CHECK(!__builtin_add_overflow(at, size, &end));
    enum err err = check_writable(&turn, file, why);
    bool is_dead = !turn.runs && turn.sim->is_off;
    if (!err && !is_dead) {
        err = check_room(turn.sim, file, end, why);
        if (err || turn.forced) {
            write_part(turn.sim, file, at, from, size);
        } else {
            uint64_t before = file->node->file.live.size;
            sim_file_write(&file->node->file, at, from, size);
            turn.sim->tree.used += file->node->file.live.size - before;
        }
    }
    return turn_end(&turn, err, "write", str_of(file->path), why);
}

static enum err op_size(struct sys *sys, struct sys_file *file, uint64_t *out, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? check_file(&turn, file, why) : ERR_OK;
    if (turn.runs && !err && !turn.forced)
        *out = file->node->file.live.size;
    return turn_end(&turn, err, "stat", str_of(file->path), why);
}

/* Truncation and reservation: change says which. */
static enum err change_size(struct sys *sys, struct sys_file *file, uint64_t size,
                            void (*change)(struct sim_file *, uint64_t), const char *doing, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? check_writable(&turn, file, why) : ERR_OK;
    if (turn.runs && !err)
        err = check_room(turn.sim, file, size, why);
    if (turn.runs && !err) {
        uint64_t before = file->node->file.live.size;
        change(&file->node->file, size);
        turn.sim->tree.used += file->node->file.live.size - before;
    }
    return turn_end(&turn, err, doing, str_of(file->path), why);
}

static enum err op_truncate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    return change_size(sys, file, size, sim_file_truncate, "truncate", why);
}

static enum err op_allocate(struct sys *sys, struct sys_file *file, uint64_t size, struct why *why)
{
    return change_size(sys, file, size, sim_file_extend, "reserve space for", why);
}

/* A sync that fails has lost pages for good, and the next one does not know it ("Can applications recover
 * from fsync failures?", Rebello et al., ATC 2020). */
static enum err op_sync(struct sys *sys, struct sys_file *file, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = check_file(&turn, file, why);
    bool is_dead = !turn.runs && turn.sim->is_off;
    if (!err && !is_dead) {
        if (turn.runs)
            sim_file_sync(&file->node->file);
        else
            sim_file_settle(&file->node->file, &turn.sim->fate);
    }
    return turn_end(&turn, err, "sync", str_of(file->path), why);
}

static enum err op_lock(struct sys *sys, struct sys_file *file, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? check_file(&turn, file, why) : ERR_OK;
    if (turn.runs && !err && !turn.forced) {
        if (file->node->locked_by && file->node->locked_by != file)
            err = why_set(why, ERR_BUSY, "cannot lock %s: it is locked already", file->path);
        else
            file->node->locked_by = file;
    }
    return turn_end(&turn, err, "lock", str_of(file->path), why);
}

/* ---- names ---- */

static enum err op_rename(struct sys *sys, struct str from, struct str to, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? sim_tree_rename(&turn.sim->tree, from, to, why) : ERR_OK;
    return turn_end(&turn, err, "rename", from, why);
}

static enum err op_link(struct sys *sys, struct str from, struct str to, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = ERR_OK;
    if (turn.runs && turn.sim->no_links)
        err = why_set(why, ERR_REFUSED, "cannot link %.*s: the simulated disk has no links", STR_ARG(from));
    else if (turn.runs)
        err = sim_tree_link(&turn.sim->tree, from, to, why);
    return turn_end(&turn, err, "link", from, why);
}

static enum err op_unlink(struct sys *sys, struct str path, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? sim_tree_remove(&turn.sim->tree, path, false, why) : ERR_OK;
    return turn_end(&turn, err, "remove", path, why);
}

static enum err op_make_dir(struct sys *sys, struct str path, struct why *why)
{
    struct turn turn = turn_begin(sys);
    struct sim_node *node = NULL;
    enum err err = ERR_OK;
    if (turn.runs && sim_tree_find(&turn.sim->tree, path, &node, NULL))
        err = sim_tree_make(&turn.sim->tree, path, true, &node, why);
    else if (node && !node->live)
        err = why_set(why, ERR_IO, "cannot make directory %.*s: a file has this name", STR_ARG(path));
    return turn_end(&turn, err, "make directory", path, why);
}

static enum err op_remove_dir(struct sys *sys, struct str path, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? sim_tree_remove(&turn.sim->tree, path, true, why) : ERR_OK;
    return turn_end(&turn, err, "remove directory", path, why);
}

static enum err op_sync_dir(struct sys *sys, struct str path, struct why *why)
{
    struct turn turn = turn_begin(sys);
    enum err err = turn.runs ? sim_tree_sync_dir(&turn.sim->tree, path, why) : ERR_OK;
    return turn_end(&turn, err, "sync directory", path, why);
}

/* Names are copied out before the caller hears of them, so that it may change the directory meanwhile. */
struct listing {
    struct buf names; /* a byte is_dir, a byte size, the name */
    size_t count;
};

static void add_name(void *ctx, struct str name, bool is_dir)
{
    struct listing *listing = ctx;
    buf_u8(&listing->names, is_dir);
    buf_u8(&listing->names, (uint8_t)name.size);
    buf_str(&listing->names, name);
    listing->count++;
}

/* From the first-th name round to the one before it: no program may count on an order. */
static void tell_names(const struct listing *listing, size_t first, sys_list_fn *each, void *ctx)
{
    for (int round = 0; round < 2; round++) {
        struct str rest = buf_view(&listing->names);
        for (size_t i = 0; i < listing->count; i++) {
            struct str name = {rest.at + 2, (unsigned char)rest.at[1]};
            if ((i >= first) == (round == 0) && !each(ctx, name, rest.at[0]))
                return;
            rest = str_from(rest, name.size + 2);
        }
    }
}

static enum err op_list(struct sys *sys, struct str path, sys_list_fn *each, void *ctx, struct why *why)
{
    struct turn turn = turn_begin(sys);
    struct listing listing = {0};
    struct sim_node *node;
    enum err err = turn.runs ? sim_tree_find(&turn.sim->tree, path, &node, why) : ERR_OK;
    if (turn.runs && !err && !node->live)
        err = why_set(why, ERR_IO, "cannot list %.*s: not a directory", STR_ARG(path));
    if (turn.runs && !err && !turn.forced)
        sim_tree_each(node, add_name, &listing);
    size_t first = (size_t)rng_below(&turn.sim->fate, listing.count);
    err = turn_end(&turn, err, "list", path, why);
    if (!err)
        tell_names(&listing, first, each, ctx);
    buf_done(&listing.names);
    return err;
}

static enum err op_space(struct sys *sys, struct str path, uint64_t *free_bytes, uint64_t *total_bytes,
                         struct why *why)
{
    struct turn turn = turn_begin(sys);
    struct sim_node *node;
    enum err err = turn.runs ? sim_tree_find(&turn.sim->tree, path, &node, why) : ERR_OK;
    if (turn.runs && !err && !turn.forced) {
        *free_bytes = disk_left(turn.sim);
        *total_bytes = turn.sim->disk_bytes ? turn.sim->disk_bytes : UINT64_C(1) << DISK_UNLIMITED_LOG2;
    }
    return turn_end(&turn, err, "ask for the space of", path, why);
}

/* ---- what the test says ---- */

struct sys *sys_sim_new(const struct sys_sim_options *options)
{
    static const struct sys_ops ops = {
        .wall_ms = op_wall_ms,
        .mono_ns = op_mono_ns,
        .random = op_random,
        .open = op_open,
        .close = op_close,
        .read_at = op_read_at,
        .write_at = op_write_at,
        .size = op_size,
        .truncate = op_truncate,
        .allocate = op_allocate,
        .sync = op_sync,
        .lock = op_lock,
        .rename = op_rename,
        .link = op_link,
        .unlink = op_unlink,
        .make_dir = op_make_dir,
        .remove_dir = op_remove_dir,
        .sync_dir = op_sync_dir,
        .list = op_list,
        .space = op_space,
    };
    struct sim *sim = MEM_NEW(struct sim);
    sim->sys.ops = &ops;
    sim->fate.state = hash_mix(options->seed + 1);
    sim->program.state = hash_mix(options->seed + 2) ^ 0x5851f42d4c957f2d;
    sim->wall_ms = options->wall_ms;
    sim->disk_bytes = options->disk_bytes;
    sim->boot = 1;
    sim->cut_after = UINT64_MAX;
    CHECK(pthread_mutex_init(&sim->mutex, NULL) == 0);
    sim_tree_init(&sim->tree);
    return &sim->sys;
}

void sys_sim_free(struct sys *sys)
{
    if (!sys)
        return;
    struct sim *sim = sim_of(sys);
    sim_tree_done(&sim->tree);
    pthread_mutex_destroy(&sim->mutex);
    mem_free(sim);
}

void sys_sim_advance(struct sys *sys, int64_t ms)
{
    struct sim *sim = sim_of(sys);
    CHECK(ms >= 0);
    pthread_mutex_lock(&sim->mutex);
    sim->wall_ms += ms;
    sim->mono_ns += (uint64_t)ms * 1000000;
    pthread_mutex_unlock(&sim->mutex);
}

void sys_sim_jump_wall(struct sys *sys, int64_t ms)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    sim->wall_ms += ms;
    pthread_mutex_unlock(&sim->mutex);
}

void sys_sim_fail_at(struct sys *sys, uint64_t n, enum err err, bool sticky)
{
    struct sim *sim = sim_of(sys);
    CHECK(n == 0 || err != ERR_OK);
    pthread_mutex_lock(&sim->mutex);
    sim->fail_at = n ? sim->calls + n : 0;
    sim->fail_with = err;
    sim->fail_sticky = sticky;
    pthread_mutex_unlock(&sim->mutex);
}

uint64_t sys_sim_calls(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    uint64_t calls = sim->calls;
    pthread_mutex_unlock(&sim->mutex);
    return calls;
}

void sys_sim_set_links(struct sys *sys, bool has_links)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    sim->no_links = !has_links;
    pthread_mutex_unlock(&sim->mutex);
}

void sys_sim_set_disk(struct sys *sys, uint64_t disk_bytes)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    sim->disk_bytes = disk_bytes;
    pthread_mutex_unlock(&sim->mutex);
}

void sys_sim_cut_power_at(struct sys *sys, uint64_t n)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    if (__builtin_add_overflow(sim->calls, n, &sim->cut_after))
        sim->cut_after = UINT64_MAX;
    pthread_mutex_unlock(&sim->mutex);
}

bool sys_sim_is_off(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    bool is_off = sim->is_off;
    pthread_mutex_unlock(&sim->mutex);
    return is_off;
}

void sys_sim_crash(struct sys *sys)
{
    struct sim *sim = sim_of(sys);
    pthread_mutex_lock(&sim->mutex);
    sim->boot++;
    sim->is_off = false;
    sim->cut_after = UINT64_MAX;
    sim->fail_at = 0;
    sim_tree_crash(&sim->tree, &sim->fate);
    pthread_mutex_unlock(&sim->mutex);
}

bool sys_sim_flip(struct sys *sys, struct str path, uint64_t byte, unsigned bit)
{
    struct sim *sim = sim_of(sys);
    struct sim_node *node;
    CHECK(bit < 8);
    pthread_mutex_lock(&sim->mutex);
    bool done = !sim_tree_find(&sim->tree, path, &node, NULL) && byte < node->file.disk.size;
    if (done) {
        node->file.disk.at[byte] ^= (char)(1u << bit);
        if (byte < node->file.live.size)
            node->file.live.at[byte] ^= (char)(1u << bit);
    }
    pthread_mutex_unlock(&sim->mutex);
    return done;
}
