/* page_none.c: what is served where the meson option `page` is off. */
#include "server/page_assets.h"

static const char html[] =
    "<!doctype html>\n<html lang=\"en\">\n<head><meta "
    "charset=\"utf-8\"><title>dialtone</title></head>\n<body>\n"
    "<h1>dialtone</h1>\n<p>This server was built without its page (meson option <code>page</code>). It "
    "answers all the "
    "same: <code>dialtone query 'METRIC'</code>, or <a href=\"/api/metrics\">/api/metrics</a> and "
    "<code>/api/query?q=METRIC</code>.</p>\n</body>\n</html>\n";

const struct page_asset page_assets[] = {
    {{"/", 1},
     {"text/html; charset=utf-8", sizeof "text/html; charset=utf-8" - 1},
     {html, sizeof html - 1},
     {NULL, 0},
     {"\"none-1\"", 8},
     false},
};
const size_t page_asset_count = sizeof page_assets / sizeof page_assets[0];
