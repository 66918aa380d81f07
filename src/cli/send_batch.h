/* send_batch.h: a batch of lines as one file. Bytes: head of send_batch.c. */
#ifndef CLI_SEND_BATCH_H
#define CLI_SEND_BATCH_H

#include "cli/send_place.h"

struct batch {
    struct str lines;
    uint64_t line_count;
    struct place place; /* path empty: standard input */
};

/* place NULL: none. */
void batch_print(struct str lines, const struct place *place, struct buf *out);
/* *out is part of the content. false: it is no batch. */
bool batch_parse(struct str content, struct batch *out);

#endif
