/* port.h: claims a TCP or UDP port for this process. For listener.c and datagrams.c. */
#ifndef NET_PORT_H
#define NET_PORT_H

#include "net/address.h"

enum port_kind { PORT_TCP, PORT_UDP };

/* Binds `count` non-blocking sockets to one port, after a bind that nobody can share has shown that it is
 * free. Port 0: *address then holds the one that was chosen. On failure no socket is left. */
enum err port_claim(struct address *address, enum port_kind kind, uint32_t count, int *fds, struct why *why);

/* "nginx (pid 42)" when /proc tells, else "another process". */
void port_holder(uint16_t port, enum port_kind kind, char *text, size_t size);

#endif
