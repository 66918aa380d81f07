/* send_rotated.h: the files that a followed file was renamed to, in its folder.
 *
 * Understood: NAME.1, NAME.2 ... (one to three digits, the lower the newer) and NAME-20260117, NAME.20260117
 * (more digits, the higher the newer). Compressed ones are not read. */
#ifndef CLI_SEND_ROTATED_H
#define CLI_SEND_ROTATED_H

#include <stdint.h>

/* Opens the regular file with this inode in the folder of `file`, whatever its name; -1: there is none. */
int rotated_open(const char *file, uint64_t inode);
/* Opens the rotated file that came next after the one with this inode; -1: there is none, so the file under
 * the name itself came next. */
int rotated_open_next(const char *file, uint64_t inode);

#endif
