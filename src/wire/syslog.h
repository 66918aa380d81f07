/* syslog.h: frames around lines: RFC 5424, RFC 3164, logplex; and how a stream of them is cut (RFC 6587).
 *
 * Pure. Views point into the input.
 */
#ifndef WIRE_SYSLOG_H
#define WIRE_SYSLOG_H

#include "base/str.h"

enum { FRAME_BYTES_MAX = 96 * 1024 }; /* a line of 64 KiB with its header and structured data */

struct frame {
    bool framed; /* false: a bare line, only text is set */
    bool has_time;
    uint16_t priority; /* facility * 8 + severity */
    int64_t time_ms;
    struct str host, app, process, message_id; /* "-" comes out empty */
    struct str text;                           /* the line: no BOM, no trailing newline */
};

/* One message. 3164 stamps have no year and zone: now_ms chooses the nearest year, UTC is assumed. What does
 * not start with <PRI> is a bare line. false: it starts with <PRI> but is no frame; *frame then holds the
 * text after it. */
bool syslog_parse(struct str message, int64_t now_ms, struct frame *frame);

/* The same for a logplex message: RFC 5424 without structured data, or with a "-" or "[..]" in its place. */
bool syslog_parse_logplex(struct str message, int64_t now_ms, struct frame *frame);

enum cut {
    CUT_MESSAGE,  /* *message is whole */
    CUT_MORE,     /* not whole yet, or nothing left: call again with more bytes */
    CUT_TOO_LONG, /* longer than the limit; *message is its start. What is still to come of it is skipped */
    CUT_BAD,      /* a count that cannot be: *message is what stands up to the next newline */
};

/* State of one stream; zero-initialised is ready. */
struct cutter {
    bool skipping;      /* inside a message that is too long or bad, up to its newline */
    bool after_counted; /* one newline behind a counted message belongs to it */
    uint64_t skip_left; /* bytes of a counted message that is too long */
    size_t scanned;     /* bytes at the front that were searched for a newline before */
};

/* Cuts the next message from the front of bytes: octet-counted ("LEN SP" with LEN of 1 to 6 digits, then
 * "<PRI>") or up to a newline, told apart message by message. *used bytes are then to be thrown away, after
 * CUT_MORE too (often 0); the next call starts behind them. Each message is reported once: as CUT_MESSAGE,
 * CUT_TOO_LONG or CUT_BAD. limit: of the message without its count and newline. at_end: nothing follows, so
 * an unfinished line is whole, and an unfinished counted message is CUT_BAD. Empty lines are messages. */
enum cut syslog_cut(struct cutter *cutter, struct str bytes, bool at_end, size_t limit, struct str *message,
                    size_t *used);

#endif
