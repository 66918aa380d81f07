/* The blocking client against a server that says what it is told to say. */
#include "../cmocka_all.h"

#include "base/check.h"
#include "net/address.h"
#include "net/client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* Answers each connection's first request with `answer`, keeps what was asked. */
struct server {
    int fd;
    uint16_t port;
    const char *answer;
    bool silent;
    struct buf asked;
    pthread_t thread;
};

static void *serve(void *ctx)
{
    struct server *server = ctx;
    int fd = accept(server->fd, NULL, NULL);
    char piece[4096];
    while (!memmem(server->asked.at ? server->asked.at : "", server->asked.size, "\r\n\r\n", 4) ||
           (memmem(server->asked.at, server->asked.size, "POST", 4) &&
            !memmem(server->asked.at, server->asked.size, "BODY", 4))) {
        ssize_t got = recv(fd, piece, sizeof piece, 0);
        if (got <= 0)
            break;
        buf_put(&server->asked, piece, (size_t)got);
    }
    if (server->silent)
        while (recv(fd, piece, sizeof piece, 0) > 0)
            ;
    else
        CHECK(send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL) > 0);
    close(fd);
    return NULL;
}

static void start(struct server *server, const char *answer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof to;
    *server = (struct server){.answer = answer ? answer : "", .silent = !answer};
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(server->fd, (struct sockaddr *)&to, size) == 0 && listen(server->fd, 8) == 0);
    CHECK(getsockname(server->fd, (struct sockaddr *)&to, &size) == 0);
    server->port = ntohs(to.sin_port);
    CHECK(pthread_create(&server->thread, NULL, serve, server) == 0);
}

static void stop(struct server *server)
{
    pthread_join(server->thread, NULL);
    close(server->fd);
    buf_done(&server->asked);
}

static void must_have_asked(const struct server *server, const char *text)
{
    if (!memmem(server->asked.at, server->asked.size, text, strlen(text)))
        fail_msg("not asked: %s in %.*s", text, STR_ARG(buf_view(&server->asked)));
}

static enum err ask(struct client *client, const struct server *server, struct client_request request,
                    unsigned *status, struct buf *answer, int64_t *retry_after_s, struct why *why)
{
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/lines?x=1", server->port);
    request.url = str_of(url);
    return client_ask(client, &request, status, answer, retry_after_s, why);
}

static void requests_and_answers(void **state)
{
    struct client *client = client_new(&(struct client_options){.token = STR("secret")});
    struct server server;
    struct buf answer = {0};
    struct why why;
    unsigned status = 0;
    int64_t after_s = -1;
    start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    assert_int_equal(ask(client, &server, (struct client_request){0}, &status, &answer, &after_s, &why),
                     ERR_OK);
    pthread_join(server.thread, NULL);
    assert_int_equal(status, 200);
    assert_int_equal(after_s, 0);
    assert_true(str_eq(buf_view(&answer), STR("hello")));
    must_have_asked(&server, "GET /lines?x=1 HTTP/1.1\r\n");
    must_have_asked(&server, "Authorization: Bearer secret\r\n");
    close(server.fd);
    buf_done(&server.asked);

    start(&server,
          "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    struct str header = STR("Idempotency-Key: c/1");
    struct client_request post = {.method = STR("POST"),
                                  .body = STR("BODY"),
                                  .type = STR("text/plain"),
                                  .headers = &header,
                                  .header_count = 1};
    answer.size = 0;
    assert_int_equal(ask(client, &server, post, &status, &answer, &after_s, &why), ERR_OK);
    pthread_join(server.thread, NULL);
    assert_int_equal(status, 503);
    assert_int_equal(after_s, 7);
    assert_true(str_eq(buf_view(&answer), STR("abc")));
    must_have_asked(&server, "POST /lines?x=1 HTTP/1.1\r\n");
    must_have_asked(&server, "Content-Type: text/plain\r\n");
    must_have_asked(&server, "Content-Length: 4\r\n");
    must_have_asked(&server, "Idempotency-Key: c/1\r\n");
    assert_null(memmem(server.asked.at, server.asked.size, "Expect", 6));
    close(server.fd);
    buf_done(&server.asked);
    buf_done(&answer);
    client_free(client);
    client_free(NULL);
}

static void failures_have_names(void **state)
{
    struct client *client = client_new(&(struct client_options){.answer_max = 4, .total_ms = 200});
    struct server server;
    struct buf answer = {0};
    struct why why;
    unsigned status = 0;
    start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(ask(client, &server, (struct client_request){0}, &status, &answer, NULL, &why),
                     ERR_LIMIT);
    stop(&server);
    start(&server, NULL);
    assert_int_equal(ask(client, &server, (struct client_request){0}, &status, &answer, NULL, &why),
                     ERR_TIMEOUT);
    client_free(client);
    stop(&server);
    client = client_new(&(struct client_options){0});
    start(&server, "nonsense\r\n\r\n");
    assert_int_equal(ask(client, &server, (struct client_request){0}, &status, &answer, NULL, &why), ERR_IO);
    stop(&server);
    /* Nobody listens there now. */
    assert_int_equal(ask(client, &server, (struct client_request){0}, &status, &answer, NULL, &why),
                     ERR_REFUSED);
    struct client_request file = {.url = STR("file:///etc/hostname")}, none = {.url = STR("http://")};
    assert_int_equal(client_ask(client, &file, &status, &answer, NULL, &why), ERR_SYNTAX);
    assert_int_equal(client_ask(client, &none, &status, &answer, NULL, &why), ERR_SYNTAX);
    buf_done(&answer);
    client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_and_answers),
        cmocka_unit_test(failures_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
