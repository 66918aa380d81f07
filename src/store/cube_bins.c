#include "store/cube_bins.h"

#include "base/check.h"
#include "base/mem.h"

enum { TEXT_MAX = 1 << 25, PACK_LEVEL = 3 };

struct texts {
    struct buf cells, gaps, counts;
};

static void texts_done(struct texts *texts)
{
    buf_done(&texts->cells);
    buf_done(&texts->gaps);
    buf_done(&texts->counts);
}

void cube_bins_done(struct cube_bins *bins)
{
    mem_free(bins->at);
    mem_free(bins->ends);
    *bins = (struct cube_bins){0};
}

/* ---- writing ---- */

/* The bins of one cell, from entry *at on. */
static void write_cell(struct texts *texts, const struct bin_list *list, uint32_t *at,
                       const struct cube_cell *cell, int32_t *first_key)
{
    uint32_t place = cell->value * CUBE_MINUTES + cell->minute, bins = 0;
    int32_t before = 0, first = 0;
    for (uint64_t rows = 0; rows < cell->count; (*at)++, bins++) {
        struct bin_entry entry = bin_list_get(list, *at);
        CHECK(entry.place == place);
        if (bins == 0)
            first = entry.bin.key;
        else
            buf_varint(&texts->gaps, (uint64_t)(entry.bin.key - before - 1));
        before = entry.bin.key;
        rows += entry.bin.count;
        CHECK(rows <= cell->count);
        if (rows < cell->count)
            buf_varint(&texts->counts, entry.bin.count - 1);
    }
    buf_varint(&texts->cells, bins);
    buf_varint(&texts->cells, zigzag(first - *first_key));
    *first_key = first;
}

static void put_text(struct packer *packer, struct str text, struct buf *out)
{
    struct buf packed = {0};
    pack(packer, text, PACK_LEVEL, &packed);
    buf_varint(out, text.size);
    buf_sized_str(out, buf_view(&packed));
    buf_done(&packed);
}

void cube_bins_encode(struct packer *packer, const struct cube_cell *cells, uint32_t count,
                      const struct bin_list *list, struct buf *out)
{
    struct texts texts = {0};
    uint32_t at = 0;
    int32_t first_key = 0;
    for (uint32_t i = 0; i < count; i++)
        write_cell(&texts, list, &at, &cells[i], &first_key);
    CHECK(at == list->count);
    put_text(packer, buf_view(&texts.cells), out);
    put_text(packer, buf_view(&texts.gaps), out);
    put_text(packer, buf_view(&texts.counts), out);
    texts_done(&texts);
}

/* ---- reading ---- */

static enum err get_text(struct packer *packer, struct bytes *in, struct buf *raw, struct why *why)
{
    uint64_t size = bytes_varint(in);
    struct str packed = bytes_sized_str(in);
    if (in->bad || size > TEXT_MAX)
        return why_set(why, ERR_CORRUPT, "bins of a cube are cut off");
    return unpack(packer, packed, size, raw, why);
}

/* How many bins the cells have together; 0 when that cannot be. */
static uint32_t count_bins(const struct texts *texts, const struct cube_cell *cells, uint32_t count)
{
    struct bytes in = bytes_of(buf_view(&texts->cells));
    uint64_t all = 0;
    for (uint32_t i = 0; i < count && !in.bad; i++) {
        uint64_t bins = bytes_varint(&in);
        bytes_varint(&in);
        in.bad |= bins < 1 || bins > cells[i].count || bins > CUBE_BINS_MAX;
        all += bins;
        in.bad |= all > CUBE_BINS_MAX;
    }
    in.bad |= bytes_left(&in) || all > count + texts->gaps.size; /* a gap is a byte at least */
    return in.bad ? 0 : (uint32_t)all;
}

struct cell_reader {
    struct bytes cells, gaps, counts;
    int64_t first_key;
    bool bad;
};

/* Returns how many bins. */
static uint32_t read_cell(struct cell_reader *reader, const struct cube_cell *cell, struct log_bin *bins)
{
    uint32_t count = (uint32_t)bytes_varint(&reader->cells);
    uint64_t left = cell->count;
    int64_t key = (int64_t)((uint64_t)reader->first_key + (uint64_t)unzigzag(bytes_varint(&reader->cells)));
    reader->first_key = key;
    for (uint32_t i = 0; i < count && !reader->bad; i++) {
        uint64_t gap = i ? bytes_varint(&reader->gaps) : 0;
        uint64_t rows = i + 1 < count ? bytes_varint(&reader->counts) : left - 1;
        reader->bad |= gap > 2 * LOG_BIN_KEY_MAX || rows >= left;
        key += i ? (int64_t)gap + 1 : 0;
        reader->bad |= key < -LOG_BIN_KEY_MAX || key > LOG_BIN_KEY_MAX;
        bins[i] = (struct log_bin){(int32_t)key, rows + 1};
        left -= rows + 1;
    }
    return count;
}

static enum err read_cells(const struct texts *texts, const struct cube_cell *cells, uint32_t count,
                           struct cube_bins *out, struct why *why)
{
    uint32_t all = count_bins(texts, cells, count), at = 0;
    struct cell_reader reader = {.cells = bytes_of(buf_view(&texts->cells)),
                                 .gaps = bytes_of(buf_view(&texts->gaps)),
                                 .counts = bytes_of(buf_view(&texts->counts)),
                                 .bad = all == 0};
    struct cube_bins bins = {mem_alloc((all + 1) * sizeof *bins.at), mem_alloc(count * sizeof *bins.ends)};
    for (uint32_t i = 0; i < count && !reader.bad; i++) {
        at += read_cell(&reader, &cells[i], bins.at + at);
        bins.ends[i] = at;
    }
    if (reader.bad || reader.gaps.bad || reader.counts.bad || bytes_left(&reader.gaps) ||
        bytes_left(&reader.counts)) {
        cube_bins_done(&bins);
        return why_set(why, ERR_CORRUPT, "bins of a cube are no such thing");
    }
    *out = bins;
    return ERR_OK;
}

enum err cube_bins_decode(struct packer *packer, struct str bytes, const struct cube_cell *cells,
                          uint32_t count, struct cube_bins *out, struct why *why)
{
    struct bytes in = bytes_of(bytes);
    struct texts texts = {0};
    enum err err = get_text(packer, &in, &texts.cells, why);
    if (!err)
        err = get_text(packer, &in, &texts.gaps, why);
    if (!err)
        err = get_text(packer, &in, &texts.counts, why);
    if (!err && bytes_left(&in))
        err = why_set(why, ERR_CORRUPT, "there is more behind the bins of a cube");
    if (!err)
        err = read_cells(&texts, cells, count, out, why);
    texts_done(&texts);
    return err;
}
