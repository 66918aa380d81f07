/* page.c: three assets; a walk over them is quicker than any table. */
#include "server/page.h"

#include "base/check.h"
#include "server/page_assets.h"

const struct page_asset *page_find(struct str path)
{
    for (size_t i = 0; i < page_asset_count; i++)
        if (str_eq(page_assets[i].path, path))
            return &page_assets[i];
    return NULL;
}

size_t page_count(void)
{
    return page_asset_count;
}

const struct page_asset *page_at(size_t index)
{
    CHECK(index < page_asset_count);
    return &page_assets[index];
}
