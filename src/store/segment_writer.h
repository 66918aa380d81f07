/* segment_writer.h: a file while it is written; shared by segment_write.c and segment_footer.c. */
#ifndef STORE_SEGMENT_WRITER_H
#define STORE_SEGMENT_WRITER_H

#include "store/cube.h"
#include "store/segment.h"

/* Rows on their way into a block. */
struct writer_block {
    uint32_t count;
    uint32_t source[BLOCK_ROWS_MAX];
    int64_t time_ms[BLOCK_ROWS_MAX];
    double value[BLOCK_ROWS_MAX];
    int64_t place[BLOCK_ROWS_MAX];
};

struct writer_blocks {
    struct segment_block_entry *at;
    uint32_t count, cap;
};

struct writer_cube {
    uint32_t field; /* in the builder's; its count: of all rows */
    uint64_t at;
    uint32_t size, cells;
    uint64_t check;
    uint64_t bins_at;   /* cube_bins.h */
    uint32_t bins_size; /* 0: none */
    uint64_t bins_check;
};

struct writer_metric {
    struct segment_metric directory;
    uint32_t lead; /* in metrics; or UINT32_MAX */
    struct writer_blocks own, followers;
    bool leads; /* others may follow it */
    struct writer_cube *cubes;
    uint32_t cube_count;
    uint64_t *keys; /* of all its rows then, by row_sort.h */
    uint32_t key_count, key_cap;
};

struct segment_writer {
    struct segment_writer_options options;
    struct sys *sys;
    struct sys_file *file;
    struct store_path temporary, folder;
    char name[SEGMENT_NAME_MAX + 1];
    uint64_t seed;
    uint64_t flushed; /* bytes in the file */
    struct buf out;   /* bytes that follow */
    struct packer packer;
    struct writer_block own, followers;
    bool has_cubes; /* the metric at hand */
    struct cube_builder cubes;
    bool has_bins; /* the metric at hand */
    struct bins_builder bins;
    uint32_t lead_at; /* how far the lead's keys were passed */
    uint64_t keys_kept;
    struct source_values values; /* of the sources */
    uint32_t *source_rows, *source_host;
    struct presence_set presence;
    int64_t from_ms, to_ms; /* of presence that no row may be left of */
    struct writer_metric *metrics;
    uint32_t metric_count, metric_cap;
    struct segment_cover *covers;
    uint32_t cover_count;
    char (*replaces)[SEGMENT_NAME_MAX + 1];
    uint32_t replaces_count;
    bool named;
};

enum err writer_flush(struct segment_writer *writer, struct why *why) MUST_USE;
/* Sources, presence and footer, behind the blocks. */
enum err writer_put_rest(struct segment_writer *writer, const struct segment *segment,
                         struct why *why) MUST_USE;

#endif
