/* gunzip.h: gzip (RFC 1952) undone as a stream, with a limit on what comes out. zlib behind it.
 *
 * Members one behind the other are read as one stream. About 48 KB while open. One thread.
 */
#ifndef NET_GUNZIP_H
#define NET_GUNZIP_H

#include "base/err.h"
#include "base/str.h"

struct gunzip;

struct gunzip *gunzip_new(uint64_t out_max);
void gunzip_free(struct gunzip *gunzip); /* NULL is fine */

/* Takes from the front of *in and writes up to size bytes; *got says how many. Done with this input when *in
 * is empty and *got < size. ERR_CORRUPT, or ERR_LIMIT when more than out_max bytes would come out. */
enum err gunzip_read(struct gunzip *gunzip, struct str *in, char *to, size_t size, size_t *got,
                     struct why *why) MUST_USE;
bool gunzip_is_whole(const struct gunzip *gunzip); /* the input so far ends where a member ends */

#endif
