/* address.h: an internet address and port: "127.0.0.1:7411", "[::1]:7411", ":7411" (any). Numbers only, and
 * "localhost". */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/socket.h>

struct address {
    struct sockaddr_storage to;
    socklen_t size;
};

/* Port 0 lets the system choose. ERR_SYNTAX: why->text says what was expected. */
enum err address_parse(struct str text, struct address *out, struct why *why) MUST_USE;
void address_print(const struct address *address, struct buf *out);
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);
bool address_is_loopback(const struct address *address); /* 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104 */
bool address_is_any(const struct address *address);

#endif
