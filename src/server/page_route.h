/* page_route.h: the page's files, with caching and its content security policy. */
#ifndef SERVER_PAGE_ROUTE_H
#define SERVER_PAGE_ROUTE_H

#include "server/exchange.h"

extern const struct route_handler page_route_handler;

#endif
