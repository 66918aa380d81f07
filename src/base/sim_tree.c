/* Every directory holds its entries twice, live and on disk. A change of names is done live at once and kept
 * as an op until a directory of it is synced; at a power cut each op is kept or lost.
 *
 * What may be lost without what: any journal keeps a rename in one piece and two changes of the same file or
 * of the same name in order, so an op that is kept takes along the earlier ops it hangs on (see hangs_on).
 * Beyond that the order is free, since POSIX promises none; half of the crashes keep a plain prefix, as ext4
 * does. A new directory that was not synced in its parent may be lost with everything in it, even if it was
 * synced itself.
 */
#include "base/sim_tree.h"

#include "base/check.h"
#include "base/mem.h"

enum { NAME_BYTES_MAX = 255 };

struct sim_entry {
    struct buf name;
    struct sim_node *node;
};

struct sim_dir {
    struct sim_entry *entries;
    size_t count, cap;
};

/* A name in a directory; dir == NULL: none. */
struct place {
    struct sim_node *dir;
    struct buf name;
};

struct sim_name_op {
    struct sim_node *node;
    struct place from; /* none: it was made */
    struct place to;   /* none: it was removed */
    bool chosen;
};

/* ---- nodes and entries ---- */

static void dir_free(struct sim_tree *tree, struct sim_dir *dir)
{
    if (!dir)
        return;
    for (size_t i = 0; i < dir->count; i++) {
        buf_done(&dir->entries[i].name);
        sim_tree_unref(tree, dir->entries[i].node);
    }
    mem_free(dir->entries);
    mem_free(dir);
}

void sim_tree_unref(struct sim_tree *tree, struct sim_node *node)
{
    CHECK(node->refs > 0);
    if (--node->refs)
        return;
    dir_free(tree, node->live);
    dir_free(tree, node->disk);
    sim_file_done(&node->file);
    mem_free(node);
}

void sim_tree_use(struct sim_tree *tree, struct sim_node *node)
{
    node->refs++;
    if (node->users++ == 0)
        tree->used += node->file.live.size;
}

void sim_tree_unuse(struct sim_tree *tree, struct sim_node *node)
{
    CHECK(node->users > 0);
    if (--node->users == 0)
        tree->used -= node->file.live.size;
    sim_tree_unref(tree, node);
}

static struct sim_node *node_new(bool is_dir)
{
    struct sim_node *node = MEM_NEW(struct sim_node);
    if (is_dir) {
        node->live = MEM_NEW(struct sim_dir);
        node->disk = MEM_NEW(struct sim_dir);
    }
    return node;
}

static size_t dir_index(const struct sim_dir *dir, struct str name)
{
    size_t i = 0;
    while (i < dir->count && !str_eq(buf_view(&dir->entries[i].name), name))
        i++;
    return i;
}

static struct sim_node *dir_find(const struct sim_dir *dir, struct str name)
{
    size_t i = dir_index(dir, name);
    return i < dir->count ? dir->entries[i].node : NULL;
}

/* Sets the entry and returns the node that had the name before, or NULL; reference counts are the caller's.
 */
static struct sim_node *dir_set(struct sim_dir *dir, struct str name, struct sim_node *node)
{
    size_t i = dir_index(dir, name);
    if (i < dir->count) {
        struct sim_node *old = dir->entries[i].node;
        dir->entries[i].node = node;
        return old;
    }
    if (dir->count == dir->cap) {
        dir->cap = dir->cap ? dir->cap * 2 : 8;
        dir->entries = mem_resize(dir->entries, dir->cap, sizeof *dir->entries);
    }
    dir->entries[dir->count] = (struct sim_entry){.node = node};
    buf_str(&dir->entries[dir->count].name, name);
    dir->count++;
    return NULL;
}

static struct sim_node *dir_take(struct sim_dir *dir, struct str name)
{
    size_t i = dir_index(dir, name);
    if (i == dir->count)
        return NULL;
    struct sim_node *node = dir->entries[i].node;
    buf_done(&dir->entries[i].name);
    dir->count--;
    memmove(&dir->entries[i], &dir->entries[i + 1], (dir->count - i) * sizeof *dir->entries);
    return node;
}

/* ---- ops ---- */

static struct place place_copy(struct sim_node *dir, struct str name)
{
    struct place place = {.dir = dir};
    if (dir) {
        dir->refs++;
        buf_str(&place.name, name);
    }
    return place;
}

static void place_done(struct sim_tree *tree, struct place *place)
{
    buf_done(&place->name);
    if (place->dir)
        sim_tree_unref(tree, place->dir);
}

/* Does op the live change, and remembers it. */
static void do_op(struct sim_tree *tree, struct sim_node *node, struct place from, struct place to)
{
    if (tree->op_count == tree->op_cap) {
        tree->op_cap = tree->op_cap ? tree->op_cap * 2 : 16;
        tree->ops = mem_resize(tree->ops, tree->op_cap, sizeof *tree->ops);
    }
    node->refs++;
    tree->ops[tree->op_count++] = (struct sim_name_op){.node = node, .from = from, .to = to};
    struct sim_node *gone = NULL;
    if (to.dir) {
        sim_tree_use(tree, node);
        gone = dir_set(to.dir->live, buf_view(&to.name), node);
    }
    if (gone)
        sim_tree_unuse(tree, gone);
    if (from.dir)
        sim_tree_unuse(tree, dir_take(from.dir->live, buf_view(&from.name)));
}

static void op_done(struct sim_tree *tree, struct sim_name_op *op)
{
    place_done(tree, &op->from);
    place_done(tree, &op->to);
    sim_tree_unref(tree, op->node);
}

static void op_to_disk(struct sim_tree *tree, const struct sim_name_op *op)
{
    struct sim_node *gone = NULL;
    if (op->to.dir) {
        op->node->refs++;
        gone = dir_set(op->to.dir->disk, buf_view(&op->to.name), op->node);
    }
    if (gone)
        sim_tree_unref(tree, gone);
    gone = op->from.dir ? dir_take(op->from.dir->disk, buf_view(&op->from.name)) : NULL;
    if (gone)
        sim_tree_unref(tree, gone);
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->dir && a->dir == b->dir && str_eq(buf_view(&a->name), buf_view(&b->name));
}

/* later cannot be on the disk without earlier: the same file, the same name, a directory that was emptied
 * before it was removed, or one that was made or moved before something was moved into it. */
static bool hangs_on(const struct sim_name_op *later, const struct sim_name_op *earlier)
{
    bool emptied = !later->to.dir && (earlier->from.dir == later->node || earlier->to.dir == later->node);
    bool moved_in = later->from.dir && later->to.dir == earlier->node;
    return later->node == earlier->node || same_place(&later->from, &earlier->from) ||
           same_place(&later->from, &earlier->to) || same_place(&later->to, &earlier->from) ||
           same_place(&later->to, &earlier->to) || emptied || moved_in;
}

/* Chosen ops take along what they hang on, go to the disk, and leave the list. */
static void write_chosen(struct sim_tree *tree)
{
    for (size_t j = tree->op_count; j-- > 0;)
        for (size_t i = 0; tree->ops[j].chosen && i < j; i++)
            tree->ops[i].chosen |= hangs_on(&tree->ops[j], &tree->ops[i]);
    size_t left = 0;
    for (size_t i = 0; i < tree->op_count; i++) {
        if (tree->ops[i].chosen) {
            op_to_disk(tree, &tree->ops[i]);
            op_done(tree, &tree->ops[i]);
        } else {
            tree->ops[left++] = tree->ops[i];
        }
    }
    tree->op_count = left;
}

static void drop_ops(struct sim_tree *tree)
{
    for (size_t i = 0; i < tree->op_count; i++)
        op_done(tree, &tree->ops[i]);
    tree->op_count = 0;
}

/* ---- paths ---- */

static struct str next_name(struct str *rest)
{
    struct str name = STR_NONE;
    while (rest->at && (name.size == 0 || str_eq(name, STR("."))))
        *rest = str_cut(*rest, '/', &name);
    return str_eq(name, STR(".")) ? STR_NONE : name;
}

/* The directory that holds path's last name; *name is empty for the root. */
static enum err find_parent(struct sim_tree *tree, struct str path, struct sim_node **dir, struct str *name,
                            struct why *why)
{
    if (path.size > SYS_PATH_MAX)
        return why_set(why, ERR_LIMIT, "a path of %zu bytes is longer than %d", path.size, SYS_PATH_MAX);
    struct str rest = path;
    struct sim_node *at = tree->root;
    for (*name = next_name(&rest);;) {
        struct str next = next_name(&rest);
        if (name->size > NAME_BYTES_MAX)
            return why_set(why, ERR_IO, "%.*s: a name is too long", STR_ARG(path));
        if (!next.size)
            break;
        at = dir_find(at->live, *name);
        if (!at)
            return why_set(why, ERR_MISSING, "%.*s: no such directory", STR_ARG(path));
        if (!at->live)
            return why_set(why, ERR_IO, "%.*s: not a directory", STR_ARG(path));
        *name = next;
    }
    *dir = at;
    return ERR_OK;
}

enum err sim_tree_find(struct sim_tree *tree, struct str path, struct sim_node **out, struct why *why)
{
    struct sim_node *dir;
    struct str name;
    enum err err = find_parent(tree, path, &dir, &name, why);
    if (err)
        return err;
    struct sim_node *node = name.size ? dir_find(dir->live, name) : dir;
    if (!node)
        return why_set(why, ERR_MISSING, "%.*s: no such file or directory", STR_ARG(path));
    *out = node;
    return ERR_OK;
}

enum err sim_tree_make(struct sim_tree *tree, struct str path, bool is_dir, struct sim_node **out,
                       struct why *why)
{
    struct sim_node *dir;
    struct str name;
    enum err err = find_parent(tree, path, &dir, &name, why);
    if (err)
        return err;
    if (!name.size || dir_find(dir->live, name))
        return why_set(why, ERR_EXISTS, "%.*s: exists already", STR_ARG(path));
    struct sim_node *node = node_new(is_dir);
    do_op(tree, node, (struct place){0}, place_copy(dir, name));
    *out = node;
    return ERR_OK;
}

static bool is_inside(const struct sim_node *node, const struct sim_node *dir)
{
    bool inside = node == dir;
    for (size_t i = 0; !inside && dir->live && i < dir->live->count; i++)
        inside = is_inside(node, dir->live->entries[i].node);
    return inside;
}

enum err sim_tree_rename(struct sim_tree *tree, struct str from, struct str to, struct why *why)
{
    struct sim_node *old_dir, *new_dir, *node;
    struct str old_name, new_name;
    enum err err = sim_tree_find(tree, from, &node, why);
    if (!err)
        err = find_parent(tree, from, &old_dir, &old_name, why);
    if (!err)
        err = find_parent(tree, to, &new_dir, &new_name, why);
    if (err)
        return err;
    struct sim_node *target = new_name.size ? dir_find(new_dir->live, new_name) : new_dir;
    if (node == target)
        return ERR_OK;
    if (!old_name.size || (target && (node->live || target->live)) || is_inside(new_dir, node))
        return why_set(why, ERR_IO, "cannot rename %.*s to %.*s: a directory is in the way", STR_ARG(from),
                       STR_ARG(to));
    do_op(tree, node, place_copy(old_dir, old_name), place_copy(new_dir, new_name));
    return ERR_OK;
}

enum err sim_tree_link(struct sim_tree *tree, struct str from, struct str to, struct why *why)
{
    struct sim_node *node, *dir;
    struct str name;
    enum err err = sim_tree_find(tree, from, &node, why);
    if (!err)
        err = find_parent(tree, to, &dir, &name, why);
    if (err)
        return err;
    if (!name.size || dir_find(dir->live, name))
        return why_set(why, ERR_EXISTS, "%.*s: exists already", STR_ARG(to));
    if (node->live)
        return why_set(why, ERR_REFUSED, "cannot link %.*s: is a directory", STR_ARG(from));
    do_op(tree, node, (struct place){0}, place_copy(dir, name));
    return ERR_OK;
}

enum err sim_tree_remove(struct sim_tree *tree, struct str path, bool is_dir, struct why *why)
{
    struct sim_node *node, *dir;
    struct str name;
    enum err err = sim_tree_find(tree, path, &node, why);
    if (!err)
        err = find_parent(tree, path, &dir, &name, why);
    if (err)
        return err;
    if (!name.size || is_dir != (node->live != NULL))
        return why_set(why, ERR_IO, "%.*s: %s", STR_ARG(path), is_dir ? "not a directory" : "is a directory");
    if (is_dir && node->live->count)
        return why_set(why, ERR_IO, "%.*s: directory not empty", STR_ARG(path));
    do_op(tree, node, place_copy(dir, name), (struct place){0});
    return ERR_OK;
}

enum err sim_tree_sync_dir(struct sim_tree *tree, struct str path, struct why *why)
{
    struct sim_node *dir;
    enum err err = sim_tree_find(tree, path, &dir, why);
    if (err)
        return err;
    if (!dir->live)
        return why_set(why, ERR_IO, "%.*s: not a directory", STR_ARG(path));
    for (size_t i = 0; i < tree->op_count; i++)
        tree->ops[i].chosen = tree->ops[i].from.dir == dir || tree->ops[i].to.dir == dir;
    write_chosen(tree);
    return ERR_OK;
}

void sim_tree_each(const struct sim_node *dir, void (*each)(void *ctx, struct str name, bool is_dir),
                   void *ctx)
{
    for (size_t i = 0; i < dir->live->count; i++)
        each(ctx, buf_view(&dir->live->entries[i].name), dir->live->entries[i].node->live != NULL);
}

/* ---- the power goes ---- */

static void choose_by_fate(struct sim_tree *tree, struct rng *rng)
{
    static const unsigned moods[] = {0, 50, 90, 100};
    unsigned keep_percent = moods[rng_below(rng, sizeof moods / sizeof *moods)];
    bool is_prefix = rng_chance(rng, 50);
    size_t end = is_prefix ? (size_t)rng_below(rng, tree->op_count + 1) : 0;
    for (size_t i = 0; i < tree->op_count; i++)
        tree->ops[i].chosen = is_prefix ? i < end : rng_chance(rng, keep_percent);
}

/* No handle and no name counts any more; a file with two names is met twice. */
static void forget_users(struct sim_node *node)
{
    node->users = 0;
    node->locked_by = NULL;
    for (size_t i = 0; node->disk && i < node->disk->count; i++)
        forget_users(node->disk->entries[i].node);
}

/* Live becomes what the disk holds, from node downwards. */
static void reboot(struct sim_tree *tree, struct sim_node *node, struct rng *rng)
{
    if (!node->live) {
        sim_file_settle(&node->file, rng);
        sim_file_reboot(&node->file);
        return;
    }
    struct sim_dir *old = node->live;
    node->live = MEM_NEW(struct sim_dir);
    for (size_t i = 0; i < node->disk->count; i++) {
        const struct sim_entry *entry = &node->disk->entries[i];
        reboot(tree, entry->node, rng);
        sim_tree_use(tree, entry->node);
        dir_set(node->live, buf_view(&entry->name), entry->node);
    }
    dir_free(tree, old);
}

void sim_tree_crash(struct sim_tree *tree, struct rng *rng)
{
    choose_by_fate(tree, rng);
    write_chosen(tree);
    drop_ops(tree);
    tree->used = 0;
    forget_users(tree->root);
    reboot(tree, tree->root, rng);
}

void sim_tree_init(struct sim_tree *tree)
{
    *tree = (struct sim_tree){.root = node_new(true)};
    tree->root->refs = 1;
}

void sim_tree_done(struct sim_tree *tree)
{
    drop_ops(tree);
    mem_free(tree->ops);
    sim_tree_unref(tree, tree->root);
}
