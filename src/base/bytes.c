#include "base/bytes.h"

static uint64_t read_le(struct bytes *b, unsigned size)
{
    if (b->bad || bytes_left(b) < size) {
        b->bad = true;
        return 0;
    }
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)(unsigned char)b->at[i] << (8 * i);
    b->at += size;
    return v;
}

uint8_t bytes_u8(struct bytes *b)
{
    return (uint8_t)read_le(b, 1);
}

uint16_t bytes_u16(struct bytes *b)
{
    return (uint16_t)read_le(b, 2);
}

uint32_t bytes_u32(struct bytes *b)
{
    return (uint32_t)read_le(b, 4);
}

uint64_t bytes_u64(struct bytes *b)
{
    return read_le(b, 8);
}

double bytes_f64(struct bytes *b)
{
    uint64_t bits = read_le(b, 8);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

uint64_t bytes_varint(struct bytes *b)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_u8(b);
        if (shift == 63 && byte > 1) /* more than 64 bits */
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return b->bad ? 0 : v;
    }
    b->bad = true;
    return 0;
}

struct str bytes_str(struct bytes *b, uint64_t size)
{
    if (b->bad || bytes_left(b) < size) {
        b->bad = true;
        return STR_NONE;
    }
    struct str s = {b->at, (size_t)size};
    b->at += size;
    return s;
}

struct str bytes_sized_str(struct bytes *b)
{
    uint64_t size = bytes_varint(b);
    return bytes_str(b, size);
}
