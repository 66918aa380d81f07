/* server_call.h: one request from a command to the server named by --url or DIALTONE_URL. */
#ifndef CLI_SERVER_CALL_H
#define CLI_SERVER_CALL_H

#include "base/buf.h"

/* url may be NULL. body.at == NULL: GET, else POST. *out gets the reply's body. EXIT_OK on 2xx;
 * EXIT_NO_SERVER (and a sentence on standard error) when there is none; EXIT_FAILED on another status. */
int server_call(const char *command, const char *url, struct str path, struct str body, struct buf *out);
/* Waits this long for the reply, where server_call gives up after a minute. */
int server_call_slow(const char *command, const char *url, struct str path, struct str body, int64_t wait_ms,
                     struct buf *out);
void server_call_escape(struct buf *path, struct str value); /* percent-encoded, blanks as + */

#endif
