/* page.h: the page, built into the binary: an HTML, a JS and a CSS file, found by the path of the request.
 *
 * Everything is const and lives as long as the program; any thread. With the meson option `page` off, one
 * small page says so. The route (server/routes) answers GET and HEAD with these bytes, `Content-Encoding:
 * gzip` where the client takes it and gzip.size > 0, the etag, `Content-Security-Policy: PAGE_CSP`, and
 * `Cache-Control: public, max-age=31536000, immutable` where immutable, else `no-cache`.
 */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include "base/str.h"

struct page_asset {
    struct str path; /* "/" or "/assets/NAME-HASH.EXT" */
    struct str content_type;
    struct str bytes;
    struct str gzip; /* the same, compressed; size 0: none */
    struct str etag; /* with its quotes */
    bool immutable;  /* the name holds the hash of the content */
};

/* No inline script or style, nothing from elsewhere, no framing. The icon is a data: URL; uPlot and the page
 * set styles through the DOM, which style-src does not govern. */
#define PAGE_CSP                                                                                          \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

/* The asset of a path (without its query string), or NULL. */
const struct page_asset *page_find(struct str path);

/* For tests and listings. */
size_t page_count(void);
const struct page_asset *page_at(size_t index);

#endif
