#include "server/message_feed.h"

void message_feed_done(struct message_feed *feed)
{
    buf_done(&feed->rest);
}

size_t message_feed_cut(struct cutter *cutter, struct ingest *ingest, struct intake *intake, struct str bytes,
                        bool at_end)
{
    size_t at = 0;
    for (;;) {
        struct str message = STR_NONE, left = str_from(bytes, at);
        size_t used = 0;
        enum cut cut = syslog_cut(cutter, left, at_end, FRAME_BYTES_MAX, &message, &used);
        if (cut == CUT_MORE)
            return at + used;
        if (cut == CUT_MESSAGE)
            ingest_message(ingest, intake, message);
        else
            ingest_refuse(ingest, intake, cut == CUT_BAD ? REASON_count_bad : REASON_line_too_long,
                          str_first(left, TALLY_EXAMPLE_MAX));
        at += used;
    }
}

void message_feed_take(struct message_feed *feed, struct ingest *ingest, struct intake *intake,
                       struct str bytes, bool at_end)
{
    if (feed->rest.size) {
        buf_str(&feed->rest, bytes);
        bytes = buf_view(&feed->rest);
        size_t used = message_feed_cut(&feed->cutter, ingest, intake, bytes, at_end);
        buf_drop(&feed->rest, used);
    } else {
        size_t used = message_feed_cut(&feed->cutter, ingest, intake, bytes, at_end);
        buf_str(&feed->rest, str_from(bytes, used));
    }
}
