/* status.h: what the server says of itself: the account as JSON, counters for scrapers, readiness. Threads:
 * any. */
#ifndef SERVER_STATUS_H
#define SERVER_STATUS_H

#include "server/exchange.h"
#include "server/tally.h"

struct server;

extern const struct route_handler status_handler, metrics_handler, health_handler;

/* Sum over all ingest threads. */
void status_counts(const struct server *server, struct tally_counts *sum);

#endif
