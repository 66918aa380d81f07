/* sim_tree.h: the names of a simulated disk: what the program sees, and what a power cut would leave.
 *
 * Part of the simulated machine (sys_sim.h). Paths start at one root, "/a/b" and "a/b" are the same, "" "."
 * and "/" are the root, ".." is not known. A file may have several names, a directory has one. One thread.
 */
#ifndef BASE_SIM_TREE_H
#define BASE_SIM_TREE_H

#include "base/err.h"
#include "base/sim_file.h"
#include "base/sys.h"

struct sim_dir; /* the entries of one directory */

/* A file or a directory. It lives as long as a name, an open handle or an un-synced change of names needs it.
 */
struct sim_node {
    unsigned refs;
    unsigned users;       /* names that the program sees, and open handles */
    struct sim_dir *live; /* NULL: a file */
    struct sim_dir *disk;
    struct sim_file file;
    const void *locked_by;
};

struct sim_name_op; /* a made, moved or removed name whose directory was not synced */

struct sim_tree {
    struct sim_node *root;
    struct sim_name_op *ops;
    size_t op_count, op_cap;
    uint64_t used; /* bytes of all files that the program can reach */
};

void sim_tree_init(struct sim_tree *tree);
void sim_tree_done(struct sim_tree *tree);

/* A handle is a use of a node; the bytes of a file without name go when its last use ends. */
void sim_tree_use(struct sim_tree *tree, struct sim_node *node);
void sim_tree_unuse(struct sim_tree *tree, struct sim_node *node);
/* A handle from before the power cut keeps the memory alive and nothing else. */
void sim_tree_unref(struct sim_tree *tree, struct sim_node *node);

/* ERR_MISSING: no such name, or no such directory before it. Errors come with a why that names the path. */
enum err sim_tree_find(struct sim_tree *tree, struct str path, struct sim_node **out, struct why *why);
enum err sim_tree_make(struct sim_tree *tree, struct str path, bool is_dir, struct sim_node **out,
                       struct why *why);
enum err sim_tree_rename(struct sim_tree *tree, struct str from, struct str to, struct why *why);
enum err sim_tree_link(struct sim_tree *tree, struct str from, struct str to, struct why *why);
enum err sim_tree_remove(struct sim_tree *tree, struct str path, bool is_dir, struct why *why);
enum err sim_tree_sync_dir(struct sim_tree *tree, struct str path, struct why *why);

/* Calls each(ctx, name, is_dir) for the names of a directory, in the order they came. */
void sim_tree_each(const struct sim_node *dir, void (*each)(void *ctx, struct str name, bool is_dir),
                   void *ctx);

/* The power goes and comes back. Uses of before do not count any more. */
void sim_tree_crash(struct sim_tree *tree, struct rng *rng);

#endif
