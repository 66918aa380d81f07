#include "scheme/kind.h"

#include "base/check.h"

static const struct str texts[KIND_COUNT_OF] = {[KIND_NONE] = {"", 0},
#define X(name, text) [KIND_##name] = {text, sizeof(text) - 1},
                                                KIND_LIST(X)
#undef X
};

struct str kind_text(enum kind kind)
{
    CHECK(kind < KIND_COUNT_OF);
    return texts[kind];
}

enum kind kind_parse(struct str text)
{
    for (unsigned k = KIND_NONE + 1; k < KIND_COUNT_OF; k++)
        if (str_eq(texts[k], text))
            return (enum kind)k;
    return KIND_NONE;
}

enum kind kind_of_verb(enum verb verb)
{
    switch (verb) {
    case VERB_COUNT:
        return KIND_COUNT;
    case VERB_SAMPLE:
        return KIND_VALUE;
    case VERB_MEASURE:
        return KIND_MEASURE;
    case VERB_LEVEL:
        return KIND_LEVEL;
    case VERB_UNIQUE:
        return KIND_UNIQUE;
    case VERB_START:
    case VERB_STOP:
    case VERB_STATE:
    case VERB_NOTE:
    case VERB_COUNT_OF:
        break;
    }
    return KIND_NONE;
}
