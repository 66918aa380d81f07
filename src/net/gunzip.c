#include "net/gunzip.h"

#include "base/check.h"
#include "base/mem.h"

#include <zlib.h>

struct gunzip {
    z_stream stream;
    uint64_t left; /* bytes that may still come out */
    bool whole;    /* a member has just ended */
};

enum { GZIP_ONLY = 15 + 16 };

struct gunzip *gunzip_new(uint64_t out_max)
{
    struct gunzip *gunzip = MEM_NEW(struct gunzip);
    gunzip->left = out_max;
    CHECK(inflateInit2(&gunzip->stream, GZIP_ONLY) == Z_OK);
    return gunzip;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (!gunzip)
        return;
    inflateEnd(&gunzip->stream);
    mem_free(gunzip);
}

/* One call of zlib; false when it can do nothing more with this input and room. */
static bool step(struct gunzip *gunzip, struct str *in, enum err *err, struct why *why)
{
    z_stream *stream = &gunzip->stream;
    uInt before = stream->avail_in, room = stream->avail_out;
    if (gunzip->whole && before) { /* another member follows */
        inflateReset(stream);
        gunzip->whole = false;
    }
    int status = inflate(stream, Z_NO_FLUSH);
    *in = str_from(*in, before - stream->avail_in);
    bool moved = before != stream->avail_in || room != stream->avail_out;
    if (status == Z_STREAM_END)
        gunzip->whole = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
        *err = why_set(why, ERR_CORRUPT, "the gzip data is damaged: %s", stream->msg ? stream->msg : "?");
    return !*err && moved && stream->avail_in && stream->avail_out;
}

enum err gunzip_read(struct gunzip *gunzip, struct str *in, char *to, size_t size, size_t *got,
                     struct why *why)
{
    enum { PART_MAX = 1 << 30 };
    z_stream *stream = &gunzip->stream;
    size_t room = size < PART_MAX ? size : PART_MAX;
    stream->next_in = (Bytef *)(uintptr_t)in->at;
    stream->avail_in = (uInt)(in->size < PART_MAX ? in->size : PART_MAX);
    stream->next_out = (Bytef *)to;
    stream->avail_out = (uInt)room;
    enum err err = ERR_OK;
    /* Without input zlib is still called: it may hold back output for which there was no room. */
    if (!gunzip->whole || in->size)
        while (step(gunzip, in, &err, why))
            ;
    if (err)
        return err;
    size_t out = room - stream->avail_out;
    if (out > gunzip->left)
        return why_set(why, ERR_LIMIT, "the gzip data grows beyond the limit");
    gunzip->left -= out;
    *got = out;
    return ERR_OK;
}

bool gunzip_is_whole(const struct gunzip *gunzip)
{
    return gunzip->whole;
}
