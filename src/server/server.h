/* server.h: the whole server: ports, threads, store, scheme. Made in `serve`, passed down; there is no other
 * state. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"

struct server;

/* Loads the scheme, opens the store, binds the ports. On failure *why says what stands in the way. */
enum err server_new(const struct server_config *config, struct server **out, struct why *why) MUST_USE;
/* Runs until SIGTERM or SIGINT (or server_stop from any thread), then finishes what was received. SIGHUP
 * reloads. */
void server_run(struct server *server);
void server_stop(struct server *server);
void server_free(struct server *server);

/* Addresses with the ports that were bound, "127.0.0.1:7411"; valid as long as the server. */
struct str server_http_address(const struct server *server);
struct str server_line_address(const struct server *server); /* empty without line ports */

#endif
