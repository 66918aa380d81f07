/* Requests: whatever way the bytes are cut, the same events come, with the same text, at the same places. The
 * first byte of the input says how the second reading is cut. */
#include "../fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "wire/http.h"

static void note_head(const struct http_head *head, struct buf *log)
{
    CHECK(head->header_count <= HTTP_HEADERS_MAX && head->method.size && head->path.size);
    CHECK(!(head->chunked && head->length) && head->minor <= 1);
    CHECK(head->minor == 0 || head->host.size);
    buf_printf(log, "head %.*s %.*s %.*s %.*s %u%u%u%u %llu\n", STR_ARG(head->method), STR_ARG(head->path),
               STR_ARG(head->query), STR_ARG(head->host), head->minor, head->keep_alive, head->chunked,
               head->expect_continue, (unsigned long long)head->length);
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name, value = head->headers[i].value;
        CHECK(name.size && !memchr(name.at, ' ', name.size));
        CHECK(!value.size || (!memchr(value.at, '\n', value.size) && !memchr(value.at, '\r', value.size)));
        buf_printf(log, "%.*s=%.*s\n", STR_ARG(name), STR_ARG(value));
    }
    struct arena arena = {0};
    struct str rest = head->query, name, value, out;
    while (http_query_next(&rest, &name, &value))
        if (http_decode(&arena, value, true, &out))
            CHECK(out.size <= value.size);
    rest = head->path;
    while (http_path_next(&rest, &name))
        CHECK(!name.size || !memchr(name.at, '/', name.size));
    arena_done(&arena);
}

/* Reads all of input in pieces; seed 0: in one. The log is what a server would see. */
static void read_all(struct str input, uint32_t seed, struct buf *log)
{
    struct http_parser parser;
    http_parser_init(&parser);
    size_t at = 0, end = seed ? 0 : input.size;
    bool in_body = false;
    for (;;) {
        size_t used = 0;
        struct str body;
        char *copy = mem_alloc(end - at + 1);
        if (end > at)
            memcpy(copy, input.at + at, end - at);
        enum http_event event = http_parse(&parser, str_make(copy, end - at), &used, &body);
        CHECK(used <= end - at);
        at += used;
        if (event == HTTP_BODY) {
            size_t take = seed ? 1 + seed % body.size : body.size;
            buf_put(log, body.at, take);
            http_body_take(&parser, take);
            at += take;
            in_body = true;
        } else if (event != HTTP_MORE) {
            if (in_body)
                buf_char(log, '\n');
            in_body = false;
            if (event == HTTP_HEAD)
                note_head(&parser.head, log);
        }
        mem_free(copy);
        if (event == HTTP_END) {
            buf_printf(log, "end %zu\n", at);
            http_parser_next(&parser);
            CHECK(http_parser_is_idle(&parser));
        } else if (event == HTTP_BAD) {
            CHECK(parser.status >= 400 && parser.status < 600 && parser.why);
            buf_printf(log, "bad %u %s %zu\n", parser.status, parser.why, at);
            break;
        } else if (event == HTTP_MORE) {
            CHECK(at == end);
            if (end == input.size)
                break;
            seed = seed * 1664525u + 1013904223u;
            seed |= 1;
            size_t more = 1 + (seed >> 8) % 17;
            end = end + more < input.size ? end + more : input.size;
        }
    }
    http_parser_done(&parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct str input = str_from(fuzz_input(data, size), 1);
    struct buf whole = {0}, cut = {0};
    read_all(input, 0, &whole);
    read_all(input, data[0] | 0x100u, &cut);
    CHECK(str_eq(buf_view(&whole), buf_view(&cut)));
    buf_done(&whole);
    buf_done(&cut);
    return 0;
}
