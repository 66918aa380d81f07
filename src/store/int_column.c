#include "store/int_column.h"

#include "base/check.h"
#include "store/bits.h"

enum form { FORM_CONSTANT, FORM_OFFSET, FORM_STEPS, FORM_MIXED, FORM_MIXED_STEPS };

/* Fewer numbers, or narrower ones, are not worth two widths. */
enum { MIXED_COUNT_MIN = 24, MIXED_WIDTH_MIN = 6 };

struct shape {
    int64_t least, least_step;
    unsigned width, step_width;
};

static struct shape shape_of(const int64_t *values, uint32_t count)
{
    int64_t least = values[0], most = values[0], least_step = INT64_MAX, most_step = INT64_MIN;
    for (uint32_t i = 1; i < count; i++) {
        int64_t v = values[i], step = (int64_t)((uint64_t)v - (uint64_t)values[i - 1]);
        least = v < least ? v : least;
        most = v > most ? v : most;
        least_step = step < least_step ? step : least_step;
        most_step = step > most_step ? step : most_step;
    }
    return (struct shape){least, least_step, bits_width((uint64_t)most - (uint64_t)least),
                          bits_width((uint64_t)most_step - (uint64_t)least_step)};
}

static void put_packed(const uint64_t *packed, uint32_t count, unsigned width, struct buf *out)
{
    buf_u8(out, (uint8_t)width);
    bits_put(out, packed, count, width);
}

/* ---- two widths ---- */

struct widths {
    unsigned small, large;
    size_t bytes; /* of flags and both */
};

/* The small width that makes the fewest bytes. */
static struct widths best_widths(const uint64_t *values, uint32_t count)
{
    uint32_t of_width[65] = {0}, small = 0;
    unsigned large = 64;
    for (uint32_t i = 0; i < count; i++)
        of_width[bits_width(values[i])]++;
    while (large > 0 && !of_width[large])
        large--;
    struct widths best = {0, large, SIZE_MAX};
    for (unsigned w = 0; w <= large; w++) {
        small += of_width[w];
        size_t bytes = (count + 7) / 8 + bits_size(small, w) + bits_size(count - small, large) + 2;
        if (bytes < best.bytes)
            best = (struct widths){w, large, bytes};
    }
    return best;
}

static void put_mixed(const uint64_t *values, uint32_t count, struct widths widths, struct buf *out)
{
    uint64_t small[INT_COLUMN_MAX], large[INT_COLUMN_MAX];
    uint32_t small_count = 0, large_count = 0;
    buf_u8(out, (uint8_t)widths.small);
    buf_u8(out, (uint8_t)widths.large);
    char *flags = buf_grow(out, (count + 7) / 8);
    memset(flags, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++) {
        bool is_large = bits_width(values[i]) > widths.small;
        flags[i / 8] |= (char)(is_large << (i % 8));
        if (is_large)
            large[large_count++] = values[i];
        else
            small[small_count++] = values[i];
    }
    bits_put(out, small, small_count, widths.small);
    bits_put(out, large, large_count, widths.large);
}

static uint32_t count_bits(struct str bits)
{
    uint32_t count = 0;
    for (size_t i = 0; i < bits.size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bits.at + i, bits.size - i < 8 ? bits.size - i : 8);
        count += (uint32_t)__builtin_popcountll(word);
    }
    return count;
}

/* Without a branch: which width comes next cannot be foreseen. Reads one number behind either's end. */
static void spread(const char *flags, uint32_t count, const uint64_t *small, const uint64_t *large,
                   uint64_t *values)
{
    for (uint32_t first = 0; first < count; first += 8) {
        unsigned bits = (unsigned char)flags[first / 8];
        uint32_t end = count - first < 8 ? count : first + 8;
        for (uint32_t i = first; i < end; i++, bits >>= 1) {
            unsigned is_large = bits & 1;
            uint64_t s = *small, l = *large;
            values[i] = s ^ ((s ^ l) & -(uint64_t)is_large); /* `?` would become a branch */
            large += is_large;
            small += 1 - is_large;
        }
    }
}

static void get_mixed(struct bytes *in, uint32_t count, uint64_t base, uint64_t *values)
{
    uint64_t both[INT_COLUMN_MAX + 1]; /* one more is read and not used */
    unsigned small_width = bytes_u8(in), large_width = bytes_u8(in);
    struct str flags = bytes_str(in, (count + 7) / 8);
    uint32_t large;
    in->bad |= small_width > 64 || large_width > 64;
    if (in->bad)
        return;
    large = count_bits(flags);
    in->bad |= large > count; /* bits behind the end */
    if (in->bad)
        return;
    uint32_t small = count - large;
    struct str smalls = bytes_str(in, bits_size(small, small_width));
    struct str larges = bytes_str(in, bits_size(large, large_width));
    if (in->bad)
        return;
    bits_get(smalls.at, small, small_width, base, both);
    bits_get(larges.at, large, large_width, base, both + small);
    both[count] = 0;
    spread(flags.at, count, both, both + small, values);
}

/* ---- in ---- */

/* A step that others lie around. */
static int64_t usual_step(const int64_t *values, uint32_t count)
{
    enum { SAMPLE = 31 };
    int64_t sample[SAMPLE];
    for (uint32_t s = 0; s < SAMPLE; s++) {
        uint32_t i = 1 + (uint32_t)((uint64_t)s * (count - 1) / SAMPLE);
        int64_t step = (int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1]);
        uint32_t at = s;
        for (; at > 0 && sample[at - 1] > step; at--)
            sample[at] = sample[at - 1];
        sample[at] = step;
    }
    return sample[SAMPLE / 2];
}

/* false when one width is as good. plain: the bytes it takes. */
static bool put_in_two_widths(const int64_t *values, uint32_t count, struct shape shape, size_t plain,
                              struct buf *out)
{
    uint64_t offsets[INT_COLUMN_MAX], steps[INT_COLUMN_MAX];
    if (count < MIXED_COUNT_MIN || shape.width < MIXED_WIDTH_MIN)
        return false;
    int64_t usual = usual_step(values, count);
    for (uint32_t i = 0; i < count; i++)
        offsets[i] = (uint64_t)values[i] - (uint64_t)shape.least;
    for (uint32_t i = 1; i < count; i++)
        steps[i - 1] = zigzag((int64_t)((uint64_t)values[i] - (uint64_t)values[i - 1] - (uint64_t)usual));
    struct widths of_offsets = best_widths(offsets, count), of_steps = best_widths(steps, count - 1);
    of_steps.bytes += 8;
    size_t best = of_offsets.bytes < of_steps.bytes ? of_offsets.bytes : of_steps.bytes;
    if (best + best / 32 + 4 > plain)
        return false;
    if (of_offsets.bytes <= of_steps.bytes) {
        buf_u8(out, FORM_MIXED);
        buf_varint(out, zigzag(shape.least));
        put_mixed(offsets, count, of_offsets, out);
    } else {
        buf_u8(out, FORM_MIXED_STEPS);
        buf_varint(out, zigzag(values[0]));
        buf_varint(out, zigzag(usual));
        put_mixed(steps, count - 1, of_steps, out);
    }
    return true;
}

static void put_in_one_width(const int64_t *values, uint32_t count, struct shape shape, bool by_steps,
                             struct buf *out)
{
    uint64_t packed[INT_COLUMN_MAX];
    if (by_steps) {
        for (uint32_t i = 1; i < count; i++)
            packed[i - 1] = (uint64_t)values[i] - (uint64_t)values[i - 1] - (uint64_t)shape.least_step;
        buf_u8(out, FORM_STEPS);
        buf_varint(out, zigzag(values[0]));
        buf_varint(out, zigzag(shape.least_step));
        put_packed(packed, count - 1, shape.step_width, out);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        packed[i] = (uint64_t)values[i] - (uint64_t)shape.least;
    buf_u8(out, FORM_OFFSET);
    buf_varint(out, zigzag(shape.least));
    put_packed(packed, count, shape.width, out);
}

void int_column_encode(const int64_t *values, uint32_t count, struct buf *out)
{
    CHECK(count <= INT_COLUMN_MAX);
    if (count == 0)
        return;
    struct shape shape = shape_of(values, count);
    if (shape.width == 0) {
        buf_u8(out, FORM_CONSTANT);
        buf_varint(out, zigzag(values[0]));
        return;
    }
    size_t offsets = bits_size(count, shape.width), steps = bits_size(count - 1, shape.step_width) + 4;
    bool by_steps = steps < offsets;
    if (!put_in_two_widths(values, count, shape, by_steps ? steps : offsets, out))
        put_in_one_width(values, count, shape, by_steps, out);
}

/* ---- out ---- */

static void get_packed(struct bytes *in, uint32_t count, uint64_t base, int64_t *values)
{
    unsigned width = bytes_u8(in);
    if (width > 64)
        in->bad = true;
    struct str packed = bytes_str(in, in->bad ? 0 : bits_size(count, width));
    if (!in->bad)
        bits_get(packed.at, count, width, base, (uint64_t *)values);
}

/* values[1] and the following are steps. */
static void sum_steps(uint32_t count, int64_t *values)
{
    for (uint32_t i = 1; i < count; i++)
        values[i] = (int64_t)((uint64_t)values[i] + (uint64_t)values[i - 1]);
}

static void get_mixed_steps(struct bytes *in, uint32_t count, int64_t *values)
{
    uint64_t usual = (uint64_t)unzigzag(bytes_varint(in));
    get_mixed(in, count - 1, 0, (uint64_t *)values + 1);
    for (uint32_t i = 1; i < count && !in->bad; i++)
        values[i] = (int64_t)((uint64_t)unzigzag((uint64_t)values[i]) + usual);
}

void int_column_decode(struct bytes *in, uint32_t count, int64_t *values)
{
    if (count == 0)
        return;
    enum form form = bytes_u8(in);
    int64_t base = unzigzag(bytes_varint(in));
    switch (form) {
    case FORM_CONSTANT:
        for (uint32_t i = 0; i < count; i++)
            values[i] = base;
        return;
    case FORM_OFFSET:
        get_packed(in, count, (uint64_t)base, values);
        return;
    case FORM_MIXED:
        get_mixed(in, count, (uint64_t)base, (uint64_t *)values);
        return;
    case FORM_STEPS:
        values[0] = base;
        get_packed(in, count - 1, (uint64_t)unzigzag(bytes_varint(in)), values + 1);
        break;
    case FORM_MIXED_STEPS:
        values[0] = base;
        get_mixed_steps(in, count, values);
        break;
    default:
        in->bad = true;
    }
    if (!in->bad)
        sum_steps(count, values);
}
