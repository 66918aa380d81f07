#include "base/buf.h"
#include "base/sys.h"

#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static int enter_folder(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/sys_real_test.XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static bool remove_name(void *ctx, struct str name, bool is_dir)
{
    (void)!(is_dir ? sys_remove_dir(sys_real(), name, NULL) : sys_unlink(sys_real(), name, NULL));
    return true;
}

static int leave_folder(void **state)
{
    enum err err = sys_list(sys_real(), STR("."), remove_name, NULL, NULL);
    return err || chdir("/") || rmdir(folder) ? -1 : 0;
}

static struct sys_file *open_file(const char *path, enum sys_mode mode)
{
    struct sys_file *file;
    assert_int_equal(sys_open(sys_real(), str_of(path), mode, &file, NULL), ERR_OK);
    return file;
}

static void modes_say_what_must_be_there(void **state)
{
    struct sys *sys = sys_real();
    struct sys_file *file;
    struct why why;
    assert_int_equal(sys_open(sys, STR("modes"), SYS_READ, &file, &why), ERR_MISSING);
    assert_non_null(strstr(why.text, "modes"));
    sys_close(sys, open_file("modes", SYS_WRITE));
    sys_close(sys, open_file("modes", SYS_WRITE));
    sys_close(sys, open_file("modes", SYS_READ));
    assert_int_equal(sys_open(sys, STR("modes"), SYS_CREATE, &file, &why), ERR_EXISTS);
    sys_close(sys, open_file("modes2", SYS_CREATE));
    assert_int_equal(sys_open(sys, STR("nowhere/a"), SYS_WRITE, &file, &why), ERR_MISSING);
    assert_int_equal(sys_open(sys, STR("modes/a"), SYS_WRITE, &file, &why), ERR_IO);
    file = open_file("modes", SYS_READ);
    assert_int_equal(sys_write_at(sys, file, 0, "a", 1, &why), ERR_IO);
    sys_close(sys, file);
    sys_close(sys, NULL);
    char path[SYS_PATH_MAX + 1];
    memset(path, 'a', sizeof path);
    assert_int_equal(sys_open(sys, str_make(path, sizeof path), SYS_READ, &file, &why), ERR_LIMIT);
    assert_int_equal(sys_open(sys, STR_NONE, SYS_READ, &file, &why), ERR_MISSING);
}

static void reads_stop_at_the_end(void **state)
{
    struct sys *sys = sys_real();
    struct sys_file *file = open_file("bytes", SYS_CREATE);
    char got[16];
    size_t size;
    uint64_t total;
    assert_int_equal(sys_write_at(sys, file, 4, "hello", 5, NULL), ERR_OK);
    assert_int_equal(sys_read_at(sys, file, 0, got, sizeof got, &size, NULL), ERR_OK);
    assert_int_equal(size, 9);
    assert_memory_equal(got, "\0\0\0\0hello", 9);
    assert_int_equal(sys_read_at(sys, file, 8, got, 1, &size, NULL), ERR_OK);
    assert_true(size == 1 && got[0] == 'o');
    assert_int_equal(sys_read_at(sys, file, 9, got, 1, &size, NULL), ERR_OK);
    assert_int_equal(size, 0);
    assert_int_equal(sys_read_at(sys, file, 1 << 20, got, 1, &size, NULL), ERR_OK);
    assert_int_equal(size, 0);
    assert_int_equal(sys_truncate(sys, file, 5, NULL), ERR_OK);
    assert_int_equal(sys_allocate(sys, file, 4096, NULL), ERR_OK);
    assert_int_equal(sys_allocate(sys, file, 10, NULL), ERR_OK);
    assert_int_equal(sys_size(sys, file, &total, NULL), ERR_OK);
    assert_int_equal(total, 4096);
    assert_int_equal(sys_read_at(sys, file, 3, got, 4, &size, NULL), ERR_OK);
    assert_memory_equal(got, "\0h\0\0", 4);
    assert_int_equal(sys_sync(sys, file, NULL), ERR_OK);
    sys_close(sys, file);
}

static void whole_files_are_read_up_to_a_limit(void **state)
{
    struct sys *sys = sys_real();
    struct sys_file *file = open_file("whole", SYS_CREATE);
    struct buf buf = {0};
    struct why why;
    assert_int_equal(sys_read_file(sys, STR("whole"), 0, &buf, &why), ERR_OK);
    assert_int_equal(buf.size, 0);
    assert_int_equal(sys_write_at(sys, file, 0, "hello", 5, NULL), ERR_OK);
    sys_close(sys, file);
    buf_str(&buf, STR("I say "));
    assert_int_equal(sys_read_file(sys, STR("whole"), 5, &buf, &why), ERR_OK);
    assert_true(str_eq(buf_view(&buf), STR("I say hello")));
    assert_int_equal(sys_read_file(sys, STR("whole"), 4, &buf, &why), ERR_LIMIT);
    assert_int_equal(sys_read_file(sys, STR("absent"), 4, &buf, &why), ERR_MISSING);
    assert_int_equal(buf.size, 11);
    buf_done(&buf);
}

/* Another process cannot lock the file until this one closes it. */
static enum err lock_in_child(void)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sys_file *file;
        enum err err = sys_open(sys_real(), STR("lock"), SYS_WRITE, &file, NULL);
        if (!err) {
            err = sys_lock(sys_real(), file, NULL);
            sys_close(sys_real(), file);
        }
        _exit((int)err);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return (enum err)WEXITSTATUS(status);
}

static void locks_hold_off_other_processes(void **state)
{
    struct sys *sys = sys_real();
    struct sys_file *file = open_file("lock", SYS_WRITE), *other = open_file("lock", SYS_WRITE);
    assert_int_equal(lock_in_child(), ERR_OK);
    assert_int_equal(sys_lock(sys, file, NULL), ERR_OK);
    assert_int_equal(sys_lock(sys, other, NULL), ERR_BUSY); /* another handle of the same process */
    assert_int_equal(lock_in_child(), ERR_BUSY);
    sys_close(sys, other);
    assert_int_equal(lock_in_child(), ERR_BUSY);
    sys_close(sys, file);
    assert_int_equal(lock_in_child(), ERR_OK);
}

struct seen {
    unsigned files, dirs, stop_after;
};

static bool count_name(void *ctx, struct str name, bool is_dir)
{
    struct seen *seen = ctx;
    *(is_dir ? &seen->dirs : &seen->files) += 1;
    assert_true(str_eq(name, STR("f1")) || str_eq(name, STR("f2")) || str_eq(name, STR("sub")));
    return seen->files + seen->dirs != seen->stop_after;
}

static void names_are_made_moved_listed_and_removed(void **state)
{
    struct sys *sys = sys_real();
    assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("d"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("d/sub"), NULL), ERR_OK);
    assert_int_equal(sys_make_dir(sys, STR("nowhere/sub"), NULL), ERR_MISSING);
    sys_close(sys, open_file("d/f0", SYS_CREATE));
    sys_close(sys, open_file("d/f2", SYS_CREATE));
    assert_int_equal(sys_make_dir(sys, STR("d/f0"), NULL), ERR_IO); /* a file has this name */
    assert_int_equal(sys_rename(sys, STR("d/f0"), STR("d/f1"), NULL), ERR_OK);
    assert_int_equal(sys_rename(sys, STR("d/f0"), STR("d/f1"), NULL), ERR_MISSING);
    struct why why;
    assert_int_equal(sys_link(sys, STR("d/f1"), STR("d/f2"), &why), ERR_EXISTS);
    assert_int_equal(sys_link(sys, STR("d/f0"), STR("d/f3"), &why), ERR_MISSING);
    assert_int_equal(sys_link(sys, STR("d"), STR("d/f3"), &why), ERR_REFUSED); /* EPERM, as without links */
    assert_int_equal(why.err, ERR_REFUSED);
    assert_int_equal(sys_link(sys, STR("d/f1"), STR("d/sub/f1"), &why), ERR_OK);
    assert_int_equal(sys_unlink(sys, STR("d/sub/f1"), NULL), ERR_OK);
    assert_int_equal(sys_sync_dir(sys, STR("d"), NULL), ERR_OK);
    assert_int_equal(sys_sync_dir(sys, STR("nowhere"), NULL), ERR_MISSING);
    struct seen seen = {0};
    assert_int_equal(sys_list(sys, STR("d"), count_name, &seen, NULL), ERR_OK);
    assert_true(seen.files == 2 && seen.dirs == 1);
    seen = (struct seen){.stop_after = 1};
    assert_int_equal(sys_list(sys, STR("d"), count_name, &seen, NULL), ERR_OK);
    assert_int_equal(seen.files + seen.dirs, 1);
    assert_int_equal(sys_list(sys, STR("nowhere"), count_name, &seen, NULL), ERR_MISSING);
    assert_int_equal(sys_remove_dir(sys, STR("d"), NULL), ERR_IO); /* not empty */
    assert_int_equal(sys_unlink(sys, STR("d/f1"), NULL), ERR_OK);
    assert_int_equal(sys_unlink(sys, STR("d/f1"), NULL), ERR_MISSING);
    assert_int_equal(sys_rename(sys, STR("d/f2"), STR("modes3"), NULL), ERR_OK);
    assert_int_equal(sys_remove_dir(sys, STR("d/sub"), NULL), ERR_OK);
    assert_int_equal(sys_remove_dir(sys, STR("d"), NULL), ERR_OK);
}

static void clocks_and_randomness_move(void **state)
{
    struct sys *sys = sys_real();
    uint64_t before = sys_mono_ns(sys), a = sys_random_u64(sys), b = sys_random_u64(sys);
    assert_true(a != b);
    assert_true(sys_mono_ns(sys) >= before);
    assert_true(sys_wall_ms(sys) > INT64_C(1600000000000));
    char bytes[1000] = {0}, zeros[1000] = {0};
    sys_random(sys, bytes, sizeof bytes);
    assert_memory_not_equal(bytes, zeros, sizeof bytes);
    uint64_t left, total;
    assert_int_equal(sys_space(sys, STR("."), &left, &total, NULL), ERR_OK);
    assert_true(left <= total && total > 0);
    assert_int_equal(sys_space(sys, STR("nowhere"), &left, &total, NULL), ERR_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_say_what_must_be_there),
        cmocka_unit_test(reads_stop_at_the_end),
        cmocka_unit_test(whole_files_are_read_up_to_a_limit),
        cmocka_unit_test(locks_hold_off_other_processes),
        cmocka_unit_test(names_are_made_moved_listed_and_removed),
        cmocka_unit_test(clocks_and_randomness_move),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
