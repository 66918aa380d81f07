/* admin.h: routes that change the server: reload, seal; and what a sender asks of its own batches. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include "server/exchange.h"

extern const struct route_handler admin_reload_handler, admin_seal_handler, batches_handler;
/* Paths that belong to later versions or other protocols: says so. */
extern const struct route_handler reserved_handler;

#endif
