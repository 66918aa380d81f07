/* page_assets.h: the table behind page.h, made by ui/build.mjs, or page_none.c where the page is not built
 * in. */
#ifndef SERVER_PAGE_ASSETS_H
#define SERVER_PAGE_ASSETS_H

#include "server/page.h"

extern const struct page_asset page_assets[];
extern const size_t page_asset_count;

#endif
