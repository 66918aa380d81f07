/* client.h: a blocking HTTP client for the commands; libcurl behind it. No redirects, no proxy.
 *
 * URLs: http://HOST[:PORT]/..., https://. One thread per client; the connection is kept between requests.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct client;

struct client_options {
    int64_t connect_ms;  /* 0: 5 s */
    int64_t total_ms;    /* 0: 60 s */
    uint64_t answer_max; /* 0: 64 MiB */
    struct str token;    /* sent as Authorization: Bearer; may be empty */
};

struct client_request {
    struct str method; /* empty: GET */
    struct str url;
    struct str body;           /* sent when method is not GET or HEAD */
    struct str type;           /* Content-Type; may be empty */
    const struct str *headers; /* "Name: value" */
    uint32_t header_count;
};

struct client *client_new(const struct client_options *options);
void client_free(struct client *client); /* NULL is fine */

/* ERR_OK whatever the status: *status and answer (appended) hold it; *retry_after_s is Retry-After or 0 (NULL
 * is fine). ERR_REFUSED: no server there; ERR_TIMEOUT; ERR_LIMIT: the answer is too large; ERR_SYNTAX: the
 * URL; ERR_IO: anything else. */
enum err client_ask(struct client *client, const struct client_request *request, unsigned *status,
                    struct buf *answer, int64_t *retry_after_s, struct why *why) MUST_USE;

#endif
