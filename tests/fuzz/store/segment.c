/* Any bytes as a segment file. The first byte chooses: a block, a follower block, a table of sources, a cube
 * with bins;
 * or a file, put together from a footer and a body with a header and a trailer that are right, its other
 * checksums not compared. */
#include "../fuzz.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys_sim.h"
#include "store/segment.h"
#include "store/segment_format.h"

static void fuzz_own_block(struct str bytes, uint32_t count)
{
    static struct block_rows rows;
    struct packer packer = {0};
    struct str keys, values;
    if (block_cut(bytes, &keys, &values, NULL) == ERR_OK) {
        if (block_decode_keys(keys, count, 1000, 0, &rows, NULL) == ERR_OK)
            for (uint32_t r = 0, i = 0; r < rows.run_count; r++) {
                CHECK(rows.run[r].source < 1000 && rows.run[r].end <= count);
                for (; i < rows.run[r].end; i++)
                    CHECK(rows.time_ms[i] >= 0);
            }
        if (count && count <= BLOCK_ROWS_MAX &&
            block_decode_values(&packer, values, count, rows.value, NULL) == ERR_OK)
            CHECK(values.size > 0);
    }
    packer_done(&packer);
}

static void fuzz_follower_block(struct str bytes, uint32_t count)
{
    static int64_t place[BLOCK_ROWS_MAX];
    struct str keys, values;
    if (block_cut(bytes, &keys, &values, NULL) == ERR_OK &&
        block_decode_places(keys, count, place, NULL) == ERR_OK)
        for (uint32_t i = 1; i < count; i++)
            CHECK(place[i] > place[i - 1]);
}

static void fuzz_sources(struct str input)
{
    enum { FIELDS = 3, COUNT = 9 };
    static struct source_column column;
    struct source_dictionary dictionaries[FIELDS] = {0};
    struct arena arena = {0};
    struct bytes in = bytes_of(input);
    struct str raw = bytes_sized_str(&in), chunk = str_make(in.at, bytes_left(&in));
    uint32_t rows[COUNT];
    if (source_table_get_dictionaries(raw, FIELDS, &arena, dictionaries))
        for (uint32_t f = 0; f < FIELDS; f++)
            if (source_chunk_get_column(chunk, FIELDS, f, COUNT, &dictionaries[f], &column))
                for (uint32_t i = 0; i < COUNT; i++)
                    CHECK(source_column_value(&column, &dictionaries[f], i).type <= SOURCE_TEXT);
    CHECK(!source_chunk_get_rows(chunk, FIELDS, COUNT, rows) || chunk.size);
    arena_done(&arena);
}

static void fuzz_cube(struct str input)
{
    struct bytes in = bytes_of(input);
    uint32_t count = bytes_u16(&in), value_count = bytes_u8(&in) % (CUBE_VALUES_MAX + 1);
    struct packer packer = {0};
    struct cube_cell *cells = mem_zero(count, sizeof *cells);
    struct cube_bins bins;
    struct str bytes = bytes_str(&in, bytes_u16(&in));
    if (cube_decode(&packer, bytes, count, value_count, cells, NULL) == ERR_OK) {
        for (uint32_t i = 0; i < count; i++)
            CHECK(cells[i].minute < CUBE_MINUTES && cells[i].value < (value_count ? value_count : 1));
        bytes = str_make(in.at, bytes_left(&in));
        if (count && cube_bins_decode(&packer, bytes, cells, count, &bins, NULL) == ERR_OK) {
            for (uint32_t b = 0; b < bins.ends[count - 1]; b++)
                CHECK(bins.at[b].count > 0);
            cube_bins_done(&bins);
        }
    }
    mem_free(cells);
    packer_done(&packer);
}

static void build(struct str input, struct buf *out)
{
    struct bytes in = bytes_of(input);
    uint32_t footer_size = bytes_u16(&in);
    struct str footer = bytes_str(&in, footer_size);
    struct str body = str_make(in.at, bytes_left(&in));
    struct packer packer = {0};
    buf_u64(out, SEGMENT_MAGIC);
    buf_u32(out, SEGMENT_VERSION);
    buf_u32(out, 0);
    for (int i = 0; i < 5; i++)
        buf_u64(out, 0);
    buf_u64(out, hash_bytes(buf_view(out)));
    if (!in.bad)
        buf_str(out, body);
    size_t at = out->size;
    pack(&packer, in.bad ? STR("") : footer, 1, out);
    size_t start = out->size;
    buf_u64(out, at);
    buf_u32(out, (uint32_t)(start - at));
    buf_u32(out, (uint32_t)(in.bad ? 0 : footer.size));
    buf_u64(out, hash_seeded(str_make(out->at + at, start - at), 0));
    buf_u64(out, start + SEGMENT_TRAILER_BYTES);
    buf_u64(out, hash_bytes(str_make(out->at + start, 32)));
    buf_u64(out, SEGMENT_END_MAGIC);
    packer_done(&packer);
}

static void on_run(void *ctx, int64_t minute, uint64_t minutes)
{
}

static void use(struct segment *segment)
{
    struct segment_index *index;
    struct segment_sources *sources;
    struct buf directory = {0};
    enum err err = segment_verify(segment, NULL);
    if (segment_load_index(segment, &index, NULL) == ERR_OK) {
        err = segment_presence(index, STR_NONE, on_run, NULL, NULL);
        err = segment_presence(index, STR("h1"), on_run, NULL, NULL);
        if (segment_load_sources(segment, index, &sources, NULL) == ERR_OK) {
            for (uint32_t i = 0; i < sources->count; i++)
                CHECK(segment_source(sources, i).size > 0);
            segment_release(segment, &sources->entry);
        }
        segment_release(segment, &index->entry);
    }
    (void)err;
    segment_encode_directory(segment, &directory);
    buf_done(&directory);
}

static void fuzz_file(struct str input)
{
    struct sys_sim_options options = {.seed = 1};
    struct sys *sys = sys_sim_new(&options);
    struct names *names = names_new();
    struct cache *cache = cache_new(1 << 20, 8);
    struct segment_origin origin = {sys, STR("data"), names, cache, names_resolve_field(names, STR("host")),
                                    true};
    struct buf bytes = {0};
    struct sys_file *file;
    struct segment *segment;
    enum err err = sys_make_dir(sys, STR("data"), NULL);
    err = err ? err : sys_make_dir(sys, STR("data/seg"), NULL);
    err = err ? err : sys_make_dir(sys, STR("data/seg/20251124"), NULL);
    err = err ? err : sys_open(sys, STR("data/seg/20251124/a.seg"), SYS_CREATE, &file, NULL);
    CHECK(err == ERR_OK);
    build(input, &bytes);
    err = sys_write_at(sys, file, 0, bytes.at, bytes.size, NULL);
    CHECK(err == ERR_OK);
    sys_close(sys, file);
    if (segment_open_file(&origin, STR("20251124"), STR("a"), &segment, NULL) == ERR_OK) {
        use(segment);
        segment_unref(segment);
    }
    cache_free(cache);
    names_free(names);
    buf_done(&bytes);
    sys_sim_free(sys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = fuzz_input(data, size);
    struct bytes in = bytes_of(str_from(input, size ? 1 : 0));
    switch (size ? data[0] % 5 : 5) {
    case 0:
        fuzz_file(str_from(input, 1));
        break;
    case 1:
    case 2: {
        uint32_t count = bytes_u16(&in);
        struct str bytes = str_make(in.at, bytes_left(&in));
        data[0] % 5 == 1 ? fuzz_own_block(bytes, count) : fuzz_follower_block(bytes, count);
        break;
    }
    case 3:
        fuzz_sources(str_from(input, 1));
        break;
    case 4:
        fuzz_cube(str_from(input, 1));
        break;
    }
    return 0;
}
