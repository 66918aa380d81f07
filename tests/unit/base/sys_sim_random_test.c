/* Random calls, faults and power cuts on the simulated machine, against a model of what must survive and what
 * may. The model knows nothing of how the machine keeps its changes: per byte it holds the set of values that
 * a crash may leave (a write fills its range with one letter, so a set is 64 bits), per name the set of
 * files.
 *
 * A seed that fails is printed; DIALTONE_TEST_SEED=N runs that one alone.
 */
#include "base/buf.h"
#include "base/rng.h"
#include "base/sys_sim.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES = 8, FILES_MAX = 64, BYTES_MAX = 2048, HEAD = 4, STEPS = 120, ROUNDS = 3 };

static const char *const names[NAMES] = {"a", "b", "c", "e", "d/a", "d/b", "d/c", "d/e"}; /* d is durable */

/* One file, known by the number in its first four bytes. */
struct model_file {
    uint32_t id;
    uint8_t live[BYTES_MAX];
    uint64_t may[BYTES_MAX]; /* bit v: after a crash the byte may be v */
    uint32_t size, size_min, size_max;
    bool poisoned;   /* a sync of it failed: nothing is sure until the next crash */
    bool must_exist; /* its name was synced, and it was neither removed nor replaced since */
};

struct model {
    struct sys *sys;
    struct rng rng;
    struct model_file files[FILES_MAX];
    unsigned file_count;
    unsigned live[NAMES]; /* 1 + index of the file, or 0 */
    uint64_t may[NAMES];  /* bit 1 + index; bit 0: no file */
};

static void complain(const char *what, const char *name)
{
    print_error("%s: %s\n", name, what);
    fail();
}

/* ---- what the calls do to the model ---- */

static void may_resize(struct model_file *file, uint32_t size)
{
    file->size_min = size < file->size_min ? size : file->size_min;
    file->size_max = size > file->size_max ? size : file->size_max;
}

/* Live is size long now; what is cut or added reads as zeros. */
static void model_resize(struct model_file *file, uint32_t size)
{
    uint32_t least = size < file->size ? size : file->size;
    memset(file->live + least, 0, BYTES_MAX - least);
    for (uint32_t i = least; i < BYTES_MAX; i++)
        file->may[i] |= 1;
    file->size = size;
    may_resize(file, size);
}

static void model_write(struct model_file *file, uint32_t at, uint32_t size, uint8_t letter, bool is_live)
{
    for (uint32_t i = at; i < at + size; i++) {
        file->may[i] |= UINT64_C(1) << letter;
        if (is_live)
            file->live[i] = letter;
    }
    if (is_live && at + size > file->size)
        file->size = at + size;
    may_resize(file, at + size > file->size ? at + size : file->size);
}

static void model_sync(struct model_file *file)
{
    if (file->poisoned)
        return;
    for (uint32_t i = 0; i < BYTES_MAX; i++)
        file->may[i] = UINT64_C(1) << file->live[i];
    file->size_min = file->size_max = file->size;
}

static void model_set_name(struct model *model, unsigned name, unsigned file, bool is_live)
{
    model->may[name] |= UINT64_C(1) << file;
    if (model->live[name])
        model->files[model->live[name] - 1].must_exist = false; /* replaced, removed; a rename repairs it */
    if (is_live)
        model->live[name] = file;
}

static bool is_in(unsigned name, bool sub)
{
    return (name >= NAMES / 2) == sub;
}

static void model_sync_dir(struct model *model, bool sub)
{
    for (unsigned n = 0; n < NAMES; n++) {
        if (!is_in(n, sub))
            continue;
        model->may[n] = UINT64_C(1) << model->live[n];
        if (model->live[n])
            model->files[model->live[n] - 1].must_exist = true;
    }
}

/* ---- steps; each returns the error of its call ---- */

static struct sys_file *open_name(struct model *model, unsigned name)
{
    struct sys_file *file = NULL;
    if (sys_open(model->sys, str_of(names[name]), SYS_WRITE, &file, NULL))
        return NULL;
    return file;
}

/* Live bytes as the machine shows them, after a write that failed half way. */
static void read_back(struct model *model, struct model_file *file, struct sys_file *handle)
{
    size_t got;
    uint8_t bytes[BYTES_MAX] = {0};
    if (sys_read_at(model->sys, handle, 0, bytes, BYTES_MAX, &got, NULL))
        return;
    for (size_t i = HEAD; i < got; i++)
        if (!(file->may[i] >> bytes[i] & 1))
            complain("a failed write left bytes that nobody wrote", "live");
    memcpy(file->live + HEAD, bytes + HEAD, BYTES_MAX - HEAD);
    file->size = (uint32_t)got;
}

static enum err step_write(struct model *model, struct model_file *file, struct sys_file *handle)
{
    uint32_t at = HEAD + (uint32_t)rng_below(&model->rng, BYTES_MAX - HEAD);
    uint32_t size = 1 + (uint32_t)rng_below(&model->rng, BYTES_MAX - at);
    uint8_t bytes[BYTES_MAX], letter = (uint8_t)(1 + rng_below(&model->rng, 63));
    memset(bytes, letter, size);
    enum err err = sys_write_at(model->sys, handle, at, bytes, size, NULL);
    model_write(file, at, size, letter, !err);
    if (err)
        read_back(model, file, handle);
    return err;
}

static enum err step_resize(struct model *model, struct model_file *file, struct sys_file *handle)
{
    uint32_t size = HEAD + (uint32_t)rng_below(&model->rng, BYTES_MAX - HEAD);
    bool grow_only = rng_chance(&model->rng, 50);
    enum err err = grow_only ? sys_allocate(model->sys, handle, size, NULL)
                             : sys_truncate(model->sys, handle, size, NULL);
    if (!err && (!grow_only || size > file->size)) {
        model_resize(file, size);
    } else if (err) {
        for (uint32_t i = size; i < BYTES_MAX; i++)
            file->may[i] |= 1;
        may_resize(file, size);
    }
    return err;
}

static enum err step_sync(struct model *model, struct model_file *file, struct sys_file *handle)
{
    enum err err = sys_sync(model->sys, handle, NULL);
    if (err)
        file->poisoned = true;
    else
        model_sync(file);
    return err;
}

static enum err step_bytes(struct model *model, unsigned name)
{
    if (!model->live[name])
        return ERR_OK;
    struct sys_file *handle = open_name(model, name);
    if (!handle)
        return ERR_IO;
    struct model_file *file = &model->files[model->live[name] - 1];
    uint64_t what = rng_below(&model->rng, 4);
    enum err err = what < 2    ? step_write(model, file, handle)
                   : what == 2 ? step_resize(model, file, handle)
                               : step_sync(model, file, handle);
    sys_close(model->sys, handle);
    return err;
}

/* The number of a new file is written and synced before anything else, without a fault. */
static enum err step_create(struct model *model, unsigned name)
{
    if (model->live[name] || model->file_count == FILES_MAX - 1)
        return ERR_OK;
    sys_sim_fail_at(model->sys, 0, ERR_OK, false);
    struct sys_file *handle;
    enum err err = sys_open(model->sys, str_of(names[name]), SYS_CREATE, &handle, NULL);
    if (err) { /* the power: a file without a number may be there, which the check takes for nothing */
        model->may[name] |= 1;
        return err;
    }
    struct model_file *file = &model->files[model->file_count++];
    *file = (struct model_file){.id = 0x1000 + model->file_count};
    for (unsigned i = 0; i < BYTES_MAX; i++)
        file->may[i] = 1;
    model_set_name(model, name, model->file_count, true);
    err = sys_write_at(model->sys, handle, 0, &file->id, HEAD, NULL);
    if (!err)
        err = sys_sync(model->sys, handle, NULL);
    file->size = file->size_min = file->size_max = HEAD;
    sys_close(model->sys, handle);
    return err;
}

static enum err step_rename(struct model *model, unsigned from, unsigned to)
{
    if (!model->live[from] || from == to)
        return ERR_OK;
    unsigned file = model->live[from];
    bool must = model->files[file - 1].must_exist;
    enum err err = sys_rename(model->sys, str_of(names[from]), str_of(names[to]), NULL);
    if (!err || sys_sim_is_off(model->sys)) {
        model_set_name(model, to, file, !err);
        model_set_name(model, from, 0, !err);
        model->files[file - 1].must_exist = must;
    }
    return err;
}

static enum err step_unlink(struct model *model, unsigned name)
{
    if (!model->live[name])
        return ERR_OK;
    enum err err = sys_unlink(model->sys, str_of(names[name]), NULL);
    if (!err || sys_sim_is_off(model->sys))
        model_set_name(model, name, 0, !err);
    return err;
}

static enum err step_sync_dir(struct model *model)
{
    bool sub = rng_chance(&model->rng, 50);
    enum err err = sys_sync_dir(model->sys, sub ? STR("d") : STR("/"), NULL);
    if (!err)
        model_sync_dir(model, sub);
    return err;
}

static void step(struct model *model)
{
    unsigned name = (unsigned)rng_below(&model->rng, NAMES), other = (unsigned)rng_below(&model->rng, NAMES);
    if (rng_chance(&model->rng, 5))
        sys_sim_fail_at(model->sys, 1 + rng_below(&model->rng, 2), ERR_IO, false);
    uint64_t what = rng_below(&model->rng, 100);
    enum err err = what < 15   ? step_create(model, name)
                   : what < 70 ? step_bytes(model, name)
                   : what < 82 ? step_rename(model, name, other)
                   : what < 90 ? step_unlink(model, name)
                               : step_sync_dir(model);
    assert_true(err == ERR_OK || err == ERR_IO);
}

/* ---- after the power cut ---- */

/* 1 + index of the file under the name, or 0. Its bytes come in bytes. */
static unsigned look(struct model *model, unsigned name, uint8_t *bytes, size_t *size)
{
    struct sys_file *handle;
    uint32_t id;
    if (sys_open(model->sys, str_of(names[name]), SYS_READ, &handle, NULL))
        return 0;
    assert_int_equal(sys_read_at(model->sys, handle, 0, bytes, BYTES_MAX, size, NULL), ERR_OK);
    sys_close(model->sys, handle);
    memcpy(&id, bytes, HEAD);
    unsigned found = *size >= HEAD && id > 0x1000 && id <= 0x1000 + model->file_count ? id - 0x1000 : 0;
    if (!found) /* made while the power went: of no number yet */
        assert_int_equal(sys_unlink(model->sys, str_of(names[name]), NULL), ERR_OK);
    return found;
}

static void check_bytes(struct model *model, struct model_file *file, unsigned name, const uint8_t *bytes,
                        size_t size)
{
    if (size < file->size_min || size > file->size_max)
        complain("has a size that it never had", names[name]);
    for (size_t i = HEAD; i < size; i++)
        if (bytes[i] > 63 || !(file->may[i] >> bytes[i] & 1))
            complain("lost a synced byte, or has one that nobody wrote", names[name]);
    memset(file->live, 0, BYTES_MAX);
    memcpy(file->live + HEAD, bytes + HEAD, size - HEAD);
    file->size = (uint32_t)size;
    file->poisoned = false;
    model_sync(file);
}

static void check_after_crash(struct model *model)
{
    unsigned seen[FILES_MAX + 1] = {0};
    for (unsigned n = 0; n < NAMES; n++) {
        uint8_t bytes[BYTES_MAX] = {0};
        size_t size = 0;
        unsigned found = look(model, n, bytes, &size);
        if (!(model->may[n] >> found & 1))
            complain(found ? "names a file that it cannot" : "is missing", names[n]);
        if (found && seen[found]++)
            complain("is the second name of a file", names[n]);
        if (found)
            check_bytes(model, &model->files[found - 1], n, bytes, size);
        model->live[n] = found;
    }
    for (unsigned f = 0; f < model->file_count; f++)
        if (model->files[f].must_exist && !seen[f + 1])
            complain("a file with a synced name is gone", "");
    for (unsigned sub = 0; sub < 2; sub++) { /* for the unlinks of look */
        assert_int_equal(sys_sync_dir(model->sys, sub ? STR("d") : STR("/"), NULL), ERR_OK);
        model_sync_dir(model, sub);
    }
    for (unsigned f = 0; f < model->file_count; f++)
        model->files[f].must_exist = seen[f + 1];
}

static void check_live(struct model *model)
{
    for (unsigned n = 0; n < NAMES; n++) {
        uint8_t bytes[BYTES_MAX] = {0};
        size_t size = 0;
        unsigned found = look(model, n, bytes, &size);
        if (found != model->live[n])
            complain("names another file while the power is on", names[n]);
        if (!found)
            continue;
        const struct model_file *file = &model->files[found - 1];
        if (size != file->size || memcmp(bytes + HEAD, file->live + HEAD, BYTES_MAX - HEAD) != 0)
            complain("reads wrong while the power is on", names[n]);
    }
}

static void run(uint64_t seed)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->rng.state = seed;
    model->sys = sys_sim_new(&(struct sys_sim_options){.seed = seed});
    assert_int_equal(sys_make_dir(model->sys, STR("d"), NULL), ERR_OK);
    model_sync_dir(model, false);
    model_sync_dir(model, true);
    assert_int_equal(sys_sync_dir(model->sys, STR("/"), NULL), ERR_OK);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t steps = rng_below(&model->rng, STEPS);
        bool cut = rng_chance(&model->rng, 50);
        if (cut)
            sys_sim_cut_power_at(model->sys, rng_below(&model->rng, 2 * STEPS));
        for (uint64_t i = 0; i < steps && !sys_sim_is_off(model->sys); i++)
            step(model);
        sys_sim_fail_at(model->sys, 0, ERR_OK, false);
        if (!cut)
            check_live(model);
        sys_sim_crash(model->sys);
        check_after_crash(model);
    }
    sys_sim_free(model->sys);
    free(model);
}

static uint64_t seed_now;

static int say_seed(void **state)
{
    print_message("the last seed was %llu\n", (unsigned long long)seed_now);
    return 0;
}

static void any_run_leaves_what_it_must(void **state)
{
    const char *only = getenv("DIALTONE_TEST_SEED");
    uint64_t first = only ? strtoull(only, NULL, 10) : 0, end = only ? first + 1 : 2000;
    for (seed_now = first; seed_now < end; seed_now++)
        run(seed_now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(any_run_leaves_what_it_must, say_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
