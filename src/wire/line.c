/* One pass makes the map of where names and tokens end (line_map.h); the walk then looks only at the bytes
 * that end something. What a token is shows at the first byte that is not in a name: `verb#name=value`,
 * `key=value`, or text that is ignored.
 *
 * Quotes: a value that starts with a quote ends at the next unescaped quote, which must be the last byte of
 * its token. Else the opening quote is stray: its token is left out, and reading resumes at the first blank
 * behind the quote. So a lone quote in free text never swallows the measurements behind it; and since every
 * value's opening quote would also end an earlier search, all searches together read the line once. */
#include "wire/line.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "wire/line_map.h"
#include "wire/number.h"
#include "wire/quote.h"
#include "wire/time_text.h"

#include <float.h>

enum { MEASUREMENTS_FIRST = 32, KEY_BYTES_MAX = 64, HASH_SHIFT = 64 - 52 };

struct reader {
    struct line *line;
    const char *at;
    size_t size;
    bool router;
    bool has_ts;     /* a ts= was read, good or bad */
    bool source_bad; /* source= is not UTF-8 */
    bool lost_verb;  /* a stray quote cost a token that was to be a measurement */
    uint32_t strays;
    struct line_map map;
};

/* A token's value: text is unquoted; end is behind the token. */
struct value {
    struct str text;
    size_t end;
    bool stray; /* the token is lost to a stray quote */
};

void line_init(struct line *line)
{
    *line = (struct line){.measurement_cap = MEASUREMENTS_FIRST};
    line->measurements = mem_alloc(MEASUREMENTS_FIRST * sizeof *line->measurements);
    line->pairs = mem_alloc(LINE_PAIRS_MAX * sizeof *line->pairs);
}

void line_done(struct line *line)
{
    mem_free(line->measurements);
    mem_free(line->pairs);
    arena_done(&line->scratch);
    *line = (struct line){0};
}

static void line_clear(struct line *line)
{
    line->source = STR_NONE; /* not one from the other: reading what was just written in halves takes 4 ns */
    line->process = STR_NONE;
    line->has_time = line->has_bad_time = false;
    line->time_ms = 0;
    line->source_column = 0;
    line->measurement_count = line->refused_count = line->pair_count = 0;
    line->quote_stray = line->pairs_bad = 0;
    if (line->scratch.chunks)
        arena_reset(&line->scratch);
}

/* The byte at i; a blank behind the end. */
static inline char byte_at(const struct reader *r, size_t i)
{
    return i < r->size ? r->at[i] : ' ';
}

static inline bool is_blank(char c)
{
    return (unsigned char)c <= 0x20;
}

static inline struct str view(const struct reader *r, size_t from, size_t to)
{
    return str_make(r->at + from, to - from);
}

/* The first blank at or behind from, over quotes. */
static size_t blank_from(const struct reader *r, size_t from)
{
    size_t end = line_map_token_end(&r->map, from);
    while (end < r->size && r->at[end] == '"')
        end = line_map_token_end(&r->map, end + 1);
    return end;
}

static bool is_utf8(const struct reader *r, size_t from, size_t to)
{
    return !r->map.has_high || utf8_valid(view(r, from, to));
}

/* What stands behind the '=' at equals; empty when there is no '='. */
static inline __attribute__((always_inline)) struct value read_value(struct reader *r, size_t equals)
{
    struct value value = {.text = STR_NONE, .end = equals};
    if (byte_at(r, equals) != '=') {
        value.text = view(r, equals, equals);
        return value;
    }
    size_t start = equals + 1;
    if (byte_at(r, start) != '"') {
        value.end = line_map_token_end(&r->map, start);
        value.text = view(r, start, value.end);
        if (__builtin_expect(byte_at(r, value.end) != '"', 1))
            return value;
    } else if (quote_read(view(r, start, r->size), &r->line->scratch, &value.text, &value.end)) {
        value.end += start;
        if (is_blank(byte_at(r, value.end)))
            return value;
    }
    value.stray = true;
    value.end = blank_from(r, start);
    r->strays++;
    return value;
}

/* Text that is neither verb nor pair, from a byte inside it. */
static size_t skip_text(struct reader *r, size_t from)
{
    size_t end = line_map_token_end(&r->map, from);
    if (end == r->size || r->at[end] != '"')
        return end;
    r->strays++;
    return blank_from(r, end);
}

static inline struct measurement *add_measurement(struct line *line)
{
    if (__builtin_expect(line->measurement_count == line->measurement_cap, 0)) {
        line->measurement_cap *= 2;
        line->measurements =
            mem_resize(line->measurements, line->measurement_cap, sizeof *line->measurements);
    }
    return &line->measurements[line->measurement_count++];
}

/* Letters and signs that may follow a number as its unit: no digit, so that 0x10 or 1.2.3 is no number. */
static bool is_unit(struct str s)
{
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool letter = (unsigned)(c | 0x20) - 'a' < 26 || c == '%' || c >= 0x80;
        if (!letter && (i == 0 || (c != '/' && c != '_')))
            return false;
    }
    return true;
}

/* "812.4ms" */
static inline enum reason read_quantity(struct str text, double *number, enum unit *unit)
{
    double value;
    size_t used = number_read(text, &value);
    if (used == 0)
        return number_is_word(text) ? REASON_not_finite : REASON_number_bad;
    struct str rest = str_from(text, used);
    if (rest.size && !is_unit(rest))
        return REASON_number_bad;
    if (!(value <= DBL_MAX && value >= -DBL_MAX))
        return REASON_not_finite;
    *unit = unit_parse(rest);
    *number = value;
    return REASON_NONE;
}

static inline enum reason check_value(struct measurement *m)
{
    switch (m->verb) {
    case VERB_COUNT:
        if (m->text.size == 0) {
            m->number = 1;
            return REASON_NONE;
        }
        return read_quantity(m->text, &m->number, &m->unit);
    case VERB_SAMPLE:
    case VERB_MEASURE:
    case VERB_LEVEL:
        return read_quantity(m->text, &m->number, &m->unit);
    default:
        if (m->text.size == 0)
            return REASON_id_missing;
        if (m->verb == VERB_UNIQUE)
            m->number = (double)(hash_bytes(m->text) >> HASH_SHIFT);
        return REASON_NONE;
    }
}

struct found {
    enum verb verb;
    size_t start, end; /* of the token */
    struct str name;
    bool name_good;
};

static inline __attribute__((always_inline)) void keep_measurement(struct reader *r,
                                                                   const struct found *found, struct str text)
{
    struct line *line = r->line;
    struct measurement *m = add_measurement(line);
    m->verb = found->verb;
    m->unit = UNIT_NONE;
    m->column = (uint32_t)found->start + 1;
    m->name = found->name;
    m->text = text;
    m->number = 0;
    if (__builtin_expect(line->measurement_count > LINE_MEASUREMENTS_MAX, 0))
        m->refused = REASON_too_many_measurements;
    else if (__builtin_expect(r->map.has_high, 0) && !is_utf8(r, found->start, found->end))
        m->refused = REASON_utf8_bad;
    else if (__builtin_expect(!found->name_good, 0))
        m->refused = REASON_name_bad;
    else
        m->refused = check_value(m);
    line->refused_count += m->refused != REASON_NONE;
}

static inline __attribute__((always_inline)) enum verb verb_of(const char *at, size_t size)
{
    switch (size) {
    case 4:
        return !memcmp(at, "stop", 4) ? VERB_STOP : !memcmp(at, "note", 4) ? VERB_NOTE : VERB_COUNT_OF;
    case 5:
        return !memcmp(at, "count", 5)   ? VERB_COUNT
               : !memcmp(at, "level", 5) ? VERB_LEVEL
               : !memcmp(at, "start", 5) ? VERB_START
               : !memcmp(at, "state", 5) ? VERB_STATE
                                         : VERB_COUNT_OF;
    case 6:
        return !memcmp(at, "sample", 6)   ? VERB_SAMPLE
               : !memcmp(at, "unique", 6) ? VERB_UNIQUE
                                          : VERB_COUNT_OF;
    case 7:
        return !memcmp(at, "measure", 7) ? VERB_MEASURE : VERB_COUNT_OF;
    default:
        return VERB_COUNT_OF;
    }
}

/* `verb#name=value` with its hash at hash. Returns where the token ends. */
static inline size_t read_verb(struct reader *r, size_t start, size_t hash)
{
    struct found found = {.verb = verb_of(r->at + start, hash - start), .start = start};
    if (found.verb == VERB_COUNT_OF)
        return skip_text(r, hash);
    size_t name_end = line_map_name_end(&r->map, hash + 1);
    char c = byte_at(r, name_end);
    found.name_good = c == '=' || is_blank(c);
    if (!found.name_good) /* some byte no name may hold: the name goes on to '=' or the token's end */
        while (c != '=' && c != '"' && !is_blank(c))
            c = byte_at(r, ++name_end);
    found.name = view(r, hash + 1, name_end);
    if (found.name.size == 0 || found.name.size > LINE_NAME_MAX)
        found.name_good = false;
    if (c == '"') {
        r->lost_verb = true;
        return skip_text(r, name_end);
    }
    struct value value = read_value(r, name_end);
    found.end = value.end;
    if (value.stray)
        r->lost_verb = true;
    else
        keep_measurement(r, &found, value.text);
    return value.end;
}

static void keep_time(struct reader *r, struct str text)
{
    if (r->has_ts)
        return;
    r->has_ts = true;
    r->line->has_time = time_parse(text, &r->line->time_ms);
    r->line->has_bad_time = !r->line->has_time;
}

static void keep_source(struct reader *r, size_t start, const struct value *value)
{
    if (r->line->source.at || r->source_bad)
        return;
    if (r->map.has_high && !is_utf8(r, start, value->end)) {
        r->source_bad = true;
        return;
    }
    r->line->source = value->text;
    r->line->source_column = (uint32_t)start + 1;
}

static bool is_key(struct str key)
{
    if (key.size == 0 || key.size > KEY_BYTES_MAX || (unsigned char)(key.at[0] - 'a') >= 26)
        return false;
    for (size_t i = 1; i < key.size; i++) {
        char c = key.at[i];
        if ((unsigned char)(c - 'a') >= 26 && (unsigned char)(c - '0') >= 10 && c != '_')
            return false;
    }
    return true;
}

static void keep_pair(struct reader *r, struct str key, size_t start, const struct value *value)
{
    struct line *line = r->line;
    if (value->text.size == 0 || line->pair_count == LINE_PAIRS_MAX || !is_key(key))
        return;
    if (r->router && !str_eq(key, STR("method")) && !str_eq(key, STR("status")))
        return;
    if (!is_utf8(r, start, value->end)) {
        line->pairs_bad++;
        return;
    }
    line->pairs[line->pair_count++] =
        (struct pair){.key = key, .value = value->text, .column = (uint32_t)start + 1};
}

/* `measure.NAME=`, and the three numbers of a router line. */
static bool old_measure(const struct reader *r, struct str key, struct str *name)
{
    if (str_starts(key, STR("measure."))) {
        *name = str_from(key, 8);
        return true;
    }
    if (!r->router)
        return false;
    *name = str_eq(key, STR("connect"))   ? STR("router.connect")
            : str_eq(key, STR("service")) ? STR("router.service")
            : str_eq(key, STR("bytes"))   ? STR("router.bytes")
                                          : STR_NONE;
    return name->at != NULL;
}

/* `key=value` with its '=' at equals. Returns where the token ends. */
static inline size_t read_pair(struct reader *r, size_t start, size_t equals)
{
    struct str key = view(r, start, equals);
    struct value value = read_value(r, equals);
    struct str name;
    if (key.size == 6 && !memcmp(key.at, "source", 6)) {
        if (!value.stray)
            keep_source(r, start, &value);
    } else if (key.size == 2 && !memcmp(key.at, "ts", 2)) {
        if (!value.stray)
            keep_time(r, value.text);
    } else if (old_measure(r, key, &name)) {
        struct found found = {VERB_MEASURE, start, value.end, name,
                              name.size > 0 && name.size <= LINE_NAME_MAX};
        if (value.stray)
            r->lost_verb = true;
        else if (value.text.size || !r->router) /* the router writes `service=` when there was no answer */
            keep_measurement(r, &found, value.text);
    } else if (!value.stray) {
        keep_pair(r, key, start, &value);
    }
    return value.end;
}

static size_t skip_blanks(const struct reader *r, size_t at)
{
    while (at < r->size && is_blank(r->at[at]))
        at++;
    return at;
}

/* `name[process]:`, the token at start. Returns where it ends, or start when it is something else. */
static size_t read_process(struct reader *r, size_t start)
{
    size_t end = blank_from(r, start);
    struct str token = view(r, start, end);
    size_t open = str_find(token, '[');
    if (open == 0 || open + 4 > token.size || !str_ends(token, STR("]:")) || !is_utf8(r, start, end))
        return start;
    struct str process = str_make(token.at + open + 1, token.size - open - 3);
    if (str_find(process, '[') < process.size || str_find(process, ']') < process.size)
        return start;
    r->line->process = process;
    if (str_eq(process, STR("router")))
        r->router = true;
    return end;
}

/* A leading RFC 3339 stamp, and the process behind it. Returns where the tokens start. */
static size_t read_stamp(struct reader *r)
{
    size_t start = skip_blanks(r, 0);
    if ((unsigned char)(byte_at(r, start) - '0') > 9 || byte_at(r, start + 4) != '-')
        return start;
    int64_t time_ms;
    size_t used = time_rfc3339(view(r, start, r->size), &time_ms);
    if (used == 0 || !is_blank(byte_at(r, start + used)))
        return start;
    r->line->has_time = true;
    r->line->time_ms = time_ms;
    return read_process(r, skip_blanks(r, start + used));
}

/* The time and the source are every measurement's: without them none can be stored where it belongs. */
static void refuse_all(struct line *line, enum reason reason)
{
    for (uint32_t i = 0; i < line->measurement_count; i++)
        if (line->measurements[i].refused == REASON_NONE)
            line->measurements[i].refused = reason;
    line->refused_count = line->measurement_count;
}

bool line_parse(struct line *line, struct str bytes, const struct line_options *options, enum reason *refused)
{
    if (bytes.size > LINE_BYTES_MAX) {
        *refused = REASON_line_too_long;
        return false;
    }
    line_clear(line);
    struct reader r; /* 16 KiB that are not cleared */
    r.line = line;
    r.at = bytes.at;
    r.size = bytes.size;
    r.router = options && options->router;
    r.has_ts = r.source_bad = r.lost_verb = false;
    r.strays = 0;
    line_map_make(&r.map, bytes);
    for (size_t at = skip_blanks(&r, read_stamp(&r)); at < r.size; at = skip_blanks(&r, at)) {
        size_t key_end = line_map_name_end(&r.map, at);
        char c = byte_at(&r, key_end);
        if (c == '#')
            at = read_verb(&r, at, key_end);
        else if (c == '=')
            at = read_pair(&r, at, key_end);
        else
            at = skip_text(&r, key_end);
    }
    if (r.source_bad)
        refuse_all(line, REASON_utf8_bad);
    if (line->has_bad_time)
        refuse_all(line, REASON_time_bad);
    if (line->measurement_count || r.lost_verb)
        line->quote_stray = r.strays;
    return true;
}
