/* segment_format.h: numbers that the writer and the reader of segment files share. */
#ifndef STORE_SEGMENT_FORMAT_H
#define STORE_SEGMENT_FORMAT_H

enum {
    SEGMENT_HEADER_BYTES = 64,
    SEGMENT_TRAILER_BYTES = 48,
    SEGMENT_VERSION = 2,
    SEGMENT_FOOTER_MAX = 1 << 28, /* unpacked */
};

#define SEGMENT_MAGIC     0x0100004745535444u /* "DTSEG", 0, 0, 1 */
#define SEGMENT_END_MAGIC 0x00444e4547535444u /* "DTSGEND", 0 */

#endif
