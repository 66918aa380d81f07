#include "store/int_column.h"

#include "base/check.h"
#include "store/bits.h"

enum form { FORM_CONSTANT, FORM_OFFSET, FORM_STEPS };

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

void int_column_encode(const int64_t *values, uint32_t count, struct buf *out)
{
    uint64_t packed[INT_COLUMN_MAX];
    CHECK(count <= INT_COLUMN_MAX);
    if (count == 0)
        return;
    struct shape shape = shape_of(values, count);
    if (shape.width == 0) {
        buf_u8(out, FORM_CONSTANT);
        buf_varint(out, zigzag(values[0]));
    } else if (bits_size(count - 1, shape.step_width) + 4 < bits_size(count, shape.width)) {
        for (uint32_t i = 1; i < count; i++)
            packed[i - 1] = (uint64_t)values[i] - (uint64_t)values[i - 1] - (uint64_t)shape.least_step;
        buf_u8(out, FORM_STEPS);
        buf_varint(out, zigzag(values[0]));
        buf_varint(out, zigzag(shape.least_step));
        put_packed(packed, count - 1, shape.step_width, out);
    } else {
        for (uint32_t i = 0; i < count; i++)
            packed[i] = (uint64_t)values[i] - (uint64_t)shape.least;
        buf_u8(out, FORM_OFFSET);
        buf_varint(out, zigzag(shape.least));
        put_packed(packed, count, shape.width, out);
    }
}

static void get_packed(struct bytes *in, uint32_t count, uint64_t base, int64_t *values)
{
    unsigned width = bytes_u8(in);
    if (width > 64)
        in->bad = true;
    struct str packed = bytes_str(in, in->bad ? 0 : bits_size(count, width));
    if (!in->bad)
        bits_get(packed.at, count, width, base, (uint64_t *)values);
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
    case FORM_STEPS:
        values[0] = base;
        get_packed(in, count - 1, (uint64_t)unzigzag(bytes_varint(in)), values + 1);
        for (uint32_t i = 1; i < count && !in->bad; i++)
            values[i] = (int64_t)((uint64_t)values[i] + (uint64_t)values[i - 1]);
        return;
    }
    in->bad = true;
}
