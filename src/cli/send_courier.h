/* send_courier.h: a thread that takes batches from the spool to the server, oldest first, and waits when the
 * server is away. */
#ifndef CLI_SEND_COURIER_H
#define CLI_SEND_COURIER_H

#include "cli/send_spool.h"
#include "cli/send_target.h"

struct courier;

struct courier_counts {
    uint64_t sent, refused; /* batches; lines or measurements */
};

/* Both outlive it. NULL: no thread could be started. */
struct courier *courier_start(struct sys *sys, struct spool *spool, struct send_target *target);
void courier_wake(struct courier *courier);    /* there is something new */
bool courier_is_over(struct courier *courier); /* the target is gone for good; it was said */
/* Sends what waits, until the spool is empty or sys_mono_ms is give_up_ms; ends the thread. */
void courier_end(struct courier *courier, int64_t give_up_ms, struct courier_counts *out);

#endif
