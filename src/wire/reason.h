/* reason.h: why something that came in was refused, or kept with a remark. One list makes the counters, their
 * names in /metrics and in answers, and the sentences people read. Nothing is lost without one of these being
 * counted.
 *
 * LINE: the whole line is refused. SAMPLE: one measurement is refused, the rest of its line is kept.
 * REMARK: kept, but not quite as written.
 */
#ifndef WIRE_REASON_H
#define WIRE_REASON_H

#include "base/str.h"

#define REASON_LIST(X)                                                                                      \
    X(line_too_long, LINE, "the line is longer than 64 KiB")                                                \
    X(count_bad, LINE, "the octet count before a syslog frame cannot be")                                   \
    X(frame_bad, REMARK, "the syslog or logplex frame is not understood; read as a bare line")              \
    X(number_bad, SAMPLE, "the value is not a number")                                                      \
    X(not_finite, SAMPLE, "the value is not finite or overflows a 64-bit float")                            \
    X(name_bad, SAMPLE, "the metric name must be 1 to 255 of A-Z a-z 0-9 _ . : / -")                        \
    X(utf8_bad, SAMPLE, "the token is not UTF-8")                                                           \
    X(id_missing, SAMPLE, "the verb needs an id or a text after '='")                                       \
    X(time_bad, SAMPLE, "ts= is neither RFC 3339 nor epoch seconds or milliseconds")                        \
    X(too_old, SAMPLE, "the time is before what retention keeps")                                           \
    X(too_new, SAMPLE, "the time is more than 10 minutes ahead")                                            \
    X(too_many_measurements, SAMPLE, "more than 10,000 measurements on a line")                             \
    X(kind_conflict, SAMPLE, "count# on a metric that is a level, a value or a measure")                    \
    X(undeclared, SAMPLE, "the name is not in the scheme and this listener refuses such names")             \
    X(too_many_names, SAMPLE, "too many metric names")                                                      \
    X(verb_not_served, SAMPLE, "start#, stop#, state# and note# are not served by this version")            \
    X(verb_differs, REMARK, "the verb differs from the declared kind; the declared kind rules")             \
    X(unit_unknown, REMARK, "the unit is unknown; the value is kept as it is")                              \
    X(unit_differs, REMARK, "the unit cannot be turned into the metric's unit; the value is kept as it is") \
    X(source_unfit, REMARK, "the source does not fit the template; kept whole in field source")             \
    X(source_rest, REMARK, "part of a keyed source fits no field; kept in field source")                    \
    X(enum_unknown, REMARK, "the word is not in the field's list; kept as it is")                           \
    X(field_value_bad, REMARK, "a value is not valid for its field or longer than 255 bytes; left out")     \
    X(contradiction, REMARK, "a pair contradicts source= or the token; left out")                           \
    X(quote_stray, REMARK, "a stray or unterminated quote; one token left out")                             \
    X(too_many_fields, REMARK, "more than 64 fields; the rest is left out")                                 \
    X(duplicate_key, SAMPLE, "its Idempotency-Key or frame id was stored already; nothing is stored twice") \
    X(store_busy, SAMPLE, "the store had no room for more rows at that moment")                             \
    X(store_full, SAMPLE, "the disk is full; the store takes no rows until there is space")                 \
    X(store_failed, SAMPLE, "the log could not be written")                                                 \
    X(connection_lost, SAMPLE, "the sender left before its body was whole; all of it or nothing is stored")

enum reason_class { REASON_LINE, REASON_SAMPLE, REASON_REMARK };

enum reason {
#define X(name, class, text) REASON_##name,
    REASON_LIST(X)
#undef X
        REASON_COUNT,
    REASON_NONE = REASON_COUNT
};

struct str reason_name(enum reason reason); /* "line_too_long" */
struct str reason_text(enum reason reason);
enum reason_class reason_class(enum reason reason);

#endif
