/* http.h: requests of HTTP/1.0 and HTTP/1.1 (RFC 9110, 9112) cut out of a stream of bytes.
 *
 * Pure and strict: where two readers could disagree about where a request ends, it is refused. Refused with
 * 400: bare LF, CR without LF, folded headers, blanks before the colon, control bytes, Content-Length that is
 * repeated, signed, a list or too large, Content-Length with Transfer-Encoding, Host missing or doubled. With
 * 501: any Transfer-Encoding but "chunked". The parser stops behind each request, so pipelined ones wait in
 * the caller's buffer. Events do not depend on how the bytes are cut. One thread per struct.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    HTTP_LINE_MAX = 8 * 1024,  /* the request line; longer: 414 */
    HTTP_HEAD_MAX = 32 * 1024, /* request line and headers; longer: 431 */
    HTTP_HEADERS_MAX = 100,
    HTTP_CHUNK_LINE_MAX = 256,
    HTTP_TRAILER_MAX = 8 * 1024, /* trailers are checked and dropped */
};

struct http_header {
    struct str name, value; /* value without the blanks around it */
};

/* Views into the parser, valid until http_parser_next or http_parser_done. */
struct http_head {
    struct str method;
    struct str target; /* as sent */
    struct str path;   /* not decoded; starts with '/', or is "*" */
    struct str query;  /* not decoded, without '?' */
    struct str host;   /* of the target if that is a whole URL, else the header; empty only in HTTP/1.0 */
    unsigned minor;    /* 0 or 1: HTTP/1.minor */
    bool keep_alive;   /* the client wants the connection to stay */
    bool chunked;
    bool expect_continue;
    uint64_t length; /* Content-Length; 0 when absent or chunked */
    const struct http_header *headers;
    uint32_t header_count;
};

enum http_event {
    HTTP_MORE, /* all bytes are used; feed more */
    HTTP_HEAD, /* parser->head is complete */
    HTTP_BODY, /* *body is what is there of the body; tell what you took with http_body_take */
    HTTP_END,  /* the request is complete; http_parser_next makes ready for another */
    HTTP_BAD,  /* parser->status and parser->why say it; nothing more can be read from this stream */
};

struct http_parser {
    struct http_head head;
    unsigned status; /* of HTTP_BAD: 400, 414, 417, 431, 501 or 505 */
    const char *why; /* a sentence */
    /* the rest is the parser's own */
    unsigned state;
    uint64_t left;       /* bytes of the body or chunk still to come */
    size_t line_at;      /* where the line being read starts in text */
    size_t trailer_size; /* bytes of trailers so far */
    struct buf text;     /* the head as read */
    struct buf line;     /* a chunk's size or a trailer, as read */
    struct http_header *headers;
    uint32_t header_cap;
};

void http_parser_init(struct http_parser *parser);
void http_parser_next(struct http_parser *parser);
void http_parser_done(struct http_parser *parser);

/* Reads from the front of bytes; *used of them are done with. With HTTP_BODY, *body starts at bytes.at +
 * *used and is not counted in *used: call http_body_take(n) and go on n bytes later. */
enum http_event http_parse(struct http_parser *parser, struct str bytes, size_t *used, struct str *body);
void http_body_take(struct http_parser *parser, size_t n);
/* Nothing of a request has been read yet. */
bool http_parser_is_idle(const struct http_parser *parser);

/* The first header of this name (case folded), or at == NULL. */
struct str http_header_find(const struct http_head *head, struct str name);
/* Is token in a comma separated list such as Connection or Accept-Encoding (case folded; ;q= is cut off)? */
bool http_list_has(struct str list, struct str token);

/* Percent-decoding into the arena ('+' is a blank if so asked). false: a '%' without two hex digits, or %00.
 */
bool http_decode(struct arena *arena, struct str raw, bool plus_is_blank, struct str *out);
/* Cuts the next "name=value" (value empty when there is no '=') from a query or form; false at its end. Empty
 * pairs are skipped. Not decoded. */
bool http_query_next(struct str *rest, struct str *name, struct str *value);
/* Cuts the next segment from a path "/a/b": "a", then "b"; false at its end. Not decoded. */
bool http_path_next(struct str *rest, struct str *segment);

#endif
