/* RFC 6587: a stream of messages, each either counted ("52 <13>1 ...", no delimiter behind it) or ended by a
 * newline. What a message is shows at its front: up to six digits, a blank and "<PRI>" make a count; anything
 * else is a line. A wrong count therefore costs what it covers and at most the line behind it.
 *
 * The result never depends on where the stream was split: nothing is decided before the bytes that decide it
 * are there. */
#include "wire/syslog.h"

enum {
    COUNT_DIGITS_MAX = 6,
    COUNT_DIGITS_LIKELY = 20, /* a longer run of digits in front is text */
    PRIORITY_DIGITS_MAX = 3,
};

enum front { FRONT_LINE, FRONT_COUNT, FRONT_BAD_COUNT, FRONT_MORE };

static bool digit_at(struct str s, size_t i)
{
    return i < s.size && s.at[i] >= '0' && s.at[i] <= '9';
}

/* Is the front "LEN <PRI>"? *header is then the size of "LEN ". */
static enum front read_front(struct str s, size_t *count, size_t *header)
{
    size_t i = 0, pri;
    while (i <= COUNT_DIGITS_LIKELY && digit_at(s, i))
        i++;
    if (i == 0 || i > COUNT_DIGITS_LIKELY)
        return FRONT_LINE;
    if (i < s.size && s.at[i] != ' ')
        return FRONT_LINE;
    if (i + 1 < s.size && s.at[i + 1] != '<')
        return FRONT_LINE;
    pri = i + 2;
    while (pri < i + 2 + PRIORITY_DIGITS_MAX && digit_at(s, pri))
        pri++;
    if (pri >= s.size)
        return FRONT_MORE;
    if (pri == i + 2 || s.at[pri] != '>')
        return FRONT_LINE;
    if (i > COUNT_DIGITS_MAX || s.at[0] == '0')
        return FRONT_BAD_COUNT;
    *header = i + 1;
    *count = 0;
    for (size_t d = 0; d < i; d++)
        *count = *count * 10 + (size_t)(s.at[d] - '0');
    return FRONT_COUNT;
}

/* Bytes at the front that belong to a message reported before. */
static size_t skip_rest(struct cutter *cutter, struct str bytes)
{
    if (cutter->skipping) {
        size_t newline = str_find(bytes, '\n');
        if (newline == bytes.size)
            return bytes.size;
        cutter->skipping = false;
        return newline + 1;
    }
    size_t start = cutter->skip_left < bytes.size ? (size_t)cutter->skip_left : bytes.size;
    cutter->skip_left -= start;
    if (cutter->after_counted && !cutter->skip_left && start < bytes.size) {
        cutter->after_counted = false;
        start += bytes.at[start] == '\n';
    }
    return start;
}

/* *used bytes up to and with the newline; without one, all of it and what is still to come. */
static enum cut throw_line(struct cutter *cutter, struct str bytes, bool at_end, enum cut cut, size_t *used)
{
    size_t newline = str_find(bytes, '\n');
    *used = newline < bytes.size ? newline + 1 : bytes.size;
    cutter->skipping = newline == bytes.size && !at_end;
    return cut;
}

static enum cut cut_line(struct cutter *cutter, struct str bytes, bool at_end, size_t limit,
                         struct str *message, size_t *used)
{
    size_t known = cutter->scanned < bytes.size ? cutter->scanned : bytes.size;
    size_t window = bytes.size > limit ? limit + 1 : bytes.size;
    cutter->scanned = 0;
    const char *newline = known < window ? memchr(bytes.at + known, '\n', window - known) : NULL;
    if (newline) {
        *message = str_first(bytes, (size_t)(newline - bytes.at));
        *used = message->size + 1;
        return CUT_MESSAGE;
    }
    if (bytes.size > limit) {
        *message = str_first(bytes, limit);
        return throw_line(cutter, bytes, at_end, CUT_TOO_LONG, used);
    }
    if (!at_end) {
        cutter->scanned = bytes.size;
        *used = 0;
        return CUT_MORE;
    }
    *message = bytes;
    *used = bytes.size;
    return CUT_MESSAGE;
}

/* bytes starts behind "LEN ". */
static enum cut cut_counted(struct cutter *cutter, struct str bytes, size_t count, size_t limit,
                            struct str *message, size_t *used)
{
    size_t there = count < bytes.size ? count : bytes.size;
    if (count <= limit && there < count)
        return CUT_MORE;
    cutter->after_counted = true;
    *used = there;
    if (count <= limit) {
        *message = str_first(bytes, count);
        return CUT_MESSAGE;
    }
    cutter->skip_left = count - there;
    *message = str_first(bytes, there < limit ? there : limit);
    return CUT_TOO_LONG;
}

static enum cut cut_front(struct cutter *cutter, struct str bytes, bool at_end, size_t limit,
                          struct str *message, size_t *used)
{
    size_t count = 0, header = 0;
    enum front front = cutter->scanned ? FRONT_LINE : read_front(bytes, &count, &header);
    if (front == FRONT_COUNT) {
        enum cut cut = cut_counted(cutter, str_from(bytes, header), count, limit, message, used);
        if (cut != CUT_MORE) {
            *used += header;
            return cut;
        }
        if (at_end) { /* the count promised more than there is */
            *message = bytes;
            *used = bytes.size;
            return CUT_BAD;
        }
        front = FRONT_MORE;
    }
    if (front == FRONT_BAD_COUNT) {
        *message = str_first(bytes, str_find(bytes, '\n'));
        return throw_line(cutter, bytes, at_end, CUT_BAD, used);
    }
    if (front == FRONT_MORE && !at_end) {
        *used = 0;
        return CUT_MORE;
    }
    return cut_line(cutter, bytes, at_end, limit, message, used);
}

enum cut syslog_cut(struct cutter *cutter, struct str bytes, bool at_end, size_t limit, struct str *message,
                    size_t *used)
{
    *message = STR_NONE;
    size_t start = skip_rest(cutter, bytes);
    if (start == bytes.size) {
        *used = start;
        return CUT_MORE;
    }
    enum cut cut = cut_front(cutter, str_from(bytes, start), at_end, limit, message, used);
    *used += start;
    return cut;
}
