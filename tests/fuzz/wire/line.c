/* Any bytes are a line: its views lie in it or in the scratch, its numbers are finite, its counts add up, and
 * parsing the same again gives the same. The first byte of the input chooses a router's line. */
#include "../fuzz.h"

#include "base/utf8.h"
#include "wire/line.h"

#include <math.h>

static bool starts_in(struct str view, struct str input)
{
    return view.at >= input.at && view.at + view.size <= input.at + input.size;
}

/* What was unescaped must be alive and readable: the address sanitizer looks. */
static unsigned read_all(struct str view)
{
    unsigned sum = 0;
    for (size_t i = 0; i < view.size; i++)
        sum += (unsigned char)view.at[i];
    return sum;
}

static bool good_name(struct str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '.' || c == ':' || c == '/' || c == '-'))
            return false;
    }
    return name.size >= 1 && name.size <= LINE_NAME_MAX;
}

static void check_good(const struct measurement *m, struct str input)
{
    CHECK(good_name(m->name) && utf8_valid(m->text));
    CHECK(m->unit <= UNIT_UNKNOWN);
    if (m->verb <= VERB_LEVEL)
        CHECK(isfinite(m->number));
    else
        CHECK(m->text.size > 0);
    if (m->verb == VERB_UNIQUE)
        CHECK(m->number >= 0 && m->number < 0x1p52 && m->number == floor(m->number));
    else if (m->verb > VERB_LEVEL)
        CHECK(m->number == 0);
}

static void check_measurements(const struct line *line, struct str input)
{
    uint32_t refused = 0, last_column = 0;
    for (uint32_t i = 0; i < line->measurement_count; i++) {
        const struct measurement *m = &line->measurements[i];
        CHECK(m->verb < VERB_COUNT_OF && m->refused <= REASON_NONE);
        CHECK(m->column > last_column && m->column <= input.size);
        last_column = m->column;
        read_all(m->name);
        read_all(m->text);
        if (m->refused == REASON_NONE)
            check_good(m, input);
        else
            CHECK(reason_class(m->refused) == REASON_SAMPLE);
        refused += m->refused != REASON_NONE;
    }
    CHECK(refused == line->refused_count);
    CHECK(!line->has_bad_time || refused == line->measurement_count);
}

static void check_line(const struct line *line, struct str input)
{
    CHECK(line->measurement_count <= line->measurement_cap);
    CHECK(line->measurement_count <= input.size / 6 + 1 && line->pair_count <= LINE_PAIRS_MAX);
    CHECK(!(line->has_time && line->has_bad_time));
    check_measurements(line, input);
    for (uint32_t i = 0; i < line->pair_count; i++) {
        const struct pair *pair = &line->pairs[i];
        CHECK(starts_in(pair->key, input) && pair->key.size >= 1 && pair->key.size <= 64);
        CHECK(pair->value.size >= 1 && utf8_valid(pair->value));
        CHECK(pair->column >= 1 && pair->column <= input.size);
        read_all(pair->value);
    }
    if (line->source.at) {
        CHECK(line->source_column >= 1 && line->source_column <= input.size && utf8_valid(line->source));
        read_all(line->source);
    }
    if (line->process.at)
        CHECK(starts_in(line->process, input) && line->process.size >= 1 && utf8_valid(line->process));
}

static void check_same(const struct line *a, const struct line *b)
{
    CHECK(a->measurement_count == b->measurement_count && a->refused_count == b->refused_count);
    CHECK(a->pair_count == b->pair_count && a->quote_stray == b->quote_stray && a->pairs_bad == b->pairs_bad);
    CHECK(str_eq(a->source, b->source) && str_eq(a->process, b->process) && a->time_ms == b->time_ms);
    for (uint32_t i = 0; i < a->measurement_count; i++) {
        const struct measurement *m = &a->measurements[i], *n = &b->measurements[i];
        CHECK(m->verb == n->verb && m->refused == n->refused && m->unit == n->unit && m->number == n->number);
        CHECK(str_eq(m->name, n->name) && str_eq(m->text, n->text) && m->column == n->column);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str input = fuzz_input(data + 1, size - 1);
    struct line_options options = {.router = data[0] == 'r'};
    struct line line, used;
    line_init(&line);
    line_init(&used);
    enum reason refused = REASON_NONE;
    bool good = line_parse(&line, input, &options, &refused);
    CHECK(good == (input.size <= LINE_BYTES_MAX));
    if (good) {
        check_line(&line, input);
        CHECK(line_parse(&used, STR("ts=1 source=\"\\x\" k=v count#a=1 \" note#x=\"\\y\""), &options,
                         &refused));
        CHECK(line_parse(&used, input, &options, &refused));
        check_same(&line, &used);
    } else {
        CHECK(refused == REASON_line_too_long);
    }
    double number;
    if (line_number(input, &number) == REASON_NONE)
        CHECK(isfinite(number));
    line_done(&line);
    line_done(&used);
    return 0;
}
