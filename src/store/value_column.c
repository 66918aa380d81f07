#include "store/value_column.h"

#include "base/check.h"
#include "store/bits.h"
#include "store/int_column.h"

enum form { FORM_DECIMAL, FORM_DICTIONARY, FORM_PLANES };
enum { EXPONENT_MAX = 14, EXPONENT_NONE = 15, DICTIONARY_MAX = 256, SLOTS = 1024 };

static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* ---- decimal ---- */

/* v as a whole number of 10^-e; false when it does not come back bit by bit. */
static inline bool scale(double v, unsigned e, int64_t *out)
{
    double scaled = v * powers[e];
    if (!(scaled > -9e15 && scaled < 9e15))
        return false;
    *out = (int64_t)(scaled + (scaled < 0 ? -0.5 : 0.5));
    return bits_of((double)*out / powers[e]) == bits_of(v);
}

static unsigned exponent_of(double v)
{
    int64_t whole;
    for (unsigned e = 0; e <= EXPONENT_MAX; e++)
        if (scale(v, e, &whole))
            return e;
    return EXPONENT_NONE;
}

/* The least exponent that serves all but a few; EXPONENT_NONE when none does. */
static unsigned common_exponent(const double *values, uint32_t count)
{
    uint32_t needing[EXPONENT_NONE + 1] = {0}, misfits = 0;
    for (uint32_t i = 0; i < count; i++) {
        unsigned e = exponent_of(values[i]);
        needing[e]++;
        misfits += e == EXPONENT_NONE;
        if (misfits > 8 && misfits > i / 4)
            return EXPONENT_NONE; /* looked at enough */
    }
    uint32_t above = count;
    for (unsigned e = 0; e <= EXPONENT_MAX; e++) {
        above -= needing[e];
        if (above <= count / 32)
            return e;
    }
    return EXPONENT_NONE;
}

static void put_decimal(const double *values, uint32_t count, unsigned e, struct buf *out)
{
    int64_t whole[INT_COLUMN_MAX], last = 0;
    uint16_t misfit[INT_COLUMN_MAX];
    uint32_t misfits = 0;
    for (uint32_t i = 0; i < count && !scale(values[i], e, &last); i++)
        last = 0; /* a misfit takes the place of its neighbour, lest it widen the column */
    for (uint32_t i = 0; i < count; i++) {
        if (!scale(values[i], e, &whole[i])) {
            misfit[misfits++] = (uint16_t)i;
            whole[i] = last;
        }
        last = whole[i];
    }
    buf_u8(out, FORM_DECIMAL);
    buf_u8(out, (uint8_t)e);
    buf_varint(out, misfits);
    int_column_encode(whole, count, out);
    for (uint32_t i = 0; i < misfits; i++) {
        buf_u16(out, misfit[i]);
        buf_u64(out, bits_of(values[misfit[i]]));
    }
}

/* Most processors of today convert several numbers at once only by way of the bits of 1.5 * 2^52 + v, which
 * has v in its low bits; that holds below 2^51. */
static void to_doubles(const int64_t *whole, uint32_t count, double *values)
{
    uint64_t far = 0;
    for (uint32_t i = 0; i < count; i++)
        far |= ((uint64_t)whole[i] + (UINT64_C(1) << 51)) >> 52;
    if (far) {
        for (uint32_t i = 0; i < count; i++)
            values[i] = (double)whole[i];
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = (uint64_t)whole[i] + UINT64_C(0x4338000000000000);
        double v;
        memcpy(&v, &bits, sizeof v);
        values[i] = v - 0x1.8p52;
    }
}

static void get_decimal(struct bytes *in, uint32_t count, double *values)
{
    int64_t whole[INT_COLUMN_MAX];
    unsigned e = bytes_u8(in);
    uint64_t misfits = bytes_varint(in);
    if (e > EXPONENT_MAX || misfits > count)
        in->bad = true;
    if (in->bad)
        return;
    int_column_decode(in, count, whole);
    if (in->bad)
        return;
    to_doubles(whole, count, values);
    for (uint32_t i = 0; e > 0 && i < count; i++)
        values[i] /= powers[e];
    for (uint64_t i = 0; i < misfits && !in->bad; i++) {
        uint32_t place = bytes_u16(in);
        uint64_t bits = bytes_u64(in);
        if (place >= count)
            in->bad = true;
        else
            values[place] = double_of(bits);
    }
}

/* ---- dictionary ---- */

struct dictionary {
    uint64_t value[DICTIONARY_MAX];
    uint16_t slot[SLOTS]; /* open addressing: place + 1 */
    uint32_t count;
};

/* Place of the value, or DICTIONARY_MAX when there is no room. */
static uint32_t place_of(struct dictionary *dictionary, uint64_t bits)
{
    uint32_t at = (uint32_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 54);
    for (; dictionary->slot[at]; at = (at + 1) % SLOTS)
        if (dictionary->value[dictionary->slot[at] - 1] == bits)
            return dictionary->slot[at] - 1u;
    if (dictionary->count == DICTIONARY_MAX)
        return DICTIONARY_MAX;
    dictionary->value[dictionary->count++] = bits;
    dictionary->slot[at] = (uint16_t)dictionary->count;
    return dictionary->count - 1;
}

/* false when there are too many different values. */
static bool put_dictionary(const double *values, uint32_t count, struct buf *out)
{
    struct dictionary dictionary;
    uint64_t place[INT_COLUMN_MAX];
    memset(dictionary.slot, 0, sizeof dictionary.slot);
    dictionary.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        place[i] = place_of(&dictionary, bits_of(values[i]));
        if (place[i] == DICTIONARY_MAX)
            return false;
    }
    buf_u8(out, FORM_DICTIONARY);
    buf_u8(out, (uint8_t)(dictionary.count - 1));
    for (uint32_t i = 0; i < dictionary.count; i++)
        buf_u64(out, dictionary.value[i]);
    bits_put(out, place, count, bits_width(dictionary.count - 1));
    return true;
}

static void get_dictionary(struct bytes *in, uint32_t count, double *values)
{
    uint64_t value[DICTIONARY_MAX], place[INT_COLUMN_MAX];
    uint32_t different = bytes_u8(in) + 1u;
    for (uint32_t i = 0; i < different; i++)
        value[i] = bytes_u64(in);
    unsigned width = bits_width(different - 1);
    struct str packed = bytes_str(in, bits_size(count, width));
    if (in->bad)
        return;
    bits_get(packed.at, count, width, 0, place);
    for (uint32_t i = 0; i < count; i++) {
        if (place[i] >= different) {
            in->bad = true;
            return;
        }
        values[i] = double_of(value[place[i]]);
    }
}

/* ---- planes ---- */

static void put_planes(struct packer *packer, const double *values, uint32_t count, struct buf *out)
{
    struct buf *raw = &packer->raw;
    struct buf packed = {0};
    raw->size = 0;
    char *to = buf_grow(raw, (size_t)count * 8);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        for (unsigned b = 0; b < 8; b++)
            to[b * count + i] = (char)(bits >> (8 * b));
    }
    pack(packer, buf_view(raw), 1, &packed);
    buf_u8(out, FORM_PLANES);
    buf_sized_str(out, buf_view(&packed));
    buf_done(&packed);
}

static void get_planes(struct packer *packer, struct bytes *in, uint32_t count, double *values)
{
    struct str packed = bytes_sized_str(in);
    if (in->bad || unpack(packer, packed, (size_t)count * 8, &packer->raw, NULL)) {
        in->bad = true;
        return;
    }
    const unsigned char *from = (const unsigned char *)packer->raw.at;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        for (unsigned b = 0; b < 8; b++)
            bits |= (uint64_t)from[b * count + i] << (8 * b);
        values[i] = double_of(bits);
    }
}

/* ---- the cheapest ---- */

void value_column_encode(struct packer *packer, const double *values, uint32_t count, struct buf *out)
{
    size_t start = out->size;
    unsigned e = common_exponent(values, count);
    CHECK(count > 0 && count <= INT_COLUMN_MAX);
    if (e != EXPONENT_NONE)
        put_decimal(values, count, e, out);
    size_t decimal = out->size - start;
    if (e != EXPONENT_NONE && decimal <= (size_t)count * 3 / 2 + 16)
        return; /* hardly to be had for less */
    struct buf other = {0};
    if (!put_dictionary(values, count, &other) && e == EXPONENT_NONE)
        put_planes(packer, values, count, &other);
    if (other.size && (e == EXPONENT_NONE || other.size < decimal)) {
        out->size = start;
        buf_str(out, buf_view(&other));
    }
    buf_done(&other);
}

void value_column_decode(struct packer *packer, struct bytes *in, uint32_t count, double *values)
{
    CHECK(count > 0 && count <= INT_COLUMN_MAX);
    switch ((enum form)bytes_u8(in)) {
    case FORM_DECIMAL:
        get_decimal(in, count, values);
        return;
    case FORM_DICTIONARY:
        get_dictionary(in, count, values);
        return;
    case FORM_PLANES:
        get_planes(packer, in, count, values);
        return;
    }
    in->bad = true;
}
