/* kill -9 on real files: a child appends numbered batches, commits, seals, merges, and reports each
 * acknowledged number on a pipe; the parent kills it at a random moment, opens the folder and counts. Every
 * acknowledged batch is there once and whole, every other one whole or absent. More: store_kill_test ROUNDS.
 */
#include "store_kit.h"

#include "../cmocka_all.h"
#include "base/check.h"
#include "base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned rounds = 20;

enum { NUMBERS_MAX = 1 << 20, ROWS_MAX = 40 };

static unsigned rows_of(uint32_t number)
{
    return 1 + number * 7 % ROWS_MAX;
}

static void make_rows(struct rng *rng, uint32_t number, struct kit_rows *rows)
{
    rows->count = 0;
    kit_random_rows(rng, sys_wall_ms(sys_real()), rows_of(number), number % 5 == 0 ? 30 : 0, rows);
    for (unsigned i = 0; i < rows->count; i++)
        rows->at[i].value = (double)number * ROWS_MAX + i;
}

static void options(struct kit *kit, const char *dir)
{
    kit_init(kit, sys_real(), dir);
    kit->options.lanes = 2;
    kit->options.head_rows_max = 500;
    kit->options.log_file_bytes = 32 * 1024;
}

static void child(const char *dir, uint32_t number, int pipe_fd)
{
    struct kit kit;
    struct kit_rows rows = {0};
    struct rng rng = {number};
    options(&kit, dir);
    kit_open(&kit);
    for (;; number++) {
        make_rows(&rng, number, &rows);
        if (kit_store(&kit, number % 2, &rows, NULL) == ERR_OK &&
            write(pipe_fd, &number, sizeof number) != sizeof number)
            _exit(1);
        if (number % 16 == 0)
            store_tidy(kit.store, number % 64 == 0);
    }
}

/* Reads what was acknowledged until the child is gone; returns the number to go on from. */
static uint32_t collect_acks(int fd, uint8_t *acked, uint32_t next)
{
    uint32_t number;
    while (read(fd, &number, sizeof number) == sizeof number) {
        assert_true(number < NUMBERS_MAX);
        acked[number] = 1;
        next = number + 1;
    }
    return next + 8; /* some that were not acknowledged may be there too */
}

static void check(const char *dir, const uint8_t *acked, unsigned round)
{
    struct kit kit;
    struct kit_rows rows = {0};
    static uint16_t found[NUMBERS_MAX];
    memset(found, 0, sizeof found);
    options(&kit, dir);
    kit_open(&kit);
    assert_int_equal(kit.report.quarantined_files, 0);
    kit_rows_of(&kit, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        uint32_t number = (uint32_t)(rows.at[i].value / ROWS_MAX);
        assert_true(number < NUMBERS_MAX && rows.at[i].source < KIT_SOURCES);
        found[number]++;
    }
    for (uint32_t n = 0; n < NUMBERS_MAX; n++) {
        if (acked[n] ? found[n] != rows_of(n) : found[n] != 0 && found[n] != rows_of(n))
            fprintf(stderr, "round %u, batch %u: %u of %u rows, %sacknowledged\n", round, n, found[n],
                    rows_of(n), acked[n] ? "" : "not ");
        assert_true(found[n] == rows_of(n) || (found[n] == 0 && !acked[n]));
    }
    kit_rows_done(&rows);
    kit_done(&kit);
}

static void survives_kill(void **state)
{
    char dir[] = "/tmp/dialtone-kill-XXXXXX";
    char data[64], command[64];
    struct rng rng = {rounds};
    uint8_t *acked = mem_zero(NUMBERS_MAX, 1);
    uint32_t next = 0;
    assert_non_null(mkdtemp(dir));
    snprintf(data, sizeof data, "%s/data", dir);
    for (unsigned round = 0; round < rounds; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child(data, next, fds[1]);
            _exit(0);
        }
        close(fds[1]);
        usleep((useconds_t)rng_below(&rng, 120000));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        next = collect_acks(fds[0], acked, next);
        close(fds[0]);
        check(data, acked, round);
    }
    fprintf(stderr, "%u rounds, about %u batches\n", rounds, next);
    assert_true(next > rounds * 8);
    mem_free(acked);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = (unsigned)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {cmocka_unit_test(survives_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
