#include "server/message_feed.h"

enum { AT_ONCE = 64 };

void message_feed_done(struct message_feed *feed)
{
    buf_done(&feed->rest);
}

size_t message_feed_cut(struct cutter *cutter, struct ingest *ingest, struct intake *intake, struct str bytes,
                        bool at_end)
{
    struct str messages[AT_ONCE];
    uint32_t count = 0;
    size_t at = 0;
    for (;;) {
        struct str left = str_from(bytes, at);
        size_t used = 0;
        enum cut cut = syslog_cut(cutter, left, at_end, FRAME_BYTES_MAX, &messages[count], &used);
        count += cut == CUT_MESSAGE;
        if (cut != CUT_MESSAGE || count == AT_ONCE) {
            ingest_messages(ingest, intake, messages, count);
            count = 0;
        }
        if (cut == CUT_MORE)
            return at + used;
        if (cut != CUT_MESSAGE)
            ingest_refuse(ingest, intake, cut == CUT_BAD ? REASON_count_bad : REASON_line_too_long,
                          str_first(left, TALLY_EXAMPLE_MAX));
        at += used;
    }
}

/* What is left of the bytes before is completed line by line, so that not all bytes behind it are copied. */
void message_feed_take(struct message_feed *feed, struct ingest *ingest, struct intake *intake,
                       struct str bytes, bool at_end)
{
    while (feed->rest.size) {
        size_t line = str_find(bytes, '\n') + 1;
        struct str piece = str_first(bytes, line);
        bytes = str_from(bytes, piece.size);
        buf_str(&feed->rest, piece);
        buf_drop(&feed->rest, message_feed_cut(&feed->cutter, ingest, intake, buf_view(&feed->rest),
                                               at_end && !bytes.size));
        if (!bytes.size)
            return;
    }
    size_t used = message_feed_cut(&feed->cutter, ingest, intake, bytes, at_end);
    buf_str(&feed->rest, str_from(bytes, used));
}
