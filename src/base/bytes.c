#include "base/bytes.h"

double bytes_f64(struct bytes *b)
{
    uint64_t bits = bytes_u64(b);
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

struct str bytes_sized_str(struct bytes *b)
{
    uint64_t size = bytes_varint(b);
    return bytes_str(b, size);
}
