/* delete_route.h: POST /api/admin/delete deletes rows, or counts those that it would; GET lists the deletes.
 */
#ifndef SERVER_DELETE_ROUTE_H
#define SERVER_DELETE_ROUTE_H

#include "server/exchange.h"

extern const struct route_handler delete_handler, delete_list_handler;

#endif
