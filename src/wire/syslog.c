/* RFC 5424:  <PRI>1 TIME HOST APP PROCID MSGID SD [MSG]      SD: "-" or [id name="value" ...]...
 * logplex:   <PRI>1 TIME HOST APP PROCID MSGID MSG           (log-shuttle writes the dash, logplex does not)
 * RFC 3164:  <PRI>Mmm dd hh:mm:ss [HOST] TAG[PID]: MSG       (rsyslog writes an RFC 3339 stamp there, too)
 *
 * Logplex drains speak over TCP as well, where nothing says so; hence a missing SD is never an error. The one
 * difference: without SD, a text may start with "[INFO]", which is an SD by its syntax. So a logplex bracket
 * must hold a parameter or an id with '@' to be taken for one. */
#include "wire/syslog.h"

#include "wire/time_text.h"

enum {
    PRIORITY_MAX = 191,
    BSD_STAMP_BYTES = 15 /* "Nov 23 12:00:00" */,
    HOST_BYTES_MAX = 255,
    TAG_BYTES_MAX = 128,
};

static const double YEAR_MS = 31556952000; /* the Gregorian mean */

/* "<13>" at the start of s: bytes used, or 0. */
static size_t read_priority(struct str s, uint16_t *out)
{
    unsigned value = 0;
    size_t i = 1;
    if (s.size < 3 || s.at[0] != '<')
        return 0;
    for (; i < s.size && i < 4 && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        value = value * 10 + (unsigned)(s.at[i] - '0');
    if (i == 1 || i == s.size || s.at[i] != '>' || value > PRIORITY_MAX)
        return 0;
    *out = (uint16_t)value;
    return i + 1;
}

static struct str without_end(struct str s)
{
    while (s.size && (s.at[s.size - 1] == '\n' || s.at[s.size - 1] == '\r' || s.at[s.size - 1] == '\0'))
        s.size--;
    return s;
}

static struct str without_bom(struct str s)
{
    return str_starts(s, STR("\xef\xbb\xbf")) ? str_from(s, 3) : s;
}

/* Takes the word before the next blank; false when there is none. */
static bool take_word(struct str *rest, struct str *word)
{
    size_t blank = str_find(*rest, ' ');
    if (blank == 0)
        return false;
    *word = str_first(*rest, blank);
    *rest = str_from(*rest, blank + 1);
    return true;
}

/* A header field: empty for "-" and for what is no printable ASCII, so that nothing odd becomes a source. */
static struct str header_field(struct str word)
{
    if (str_eq(word, STR("-")))
        return str_first(word, 0);
    for (size_t i = 0; i < word.size; i++)
        if (word.at[i] < 0x21 || word.at[i] > 0x7e)
            return str_first(word, 0);
    return word;
}

/* `name="value"` at the start of s, its value with \" \\ \] in it: bytes used, or 0. */
static size_t read_parameter(struct str s)
{
    size_t equals = str_find(s, '=');
    if (equals == 0 || equals + 1 >= s.size || s.at[equals + 1] != '"')
        return 0;
    for (size_t i = 0; i < equals; i++)
        if (s.at[i] == ' ' || s.at[i] == ']' || s.at[i] == '"')
            return 0;
    for (size_t i = equals + 2; i < s.size; i++) {
        if (s.at[i] == '"')
            return i + 1;
        if (s.at[i] == '\\')
            i++;
    }
    return 0;
}

/* `[id name="value" ...]` at the start of s: bytes used, or 0. */
static size_t read_element(struct str s, bool logplex)
{
    size_t i = 1;
    bool sure = !logplex;
    if (s.size < 3 || s.at[0] != '[')
        return 0;
    for (; i < s.size && s.at[i] != ' ' && s.at[i] != ']'; i++) {
        if (s.at[i] == '=' || s.at[i] == '"')
            return 0;
        sure = sure || s.at[i] == '@';
    }
    if (i == 1)
        return 0;
    while (i < s.size && s.at[i] == ' ') {
        size_t used = read_parameter(str_from(s, i + 1));
        if (!used)
            return 0;
        i += 1 + used;
        sure = true;
    }
    return sure && i < s.size && s.at[i] == ']' ? i + 1 : 0;
}

/* Structured data and the blank behind it: bytes to leave out, 0 when there is none. */
static size_t data_size(struct str s, bool logplex)
{
    size_t i = 0, used;
    if (s.size && s.at[0] == '-')
        i = 1;
    else
        while ((used = read_element(str_from(s, i), logplex)))
            i += used;
    if (i == s.size)
        return i;
    return i && s.at[i] == ' ' ? i + 1 : 0;
}

/* What follows "<PRI>1 ". */
static bool parse_5424(struct str rest, bool logplex, struct frame *frame)
{
    struct str time, host, app, process, message_id;
    if (!take_word(&rest, &time) || !take_word(&rest, &host) || !take_word(&rest, &app) ||
        !take_word(&rest, &process) || !take_word(&rest, &message_id))
        return false;
    if (!str_eq(time, STR("-"))) {
        int64_t time_ms;
        if (time_rfc3339(time, &time_ms) != time.size)
            return false;
        frame->time_ms = time_ms;
        frame->has_time = true;
    }
    frame->host = header_field(host);
    frame->app = header_field(app);
    frame->process = header_field(process);
    frame->message_id = header_field(message_id);
    frame->text = without_bom(str_from(rest, data_size(rest, logplex)));
    return true;
}

static void put_two(char *to, unsigned v)
{
    to[0] = (char)('0' + v / 10);
    to[1] = (char)('0' + v % 10);
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* "Nov 23 12:00:00" at the start of s, in the year that brings it nearest to now. Bytes used, or 0. */
static size_t read_bsd_stamp(struct str s, int64_t now_ms, int64_t *time_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned month = 0;
    if (s.size < BSD_STAMP_BYTES || s.at[3] != ' ' || s.at[6] != ' ')
        return 0;
    while (month < 12 && memcmp(months + 3 * (size_t)month, s.at, 3) != 0)
        month++;
    if (month == 12)
        return 0;
    char stamp[] = "0000-00-00T00:00:00Z";
    put_two(stamp + 5, month + 1);
    stamp[8] = s.at[4] == ' ' ? '0' : s.at[4];
    stamp[9] = s.at[5];
    memcpy(stamp + 11, s.at + 7, 8);
    bool found = false;
    int year = 1970 + (int)((double)now_ms / YEAR_MS);
    for (int y = year > 0 ? year - 1 : 0; y <= year + 1 && y <= 9999; y++) {
        put_two(stamp, (unsigned)y / 100);
        put_two(stamp + 2, (unsigned)y % 100);
        int64_t ms;
        if (!time_rfc3339(str_make(stamp, sizeof stamp - 1), &ms))
            continue; /* the 29th of February in most years; or no time at all */
        if (!found || distance(ms, now_ms) < distance(*time_ms, now_ms))
            *time_ms = ms;
        found = true;
    }
    return found ? BSD_STAMP_BYTES : 0;
}

static bool is_host(struct str word)
{
    if (word.size == 0 || word.size > HOST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < word.size; i++) {
        unsigned char c = (unsigned char)word.at[i];
        bool letter = (unsigned)(c | 0x20) - 'a' < 26 || (unsigned)c - '0' < 10;
        if (!letter && c != '.' && c != '-' && c != '_' && c != ':')
            return false;
    }
    return true;
}

/* "app:", "app[pid]:" or "app[pid]". */
static bool read_tag(struct str word, struct frame *frame)
{
    bool colon = str_ends(word, STR(":"));
    struct str name = str_first(word, word.size - colon);
    struct str process = STR_NONE;
    if (name.size < 1 || name.size > TAG_BYTES_MAX)
        return false;
    size_t open = str_find(name, '[');
    if (open < name.size) {
        if (name.at[name.size - 1] != ']')
            return false;
        process = str_make(name.at + open + 1, name.size - open - 2);
        name = str_first(name, open);
    } else if (!colon) {
        return false;
    }
    for (size_t i = 0; i < word.size; i++)
        if (word.at[i] == '=' || word.at[i] == '#' || word.at[i] == '"')
            return false;
    frame->app = header_field(name);
    frame->process = header_field(process);
    return true;
}

/* What follows "<PRI>". */
static bool parse_3164(struct str rest, int64_t now_ms, struct frame *frame)
{
    size_t used = read_bsd_stamp(rest, now_ms, &frame->time_ms);
    if (!used)
        used = time_rfc3339(rest, &frame->time_ms);
    if (!used || (used < rest.size && rest.at[used] != ' '))
        return false;
    frame->has_time = true;
    rest = str_from(rest, used + 1);
    frame->text = rest;
    struct str word;
    if (!take_word(&rest, &word))
        return true;
    if (!read_tag(word, frame)) {
        if (!is_host(word))
            return true;
        frame->host = header_field(word);
        frame->text = rest;
        if (!take_word(&rest, &word) || !read_tag(word, frame))
            return true;
    }
    frame->text = without_bom(rest);
    return true;
}

static bool parse(struct str message, int64_t now_ms, bool logplex, struct frame *frame)
{
    message = without_end(message);
    uint16_t priority;
    size_t used = read_priority(message, &priority);
    struct str rest = str_from(message, used);
    *frame = (struct frame){.text = message};
    if (!used)
        return true;
    struct frame found = {.framed = true, .priority = priority};
    bool good = str_starts(rest, STR("1 ")) ? parse_5424(str_from(rest, 2), logplex, &found)
                                            : parse_3164(rest, now_ms, &found);
    if (good)
        *frame = found;
    else
        frame->text = rest;
    return good;
}

bool syslog_parse(struct str message, int64_t now_ms, struct frame *frame)
{
    return parse(message, now_ms, false, frame);
}

bool syslog_parse_logplex(struct str message, int64_t now_ms, struct frame *frame)
{
    return parse(message, now_ms, true, frame);
}
