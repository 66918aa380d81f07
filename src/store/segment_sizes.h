/* segment_sizes.h: where the bytes of a file are. Any thread. Of this room only. */
#ifndef STORE_SEGMENT_SIZES_H
#define STORE_SEGMENT_SIZES_H

#include "store/segment.h"
#include "store/store.h"

/* Adds the bytes of the file to sections; all of them together are the file. */
enum err segment_sizes(struct segment *segment, uint64_t sections[SECTION_COUNT], struct why *why) MUST_USE;

#endif
