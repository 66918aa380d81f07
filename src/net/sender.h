/* sender.h: a blocking way out for lines: one TCP connection or one UDP socket to an address. One thread. */
#ifndef NET_SENDER_H
#define NET_SENDER_H

#include "net/address.h"

struct sender;

enum sender_kind { SENDER_TCP, SENDER_UDP };

/* ERR_REFUSED: nobody listens there (TCP). wait_ms bounds the connect and every send. */
enum err sender_new(enum sender_kind kind, const struct address *to, int64_t wait_ms, struct sender **out,
                    struct why *why) MUST_USE;
void sender_free(struct sender *sender); /* NULL is fine; what was sent is delivered */
/* All of it, or an error after which the sender is of no use. UDP: one datagram; ERR_LIMIT when it is
 * longer than one can be, and the sender is still of use. */
enum err sender_send(struct sender *sender, struct str bytes, struct why *why) MUST_USE;

#endif
