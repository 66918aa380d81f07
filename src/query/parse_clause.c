/* parse_clause.c: what may follow an expression. One row of CLAUSES a word: adding a clause is adding a row.
 */
#include "query/parse.h"

#include "base/nearest.h"
#include "query/query_error.h"

enum place { INWARD, ONCE, OUTWARD };

struct clause_def {
    struct str word;
    enum place place;
    bool (*parse)(struct parser *parser, struct clauses *clauses, uint32_t column);
};

static struct str take_word(struct parser *parser)
{
    lex_blanks(&parser->lex);
    struct str word = lex_word(&parser->lex);
    parser->lex.at += word.size;
    return word;
}

static bool take_duration(struct parser *parser, int64_t *out)
{
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    struct str word = take_word(parser);
    if (!query_duration(word, out) || *out <= 0)
        return parse_fail(parser, column, "a duration: a whole number and ms, s, m, h, d or w, such as `5m`",
                          "`%.*s` is no duration", STR_ARG(str_first(word, 60)));
    return true;
}

static bool take_field(struct parser *parser, struct str *out)
{
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    struct str word = take_word(parser);
    if (!lex_is_field(word))
        return parse_fail(parser, column, "a field's name, such as `account_id`",
                          "`%.*s` is no name of a field", STR_ARG(str_first(word, 60)));
    *out = word;
    return true;
}

static bool take_number(struct parser *parser, struct str word, uint32_t column, double *out)
{
    if (!lex_number(word, out))
        return parse_fail(parser, column, "a number", "`%.*s` is no number", STR_ARG(str_first(word, 60)));
    return true;
}

static bool fail_twice(struct parser *parser, uint32_t column, const char *word)
{
    return parse_fail(parser, column, NULL, "`%s` stands twice", word);
}

/* ---- scope ---- */

static bool parse_value(struct parser *parser, struct match *match)
{
    lex_blanks(&parser->lex);
    struct lexer *lex = &parser->lex;
    uint32_t column = lex_column(lex);
    struct match_value value = {0};
    if (lex_peek(lex) == '\'') {
        char *text = arena_alloc(parser->arena, lex->text.size - lex->at);
        size_t size = 0;
        for (lex->at++;; lex->at++) {
            if (lex->at >= lex->text.size)
                return parse_fail(parser, column, "`'`", "the quote does not end");
            if (lex->text.at[lex->at] == '\'') {
                lex->at++;
                if (lex_peek(lex) != '\'')
                    break;
            }
            text[size++] = lex->text.at[lex->at];
        }
        value.text = str_make(text, size);
    } else {
        size_t start = lex->at;
        while (lex->at < lex->text.size && !strchr(" \t\r\n(),'", lex->text.at[lex->at]))
            lex->at++;
        value.text = str_make(lex->text.at + start, lex->at - start);
        value.is_glob = str_find(value.text, '*') < value.text.size;
        if (value.text.size == 0)
            return parse_fail(parser, column, "a value, `*` as a wildcard, or the value in single quotes",
                              "no value stands here");
    }
    match->values = parse_push(parser, match->values, match->value_count, sizeof(*match->values));
    match->values[match->value_count++] = value;
    return true;
}

/* 1..100 is a range of whole numbers, - alone says "unset". */
static void value_special(struct match *match, bool quoted)
{
    struct str text = match->values[0].text;
    if (quoted)
        return;
    if (str_eq(text, STR("-"))) {
        match->kind = MATCH_UNSET;
        match->value_count = 0;
        return;
    }
    const char *dots = memmem(text.at, text.size, "..", 2);
    if (!dots)
        return;
    struct str low = str_make(text.at, (size_t)(dots - text.at));
    if (str_u64(low, &match->low) && str_u64(str_from(text, low.size + 2), &match->high)) {
        match->kind = MATCH_RANGE;
        match->value_count = 0;
    }
}

static bool parse_match(struct parser *parser, struct match *match)
{
    struct lexer *lex = &parser->lex;
    lex_blanks(lex);
    *match = (struct match){.column = lex_column(lex)};
    size_t start = lex->at;
    while (lex->at < lex->text.size && !strchr(":! \t\r\n(),'@", lex->text.at[lex->at]))
        lex->at++;
    match->field = str_make(lex->text.at + start, lex->at - start);
    if (!lex_is_field(match->field))
        return parse_fail(parser, match->column, "FIELD:VALUE, such as `account_id:42`",
                          "`%.*s` is no name of a field", STR_ARG(str_first(match->field, 60)));
    if (lex_peek(lex) == '!') {
        match->negated = true;
        lex->at++;
    }
    if (lex_peek(lex) != ':')
        return parse_fail(parser, lex_column(lex), "`:` and a value", "the match of `%.*s` has no value",
                          STR_ARG(match->field));
    lex->at++;
    if (lex_peek(lex) != '(') {
        bool quoted = lex_peek(lex) == '\'';
        if (!parse_value(parser, match))
            return false;
        value_special(match, quoted);
        return match->kind != MATCH_RANGE || match->low <= match->high ||
               parse_fail(parser, match->column, "the smaller number first", "the range is empty");
    }
    lex->at++;
    do {
        lex_blanks(lex);
        uint32_t column = lex_column(lex);
        bool quoted = lex_peek(lex) == '\'';
        if (!parse_value(parser, match))
            return false;
        struct match alone = {.values = &match->values[match->value_count - 1], .value_count = 1};
        value_special(&alone, quoted);
        if (alone.kind != MATCH_VALUES)
            return parse_fail(parser, column, "a value, or the value in single quotes",
                              "a range or `-` stands alone, not in a list");
    } while (lex_take(lex, ','));
    uint32_t here = lex_column(lex);
    return lex_take(lex, ')') || parse_fail(parser, here, "`,` or `)`", "the list of values does not end");
}

static bool parse_matches(struct parser *parser, struct match **matches, uint32_t *count)
{
    do {
        struct match match;
        if (!parse_match(parser, &match))
            return false;
        *matches = parse_push(parser, *matches, *count, sizeof(**matches));
        (*matches)[(*count)++] = match;
    } while (lex_take(&parser->lex, ','));
    return true;
}

enum err query_parse_scope(struct str text, struct arena *arena, struct match **matches, uint32_t *count,
                           struct query_error *error)
{
    struct parser parser = {.lex = {.text = text}, .arena = arena, .error = error};
    if (text.size > QUERY_TEXT_MAX)
        return query_fail(error, ERR_LIMIT, 0, NULL, "a scope has at most %d bytes", QUERY_TEXT_MAX);
    *matches = NULL;
    *count = 0;
    lex_take(&parser.lex, '@');
    if (!parse_matches(&parser, matches, count))
        return error->err;
    lex_blanks(&parser.lex);
    if (parser.lex.at < text.size)
        return query_fail(error, ERR_SYNTAX, lex_column(&parser.lex), "`,` or the end",
                          "the scope is not understood here");
    return ERR_OK;
}

/* ---- statistics ---- */

static bool add_stat(struct parser *parser, struct clauses *clauses, struct stat_term stat)
{
    for (uint32_t i = 0; i < clauses->stat_count; i++)
        if (str_eq(clauses->stats[i].text, stat.text))
            return parse_fail(parser, stat.column, NULL, "`%.*s` stands twice", STR_ARG(stat.text));
    if (clauses->stat_count >= 16)
        return parse_fail(parser, stat.column, NULL, "at most 16 statistics at once");
    clauses->stats = parse_push(parser, clauses->stats, clauses->stat_count, sizeof(*clauses->stats));
    clauses->stats[clauses->stat_count++] = stat;
    return true;
}

/* p95, p99.9: kept as a fraction of whole numbers, so that ceil(q * n) is exact. */
static bool percentile_parse(struct str word, struct stat_term *stat)
{
    if (word.size < 2 || word.size > 12 || word.at[0] != 'p')
        return false;
    bool dot = false;
    uint64_t part = 0, whole = 100;
    for (size_t i = 1; i < word.size; i++) {
        char c = word.at[i];
        if (c == '.' && !dot && i > 1 && i + 1 < word.size) {
            dot = true;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        part = part * 10 + (uint64_t)(c - '0');
        whole *= dot ? 10 : 1;
    }
    stat->kind = STAT_PERCENTILE;
    stat->text = word;
    stat->part = part;
    stat->whole = whole;
    return true;
}

static bool is_clause_word(struct str word);

static bool parse_uniq(struct parser *parser, struct clauses *clauses, struct stat_term stat)
{
    lex_blanks(&parser->lex);
    struct str word = lex_word(&parser->lex);
    if (lex_is_field(word) && !is_clause_word(word)) {
        size_t start = stat.column - 1;
        parser->lex.at += word.size;
        stat.field = word;
        stat.text = str_make(parser->lex.text.at + start, parser->lex.at - start);
    }
    return add_stat(parser, clauses, stat);
}

static enum clause_found parse_stat(struct parser *parser, struct str word, struct clauses *clauses)
{
    struct stat_term stat = {.column = lex_column(&parser->lex), .text = word};
    if (percentile_parse(word, &stat)) {
        parser->lex.at += word.size;
        if (stat.part > stat.whole) {
            parse_fail(parser, stat.column, "p0 to p100, such as p95 or p99.9", "there is no percentile %.*s",
                       STR_ARG(str_from(word, 1)));
            return CLAUSE_BAD;
        }
        return add_stat(parser, clauses, stat) ? CLAUSE_TAKEN : CLAUSE_BAD;
    }
    for (int kind = 0; kind < STAT_PERCENTILE; kind++) {
        if (!str_eq(word, stat_kind_text((enum stat_kind)kind)))
            continue;
        stat.kind = (enum stat_kind)kind;
        parser->lex.at += word.size;
        bool good = kind == STAT_UNIQ ? parse_uniq(parser, clauses, stat) : add_stat(parser, clauses, stat);
        return good ? CLAUSE_TAKEN : CLAUSE_BAD;
    }
    return CLAUSE_NONE;
}

/* ---- the other clauses ---- */

static bool clause_over(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->over_ms)
        return fail_twice(parser, column, "over");
    clauses->over_column = column;
    return take_duration(parser, &clauses->over_ms);
}

static bool clause_rate(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->rate_ms)
        return fail_twice(parser, column, "rate");
    clauses->rate_column = column;
    clauses->rate_ms = 1000;
    lex_blanks(&parser->lex);
    char c = lex_peek(&parser->lex);
    return c < '0' || c > '9' || take_duration(parser, &clauses->rate_ms);
}

static bool clause_per(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->per.at)
        return fail_twice(parser, column, "per");
    clauses->per_column = column;
    return take_field(parser, &clauses->per);
}

static bool clause_by(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->by_column)
        return fail_twice(parser, column, "by");
    clauses->by_column = column;
    do {
        struct str field;
        uint32_t here = lex_column(&parser->lex);
        if (!take_field(parser, &field))
            return false;
        for (uint32_t i = 0; i < clauses->by_count; i++)
            if (str_eq(clauses->by[i], field))
                return parse_fail(parser, here, NULL, "`%.*s` stands twice", STR_ARG(field));
        if (clauses->by_count >= 16)
            return parse_fail(parser, here, NULL, "`by` takes at most 16 fields");
        clauses->by = parse_push(parser, clauses->by, clauses->by_count, sizeof(*clauses->by));
        clauses->by[clauses->by_count++] = field;
    } while (lex_take(&parser->lex, ','));
    return true;
}

static bool clause_every(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->every_ms)
        return fail_twice(parser, column, "every");
    clauses->every_column = column;
    return take_duration(parser, &clauses->every_ms);
}

static bool clause_vs(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    if (clauses->vs_count)
        return fail_twice(parser, column, "vs");
    clauses->vs_column = column;
    do {
        int64_t ms;
        if (clauses->vs_count >= 8)
            return parse_fail(parser, column, NULL, "`vs` takes at most 8 durations");
        if (!take_duration(parser, &ms))
            return false;
        clauses->vs_ms = parse_push(parser, clauses->vs_ms, clauses->vs_count, sizeof(*clauses->vs_ms));
        clauses->vs_ms[clauses->vs_count++] = ms;
    } while (lex_take(&parser->lex, ','));
    return true;
}

static bool add_outward(struct parser *parser, struct clauses *clauses, struct outward outward)
{
    if (clauses->outward_count >= 16)
        return parse_fail(parser, outward.column, NULL, "too many clauses");
    clauses->outward =
        parse_push(parser, clauses->outward, clauses->outward_count, sizeof(*clauses->outward));
    clauses->outward[clauses->outward_count++] = outward;
    return true;
}

static bool clause_fill(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    static const struct str fills[] = {STR("zero"), STR("gap"), STR("last"), STR("linear")};
    lex_blanks(&parser->lex);
    uint32_t here = lex_column(&parser->lex);
    struct str word = take_word(parser);
    for (int i = 0; i < 4; i++)
        if (str_eq(word, fills[i]))
            return add_outward(
                parser, clauses,
                (struct outward){.kind = OUTWARD_FILL, .column = column, .fill = (enum fill)i});
    return parse_fail(parser, here, "zero, gap, last or linear", "`%.*s` is no way to fill",
                      STR_ARG(str_first(word, 60)));
}

static bool take_rank(struct parser *parser, struct clauses *clauses, struct outward outward)
{
    for (uint32_t i = 0; i < clauses->outward_count; i++)
        if (clauses->outward[i].kind == OUTWARD_TOP || clauses->outward[i].kind == OUTWARD_BOTTOM)
            return parse_fail(parser, outward.column, NULL, "`top` or `bottom` stands here already");
    lex_blanks(&parser->lex);
    uint32_t here = lex_column(&parser->lex);
    struct str word = take_word(parser);
    uint64_t count;
    if (!str_u64(word, &count) || count == 0 || count > QUERY_GROUPS_MAX)
        return parse_fail(parser, here, "how many groups: 1 to 10000", "`%.*s` is no number of groups",
                          STR_ARG(str_first(word, 60)));
    outward.count = (uint32_t)count;
    return add_outward(parser, clauses, outward);
}

static bool clause_top(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    return take_rank(parser, clauses, (struct outward){.kind = OUTWARD_TOP, .column = column});
}

static bool clause_bottom(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    return take_rank(parser, clauses, (struct outward){.kind = OUTWARD_BOTTOM, .column = column});
}

static bool clause_other(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    return add_outward(parser, clauses, (struct outward){.kind = OUTWARD_OTHER, .column = column});
}

static bool clause_smooth(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    struct outward outward = {.kind = OUTWARD_SMOOTH, .column = column};
    return take_duration(parser, &outward.ms) && add_outward(parser, clauses, outward);
}

static bool clause_band(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    struct outward outward = {.kind = OUTWARD_BAND, .column = column};
    return take_duration(parser, &outward.ms) && add_outward(parser, clauses, outward);
}

static bool clause_as(struct parser *parser, struct clauses *clauses, uint32_t column)
{
    struct outward outward = {.kind = OUTWARD_AS, .column = column};
    outward.word = take_word(parser);
    if (outward.word.size == 0 || outward.word.size > 255)
        return parse_fail(parser, column, "a word of at most 255 bytes", "`as` gives no name");
    return add_outward(parser, clauses, outward);
}

static const struct clause_def CLAUSES[] = {
    {STR("over"), INWARD, clause_over},      {STR("rate"), INWARD, clause_rate},
    {STR("per"), INWARD, clause_per},        {STR("by"), ONCE, clause_by},
    {STR("every"), ONCE, clause_every},      {STR("vs"), ONCE, clause_vs},
    {STR("fill"), OUTWARD, clause_fill},     {STR("top"), OUTWARD, clause_top},
    {STR("bottom"), OUTWARD, clause_bottom}, {STR("other"), OUTWARD, clause_other},
    {STR("smooth"), OUTWARD, clause_smooth}, {STR("band"), OUTWARD, clause_band},
    {STR("as"), OUTWARD, clause_as},
};

enum { CLAUSE_COUNT = sizeof(CLAUSES) / sizeof(CLAUSES[0]) };

static bool is_clause_word(struct str word)
{
    struct stat_term stat;
    for (int i = 0; i < CLAUSE_COUNT; i++)
        if (str_eq(word, CLAUSES[i].word))
            return true;
    for (int i = 0; i < STAT_PERCENTILE; i++)
        if (str_eq(word, stat_kind_text((enum stat_kind)i)))
            return true;
    for (int i = TEST_ABOVE; i <= TEST_REACHES; i++)
        if (str_eq(word, test_text((enum test_kind)i)))
            return true;
    return percentile_parse(word, &stat);
}

void parse_near_clause(struct parser *parser, struct str word)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (int i = 0; i < CLAUSE_COUNT; i++)
        nearest_feed(&nearest, CLAUSES[i].word);
    for (int i = 0; i < STAT_PERCENTILE; i++)
        nearest_feed(&nearest, stat_kind_text((enum stat_kind)i));
    for (int i = TEST_ABOVE; i <= TEST_REACHES; i++)
        nearest_feed(&nearest, test_text((enum test_kind)i));
    query_error_near(parser->error, nearest.best);
}

enum clause_found parse_clause(struct parser *parser, bool once, struct clauses *clauses)
{
    uint32_t column = lex_column(&parser->lex);
    if (lex_take(&parser->lex, '@'))
        return parse_matches(parser, &clauses->scope, &clauses->scope_count) ? CLAUSE_TAKEN : CLAUSE_BAD;
    struct str word = lex_word(&parser->lex);
    for (int i = 0; i < CLAUSE_COUNT; i++) {
        const struct clause_def *def = &CLAUSES[i];
        if (!str_eq(word, def->word))
            continue;
        if (def->place == ONCE && !once) {
            parse_fail(parser, column, "the clause behind the closing parenthesis",
                       "`%.*s` stands at the end of the query or of a function's argument", STR_ARG(word));
            return CLAUSE_BAD;
        }
        parser->lex.at += word.size;
        return def->parse(parser, clauses, column) ? CLAUSE_TAKEN : CLAUSE_BAD;
    }
    return parse_stat(parser, word, clauses);
}

/* ---- tests ---- */

/* "x4" or "x 4"; absent is fine when it need not be there. */
static bool take_times(struct parser *parser, bool needed, double *out)
{
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    struct str word = lex_word(&parser->lex);
    if (word.size == 0 || word.at[0] != 'x')
        return !needed || parse_fail(parser, column, "`x` and a number, such as `x3`", "a factor is missing");
    parser->lex.at += word.size;
    if (word.size == 1) {
        word = take_word(parser);
        return take_number(parser, word, column, out);
    }
    return take_number(parser, str_from(word, 1), column, out);
}

static bool take_keyword(struct parser *parser, struct str want)
{
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    struct str word = take_word(parser);
    if (str_eq(word, want))
        return true;
    char expected[32] = "`";
    memcpy(expected + 1, want.at, want.size);
    expected[want.size + 1] = '`';
    return parse_fail(parser, column, expected, "`%.*s` is not understood here",
                      STR_ARG(str_first(word, 60)));
}

static bool take_outside(struct parser *parser, struct test_term *test, uint32_t column)
{
    struct str word = take_word(parser);
    const char *dots = word.size ? memmem(word.at, word.size, "..", 2) : NULL;
    if (!dots)
        return parse_fail(parser, column, "two numbers with `..` between, such as `1..5`",
                          "`outside` has no range");
    struct str low = str_make(word.at, (size_t)(dots - word.at));
    return take_number(parser, low, column, &test->low) &&
           take_number(parser, str_from(word, low.size + 2), column, &test->high);
}

static bool take_rises(struct parser *parser, struct test_term *test, uint32_t column)
{
    struct str word = take_word(parser);
    if (str_ends(word, STR("pct"))) {
        test->pct = true;
        word.size -= 3;
    }
    if (!take_number(parser, word, column, &test->low))
        return false;
    lex_blanks(&parser->lex);
    if (str_eq(lex_word(&parser->lex), STR("pct"))) {
        test->pct = true;
        take_word(parser);
    }
    return take_keyword(parser, STR("in")) && take_duration(parser, &test->ms);
}

static bool parse_test_words(struct parser *parser, struct test_term *test)
{
    lex_blanks(&parser->lex);
    uint32_t column = lex_column(&parser->lex);
    switch (test->kind) {
    case TEST_ABOVE:
    case TEST_BELOW:
        return take_number(parser, take_word(parser), column, &test->low);
    case TEST_OUTSIDE:
        return take_outside(parser, test, column);
    case TEST_ABSENT:
        return take_duration(parser, &test->ms);
    case TEST_OVERDUE:
        return take_times(parser, true, &test->low);
    case TEST_SPIKE:
    case TEST_VALLEY:
        return take_duration(parser, &test->ms) && take_times(parser, false, &test->low);
    case TEST_RISES:
        return take_rises(parser, test, column);
    case TEST_REACHES:
        return take_number(parser, take_word(parser), column, &test->low) &&
               take_keyword(parser, STR("within")) && take_duration(parser, &test->ms);
    case TEST_NONE:
        break;
    }
    return false;
}

enum clause_found parse_test(struct parser *parser, struct test_term *test)
{
    struct str word = lex_word(&parser->lex);
    for (int kind = TEST_ABOVE; kind <= TEST_REACHES; kind++) {
        if (!str_eq(word, test_text((enum test_kind)kind)))
            continue;
        test->kind = (enum test_kind)kind;
        test->column = lex_column(&parser->lex);
        parser->lex.at += word.size;
        return parse_test_words(parser, test) ? CLAUSE_TAKEN : CLAUSE_BAD;
    }
    return CLAUSE_NONE;
}
