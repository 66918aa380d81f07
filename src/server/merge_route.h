/* merge_route.h: POST /api/admin/merge. */
#ifndef SERVER_MERGE_ROUTE_H
#define SERVER_MERGE_ROUTE_H

#include "server/exchange.h"

extern const struct route_handler merge_handler;

#endif
