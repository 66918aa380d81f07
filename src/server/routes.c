#include "server/routes.h"

#include "server/admin.h"
#include "server/backups.h"
#include "server/delete_route.h"
#include "server/merge_route.h"
#include "server/page_route.h"
#include "server/post_lines.h"
#include "server/status.h"
#include "server/view.h"

static const struct route routes[] = {
    {"POST", "/lines", &post_lines_handler, 0, POST_BYTES_MAX, NULL},
    {"POST", "/logs", &post_logs_handler, 0, POST_BYTES_MAX, NULL},
    {"GET", "/api/query", &view_query_handler, 0, 0, NULL},
    {"POST", "/api/query", &view_query_handler, 0, 64 << 10, NULL},
    {"GET", "/api/metrics", &view_metrics_handler, 0, 0, NULL},
    {"GET", "/api/fields", &view_fields_handler, 0, 0, NULL},
    {"GET", "/api/fields/", &view_values_handler, ROUTE_PREFIX, 0, NULL},
    {"GET", "/api/status", &status_handler, 0, 0, NULL},
    {"GET", "/api/batches/", &batches_handler, ROUTE_PREFIX, 0, NULL},
    {"POST", "/api/admin/reload", &admin_reload_handler, 0, 0, NULL},
    {"POST", "/api/admin/seal", &admin_seal_handler, 0, 0, NULL},
    {"POST", "/api/admin/backup", &admin_backup_handler, 0, 64 << 10, NULL},
    {"POST", "/api/admin/merge", &merge_handler, 0, 0, NULL},
    {"POST", "/api/admin/delete", &delete_handler, 0, 0, NULL},
    {"GET", "/api/admin/delete", &delete_list_handler, 0, 0, NULL},
    {"GET", "/metrics", &metrics_handler, 0, 0, NULL},
    {"GET", "/health", &health_handler, ROUTE_OPEN, 0, NULL},
    {"GET", "/v1/", &reserved_handler, ROUTE_PREFIX, 0, NULL},
    {"POST", "/v1/", &reserved_handler, ROUTE_PREFIX, POST_BYTES_MAX, NULL},
    {"POST", "/otlp/", &reserved_handler, ROUTE_PREFIX | ROUTE_RAW, POST_BYTES_MAX, NULL},
    {"GET", "/api/v1/", &reserved_handler, ROUTE_PREFIX, 0, NULL},
    {"GET", "/api/v2/", &reserved_handler, ROUTE_PREFIX, 0, NULL},
    {"GET", "/", &page_route_handler, ROUTE_PREFIX, 0, NULL},
};

const struct route *routes_table(uint32_t *count)
{
    *count = sizeof routes / sizeof *routes;
    return routes;
}
