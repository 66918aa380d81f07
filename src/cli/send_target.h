/* send_target.h: where lines go: http://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, stdout: . One thread. */
#ifndef CLI_SEND_TARGET_H
#define CLI_SEND_TARGET_H

#include "base/buf.h"
#include "base/err.h"

struct send_target;

/* url NULL: DIALTONE_URL, else http://127.0.0.1:7411. ERR_SYNTAX: what was expected. */
enum err send_target_new(const char *url, struct send_target **out, struct why *why) MUST_USE;
void send_target_free(struct send_target *target); /* NULL is fine */

/* The highest batch of this client that the server remembers; 0: none, or it cannot say. */
uint64_t send_target_arrived(struct send_target *target, struct str client);

enum sent {
    SENT,         /* it has all of it */
    SENT_REFUSED, /* it has what it takes; *refused lines or measurements were refused for good */
    SENT_LATER,   /* try again in *wait_ms */
    SENT_NEVER,   /* the target is gone for good: who reads standard output ended */
};

/* Sends lines under the key CLIENT/NUMBER. *why says what happened unless SENT. */
enum sent send_target_send(struct send_target *target, struct str client, uint64_t number, struct str lines,
                           uint64_t *refused, int64_t *wait_ms, struct why *why);

#endif
