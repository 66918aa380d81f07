/* message_feed.h: bytes of a stream into messages, and these into the corridor in. What is left of an
 * unfinished message waits in `rest`. Shared by request bodies, TCP lines and datagrams.
 */
#ifndef SERVER_MESSAGE_FEED_H
#define SERVER_MESSAGE_FEED_H

#include "server/ingest.h"

struct message_feed {
    struct cutter cutter;
    struct buf rest;
};

void message_feed_done(struct message_feed *feed);

/* Cuts what is whole from rest + bytes. at_end: nothing follows, an unfinished line is whole. */
void message_feed_take(struct message_feed *feed, struct ingest *ingest, struct intake *intake,
                       struct str bytes, bool at_end);

/* The same without a rest: cuts from bytes alone and returns how many were used. */
size_t message_feed_cut(struct cutter *cutter, struct ingest *ingest, struct intake *intake, struct str bytes,
                        bool at_end);

#endif
