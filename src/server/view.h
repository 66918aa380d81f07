/* view.h: the corridor out: request -> parse -> plan -> execute -> render, on the query pool. */
#ifndef SERVER_VIEW_H
#define SERVER_VIEW_H

#include "server/exchange.h"

enum { VIEW_DEADLINE_MS = 30 * 1000, VIEW_QUEUE_MAX = 256 };

extern const struct route_handler view_query_handler, view_metrics_handler, view_fields_handler,
    view_values_handler;

#endif
