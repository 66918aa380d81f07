/* post_lines.h: POST /lines and POST /logs: a body of lines, stored as one batch, answered when it is
 * durable. */
#ifndef SERVER_POST_LINES_H
#define SERVER_POST_LINES_H

#include "server/exchange.h"

enum { POST_BYTES_MAX = 16 << 20 };

extern const struct route_handler post_lines_handler, post_logs_handler;

#endif
