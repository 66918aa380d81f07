/* http_head.h: the text of a whole head becomes a struct http_head. For http.c; the contract is in http.h. */
#ifndef WIRE_HTTP_HEAD_H
#define WIRE_HTTP_HEAD_H

#include "wire/http.h"

/* Why a head is refused; status 0: it is fine. */
struct http_fault {
    unsigned status;
    const char *why;
};

/* line: "GET / HTTP/1.1" without CR LF. Fills method, target, path, query, host (of a whole URL), minor. */
struct http_fault http_read_request_line(struct str line, struct http_head *head);
/* line: "Name: value" without CR LF. */
struct http_fault http_read_header(struct str line, struct http_header *header);
/* text: all lines, each with its CR LF, without the empty one at the end. headers has room for all lines. */
struct http_fault http_read_head(struct str text, struct http_header *headers, struct http_head *head);

bool http_is_token(unsigned char c);
/* "host", "host:port", "[v6]:port" of letters, digits, '.', '-', '_'. */
bool http_is_authority(struct str s);

#endif
