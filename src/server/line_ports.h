/* line_ports.h: lines over TCP and UDP on one port number, bare or in syslog frames.
 *
 * Nobody waits for an answer here. Rows of all connections of a thread share a batch that is submitted every
 * 50 ms or 8,192 rows. When the store has no room, TCP connections are not read for up to a second, then rows
 * are dropped and counted (store_busy); datagrams are counted at once.
 */
#ifndef SERVER_LINE_PORTS_H
#define SERVER_LINE_PORTS_H

#include "net/address.h"
#include "base/err.h"

struct server;
struct ingest_thread;
struct line_port;
struct line_ports;

enum { LINE_CONNECTIONS_MAX = 4096 };

struct line_counts {
    uint64_t accepted, open, refused_connections, datagrams_lost;
};

/* After the threads' loops, ingest and lanes are made; before the loops run. */
enum err line_ports_new(struct server *server, struct address address, struct line_ports **out,
                        struct why *why) MUST_USE;
const struct address *line_ports_address(const struct line_ports *ports);
void line_ports_counts(const struct line_ports *ports, struct line_counts *out); /* any thread */
/* Reads what has arrived, closes, submits the rest. Loops must run; any thread but theirs. */
void line_ports_stop(struct line_ports *ports);
void line_ports_free(struct line_ports *ports); /* after the loops have ended; NULL is fine */

#endif
