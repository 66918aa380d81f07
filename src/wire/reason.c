#include "wire/reason.h"

#include "base/check.h"

struct reason_row {
    struct str name, text;
    enum reason_class class;
};

static const struct reason_row rows[REASON_COUNT] = {
#define X(name, class, text) \
    [REASON_##name] = {{#name, sizeof(#name) - 1}, {text, sizeof(text) - 1}, REASON_##class},
    REASON_LIST(X)
#undef X
};

struct str reason_name(enum reason reason)
{
    CHECK(reason < REASON_COUNT);
    return rows[reason].name;
}

struct str reason_text(enum reason reason)
{
    CHECK(reason < REASON_COUNT);
    return rows[reason].text;
}

enum reason_class reason_class(enum reason reason)
{
    CHECK(reason < REASON_COUNT);
    return rows[reason].class;
}
