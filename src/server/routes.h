/* routes.h: the whole of the outside over HTTP, as one table. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "server/http_server.h"

const struct route *routes_table(uint32_t *count);

#endif
