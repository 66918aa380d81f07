/* The head is copied line by line until its empty line, then read in one go (http_head.c), so that its views
 * lie in one block. Bodies are never copied: the caller is shown where they lie in its own bytes.
 *
 *   START [-> FIRST] -> LINE -> HEADERS -> (event HEAD) -> BODY -------------------------------> END
 *                                       -> CHUNK_LINE -> CHUNK -> CHUNK_END -+
 *                                                 |   ^---------------------------+
 *                                                 +-> TRAILERS --------------------> END
 */
#include "wire/http.h"

#include "base/check.h"
#include "base/mem.h"
#include "wire/http_head.h"

enum state { START, FIRST, LINE, HEADERS, BODY, CHUNK_LINE, CHUNK, CHUNK_END, TRAILERS, END, BAD };

/* What a connection keeps between requests. */
enum { KEEP_BYTES = 1024, KEEP_HEADERS = 16 };

void http_parser_init(struct http_parser *parser)
{
    *parser = (struct http_parser){.state = START};
}

void http_parser_done(struct http_parser *parser)
{
    buf_done(&parser->text);
    buf_done(&parser->line);
    mem_free(parser->headers);
    *parser = (struct http_parser){.state = START};
}

void http_parser_next(struct http_parser *parser)
{
    if (parser->text.cap > KEEP_BYTES)
        buf_done(&parser->text);
    if (parser->line.cap > KEEP_BYTES)
        buf_done(&parser->line);
    if (parser->header_cap > KEEP_HEADERS) {
        mem_free(parser->headers);
        parser->headers = NULL;
        parser->header_cap = 0;
    }
    parser->text.size = parser->line.size = 0;
    parser->line_at = parser->trailer_size = 0;
    parser->left = 0;
    parser->status = 0;
    parser->why = NULL;
    parser->state = START;
    parser->head = (struct http_head){0};
}

bool http_parser_is_idle(const struct http_parser *parser)
{
    return parser->state == START || parser->state == FIRST;
}

static enum http_event refuse(struct http_parser *parser, unsigned status, const char *why)
{
    parser->state = BAD;
    parser->status = status;
    parser->why = why;
    return HTTP_BAD;
}

enum line { LINE_MORE, LINE_WHOLE, LINE_LONG, LINE_BARE };

/* Moves bytes into to until its last line, which starts at line_at, is whole; never more than line_max bytes
 * of it. LINE_BARE: it ends with LF alone. */
static enum line take_line(struct buf *to, size_t line_at, size_t line_max, struct str *bytes)
{
    size_t room = line_max - (to->size - line_at);
    struct str part = str_first(*bytes, room);
    const char *end = part.size ? memchr(part.at, '\n', part.size) : NULL;
    if (end)
        part.size = (size_t)(end - part.at) + 1;
    buf_str(to, part);
    *bytes = str_from(*bytes, part.size);
    if (!end)
        return to->size - line_at == line_max ? LINE_LONG : LINE_MORE;
    return to->size - line_at >= 2 && to->at[to->size - 2] == '\r' ? LINE_WHOLE : LINE_BARE;
}

static const char bare_lf[] = "a line ends with LF alone";

static enum http_event read_start(struct http_parser *parser, struct str *bytes)
{
    if (!bytes->size)
        return HTTP_MORE;
    char c = bytes->at[0];
    /* One empty line before a request is forgiven (RFC 9112, 2.2). */
    bool blank = parser->state == START && c == '\r';
    if (!blank && !http_is_token((unsigned char)c))
        return refuse(parser, 400, "the request does not start with a method");
    parser->state = LINE;
    return HTTP_MORE;
}

static enum http_event read_line(struct http_parser *parser, struct str *bytes)
{
    switch (take_line(&parser->text, 0, HTTP_LINE_MAX, bytes)) {
    case LINE_MORE:
        return HTTP_MORE;
    case LINE_LONG:
        return refuse(parser, 414, "the request line is longer than 8 KiB");
    case LINE_BARE:
        return refuse(parser, 400, bare_lf);
    case LINE_WHOLE:
        break;
    }
    if (parser->text.size == 2) {
        parser->text.size = 0;
        parser->state = FIRST;
        return HTTP_MORE;
    }
    struct http_head head = {0};
    struct http_fault fault = http_read_request_line(str_make(parser->text.at, parser->text.size - 2), &head);
    if (fault.status)
        return refuse(parser, fault.status, fault.why);
    parser->line_at = parser->text.size;
    parser->state = HEADERS;
    return HTTP_MORE;
}

static enum http_event finish_head(struct http_parser *parser)
{
    struct str text = str_make(parser->text.at, parser->line_at);
    struct http_fault fault = http_read_head(text, parser->headers, &parser->head);
    if (fault.status)
        return refuse(parser, fault.status, fault.why);
    parser->left = parser->head.length;
    parser->state = parser->head.chunked ? CHUNK_LINE : parser->left ? BODY : END;
    return HTTP_HEAD;
}

static enum http_event read_headers(struct http_parser *parser, struct str *bytes)
{
    while (bytes->size) {
        enum line line = take_line(&parser->text, parser->line_at, HTTP_HEAD_MAX - parser->line_at, bytes);
        if (line == LINE_MORE)
            return HTTP_MORE;
        if (line == LINE_LONG)
            return refuse(parser, 431, "the headers are longer than 32 KiB");
        if (line == LINE_BARE)
            return refuse(parser, 400, bare_lf);
        if (parser->text.size - parser->line_at == 2)
            return finish_head(parser);
        if (parser->head.header_count++ == HTTP_HEADERS_MAX)
            return refuse(parser, 431, "there are more than 100 headers");
        if (parser->head.header_count > parser->header_cap) {
            parser->header_cap = parser->header_cap ? parser->header_cap * 2 : KEEP_HEADERS;
            parser->headers = mem_resize(parser->headers, parser->header_cap, sizeof *parser->headers);
        }
        parser->line_at = parser->text.size;
    }
    return HTTP_MORE;
}

static enum http_event show_body(const struct http_parser *parser, struct str bytes, struct str *body)
{
    *body = str_first(bytes, parser->left < bytes.size ? (size_t)parser->left : bytes.size);
    return body->size ? HTTP_BODY : HTTP_MORE;
}

void http_body_take(struct http_parser *parser, size_t n)
{
    CHECK((parser->state == BODY || parser->state == CHUNK) && n <= parser->left);
    parser->left -= n;
    if (!parser->left)
        parser->state = parser->state == BODY ? END : CHUNK_END;
}

/* "1f;name=value": up to 15 digits, so that no sum overflows. Extensions are dropped. */
static bool read_chunk_size(struct str line, uint64_t *size)
{
    size_t i = 0;
    uint64_t sum = 0;
    for (; i < line.size; i++) {
        char c = line.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            break;
        sum = sum * 16 + digit;
    }
    if (i == 0 || i > 15 || (i < line.size && line.at[i] != ';'))
        return false;
    for (; i < line.size; i++)
        if (((unsigned char)line.at[i] < ' ' && line.at[i] != '\t') || line.at[i] == 0x7f)
            return false;
    *size = sum;
    return true;
}

static enum http_event read_chunk_line(struct http_parser *parser, struct str *bytes)
{
    switch (take_line(&parser->line, 0, HTTP_CHUNK_LINE_MAX, bytes)) {
    case LINE_MORE:
        return HTTP_MORE;
    case LINE_LONG:
        return refuse(parser, 400, "the line of a chunk's size is longer than 256 bytes");
    case LINE_BARE:
        return refuse(parser, 400, bare_lf);
    case LINE_WHOLE:
        break;
    }
    struct str line = str_make(parser->line.at, parser->line.size - 2);
    parser->line.size = 0;
    if (!read_chunk_size(line, &parser->left))
        return refuse(parser, 400, "the size of a chunk is not a hexadecimal number");
    parser->state = parser->left ? CHUNK : TRAILERS;
    return HTTP_MORE;
}

static enum http_event read_chunk_end(struct http_parser *parser, struct str *bytes)
{
    while (bytes->size && parser->line.size < 2) {
        if (bytes->at[0] != "\r\n"[parser->line.size])
            return refuse(parser, 400, "a chunk is not followed by CR LF");
        buf_char(&parser->line, bytes->at[0]);
        *bytes = str_from(*bytes, 1);
    }
    if (parser->line.size == 2) {
        parser->line.size = 0;
        parser->state = CHUNK_LINE;
    }
    return HTTP_MORE;
}

static enum http_event read_trailers(struct http_parser *parser, struct str *bytes)
{
    while (bytes->size) {
        enum line line = take_line(&parser->line, 0, HTTP_TRAILER_MAX - parser->trailer_size, bytes);
        if (line == LINE_MORE)
            return HTTP_MORE;
        if (line == LINE_LONG)
            return refuse(parser, 431, "the trailers are longer than 8 KiB");
        if (line == LINE_BARE)
            return refuse(parser, 400, bare_lf);
        struct http_header header;
        struct str text = str_make(parser->line.at, parser->line.size - 2);
        parser->trailer_size += parser->line.size;
        parser->line.size = 0;
        if (!text.size) {
            parser->state = END;
            return HTTP_MORE;
        }
        struct http_fault fault = http_read_header(text, &header);
        if (fault.status)
            return refuse(parser, fault.status, fault.why);
    }
    return HTTP_MORE;
}

static enum http_event step(struct http_parser *parser, struct str *bytes, struct str *body)
{
    switch ((enum state)parser->state) {
    case START:
    case FIRST:
        return read_start(parser, bytes);
    case LINE:
        return read_line(parser, bytes);
    case HEADERS:
        return read_headers(parser, bytes);
    case BODY:
    case CHUNK:
        return show_body(parser, *bytes, body);
    case CHUNK_LINE:
        return read_chunk_line(parser, bytes);
    case CHUNK_END:
        return read_chunk_end(parser, bytes);
    case TRAILERS:
        return read_trailers(parser, bytes);
    case END:
        return HTTP_END;
    case BAD:
        break;
    }
    return HTTP_BAD;
}

enum http_event http_parse(struct http_parser *parser, struct str bytes, size_t *used, struct str *body)
{
    struct str rest = bytes;
    *body = STR_NONE;
    enum http_event event;
    do
        event = step(parser, &rest, body);
    while (event == HTTP_MORE && (rest.size || parser->state == END));
    *used = bytes.size - rest.size;
    return event;
}
