#include "wire/unit.h"

#include <float.h>

struct unit_row {
    struct str text;
    enum unit_dimension dimension;
    double factor;
};

static const struct unit_row rows[UNIT_COUNT] = {
#define X(name, text, dimension, factor) [UNIT_##name] = {{text, sizeof(text) - 1}, UNIT_##dimension, factor},
    UNIT_LIST(X)
#undef X
};

enum unit unit_parse(struct str text)
{
    if (text.size == 0)
        return UNIT_NONE;
    /* Old emitters write mS and MS; no other unit is spelt with these two letters. */
    if ((text.at[text.size - 1] | 0x20) == 's') {
        if (text.size == 1)
            return UNIT_s;
        if (text.size == 2 && (text.at[0] | 0x20) == 'm')
            return UNIT_ms;
    }
    for (unsigned u = UNIT_NONE + 1; u < UNIT_COUNT; u++)
        if (str_eq(rows[u].text, text))
            return (enum unit)u;
    return UNIT_UNKNOWN;
}

struct str unit_text(enum unit unit)
{
    return unit > UNIT_NONE && unit < UNIT_COUNT ? rows[unit].text : STR("");
}

bool unit_convert(double value, enum unit from, enum unit to, double *out)
{
    if (from == to) {
        *out = value;
        return true;
    }
    if (from <= UNIT_NONE || from >= UNIT_COUNT || to <= UNIT_NONE || to >= UNIT_COUNT ||
        rows[from].dimension != rows[to].dimension)
        return false;
    double up = rows[from].factor, down = rows[to].factor;
    bool larger = up >= down;
    double ratio = larger ? up / down : down / up;
    double whole = (double)(int64_t)(ratio + 0.5);
    double result;
    /* One rounding where the ratio is a whole number: dividing by 1000 is exact where multiplying by 0.001
     * is not. Only kB against KiB and their like have other ratios. */
    if (ratio / whole - 1 < 1e-9 && ratio / whole - 1 > -1e-9)
        result = larger ? value * whole : value / whole;
    else
        result = value * up / down;
    if (!(result <= DBL_MAX && result >= -DBL_MAX))
        return false;
    *out = result;
    return true;
}
