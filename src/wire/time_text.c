/* Stamps are read on every line, so the nineteen bytes before the fraction are checked in one go: each digit
 * is turned into its value, and all of them are or-ed together with what the separators should be. */
#include "wire/time_text.h"

enum { STAMP_BYTES = 19 /* "2026-11-23T12:00:00" */, EPOCH_DIGITS_MAX = 17 };

static const int64_t DAY_MS = 86400000;
static const int64_t MILLISECONDS_FROM =
    100000000000; /* a smaller epoch number is seconds (until year 5138) */

/* Days from 1970-01-01 to a day of the proleptic Gregorian calendar. The year starts in March here, so that
 * the leap day is its last day. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = year + 400 - (month <= 2); /* never below zero */
    unsigned era = y / 400, of_era = y % 400;
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return ((int64_t)era - 1) * 146097 + day_of_era - 719468;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const uint8_t days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month] + (month == 2 && leap);
}

static inline unsigned digit(const char *at, unsigned *bad)
{
    unsigned v = (unsigned char)*at - (unsigned)'0';
    *bad |= v > 9;
    return v;
}

static inline unsigned two(const char *at, unsigned *bad)
{
    unsigned tens = digit(at, bad);
    return tens * 10 + digit(at + 1, bad);
}

/* "Z" or "+hh:mm" at the start of s. Bytes used or 0. */
static size_t read_zone(struct str s, int64_t *offset_ms)
{
    if (s.size >= 1 && (s.at[0] | 0x20) == 'z') {
        *offset_ms = 0;
        return 1;
    }
    if (s.size < 6 || (s.at[0] != '+' && s.at[0] != '-') || s.at[3] != ':')
        return 0;
    unsigned bad = 0;
    unsigned hours = two(s.at + 1, &bad), minutes = two(s.at + 4, &bad);
    if (bad || hours > 23 || minutes > 59)
        return 0;
    int64_t ms = (int64_t)(hours * 60 + minutes) * 60000;
    *offset_ms = s.at[0] == '-' ? -ms : ms;
    return 6;
}

/* ".250" at the start of s, cut to milliseconds. Bytes used, 0 when there is no fraction. */
static size_t read_fraction(struct str s, unsigned *ms)
{
    unsigned scale = 100;
    size_t i = 1;
    *ms = 0;
    if (s.size < 2 || s.at[0] != '.')
        return 0;
    for (; i < s.size && s.at[i] >= '0' && s.at[i] <= '9'; i++) {
        *ms += scale * (unsigned)(s.at[i] - '0');
        scale /= 10;
    }
    return i > 1 ? i : 0;
}

size_t time_rfc3339(struct str s, int64_t *time_ms)
{
    if (s.size < STAMP_BYTES + 1)
        return 0;
    const char *p = s.at;
    unsigned bad = (p[4] ^ '-') | (p[7] ^ '-') | (p[13] ^ ':') | (p[16] ^ ':');
    bad |= (p[10] | 0x20) != 't' && p[10] != ' ';
    unsigned year = two(p, &bad) * 100 + two(p + 2, &bad);
    unsigned month = two(p + 5, &bad), day = two(p + 8, &bad);
    unsigned hour = two(p + 11, &bad), minute = two(p + 14, &bad), second = two(p + 17, &bad);
    if (bad || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60)
        return 0;
    if (day > 28 && day > month_days(year, month))
        return 0;
    size_t used = STAMP_BYTES;
    unsigned ms = 0;
    used += read_fraction(str_from(s, used), &ms);
    int64_t offset_ms = 0;
    size_t zone = read_zone(str_from(s, used), &offset_ms);
    if (!zone)
        return 0;
    if (second == 60) {
        second = 59;
        ms = 999;
    }
    *time_ms = days_of(year, month, day) * DAY_MS + (int64_t)(hour * 3600 + minute * 60 + second) * 1000 +
               ms - offset_ms;
    return used + zone;
}

/* Epoch seconds or milliseconds, digits and perhaps a fraction. */
static bool read_epoch(struct str s, int64_t *time_ms)
{
    int64_t whole = 0;
    size_t i = 0;
    for (; i < s.size && s.at[i] >= '0' && s.at[i] <= '9'; i++) {
        if (i == EPOCH_DIGITS_MAX)
            return false;
        whole = whole * 10 + (s.at[i] - '0');
    }
    unsigned ms = 0;
    if (i == 0 || (i < s.size && i + read_fraction(str_from(s, i), &ms) != s.size))
        return false;
    *time_ms = whole >= MILLISECONDS_FROM ? whole : whole * 1000 + ms;
    return true;
}

bool time_parse(struct str s, int64_t *time_ms)
{
    if (read_epoch(s, time_ms))
        return true;
    int64_t stamp;
    if (s.size == 0 || time_rfc3339(s, &stamp) != s.size)
        return false;
    *time_ms = stamp;
    return true;
}
