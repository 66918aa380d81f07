/* One connection, turn by turn: the test is the peer, and runs the loop itself. */
#include "../cmocka_all.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* Both ends of a TCP connection over loopback. */
static void connect_pair(int ends[2])
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&to, size) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&to, &size) == 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(ends[0], (struct sockaddr *)&to, size) == 0);
    ends[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    CHECK(ends[1] >= 0);
    close(listener);
}

enum act { ACT_NONE, ACT_CLOSE, ACT_FINISH, ACT_PAUSE };

struct side {
    struct loop *loop;
    struct conn *conn;
    int peer;
    struct buf seen;
    size_t use_step; /* bytes used per on_bytes; 0: all */
    enum act act;    /* in on_bytes */
    int shown, ends, half_closed, drained, deadlines, gone;
    bool close_on_half, close_on_drained, close_on_deadline;
    const char *answer;
};

static size_t on_bytes(void *ctx, struct str bytes, bool at_end)
{
    struct side *side = ctx;
    size_t used = side->use_step && side->use_step < bytes.size ? side->use_step : bytes.size;
    if (side->use_step == SIZE_MAX)
        used = 0;
    else if (bytes.size > CONN_HELD_MAX / 2) /* well below where it would be cut off */
        used = bytes.size;
    side->shown++;
    side->ends += at_end;
    if (side->answer)
        conn_send(side->conn, str_of(side->answer));
    if (side->act == ACT_CLOSE)
        conn_close(side->conn);
    if (side->act == ACT_FINISH)
        conn_finish(side->conn);
    if (side->act == ACT_PAUSE)
        conn_pause(side->conn);
    buf_put(&side->seen, bytes.at, used); /* the bytes outlive close and finish */
    return used;
}

static void on_half_closed(void *ctx)
{
    struct side *side = ctx;
    side->half_closed++;
    if (side->close_on_half)
        conn_close(side->conn);
}

static void on_drained(void *ctx)
{
    struct side *side = ctx;
    side->drained++;
    if (side->close_on_drained)
        conn_close(side->conn);
}

static void on_deadline(void *ctx)
{
    struct side *side = ctx;
    side->deadlines++;
    if (side->close_on_deadline)
        conn_close(side->conn);
}

static void on_gone(void *ctx)
{
    struct side *side = ctx;
    side->gone++;
    conn_close(side->conn); /* harmless */
    conn_send(side->conn, STR("nobody hears this"));
}

static const struct conn_handler handler = {on_bytes, on_half_closed, on_drained, on_deadline, on_gone};

static struct side *new_side(void)
{
    struct side *side = MEM_NEW(struct side);
    struct why why;
    int ends[2];
    assert_int_equal(loop_new(sys_real(), &side->loop, &why), ERR_OK);
    connect_pair(ends);
    side->peer = ends[0];
    side->conn = conn_new(side->loop, ends[1], &handler, side);
    return side;
}

static void free_side(struct side *side, bool close_it)
{
    if (close_it)
        conn_close(side->conn);
    if (side->peer >= 0)
        close(side->peer);
    loop_free(side->loop);
    buf_done(&side->seen);
    mem_free(side);
}

static void turns(struct side *side, int count)
{
    for (int i = 0; i < count; i++) {
        loop_stop(side->loop);
        loop_run(side->loop);
    }
}

static void say(struct side *side, const char *text)
{
    assert_int_equal(write(side->peer, text, strlen(text)), strlen(text));
}

static void must_see(struct side *side, const char *text)
{
    if (!str_eq(buf_view(&side->seen), str_of(text)))
        fail_msg("saw %.*s, not %s", STR_ARG(buf_view(&side->seen)), text);
}

/* What the peer receives until nothing more comes for a moment; *end: it was the end. */
static struct buf hear(struct side *side, bool *end)
{
    struct buf heard = {0};
    char piece[65536];
    *end = false;
    for (;;) {
        turns(side, 2);
        ssize_t got = recv(side->peer, piece, sizeof piece, MSG_DONTWAIT);
        if (got > 0) {
            buf_put(&heard, piece, (size_t)got);
            continue;
        }
        *end = got == 0 || errno != EAGAIN;
        struct pollfd wait = {side->peer, POLLIN, 0};
        if (*end || poll(&wait, 1, 20) == 0)
            return heard;
    }
}

static void unused_bytes_are_shown_again(void **state)
{
    struct side *side = new_side();
    side->use_step = 3;
    say(side, "abcdefgh");
    turns(side, 2);
    must_see(side, "abc");
    assert_int_equal(conn_held(side->conn), 5);
    turns(side, 3);
    must_see(side, "abc"); /* without a reason they wait */
    conn_again(side->conn);
    turns(side, 1);
    must_see(side, "abcdef");
    say(side, "i");
    turns(side, 2);
    must_see(side, "abcdefghi");
    assert_int_equal(conn_held(side->conn), 0);
    free_side(side, true);
}

static void a_pause_holds_everything_back(void **state)
{
    struct side *side = new_side();
    side->use_step = 2;
    side->act = ACT_PAUSE;
    say(side, "abcd");
    turns(side, 2);
    say(side, "efgh");
    turns(side, 3);
    must_see(side, "ab");
    assert_int_equal(side->shown, 1);
    side->act = ACT_NONE;
    side->use_step = 0;
    conn_resume(side->conn);
    turns(side, 3);
    must_see(side, "abcdefgh");
    free_side(side, true);
}

static void the_end_is_seen(void **state)
{
    struct side *side = new_side();
    side->act = ACT_PAUSE;
    say(side, "ab");
    turns(side, 2);
    say(side, "cd");
    shutdown(side->peer, SHUT_WR);
    turns(side, 2);
    assert_int_equal(side->half_closed, 1); /* although paused */
    assert_int_equal(side->ends, 0);
    side->act = ACT_NONE;
    conn_resume(side->conn);
    turns(side, 3);
    must_see(side, "abcd");
    assert_int_equal(side->ends, 1);
    assert_int_equal(side->half_closed, 1);
    assert_int_equal(side->gone, 0); /* it may still be answered */
    conn_send(side->conn, STR("bye"));
    conn_finish(side->conn);
    bool end;
    struct buf heard = hear(side, &end);
    assert_true(end && str_eq(buf_view(&heard), STR("bye")));
    assert_int_equal(side->gone, 1);
    buf_done(&heard);
    free_side(side, false);
}

static void reset(struct side *side)
{
    struct linger now = {1, 0};
    setsockopt(side->peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(side->peer);
    side->peer = -1;
}

static void a_reset_is_noticed(void **state)
{
    struct side *side = new_side(); /* while paused, with bytes unread */
    conn_pause(side->conn);
    say(side, "ab");
    turns(side, 2);
    reset(side);
    turns(side, 2);
    assert_int_equal(side->gone, 1);
    free_side(side, false);

    side = new_side(); /* what came before it is still read */
    say(side, "cd");
    reset(side);
    turns(side, 3);
    must_see(side, "cd");
    assert_int_equal(side->gone, 1);
    free_side(side, false);
}

static void large_output_waits_for_the_reader(void **state)
{
    struct side *side = new_side();
    size_t size = 20 << 20;
    struct buf out = {0};
    for (size_t i = 0; i < size; i++)
        buf_char(&out, (char)(i * 7 + i / 251));
    turns(side, 1);
    conn_send(side->conn, STR("head"));
    conn_send(side->conn, buf_view(&out));
    turns(side, 3);
    assert_true(conn_queued(side->conn) > 0);
    assert_int_equal(side->drained, 0);
    conn_send(side->conn, STR("tail"));
    bool end;
    struct buf heard = hear(side, &end);
    assert_int_equal(heard.size, size + 8);
    assert_memory_equal(heard.at, "head", 4);
    assert_memory_equal(heard.at + 4, out.at, size);
    assert_memory_equal(heard.at + 4 + size, "tail", 4);
    assert_int_equal(side->drained, 1);
    assert_int_equal(conn_queued(side->conn), 0);
    assert_int_equal(conn_bytes_out(side->conn), size + 8);
    buf_done(&out);
    buf_done(&heard);
    free_side(side, true);
}

static void it_may_be_closed_in_any_handler(void **state)
{
    struct side *side = new_side();
    side->act = ACT_CLOSE;
    say(side, "abc");
    turns(side, 2);
    must_see(side, "abc");
    assert_int_equal(side->gone, 0);
    free_side(side, false);

    side = new_side();
    side->close_on_half = true;
    shutdown(side->peer, SHUT_WR);
    turns(side, 2);
    assert_int_equal(side->shown, 0);
    free_side(side, false);

    side = new_side();
    side->close_on_drained = true;
    side->answer = "x";
    say(side, "abc");
    turns(side, 2);
    assert_int_equal(side->drained, 1);
    free_side(side, false);

    side = new_side();
    side->close_on_deadline = true;
    conn_deadline(side->conn, loop_now_ms(side->loop));
    while (!side->deadlines)
        turns(side, 1);
    free_side(side, false);
}

static void last_words_survive_unread_input(void **state)
{
    struct side *side = new_side();
    side->act = ACT_FINISH;
    side->answer = "no";
    char noise[100000];
    memset(noise, 'n', sizeof noise);
    for (int i = 0; i < 5; i++)
        assert_true(send(side->peer, noise, sizeof noise, MSG_DONTWAIT) > 0);
    bool end;
    struct buf heard = hear(side, &end);
    assert_true(end && str_eq(buf_view(&heard), STR("no")));
    assert_int_equal(side->shown, 1);
    close(side->peer);
    side->peer = -1;
    turns(side, 3);
    assert_int_equal(side->gone, 1);
    buf_done(&heard);
    free_side(side, false);
}

static void unused_bytes_are_bounded(void **state)
{
    struct side *side = new_side();
    side->use_step = SIZE_MAX; /* uses nothing */
    char noise[8192] = {0};
    for (int i = 0; i < 200 && !side->gone; i++) {
        send(side->peer, noise, sizeof noise, MSG_DONTWAIT | MSG_NOSIGNAL);
        turns(side, 1);
    }
    assert_int_equal(side->gone, 1);
    free_side(side, false);
}

static void deadlines_move(void **state)
{
    struct side *side = new_side();
    int64_t now_ms = loop_now_ms(side->loop);
    conn_deadline(side->conn, now_ms + 5);
    conn_deadline(side->conn, now_ms + 60);
    while (!side->deadlines)
        turns(side, 1);
    assert_true(loop_now_ms(side->loop) >= now_ms + 60);
    conn_deadline(side->conn, now_ms + 60000);
    conn_deadline(side->conn, loop_now_ms(side->loop) + 1); /* earlier */
    while (side->deadlines < 2)
        turns(side, 1);
    conn_deadline(side->conn, 0);
    turns(side, 2);
    assert_int_equal(side->deadlines, 2);
    free_side(side, true);
}

/* Random sizes in, echoed by steps, with pauses: nothing is lost, doubled or out of order. */
static void noise_is_carried(void **state)
{
    struct side *side = new_side();
    uint64_t seed = sys_random_u64(sys_real());
    print_message("seed %llu\n", (unsigned long long)seed);
    struct buf sent = {0};
    char piece[70000];
    bool paused = false;
    while (sent.size < (3 << 20)) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t size = 1 + (seed >> 33) % sizeof piece;
        for (size_t i = 0; i < size; i++)
            piece[i] = (char)(sent.size + i + (seed >> 40));
        ssize_t went = send(side->peer, piece, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_int_equal(side->gone, 0);
        if (went > 0)
            buf_put(&sent, piece, (size_t)went);
        side->use_step = (seed >> 20) % 3 ? 0 : 1 + (seed >> 24) % 40000;
        if ((seed >> 50) % 7 == 0)
            (paused ? conn_resume : conn_pause)(side->conn), paused = !paused;
        if (!paused)
            conn_again(side->conn);
        turns(side, (seed >> 30) % 3);
    }
    side->use_step = 0;
    conn_resume(side->conn);
    conn_again(side->conn);
    while (side->seen.size < sent.size)
        turns(side, 1);
    assert_int_equal(side->seen.size, sent.size);
    assert_memory_equal(side->seen.at, sent.at, sent.size);
    assert_int_equal(conn_bytes_in(side->conn), sent.size);
    buf_done(&sent);
    free_side(side, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unused_bytes_are_shown_again),
        cmocka_unit_test(a_pause_holds_everything_back),
        cmocka_unit_test(the_end_is_seen),
        cmocka_unit_test(a_reset_is_noticed),
        cmocka_unit_test(large_output_waits_for_the_reader),
        cmocka_unit_test(it_may_be_closed_in_any_handler),
        cmocka_unit_test(last_words_survive_unread_input),
        cmocka_unit_test(unused_bytes_are_bounded),
        cmocka_unit_test(deadlines_move),
        cmocka_unit_test(noise_is_carried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
