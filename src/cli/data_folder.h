/* data_folder.h: a data folder opened without a server: its store, names and scheme. */
#ifndef CLI_DATA_FOLDER_H
#define CLI_DATA_FOLDER_H

#include "scheme/scheme.h"
#include "store/store.h"

struct data_folder {
    struct names *names;
    struct scheme *scheme;
    struct store *store;
};

/* pack: a folder, or NULL for DIR/pack if there is one, else the built-in dialer pack. lanes 0: read only.
 * Says on standard error what went wrong, or what the store found. */
enum err data_folder_open(struct data_folder *folder, const char *dir, const char *pack,
                          uint32_t lanes) MUST_USE;
void data_folder_close(struct data_folder *folder);

#endif
