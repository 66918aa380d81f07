/* Requests as must-read and must-refuse lines; every case is also fed byte by byte. */
#include "../cmocka_all.h"

#include "base/buf.h"
#include "wire/http.h"

/* A request as text: "METHOD target path ?query host HTTP/1.x[ keep][ expect]|Name=value|...|| body bytes" */
struct seen {
    struct buf text;
    unsigned status; /* of HTTP_BAD; 0: it ended well or wants more */
    unsigned requests;
    size_t used;
    const char *why;
};

static void print_head(const struct http_head *head, struct buf *out)
{
    buf_printf(out, "%.*s %.*s ?%.*s %.*s 1.%u%s%s", STR_ARG(head->method), STR_ARG(head->path),
               STR_ARG(head->query), STR_ARG(head->host), head->minor, head->keep_alive ? " keep" : "",
               head->expect_continue ? " expect" : "");
    for (uint32_t i = 0; i < head->header_count; i++)
        buf_printf(out, "|%.*s=%.*s", STR_ARG(head->headers[i].name), STR_ARG(head->headers[i].value));
    buf_str(out, STR("||"));
}

/* Feeds input in pieces of `step` bytes until it is used up or refused. */
static struct seen feed(struct str input, size_t step)
{
    struct seen seen = {0};
    struct http_parser parser;
    http_parser_init(&parser);
    size_t end = step < input.size ? step : input.size;
    for (;;) {
        size_t used;
        struct str body;
        /* An exact copy, so that a sanitizer sees a read beyond it. */
        struct buf piece = {0};
        buf_put(&piece, input.at + seen.used, end - seen.used);
        enum http_event event = http_parse(&parser, buf_view(&piece), &used, &body);
        seen.used += used;
        if (event == HTTP_HEAD)
            print_head(&parser.head, &seen.text);
        if (event == HTTP_BODY) {
            buf_str(&seen.text, body);
            http_body_take(&parser, body.size);
            seen.used += body.size;
        }
        buf_done(&piece);
        if (event == HTTP_END) {
            buf_char(&seen.text, ';');
            seen.requests++;
            http_parser_next(&parser);
        }
        if (event == HTTP_BAD) {
            seen.status = parser.status;
            seen.why = parser.why;
            break;
        }
        if (event == HTTP_MORE) {
            assert_int_equal(seen.used, end);
            if (end == input.size)
                break;
            end = end + step < input.size ? end + step : input.size;
        }
    }
    http_parser_done(&parser);
    return seen;
}

static void must_read(const char *input, const char *want)
{
    size_t steps[] = {1, 2, 3, 7, 64, 1 << 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct seen seen = feed(str_of(input), steps[i]);
        buf_char(&seen.text, 0);
        if (seen.status)
            fail_msg("refused %u (%s): %s", seen.status, seen.why, input);
        assert_string_equal(seen.text.at, want);
        buf_done(&seen.text);
    }
}

static void must_refuse_sized(struct str input, unsigned status)
{
    size_t used = 0;
    size_t steps[] = {1, 2, 5, 1 << 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct seen seen = feed(input, steps[i]);
        if (seen.status != status)
            fail_msg("status %u (%s), not %u: %.*s", seen.status, seen.why ? seen.why : "-", status,
                     (int)(input.size < 300 ? input.size : 300), input.at);
        assert_true(i == 0 || used == seen.used);
        used = seen.used;
        buf_done(&seen.text);
    }
}

static void must_refuse(const char *input, unsigned status)
{
    must_refuse_sized(str_of(input), status);
}

#define H "Host: a\r\n"

static void requests_are_read(void **state)
{
    must_read("GET / HTTP/1.1\r\n" H "\r\n", "GET / ? a 1.1 keep|Host=a||;");
    must_read("GET /a/b?x=1&y HTTP/1.1\r\nhost:  A.b-c:80 \t\r\n\r\n",
              "GET /a/b ?x=1&y A.b-c:80 1.1 keep|host=A.b-c:80||;");
    must_read("\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / ? a 1.1 keep|Host=a||;");
    must_read("GET / HTTP/1.0\r\n\r\n", "GET / ?  1.0||;");
    must_read("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
              "GET / ?  1.0 keep|Connection=Keep-Alive||;");
    must_read("GET / HTTP/1.1\r\n" H "Connection: x, CLOSE\r\n\r\n",
              "GET / ? a 1.1|Host=a|Connection=x, CLOSE||;");
    must_read("GET / HTTP/1.9\r\nHost: [::1]:7411\r\n\r\n", "GET / ? [::1]:7411 1.1 keep|Host=[::1]:7411||;");
    must_read("GET http://b:1/p?q HTTP/1.1\r\n" H "\r\n", "GET /p ?q b:1 1.1 keep|Host=a||;");
    must_read("GET HTTPS://b?q HTTP/1.1\r\n" H "\r\n", "GET / ?q b 1.1 keep|Host=a||;");
    must_read("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * ? a 1.1 keep|Host=a||;");
    must_read("GET /\xc3\xa9?\xc3\xa9 HTTP/1.1\r\n" H "X: \xff\r\n\r\n",
              "GET /\xc3\xa9 ?\xc3\xa9 a 1.1 keep|Host=a|X=\xff||;");
    must_read("GET / HTTP/1.1\r\n" H "X:\r\nY: a:b\r\n\r\n", "GET / ? a 1.1 keep|Host=a|X=|Y=a:b||;");
    must_read("GET / HT", "");
}

static void bodies_are_read(void **state)
{
    must_read("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello",
              "POST / ? a 1.1 keep|Host=a|Content-Length=5||hello;");
    must_read("POST / HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhe",
              "POST / ? a 1.1 keep|Host=a|Content-Length=005||he");
    must_read("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
              "POST / ? a 1.1 keep|Host=a|Content-Length=0||;");
    must_read(
        "POST / HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1A;x=\"y\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
        "POST / ? a 1.1 keep|Host=a|Transfer-Encoding=chunked||abcabcdefghijklmnopqrstuvwxyz;");
    must_read("POST / HTTP/1.1\r\n" H "transfer-encoding: CHUNKED\r\n\r\n000\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
              "POST / ? a 1.1 keep|Host=a|transfer-encoding=CHUNKED||;");
    must_read("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
              "POST / ? a 1.1 keep expect|Host=a|Expect=100-Continue|Content-Length=1||x;");
    must_read("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
              "POST / ?  1.0|Expect=100-continue|Content-Length=1||x;");
}

static void pipelined_requests_are_cut(void **state)
{
    must_read("GET /1 HTTP/1.1\r\n" H "\r\nPOST /2 HTTP/1.1\r\n" H
              "Content-Length: 2\r\n\r\nabGET /3 HTTP/1.1\r\n" H "\r\n",
              "GET /1 ? a 1.1 keep|Host=a||;POST /2 ? a 1.1 keep|Host=a|Content-Length=2||ab;GET /3 ? a 1.1 "
              "keep|Host=a||;");
    must_read("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n" H
              "\r\n",
              "POST / ? a 1.1 keep|Host=a|Transfer-Encoding=chunked||;GET / ? a 1.1 keep|Host=a||;");
}

/* Two readers that see different ends of a request are how one request is smuggled inside another. */
static void doubtful_ends_are_refused(void **state)
{
#define P "POST / HTTP/1.1\r\n" H
    must_refuse(P "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    must_refuse(P "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
    must_refuse(P "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: 5, 5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: +5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: -5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: 0x5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: 5 5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length: \r\n\r\nhello", 400);
    must_refuse(P "Content-Length: 18446744073709551617\r\n\r\nh", 400);
    must_refuse(P "Content-Length: 1000000000000000000\r\n\r\nh", 400);
    must_refuse(P "Content-Length : 5\r\n\r\nhello", 400);
    must_refuse(P "Content-Length\t: 5\r\n\r\nhello", 400);
    must_refuse(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    must_refuse(P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
    must_refuse(P "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501);
    must_refuse(P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501);
    must_refuse(P "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", 400);
    must_refuse(P "Transfer-Encoding:\x0b"
                  "chunked\r\n\r\n0\r\n\r\n",
                400);
    must_refuse(P "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400);
    must_refuse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    must_refuse(P "X: a\r\n\tb\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\n" H "\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H "\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H "X: a\r\r\n\r\n", 400);
    must_refuse_sized(STR("GET / HTTP/1.1\r\n" H "X: a\0b\r\n\r\n"), 400);
#undef P
}

static void bad_chunks_are_refused(void **state)
{
#define C "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
    must_refuse(C "\r\n", 400);
    must_refuse(C "g\r\n", 400);
    must_refuse(C "-1\r\n", 400);
    must_refuse(C "+1\r\n", 400);
    must_refuse(C " 1\r\n", 400);
    must_refuse(C "1 \r\nx\r\n", 400);
    must_refuse(C "0x1\r\nx\r\n", 400);
    must_refuse(C "1\nx\r\n", 400);
    must_refuse(C "1;a\x01\r\nx\r\n", 400);
    must_refuse(C "1;a\rb\r\nx\r\n", 400);
    must_refuse(C "1\r\nxy\r\n", 400);
    must_refuse(C "1\r\nx\n0\r\n\r\n", 400);
    must_refuse(C "1\r\nx\r0\r\n\r\n", 400);
    must_refuse(C "1000000000000000\r\n", 400);
    must_refuse(C "ffffffffffffffffff\r\n", 400);
    must_refuse(C "0\r\nbad trailer\r\n\r\n", 400);
    must_refuse(C "0\r\nA: b\n\r\n", 400);
    must_refuse(C "0\r\n\n", 400);
    struct buf text = {0};
    buf_str(&text, STR(C "1;"));
    memset(buf_grow(&text, HTTP_CHUNK_LINE_MAX), 'x', HTTP_CHUNK_LINE_MAX);
    must_refuse_sized(buf_view(&text), 400);
    text.size = 0;
    buf_str(&text, STR(C "0\r\n"));
    for (int i = 0; i < 1024; i++)
        buf_str(&text, STR("abc: d\r\n"));
    buf_str(&text, STR("\r\n"));
    must_refuse_sized(buf_view(&text), 431);
    buf_done(&text);
#undef C
}

static void bad_heads_are_refused(void **state)
{
    must_refuse("GET / HTTP/1.1\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H H "\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\nHost: a:\x31"
                "23456\r\n\r\n",
                400);
    must_refuse("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.0\r\nHost: a,b\r\n\r\n", 400);
    must_refuse("GET / HTTP/2.0\r\n" H "\r\n", 505);
    must_refuse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
    must_refuse("GET / HTTP/0.9\r\n" H "\r\n", 505);
    must_refuse("GET / http/1.1\r\n" H "\r\n", 400);
    must_refuse("GET / HTTP/1.10\r\n" H "\r\n", 400);
    must_refuse("GET / HTTP/1.1 \r\n" H "\r\n", 400);
    must_refuse("GET  / HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET /a b HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET /\r\n", 400);
    must_refuse("GET\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H "no colon\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H ": x\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n" H "a(b): x\r\n\r\n", 400);
    must_refuse("GET / HTTP/1.1\r\n " H "\r\n", 400);
    must_refuse("GET /\x7f HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET /#x HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET x HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET * HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("GET http:///x HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("CONNECT a:1 HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("G(T / HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("\x16\x03\x01", 400); /* a TLS greeting is not waited out */
    must_refuse("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", 400);
    must_refuse("\n", 400);
    must_refuse("POST / HTTP/1.1\r\n" H "Expect: 200-maybe\r\n\r\n", 417);
}

static void heads_are_bounded(void **state)
{
    struct buf text = {0};
    buf_str(&text, STR("GET /"));
    memset(buf_grow(&text, HTTP_LINE_MAX), 'x', HTTP_LINE_MAX);
    buf_str(&text, STR(" HTTP/1.1\r\n" H "\r\n"));
    must_refuse_sized(buf_view(&text), 414);

    text.size = 0; /* the longest line that is taken */
    buf_str(&text, STR("GET /"));
    memset(buf_grow(&text, HTTP_LINE_MAX - 16), 'x', HTTP_LINE_MAX - 16);
    buf_str(&text, STR(" HTTP/1.1\r\n" H "\r\n"));
    struct seen seen = feed(buf_view(&text), 1000);
    assert_int_equal(seen.status, 0);
    assert_int_equal(seen.requests, 1);
    buf_done(&seen.text);

    text.size = 0;
    buf_str(&text, STR("GET / HTTP/1.1\r\n" H "X: "));
    memset(buf_grow(&text, HTTP_HEAD_MAX), 'x', HTTP_HEAD_MAX);
    must_refuse_sized(buf_view(&text), 431);

    text.size = 0;
    buf_str(&text, STR("GET / HTTP/1.1\r\n" H));
    for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
        buf_printf(&text, "a%d: b\r\n", i);
    size_t size = text.size;
    buf_str(&text, STR("\r\n"));
    seen = feed(buf_view(&text), 1000);
    assert_int_equal(seen.requests, 1);
    buf_done(&seen.text);
    text.size = size;
    buf_str(&text, STR("one: more\r\n\r\n"));
    must_refuse_sized(buf_view(&text), 431);
    buf_done(&text);
}

static void must_decode(const char *raw, bool plus, const char *want)
{
    struct arena arena = {0};
    struct str out;
    bool good = http_decode(&arena, str_of(raw), plus, &out);
    assert_int_equal(good, want != NULL);
    if (good)
        assert_true(str_eq(out, str_of(want)));
    arena_done(&arena);
}

static void texts_are_decoded(void **state)
{
    must_decode("a%20b+c", true, "a b c");
    must_decode("a%20b+c", false, "a b+c");
    must_decode("%2f%2F%c3%A9", false, "//\xc3\xa9");
    must_decode("", true, "");
    must_decode("%", true, NULL);
    must_decode("%2", true, NULL);
    must_decode("%g0", true, NULL);
    must_decode("%0g", true, NULL);
    must_decode("%00", true, NULL);
    must_decode("%%20", true, NULL);
}

static void queries_and_paths_are_cut(void **state)
{
    struct str rest = STR("&a=1&&b&=c&d=e=f"), name, value;
    struct buf seen = {0};
    while (http_query_next(&rest, &name, &value))
        buf_printf(&seen, "[%.*s:%.*s]", STR_ARG(name), STR_ARG(value));
    rest = STR("/a//b%2Fc/");
    while (http_path_next(&rest, &name))
        buf_printf(&seen, "<%.*s>", STR_ARG(name));
    assert_true(str_eq(buf_view(&seen), STR("[a:1][b:][:c][d:e=f]<a><><b%2Fc><>")));
    buf_done(&seen);
    assert_true(http_list_has(STR("gzip;q=0.5 , BR"), STR("br")));
    assert_true(http_list_has(STR("gzip;q=0.5 , BR"), STR("gzip")));
    assert_false(http_list_has(STR("gzipx, x"), STR("gzip")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),          cmocka_unit_test(bodies_are_read),
        cmocka_unit_test(pipelined_requests_are_cut), cmocka_unit_test(doubtful_ends_are_refused),
        cmocka_unit_test(bad_chunks_are_refused),     cmocka_unit_test(bad_heads_are_refused),
        cmocka_unit_test(heads_are_bounded),          cmocka_unit_test(texts_are_decoded),
        cmocka_unit_test(queries_and_paths_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
