#include "wire/line.h"

#include "base/check.h"

static const struct str texts[VERB_COUNT_OF] = {
#define X(name, text) [VERB_##name] = {text, sizeof(text) - 1},
    VERB_LIST(X)
#undef X
};

struct str verb_text(enum verb verb)
{
    CHECK(verb < VERB_COUNT_OF);
    return texts[verb];
}
