/* TCP and UDP ports: shared between our loops, refused to a second server, closed on request. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "net/datagrams.h"
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOPS = 2 };

static uint32_t accepted[LOOPS], datagrams_seen, bytes_seen;

static void on_accept(void *ctx, uint32_t index, int fd, const struct address *peer)
{
    CHECK(address_is_loopback(peer) && address_port(peer));
    __atomic_fetch_add(&accepted[index], 1, __ATOMIC_RELAXED);
    close(fd);
}

static void on_batch(void *ctx, uint32_t index, const struct datagram *batch, uint32_t count)
{
    CHECK(count >= 1 && count <= DATAGRAMS_BATCH);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(address_is_loopback(batch[i].from));
        __atomic_fetch_add(&bytes_seen, (uint32_t)batch[i].bytes.size, __ATOMIC_RELAXED);
    }
    __atomic_fetch_add(&datagrams_seen, count, __ATOMIC_RELAXED);
}

static void new_loops(struct loop *loops[LOOPS])
{
    struct why why;
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(loop_new(sys_real(), &loops[i], &why), ERR_OK);
}

static void start_loops(struct loop *loops[LOOPS])
{
    struct why why;
    for (int i = 0; i < LOOPS; i++)
        assert_int_equal(loop_start(loops[i], "loop", &why), ERR_OK);
}

static void join_loops(struct loop *loops[LOOPS])
{
    for (int i = 0; i < LOOPS; i++)
        loop_stop(loops[i]);
    for (int i = 0; i < LOOPS; i++)
        loop_join(loops[i]);
}

static void free_loops(struct loop *loops[LOOPS])
{
    for (int i = 0; i < LOOPS; i++)
        loop_free(loops[i]);
}

static struct address any_port(const char *text)
{
    struct address address;
    struct why why;
    assert_int_equal(address_parse(str_of(text), &address, &why), ERR_OK);
    return address;
}

static int connect_to(const struct address *address, int type)
{
    int fd = socket(address->to.ss_family, type, 0);
    if (connect(fd, (const struct sockaddr *)&address->to, address->size) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint32_t count_of(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void wait_until(const uint32_t *counter, uint32_t value)
{
    for (int i = 0; i < 5000 && __atomic_load_n(counter, __ATOMIC_RELAXED) < value; i++)
        usleep(1000);
    assert_int_equal(__atomic_load_n(counter, __ATOMIC_RELAXED), value);
}

static void both_loops_accept(void **state)
{
    struct loop *loops[LOOPS];
    struct listener *listener;
    struct why why;
    new_loops(loops);
    struct listener_options options = {any_port("127.0.0.1:0"), loops, LOOPS, on_accept, NULL};
    assert_int_equal(listener_new(&options, &listener, &why), ERR_OK);
    assert_int_not_equal(address_port(listener_address(listener)), 0);
    start_loops(loops);
    for (int i = 0; i < 200; i++) {
        int fd = connect_to(listener_address(listener), SOCK_STREAM);
        assert_true(fd >= 0);
        close(fd);
    }
    for (int i = 0; i < 5000 && count_of(&accepted[0]) + count_of(&accepted[1]) < 200; i++)
        usleep(1000);
    assert_int_equal(count_of(&accepted[0]) + count_of(&accepted[1]), 200);
    assert_true(count_of(&accepted[0]) > 0 && count_of(&accepted[1]) > 0);

    struct listener *second; /* a second server on the same port is told who has it */
    struct loop *other[LOOPS];
    new_loops(other);
    struct listener_options same = {*listener_address(listener), other, LOOPS, on_accept, NULL};
    assert_int_equal(listener_new(&same, &second, &why), ERR_BUSY);
    char holder[64];
    snprintf(holder, sizeof holder, "(process %d)", (int)getpid());
    if (!strstr(why.text, holder) || !strstr(why.text, "ports_test"))
        fail_msg("%s", why.text);
    free_loops(other);

    listener_stop(listener);
    int fd = 0;
    for (int i = 0; i < 5000 && fd >= 0; i++) {
        fd = connect_to(listener_address(listener), SOCK_STREAM);
        if (fd >= 0)
            close(fd);
        usleep(1000);
    }
    assert_int_equal(fd, -1);
    join_loops(loops);
    listener_free(listener);
    listener_free(NULL);
    free_loops(loops);
}

static void a_port_that_shares_is_refused_too(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CHECK(bind(fd, (struct sockaddr *)&to, size) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&to, &size) == 0);
    struct loop *loops[LOOPS];
    struct listener *listener;
    struct why why;
    new_loops(loops);
    struct listener_options options = {any_port("127.0.0.1:0"), loops, LOOPS, on_accept, NULL};
    address_set_port(&options.address, ntohs(to.sin_port));
    assert_int_equal(listener_new(&options, &listener, &why), ERR_BUSY);
    close(fd);
    free_loops(loops);
}

static void an_address_that_is_not_here(void **state)
{
    struct loop *loops[LOOPS];
    struct listener *listener;
    struct why why;
    new_loops(loops);
    struct listener_options options = {any_port("192.0.2.1:1"), loops, LOOPS, on_accept, NULL};
    assert_int_equal(listener_new(&options, &listener, &why), ERR_IO);
    assert_non_null(strstr(why.text, "192.0.2.1:1"));
    free_loops(loops);
}

static void datagrams_arrive(void **state)
{
    struct loop *loops[LOOPS], *other[LOOPS];
    struct datagrams *datagrams, *second;
    struct why why;
    new_loops(loops);
    new_loops(other);
    struct datagrams_options options = {any_port("127.0.0.1:0"), loops, LOOPS, on_batch, NULL};
    assert_int_equal(datagrams_new(&options, &datagrams, &why), ERR_OK);
    struct datagrams_options same = {*datagrams_address(datagrams), other, LOOPS, on_batch, NULL};
    assert_int_equal(datagrams_new(&same, &second, &why), ERR_BUSY);
    assert_non_null(strstr(why.text, "UDP port"));
    start_loops(loops);
    static char large[65507];
    for (int sender = 0; sender < 20; sender++) {
        int fd = connect_to(datagrams_address(datagrams), SOCK_DGRAM);
        for (int i = 0; i < 50; i++)
            assert_int_equal(send(fd, "count#a=1", 9, 0), 9);
        close(fd);
    }
    int fd = connect_to(datagrams_address(datagrams), SOCK_DGRAM);
    assert_int_equal(send(fd, large, sizeof large, 0), sizeof large); /* the largest there is */
    assert_int_equal(send(fd, "", 0, 0), 0);                          /* and the smallest */
    wait_until(&datagrams_seen, 1002);
    assert_int_equal(count_of(&bytes_seen), 9000 + sizeof large);
    assert_int_equal(datagrams_lost(datagrams), 0);
    close(fd);
    join_loops(loops);
    datagrams_free(datagrams);
    datagrams_free(NULL);
    free_loops(loops);
    free_loops(other);
}

/* Nobody reads while a burst comes: what did not fit is counted, and nothing is counted twice. */
static void lost_datagrams_are_counted(void **state)
{
    struct loop *loops[LOOPS];
    struct datagrams *datagrams;
    struct why why;
    new_loops(loops);
    datagrams_seen = 0;
    struct datagrams_options options = {any_port("127.0.0.1:0"), loops, 1, on_batch, NULL};
    assert_int_equal(datagrams_new(&options, &datagrams, &why), ERR_OK);
    int fd = connect_to(datagrams_address(datagrams), SOCK_DGRAM);
    static char large[60000];
    uint32_t sent = 0;
    for (int i = 0; i < 1000; i++)
        sent += send(fd, large, sizeof large, 0) > 0;
    start_loops(loops);
    uint32_t seen = 0;
    for (int i = 0; i < 5000; i++) {
        usleep(1000);
        seen = __atomic_load_n(&datagrams_seen, __ATOMIC_RELAXED);
        if (i % 20 == 0) /* the kernel tells with the next one */
            sent += send(fd, "x", 1, 0) == 1;
        if (seen + datagrams_lost(datagrams) == sent && datagrams_lost(datagrams))
            break;
    }
    assert_true(datagrams_lost(datagrams) > 0);
    assert_int_equal(__atomic_load_n(&datagrams_seen, __ATOMIC_RELAXED) + datagrams_lost(datagrams), sent);
    datagrams_stop(datagrams);
    join_loops(loops);
    close(fd);
    datagrams_free(datagrams);
    free_loops(loops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_loops_accept),           cmocka_unit_test(a_port_that_shares_is_refused_too),
        cmocka_unit_test(an_address_that_is_not_here), cmocka_unit_test(datagrams_arrive),
        cmocka_unit_test(lost_datagrams_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
